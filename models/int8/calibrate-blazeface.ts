/**
 * Write `models/blazeface/calibration.json`: the largest activations of the float network over scenes of enlarged
 * training faces, which stay outside the repository.
 *
 *     tsx models/int8/calibrate-blazeface.ts ../shared/fer/train-images.npy
 */
import { writeFileSync } from "node:fs";
import { layOutHeads } from "../blazeface/heads.ts";
import { readBlazeface } from "../blazeface/convert.ts";
import { readTflite } from "../blazeface/tflite.ts";
import { runGraph } from "./float-graph.ts";
import { floatInput, makeScene, readFaces } from "./scenes.ts";

const SCENES = 150;
const OUT = "models/blazeface/calibration.json";

const path = process.argv[2];
if (path === undefined) throw new Error("Name the training faces: tsx models/int8/calibrate-blazeface.ts IMAGES.npy");
const faces = readFaces(path);
const graph = layOutHeads(readTflite(await readBlazeface()));
const relus = graph.operators.filter((operator) => operator.kind === "relu");
const largest = relus.map(() => 0);
// The generator of Park and Miller with a fixed seed makes the file reproducible.
let state = 1;
const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
for (let i = 0; i < SCENES; i++) {
  const values = runGraph(graph, floatInput(makeScene(faces[Math.floor(random() * faces.length)]!, random)));
  relus.forEach(({ output }, at) => {
    for (const value of values.get(output.index)!) largest[at] = Math.max(largest[at]!, value);
  });
}
writeFileSync(OUT, `${JSON.stringify({ largest: largest.map((value) => Number(value.toPrecision(4))) })}\n`);
console.log(largest.map((value) => value.toFixed(2)).join(" "));
