/**
 * Compare the integer detector with the float network, over scenes of enlarged faces that stay outside the repository.
 * Both outputs are decoded alike.
 *
 *     npm run build && tsx models/int8/measure-blazeface.ts ../shared/fer/valid-images.npy [SCENES] [BITS ...]
 */
import { readFileSync } from "node:fs";
import { ALIGNMENT } from "../../src/runtime/int8/arena.ts";
import { decodeFaces, type Grid } from "../../src/runtime/int8/decode.ts";
import type { KernelModule } from "../../src/runtime/int8/tfjs-kernel.ts";
import { planNetwork } from "../../src/runtime/int8/plan.ts";
import { readNetwork } from "../../src/runtime/int8/reader.ts";
import { intersectionOverUnion } from "../../src/pipeline/geometry.ts";
import type { Detection } from "../../src/pipeline/stages.ts";
import calibration from "../blazeface/calibration.json" with { type: "json" };
import { CONTRACT, readBlazeface } from "../blazeface/convert.ts";
import { layOutHeads } from "../blazeface/heads.ts";
import { readTflite } from "../blazeface/tflite.ts";
import { PRECISION, packBlazeface } from "./blazeface.ts";
import { runGraph } from "./float-graph.ts";
import { SCENE, floatInput, makeScene, readFaces } from "./scenes.ts";
import { writeNetwork } from "./write.ts";

/** Node has no relaxed SIMD; the variants give the same bytes. */
const KERNELS = "dist/wasm/kernels-simd128.wasm";
const MIN_SCORE = 0.5;
/** Boxes that overlap by less are not the same face. */
const SAME_FACE_IOU = 0.3;
const PAGE = 65536;

/** Describe the grids, given the first float of each and the floats from cell to cell. */
function gridsOf(planes: readonly { start: number; stride: number }[]): Grid[] {
  return CONTRACT.anchors.map(({ stride, perCell }, i) => {
    return { stride, perCell, start: planes[i]!.start, cellStride: planes[i]!.stride };
  });
}

/** The float network's rows have no gaps. */
const FLOAT_GRIDS = gridsOf([
  { start: 0, stride: 2 * 17 },
  { start: 16 * 16 * 2 * 17, stride: 6 * 17 },
]);

async function integerDetector(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<(rgba: Uint8ClampedArray) => readonly Detection[]> {
  const plan = planNetwork(readNetwork(bytes, "blazeface"), "relaxed");
  const pixels = Math.ceil((ALIGNMENT + plan.bytes) / PAGE) * PAGE;
  const out = pixels + SCENE * SCENE * 4;
  const memory = new WebAssembly.Memory({ initial: Math.ceil((out + plan.outputLength * 4) / PAGE) });
  const module = new WebAssembly.Module(readFileSync(KERNELS));
  const kernels = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelModule;
  plan.write(memory.buffer, ALIGNMENT);
  return (rgba) => {
    new Uint8Array(memory.buffer).set(rgba, pixels);
    kernels.run(ALIGNMENT + plan.program, plan.steps, pixels, out);
    return decodeFaces(
      new Float32Array(memory.buffer, out, plan.outputLength),
      gridsOf(plan.outputs),
      SCENE,
      MIN_SCORE,
    );
  };
}

const [path, count = "100", ...bits] = process.argv.slice(2);
if (path === undefined) throw new Error("Name the faces: tsx models/int8/measure-blazeface.ts IMAGES.npy");
const graph = layOutHeads(readTflite(await readBlazeface()));
const faces = readFaces(path);
// A fixed sequence, so that every run sees the same scenes (Park and Miller).
let state = 77;
const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
const scenes = Array.from({ length: Number(count) }, () =>
  makeScene(faces[Math.floor(random() * faces.length)]!, random),
);
const wanted = scenes.map((scene) => {
  const rows = runGraph(graph, floatInput(scene)).get(graph.outputs[0]!.index)!;
  return decodeFaces(rows, FLOAT_GRIDS, SCENE, MIN_SCORE);
});
for (const width of bits.length > 0 ? bits.map(Number) : [PRECISION.bits]) {
  const bytes = await writeNetwork(packBlazeface(graph, calibration, { ...PRECISION, bits: width }));
  const detect = await integerDetector(bytes);
  let [found, theirs, ours, overlap, apart] = [0, 0, 0, 0, 0];
  scenes.forEach((scene, i) => {
    const here = detect(scene);
    ours += here.length;
    theirs += wanted[i]!.length;
    for (const face of wanted[i]!) {
      const same = here.find(({ box }) => intersectionOverUnion(box, face.box) > SAME_FACE_IOU);
      if (!same) continue;
      found++;
      overlap += intersectionOverUnion(same.box, face.box);
      same.keypoints.forEach(({ x, y }, k) => {
        apart +=
          Math.hypot(x - face.keypoints[k]!.x, y - face.keypoints[k]!.y) / face.box.width / same.keypoints.length;
      });
    }
  });
  console.log(
    `${width} bits, ${bytes.length} bytes: ${found} of the float network's ${theirs} faces found, ${ours - found} others; ` +
      `mean IoU ${(overlap / found).toFixed(4)}, keypoints ${((100 * apart) / found).toFixed(2)} % of the width apart`,
  );
}
