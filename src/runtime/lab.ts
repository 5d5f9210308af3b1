/** For measurements: the shipped networks on the page's own thread, one call at a time, without tracking or smoothing. */
import { type Sighting, eyesSquare, letterboxSquare, sightingInFrame } from "../pipeline/geometry.ts";
import type { Picture, Square } from "../pipeline/stages.ts";
import { sweep } from "../pipeline/sweep.ts";
import type { Range, RuntimeInfo } from "../types.ts";
import { loadEngine } from "./load-engine.ts";
import { Pixels } from "./pixels.ts";
import type { RuntimeOptions } from "./protocol.ts";

/** How a picture is looked at: `near` is one look at all of it, `far` closer looks at its parts too. */
export interface LookOptions {
  /** 0..1. */
  readonly minScore: number;
  readonly range: Range;
  /** In place of the range: the one square to look at, in the picture's pixels. */
  readonly square?: Square;
}

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
  /** Finds faces in a whole picture; in its pixels. */
  detect(bitmap: ImageBitmap, options: LookOptions): Promise<readonly Sighting[]>;
  /**
   * Classifies the first face found in a picture, cropped as live faces are.
   *
   * @returns Seven probabilities, or `null` where there is no face.
   */
  express(bitmap: ImageBitmap, options: LookOptions): Promise<Float32Array | null>;
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

  async function find(picture: Picture, { minScore, range, square }: LookOptions): Promise<readonly Sighting[]> {
    const { width, height } = picture;
    if (range === "far" && !square) {
      return (await sweep(picture, detector, minScore)).map(({ box, keypoints, score }) => ({
        box: { x: box.x * width, y: box.y * height, width: box.width * width, height: box.height * height },
        keypoints: keypoints.map((point) => ({ x: point.x * width, y: point.y * height })),
        score,
      }));
    }
    const place = square ?? letterboxSquare(picture);
    const detections = await detector.detect(picture.cut(place, detector.inputSize), minScore);
    return detections.map((detection) => sightingInFrame(detection, place));
  }

  return {
    runtime,
    async classify(gray, count) {
      return (await classifier.classify(grayToRgba(gray), count)).slice();
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
