/** For measurements: the shipped networks on the page's own thread, one call at a time, without tracking or smoothing. */
import { type Sighting, eyesSquare, letterboxSquare, sightingInFrame } from "../pipeline/geometry.ts";
import type { RuntimeInfo } from "../types.ts";
import { loadEngine } from "./engine.ts";
import { Pixels } from "./pixels.ts";
import type { RuntimeOptions } from "./protocol.ts";

/** The shipped detector and classifier, laid open. */
export interface Lab {
  readonly runtime: RuntimeInfo;
  /**
   * Classifies bare faces as they are.
   *
   * @param gray Gray levels, `count` squares of the classifier's size, one after the other.
   * @returns `count` x 7 calibrated probabilities in the order of `LABELS`.
   */
  classify(gray: Uint8Array, count: number): Promise<Float32Array>;
  /** Finds faces in a whole picture, letterboxed, best first; in the picture's pixels. */
  detect(bitmap: ImageBitmap, minScore: number): Promise<readonly Sighting[]>;
  /**
   * Finds the best face of a picture and classifies it cropped as live faces are.
   *
   * @returns Seven probabilities, or `null` where there is no face.
   */
  express(bitmap: ImageBitmap, minScore: number): Promise<Float32Array | null>;
}

/** Spreads gray levels over red, green and blue. */
function grayToRgba(gray: Uint8Array): Uint8ClampedArray {
  const rgba = new Uint8ClampedArray(gray.length * 4);
  gray.forEach((level, i) => rgba.fill(level, 4 * i, 4 * i + 3));
  return rgba;
}

/**
 * Loads the networks.
 *
 * @throws EmotionCamError `wasm-load`, `model-load` or `model-corrupt`, which names the URL.
 */
export async function openLab(options: RuntimeOptions): Promise<Lab> {
  const { engine, runtime } = await loadEngine(options, () => {});
  const { detector, classifier } = engine;
  const pixels = new Pixels();

  async function find(bitmap: ImageBitmap, minScore: number) {
    const picture = pixels.read(bitmap);
    const square = letterboxSquare(picture);
    const detections = await detector.detect(picture.cut(square, detector.inputSize), minScore);
    return { picture, faces: detections.map((detection) => sightingInFrame(detection, square)) };
  }

  return {
    runtime,
    async classify(gray, count) {
      return (await classifier.classify(grayToRgba(gray), count)).slice();
    },
    async detect(bitmap, minScore) {
      return (await find(bitmap, minScore)).faces;
    },
    async express(bitmap, minScore) {
      const { picture, faces } = await find(bitmap, minScore);
      const [best] = faces;
      if (!best) return null;
      const square = picture.cut(eyesSquare(best, classifier.crop), classifier.inputSize);
      return (await classifier.classify(square, 1)).slice();
    },
  };
}
