/**
 * What the pipeline is composed of. Engines implement `Detector` and `Classifier`; the worker's pixels implement
 * `Picture`. Pixels stay pixels until small squares: the full frame never becomes a tensor.
 */
import type { Box, Point } from "../types.ts";

/**
 * Where a square lies in the frame, in frame pixels: its centre, its side, and its roll. `roll` is the clockwise angle
 * in radians (y points down) by which the square is turned against the frame.
 */
export interface Square {
  readonly centerX: number;
  readonly centerY: number;
  readonly side: number;
  readonly roll: number;
}

/** One frame's pixels, from which squares are cut. */
export interface Picture {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /**
   * Cuts a square, scaled to `size` x `size`, black beyond the frame's edge.
   *
   * @returns RGBA bytes, row by row; valid until the next cut of the same size.
   */
  cut(square: Square, size: number): Uint8ClampedArray;
}

/** A face as the detector sees it, in fractions of the square that it looked at. */
export interface Detection {
  readonly box: Box;
  /** Six points in the order of `KEYPOINTS`. */
  readonly keypoints: readonly Point[];
  /** 0..1. */
  readonly score: number;
}

export interface Detector {
  /** Side of the square that it takes, pixels. */
  readonly inputSize: number;
  /**
   * Finds faces in one square, best first, overlapping ones already merged.
   *
   * @param rgba RGBA bytes, `inputSize` x `inputSize`.
   * @param minScore Faces below this score are left out, 0..1.
   */
  detect(rgba: Uint8ClampedArray, minScore: number): readonly Detection[] | Promise<readonly Detection[]>;
}

/** Where the eyes belong in the classifier's square, in its fractions: a fact about the training faces. */
export interface CropGeometry {
  /** The eye that lies on the left of an unmirrored picture (the person's right eye). */
  readonly imageLeftEye: Point;
  readonly imageRightEye: Point;
}

export interface Classifier {
  /** Side of the square that it takes, pixels. */
  readonly inputSize: number;
  readonly crop: CropGeometry;
  /** The smoothed score below which nothing is said, 0..1. */
  readonly minConfidence: number;
  /** Below this width of its box, frame pixels, a face has too few pixels of its own for its expression to be told. */
  readonly smallestFacePx: number;
  /**
   * Classifies all faces of a frame in one batch.
   *
   * @param squares RGBA bytes of `count` squares of `inputSize` x `inputSize`, one after the other.
   * @returns `count` x 7 calibrated probabilities in the order of `LABELS`; valid until the next call.
   */
  classify(squares: Uint8ClampedArray, count: number): Float32Array | Promise<Float32Array>;
}
