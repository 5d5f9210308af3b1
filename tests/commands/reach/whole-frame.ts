/** One look at the whole frame by one of BlazeFace's networks, in plain tfjs. Runs in the page. */
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import { type Tensor, tensor4d, tidy } from "@tensorflow/tfjs-core";
import { letterboxSquare, sightingInFrame } from "../../../src/pipeline/geometry.ts";
import { ROW, decodeFaces } from "../../../src/runtime/int8/decode.ts";
import { Pixels } from "../../../src/runtime/pixels.ts";
import { type Look, recall } from "./arrivals.ts";
import type { Head } from "./scenes.ts";

/** A network and the order of its anchors. */
export interface WholeNetwork {
  readonly url: string;
  /** Side of its input, pixels. */
  readonly size: number;
  readonly anchors: readonly { readonly stride: number; readonly perCell: number }[];
}

const MIN_SCORE = 0.5;
/** The first looks include compilation. */
const WARM_UP = 5;

export interface WholeFrame {
  /** The share of people found within half a second, with one look at each whole frame, 0..1. */
  readonly recall: number;
  /** Milliseconds of the network alone, least of all looks: other work on the machine disturbs it least. */
  readonly leastMs: number;
}

/**
 * Load a network.
 *
 * @returns A function that measures it on faces of a width in pixels.
 */
export async function openWhole({ url, size, anchors }: WholeNetwork) {
  const model = await loadGraphModel(url);
  const pixels = new Pixels();
  const rgb = new Float32Array(size * size * 3);
  const times: number[] = [];
  let start = 0;
  const grids = anchors.map(({ stride, perCell }) => {
    const grid = { stride, perCell, start, cellStride: perCell * ROW };
    start += Math.ceil(size / stride) ** 2 * perCell * ROW;
    return grid;
  });

  const look: Look = async (bitmap) => {
    const picture = pixels.read(bitmap);
    const square = letterboxSquare(picture);
    const rgba = picture.cut(square, size);
    for (let from = 0, to = 0; to < rgb.length; from += 4) {
      for (let channel = 0; channel < 3; channel++) rgb[to++] = rgba[from + channel]! / 127.5 - 1;
    }
    const beganMs = performance.now();
    const answer = tidy(() => model.predict(tensor4d(rgb, [1, size, size, 3])) as Tensor);
    const numbers = answer.dataSync() as Float32Array;
    times.push(performance.now() - beganMs);
    answer.dispose();
    return decodeFaces(numbers, grids, size, MIN_SCORE).map((face) => sightingInFrame(face, square).box);
  };

  return async (width: number, scenes: number, heads: readonly Head[]): Promise<WholeFrame> => ({
    recall: await recall(width, scenes, heads, () => look),
    leastMs: Math.min(...times.slice(WARM_UP)),
  });
}
