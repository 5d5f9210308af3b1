/**
 * The types that every room shares. This file imports nothing.
 *
 * There is one coordinate system: fractions of the unmirrored camera frame, x to the right and y down; (0, 0) is the
 * frame's top-left corner and (1, 1) its bottom-right corner. Two files convert it: `pipeline/geometry.ts` from and to
 * frame pixels, `view/layout.ts` to CSS pixels. A box may reach beyond the frame where the frame's edge cuts a face.
 */

/** The seven expressions, in the order in which every network answers and every table is printed. */
export const LABELS = ["angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised"] as const;

/** One of the seven expressions. */
export type Label = (typeof LABELS)[number];

/** The classifiers that ship, by the names that the attribute `model` takes. */
export const MODELS = ["seed", "edge", "edge-fer2013"] as const;

/** The languages that ship, by tag; the words of each are in `static/lang/`. */
export const LANGUAGES = ["de", "en", "es", "fr", "it", "ja", "pt", "zh-Hans"] as const;

/** A probability for each expression, each in 0..1; the seven sum to 1. */
export type Scores = Readonly<Record<Label, number>>;

/** A point, in fractions of the unmirrored frame. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** An upright rectangle, in fractions of the unmirrored frame; `x` and `y` are its top-left corner. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * BlazeFace's six keypoints, in its order. "Right" is the person's own right, which lies on the left of an unmirrored
 * frame.
 */
export const KEYPOINTS = [
  "rightEye",
  "leftEye",
  "noseTip",
  "mouthCenter",
  "rightEarTragion",
  "leftEarTragion",
] as const;

/** A face in one frame. */
export interface Face {
  /** Stable while the face is in view; never used again afterwards. */
  readonly id: number;
  readonly box: Box;
  /** Six points in the order of {@link KEYPOINTS}. */
  readonly keypoints: readonly Point[];
  /** The detector's confidence that this is a face, 0..1. */
  readonly score: number;
  /** Smoothed over time. */
  readonly scores: Scores;
  /** The expression to show: the top one of the smoothed scores, held by hysteresis. */
  readonly label: Label;
  /** The smoothed score of {@link label}, 0..1. */
  readonly confidence: number;
  /**
   * True where `confidence` reaches the threshold of the model's contract and the face is large enough. Where it is false,
   * show the face without a word.
   */
  readonly certain: boolean;
}

/** Milliseconds that each stage of one frame took. */
export interface StageTimings {
  /** Read the frame's pixels. */
  readonly grab: number;
  /** Run the detector, at zero or more squares of the frame. */
  readonly detect: number;
  /** Cut the faces for the classifier. */
  readonly crop: number;
  /** Run the classifier. */
  readonly classify: number;
  /** Track, smooth and pack the result. */
  readonly post: number;
  /** From the frame's arrival in the worker to its result. */
  readonly total: number;
}

export type EngineName = "int8" | "float";
export type SimdLevel = "none" | "simd128" | "relaxed";

/** Reach of the detector: `near` at the whole frame only, `far` at parts of it too. */
export type Range = "near" | "far";

/** The values of {@link Pace}. */
export const PACES = ["adaptive", "measure"] as const;

/** `adaptive` skips work that the time of a frame does not allow or that would show nothing new; `measure` skips none. */
export type Pace = (typeof PACES)[number];

/** Drawing of the faces: as they are, blurred, or hidden. */
export type Privacy = "show" | "blur" | "hide";

/** A network that was loaded. */
export interface ModelInfo {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of the network's artifact files, one after the other in the contract's order; hexadecimal. */
  readonly sha256: string;
  /** Total size of the artifact files. */
  readonly bytes: number;
}

/** The engine and the networks that compute, as the `emotion-ready` event tells them. */
export interface RuntimeInfo {
  readonly engine: EngineName;
  /** tfjs's backend: `wasm`. */
  readonly backend: string;
  /** The level that the browser supports. */
  readonly simd: SimdLevel;
  /** The kernels in use: `tfjs`, or a variant of the int8 kernels. */
  readonly variant: string;
  readonly threads: number;
  readonly detector: ModelInfo;
  readonly classifier: ModelInfo;
  /** The classifier's threshold for {@link Face.certain}, 0..1. */
  readonly minConfidence: number;
  /** Size of the WebAssembly memory after loading, bytes. */
  readonly wasmBytes: number;
}

/** The values of {@link Rotation}. */
export const ROTATIONS = [0, 90, 180, 270] as const;

/** A clockwise turn of a picture, degrees. */
export type Rotation = (typeof ROTATIONS)[number];

/** The values of {@link Hint}. */
export const HINTS = ["too-dark", "step-back"] as const;

/**
 * Advice for the people in front of the camera, where the frame itself is the reason that no expression can be told:
 * `too-dark` where there is too little light, `step-back` where a face is too near or the frame's edge cuts it.
 */
export type Hint = (typeof HINTS)[number];

/** The result of one frame: plain data, under 1 KB for a face or two. */
export interface FrameResult {
  /** Absent where there is nothing to advise. It lasts for a second at least. */
  readonly hint?: Hint;
  /** Present where {@link FrameOptions.coarse} asks for it. */
  readonly coarse?: CoarsePicture;
  /** True where nobody is there and nothing has moved for a while, so that fewer frames a second are enough. */
  readonly quiet?: boolean;
  /** The time that was given with the frame, milliseconds. */
  readonly timeMs: number;
  /** The largest first, {@link MAX_FACES} at most. */
  readonly faces: readonly Face[];
  readonly timings: StageTimings;
  /** True where the detector ran on this frame; false where it repeats the last tracks. */
  readonly detected: boolean;
}

/** A frame and its result. */
export interface Snapshot {
  /** The frame, turned as it was analysed, unmirrored. */
  readonly image: ImageBitmap;
  /** The faces in it. */
  readonly faces: readonly Face[];
  /** When the frame was shown, in milliseconds on the clock of `performance.now()`. */
  readonly timeMs: number;
}

/** A frame in so few points that nobody can be recognized. */
export interface CoarsePicture {
  /** Points. */
  readonly width: number;
  /** Points. */
  readonly height: number;
  /** `height` rows of `width` RGBA points, opaque. */
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** Most faces that one frame shows, and the upper limit of `maxFaces`: it bounds the classifier's batch. */
export const MAX_FACES = 16;

/** The element's state. */
export type EmotionCamState = "idle" | "starting" | "running" | "paused" | "failed";

/**
 * The frequency of each expression that the classifier assumes. `balanced`: as its contract says; rare expressions count for
 * more than in training. `training`: as frequent as among the faces that it was trained on.
 */
export type Prior = "balanced" | "training";

/** Options that may change from frame to frame; they travel with the frame. */
export interface FrameOptions {
  /** 1 to {@link MAX_FACES}. */
  readonly maxFaces: number;
  /** The least detector score of a face, 0..1. */
  readonly minScore: number;
  /** Strength of the smoothing of scores over time: 0 (none) to 1 (slow). */
  readonly smoothing: number;
  readonly range: Range;
  readonly pace: Pace;
  /** Default: `balanced`. */
  readonly prior?: Prior;
  /** Ask for a {@link CoarsePicture} of the frame in the result. Default: false. */
  readonly coarse?: boolean;
  /** The number of the source that the frame is of. At another number all that is known is forgotten. Default: 0. */
  readonly source?: number;
}
