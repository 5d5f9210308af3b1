/** For measurements: runs the shipped networks on the page's own thread, one call at a time, without tracking or smoothing. */
import { type Sighting, eyesSquare, letterboxSquare, sightingInFrame } from "../pipeline/geometry.ts";
import type { Picture, Square } from "../pipeline/stages.ts";
import { sweep } from "../pipeline/sweep.ts";
import type { Prior, Range, RuntimeInfo } from "../types.ts";
import { loadEngine } from "./load-engine.ts";
import { Pixels } from "./pixels.ts";
import type { RuntimeOptions } from "./protocol.ts";

/** Options for a look at a picture. */
export interface LookOptions {
  /** 0..1. */
  readonly minScore: number;
  /** `near`: one look at all of it. `far`: closer looks at its parts too. */
  readonly range: Range;
  /** In place of the range: the one square to look at, in the picture's pixels. */
  readonly square?: Square;
}

/** Direct access to the detector and the classifier. */
export interface Lab {
  readonly runtime: RuntimeInfo;
  /**
   * Classify faces that are cropped already.
   *
   * @param gray Gray levels 0..255 of `count` squares of the classifier's size, one after the other.
   * @param prior Default: `balanced`.
   * @returns `count` x 7 calibrated probabilities in the order of `LABELS`.
   */
  classify(gray: Uint8Array, count: number, prior?: Prior): Promise<Float32Array>;
  /** Find the faces in a picture; places are its pixels. */
  detect(bitmap: ImageBitmap, options: LookOptions): Promise<readonly Sighting[]>;
  /**
   * Classify the first face that is found in a picture, cropped as live faces are.
   *
   * @returns Seven probabilities in the order of `LABELS`, or `null` where there is no face.
   */
  express(bitmap: ImageBitmap, options: LookOptions): Promise<Float32Array | null>;
}

/** Copy gray levels to red, green and blue. */
function grayToRgba(gray: Uint8Array): Uint8ClampedArray {
  const rgba = new Uint8ClampedArray(gray.length * 4);
  gray.forEach((level, i) => rgba.fill(level, 4 * i, 4 * i + 3));
  return rgba;
}

/**
 * Load the networks.
 *
 * @throws EmotionCamError `wasm-load`, `model-load` or `model-corrupt`, which names the URL.
 */
export async function openLab(options: RuntimeOptions): Promise<Lab> {
  const { engine, runtime } = await loadEngine(options, () => {});
  const { detector, classifier } = engine;
  const pixels = new Pixels();

  async function find(picture: Picture, { minScore, range, square }: LookOptions): Promise<readonly Sighting[]> {
    if (range === "far" && !square) return sweep(picture, detector, minScore);
    const place = square ?? letterboxSquare(picture);
    const detections = await detector.detect(picture.cut(place, detector.inputSize), minScore);
    return detections.map((detection) => sightingInFrame(detection, place));
  }

  return {
    runtime,
    async classify(gray, count, prior) {
      return (await classifier.classify(grayToRgba(gray), count, prior)).slice();
    },
    async detect(bitmap, lookOptions) {
      return find(pixels.read(bitmap), lookOptions);
    },
    async express(bitmap, lookOptions) {
      const picture = pixels.read(bitmap);
      const [face] = await find(picture, lookOptions);
      if (!face) return null;
      const square = picture.cut(eyesSquare(face, classifier.crop), classifier.inputSize);
      return (await classifier.classify(square, 1)).slice();
    },
  };
}
