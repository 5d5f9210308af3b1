import type { EmotionCamError } from "./errors.ts";
import type { Face, FrameResult, Label, RuntimeInfo, StageTimings } from "./types.ts";

const BUBBLING: EventInit = { bubbles: true, composed: true };

/** The networks are loaded and warmed up. */
export class EmotionReadyEvent extends Event {
  static readonly type = "emotion-ready";
  readonly runtime: RuntimeInfo;

  constructor(runtime: RuntimeInfo) {
    super(EmotionReadyEvent.type, BUBBLING);
    this.runtime = runtime;
  }
}

/** A frame was answered. */
export class EmotionFrameEvent extends Event {
  static readonly type = "emotion-frame";
  readonly faces: readonly Face[];
  /** When the frame was shown, in milliseconds on the clock of `performance.now()`. */
  readonly timeMs: number;
  readonly timings: StageTimings;
  /** Frames that the source has presented since it started, answered or not. */
  readonly presentedFrames: number;
  /** The number of the source. It changes with each camera, clip or picture that is opened. */
  readonly source: number;
  /**
   * The time that the page's thread spent in the code of this page's elements, and in listeners to their events, since the
   * frame before, milliseconds. What the browser does besides, such as showing the picture, is not in it.
   */
  readonly pageMs: number;

  constructor(result: FrameResult, presentedFrames: number, source = 0, pageMs = 0) {
    super(EmotionFrameEvent.type, BUBBLING);
    this.faces = result.faces;
    this.timeMs = result.timeMs;
    this.timings = result.timings;
    this.presentedFrames = presentedFrames;
    this.source = source;
    this.pageMs = pageMs;
  }
}

/** A face is new, or its smoothed label changed. */
export class EmotionChangeEvent extends Event {
  static readonly type = "emotion-change";
  readonly face: Face;
  readonly label: Label;
  /** `null` where the face is new. */
  readonly previousLabel: Label | null;

  constructor(face: Face, previousLabel: Label | null) {
    super(EmotionChangeEvent.type, BUBBLING);
    this.face = face;
    this.label = face.label;
    this.previousLabel = previousLabel;
  }
}

/** A person came into view or left it. */
export class EmotionPresenceEvent extends Event {
  static readonly type = "emotion-presence";
  /** Faces in view now. */
  readonly count: number;

  constructor(count: number) {
    super(EmotionPresenceEvent.type, BUBBLING);
    this.count = count;
  }
}

/** Something failed. Each code is reported once, until the source works again. */
export class EmotionErrorEvent extends Event {
  static readonly type = "emotion-error";
  readonly error: EmotionCamError;

  constructor(error: EmotionCamError) {
    super(EmotionErrorEvent.type, BUBBLING);
    this.error = error;
  }
}

/** The element's events by name, for typed listeners. */
export interface EmotionCamEventMap {
  "emotion-ready": EmotionReadyEvent;
  "emotion-frame": EmotionFrameEvent;
  "emotion-change": EmotionChangeEvent;
  "emotion-presence": EmotionPresenceEvent;
  "emotion-error": EmotionErrorEvent;
}
