/**
 * Write `models/blazeface/calibration.json`: what the float network's numbers take over scenes of enlarged training faces,
 * which stay outside the repository.
 *
 * A depthwise channel's range is taken on faces alone: those make the large, rare numbers, and to cut off even the rarest
 * costs more of the boxes' exactness than the finer unit gives. Backgrounds may saturate.
 *
 *     tsx models/int8/calibrate-blazeface.ts ../shared/fer/train-images.npy
 */
import { writeFileSync } from "node:fs";
import { layOutHeads } from "../blazeface/heads.ts";
import { readBlazeface } from "../blazeface/convert.ts";
import { readTflite } from "../blazeface/tflite.ts";
import type { Box } from "../../src/types.ts";
import { facesOf, runGraph } from "./float-graph.ts";
import { floatInput, makeScene, readFaces } from "./scenes.ts";

const SCENES = 600;
/** The side of the square that counts as face, in sides of the face's box: hair and chin lie outside the box. */
const FACE_SHARE = 1.3;
const DIGITS = 4;
const OUT = "models/blazeface/calibration.json";

/** The least and the largest number of each channel. */
interface Range {
  readonly low: number[];
  readonly high: number[];
}

/** Widen ranges by what a square map of numbers has where a box is. */
function widen({ low, high }: Range, values: Float32Array, box: Box): void {
  const side = Math.sqrt(values.length / low.length);
  const [rows, columns] = [
    [box.y + box.height / 2, box.height],
    [box.x + box.width / 2, box.width],
  ].map(([centre, length]) => {
    const half = (length! * FACE_SHARE) / 2;
    return [Math.max(0, Math.floor((centre! - half) * side)), Math.min(side, Math.ceil((centre! + half) * side))];
  }) as [[number, number], [number, number]];
  for (let y = rows[0]; y < rows[1]; y++) {
    for (let x = columns[0]; x < columns[1]; x++) {
      for (let channel = 0; channel < low.length; channel++) {
        const value = values[(y * side + x) * low.length + channel]!;
        low[channel] = Math.min(low[channel]!, value);
        high[channel] = Math.max(high[channel]!, value);
      }
    }
  }
}

const path = process.argv[2];
if (path === undefined) throw new Error("Name the training faces: tsx models/int8/calibrate-blazeface.ts IMAGES.npy");
const faces = readFaces(path);
const graph = layOutHeads(readTflite(await readBlazeface()));
const relus = graph.operators.filter((operator) => operator.kind === "relu");
const largest = relus.map(() => 0);
const blocks = graph.operators.filter((operator) => operator.kind === "depthwiseConv2d");
const ranges = blocks.map(({ bias }): Range => ({
  low: Array.from(bias.values, () => Infinity),
  high: Array.from(bias.values, () => -Infinity),
}));
// The generator of Park and Miller with a fixed seed makes the file reproducible.
let state = 1;
const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
for (let i = 0; i < SCENES; i++) {
  const values = runGraph(graph, floatInput(makeScene(faces[Math.floor(random() * faces.length)]!, random)));
  relus.forEach(({ output }, at) => {
    for (const value of values.get(output.index)!) largest[at] = Math.max(largest[at]!, value);
  });
  for (const { box } of facesOf(graph, values)) {
    blocks.forEach(({ output }, at) => widen(ranges[at]!, values.get(output.index)!, box));
  }
}
const short = (value: number) => Number(value.toPrecision(DIGITS));
const calibration = {
  largest: largest.map(short),
  ranges: ranges.map(({ low, high }) => ({ low: low.map(short), high: high.map(short) })),
};
writeFileSync(OUT, `${JSON.stringify(calibration)}\n`);
console.log(`${SCENES} scenes; the largest activations: ${calibration.largest.join(" ")}`);
