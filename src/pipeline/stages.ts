/**
 * The interfaces between the pipeline and its parts. Engines implement `Detector` and `Classifier`; the runtime
 * implements `Picture`. Pixels stay pixels until small squares are cut: the full frame never becomes a tensor.
 */
import type { Box, Point, Prior } from "../types.ts";

/** A square of the frame, which may be rolled and may reach beyond the frame. */
export interface Square {
  /** Frame pixels. */
  readonly centerX: number;
  /** Frame pixels. */
  readonly centerY: number;
  /** Frame pixels, above 0. */
  readonly side: number;
  /** Clockwise angle of the square against the frame, radians (y points down). */
  readonly roll: number;
}

/** The pixels of one frame, from which squares are cut. */
export interface Picture {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /**
   * Cut a square and scale it; beyond the frame's edge it is black.
   *
   * @param size Side of the result, pixels.
   * @returns RGBA bytes, `size` rows of `size` pixels; valid until the next cut of the same size.
   */
  cut(square: Square, size: number): Uint8ClampedArray;
}

/** A face that the detector found in a square. Places are fractions of that square, 0..1 within it. */
export interface Detection {
  readonly box: Box;
  /** Six points in the order of `KEYPOINTS`. */
  readonly keypoints: readonly Point[];
  /** The detector's confidence that this is a face, 0..1. */
  readonly score: number;
}

export interface Detector {
  /** Side of the input square, pixels. */
  readonly inputSize: number;
  /**
   * Find the faces in one square.
   *
   * @param rgba RGBA bytes, `inputSize` x `inputSize` pixels.
   * @param minScore Faces that score lower are left out, 0..1.
   * @returns The best first; overlapping detections are merged.
   */
  detect(rgba: Uint8ClampedArray, minScore: number): readonly Detection[] | Promise<readonly Detection[]>;
}

/** Where the eyes belong in the classifier's square, in fractions of it: the geometry of the training faces. */
export interface CropGeometry {
  /** The eye on the left of an unmirrored picture, which is the person's right eye. */
  readonly imageLeftEye: Point;
  readonly imageRightEye: Point;
}

export interface Classifier {
  /** Side of the input square, pixels. */
  readonly inputSize: number;
  readonly crop: CropGeometry;
  /** The least smoothed score of a certain expression, 0..1. */
  readonly minConfidence: number;
  /** The expression of a face whose box is narrower than this, in frame pixels, is never certain. */
  readonly smallestFacePx: number;
  /**
   * Classify all faces of a frame in one batch.
   *
   * @param squares RGBA bytes of `count` squares of `inputSize` x `inputSize` pixels, one after the other.
   * @param prior How frequent each expression is taken to be. Default: `balanced`.
   * @returns `count` x 7 calibrated probabilities in the order of `LABELS`; valid until the next call.
   */
  classify(squares: Uint8ClampedArray, count: number, prior?: Prior): Float32Array | Promise<Float32Array>;
}
