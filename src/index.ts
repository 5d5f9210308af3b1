export { EmotionCam } from "./emotion-cam.ts";
export type { CameraDevice, EmotionCamState, SomeWords, SourceObject } from "./emotion-cam.ts";
export type { EngineChoice, OverlayStyle, Theme } from "./emotion-cam.attributes.ts";
export { EmotionLog, EmotionLogEvent } from "./emotion-log.ts";
export type { EmotionLogEntry, EmotionLogOptions } from "./emotion-log.ts";
export { EmotionCamError } from "./errors.ts";
export type { EmotionCamErrorCode } from "./errors.ts";
export {
  EmotionChangeEvent,
  EmotionErrorEvent,
  EmotionFrameEvent,
  EmotionPresenceEvent,
  EmotionReadyEvent,
} from "./events.ts";
export type { EmotionCamEventMap } from "./events.ts";
export { HINTS, KEYPOINTS, LABELS, LANGUAGES, MAX_FACES, MODELS, ROTATIONS } from "./types.ts";
export type {
  Box,
  EngineName,
  Face,
  FrameOptions,
  Hint,
  Label,
  ModelInfo,
  Point,
  Prior,
  Privacy,
  Range,
  Rotation,
  RuntimeInfo,
  Scores,
  SimdLevel,
  Snapshot,
  StageTimings,
} from "./types.ts";
