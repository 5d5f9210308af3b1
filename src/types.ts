/**
 * The words that every room shares. This file imports nothing.
 *
 * One coordinate system: fractions of the unmirrored camera frame, x to the right and y down, (0, 0) the frame's
 * top-left corner and (1, 1) its bottom-right one. Converted to pixels in `pipeline/geometry.ts` alone and to CSS in
 * `view/layout.ts` alone. Boxes may reach beyond the frame where a face is cut by its edge.
 */

/** The seven expressions, in the order in which every network answers and every table is printed. */
export const LABELS = ["angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised"] as const;

/** One of the seven expressions. */
export type Label = (typeof LABELS)[number];

/** A probability for each expression, each in 0..1; the seven sum to 1. */
export type Scores = Readonly<Record<Label, number>>;

/** A point, in fractions of the unmirrored frame. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** An upright rectangle, in fractions of the unmirrored frame. */
export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/**
 * BlazeFace's six keypoints, in its order. "Right" is the person's own right, which in an unmirrored frame lies on the
 * left of the picture.
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
  /** The expression shown: the smoothed scores' top one, held by hysteresis. */
  readonly label: Label;
  /** The smoothed score of {@link label}, 0..1. */
  readonly confidence: number;
  /** Whether `confidence` reaches what the model's contract states. Where it is false, show the face and no word. */
  readonly certain: boolean;
}

/** Milliseconds that each stage of one frame took. */
export interface StageTimings {
  /** Getting the frame's pixels into reach of the networks. */
  readonly grab: number;
  readonly detect: number;
  readonly crop: number;
  readonly classify: number;
  /** Tracking, smoothing and packing the result. */
  readonly post: number;
  /** From the frame's arrival in the worker to the answer. */
  readonly total: number;
}

export type EngineName = "int8" | "float";
export type SimdLevel = "none" | "simd128" | "relaxed";

/** How far the detector looks: `near` the whole frame only, `far` closer looks at parts of it too. */
export type Range = "near" | "far";

/** What happens to the pixels of faces on screen. */
export type Privacy = "show" | "blur" | "hide";

/** A network that was loaded. */
export interface ModelInfo {
  readonly name: string;
  readonly version: string;
  /** Of the network's artifact files, in hexadecimal. */
  readonly sha256: string;
  /** Size of the artifact files that were read. */
  readonly bytes: number;
}

/** What computes, once the networks are there. */
export interface RuntimeInfo {
  readonly engine: EngineName;
  /** tfjs's backend: `wasm`. */
  readonly backend: string;
  /** What the browser offers. */
  readonly simd: SimdLevel;
  /** The kernels in use: `tfjs`, or a variant of the int8 kernels. */
  readonly variant: string;
  readonly threads: number;
  readonly detector: ModelInfo;
  readonly classifier: ModelInfo;
  /** The classifier's stated confidence below which nothing is said, 0..1. */
  readonly minConfidence: number;
  /** Bytes of WebAssembly memory after loading. */
  readonly wasmBytes: number;
}

/** The answer to one frame: plain data, under 1 KB for a face or two; 3 KB more with a coarse picture. */
export interface FrameResult {
  /** Where the options ask for it. */
  readonly coarse?: CoarsePicture;
  /** The time given with the frame, milliseconds. */
  readonly timeMs: number;
  readonly faces: readonly Face[];
  readonly timings: StageTimings;
  /** Whether the detector looked at this frame, or the tracks were carried on. */
  readonly detected: boolean;
}

/** A frame in so few points that nobody can be told by them. */
export interface CoarsePicture {
  /** Points. */
  readonly width: number;
  /** Points. */
  readonly height: number;
  /** Row by row, opaque. */
  readonly rgba: Uint8ClampedArray<ArrayBuffer>;
}

/** What may change from frame to frame: it rides on the frame. */
export interface FrameOptions {
  /** 1 or more. */
  readonly maxFaces: number;
  /** The detector's score from which a face counts, 0..1. */
  readonly minScore: number;
  /** 0 (none) to 1 (slow): how strongly scores are smoothed over time. */
  readonly smoothing: number;
  readonly range: Range;
  /** `measure`: nothing is skipped, every frame is detected and every face classified. */
  readonly pace: "adaptive" | "measure";
  /** Whether the answer is to bring the frame itself, in a few points. Default: false. */
  readonly coarse?: boolean;
}
