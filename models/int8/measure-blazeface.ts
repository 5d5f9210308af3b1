/**
 * Compare the integer detector with the float network: over scenes of enlarged faces that stay outside the repository, and
 * over cuts of photographs of five heads. Both outputs are decoded alike. Needs ffmpeg.
 *
 *     npm run build && tsx models/int8/measure-blazeface.ts ../shared/fer/valid-images.npy [SCENES] [BLOCKS,...]
 *
 * The blocks that are named, from 0, keep 16 bits within, in place of those that are shipped so.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ALIGNMENT } from "../../src/runtime/int8/arena.ts";
import { decodeFaces } from "../../src/runtime/int8/decode.ts";
import type { KernelModule } from "../../src/runtime/int8/tfjs-kernel.ts";
import { planNetwork } from "../../src/runtime/int8/plan.ts";
import { readNetwork } from "../../src/runtime/int8/reader.ts";
import { intersectionOverUnion } from "../../src/pipeline/geometry.ts";
import type { Detection } from "../../src/pipeline/stages.ts";
import { HEAD_FILES, headSources } from "../../tests/commands/reach/heads.ts";
import calibration from "../blazeface/calibration.json" with { type: "json" };
import { readBlazeface } from "../blazeface/convert.ts";
import { layOutHeads } from "../blazeface/heads.ts";
import { readTflite } from "../blazeface/tflite.ts";
import { packBlazeface } from "./blazeface.ts";
import { MIN_SCORE, facesOf, gridsOf, runGraph } from "./float-graph.ts";
import { SCENE, cutHead, floatInput, makeScene, readFaces, readPicture } from "./scenes.ts";
import { writeNetwork } from "./write.ts";

/** Node has no relaxed SIMD; the variants give the same bytes. */
const KERNELS = "dist/wasm/kernels-simd128.wasm";
/** Boxes that overlap by less are not the same face. */
const SAME_FACE_IOU = 0.3;
const PAGE = 65536;

async function integerDetector(
  bytes: Uint8Array<ArrayBuffer>,
): Promise<(rgba: Uint8ClampedArray) => readonly Detection[]> {
  const plan = planNetwork(readNetwork(bytes, "blazeface"), "extmul");
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

interface Comparison {
  readonly found: number;
  readonly theirs: number;
  readonly others: number;
  /** Mean intersection over union with the float network's boxes. */
  readonly overlap: number;
  /** Mean distance of the keypoints, parts of a face's width. */
  readonly apart: number;
}

/** Compare what two detectors find in the same scenes. */
function compare(wanted: readonly (readonly Detection[])[], made: readonly (readonly Detection[])[]): Comparison {
  let [found, theirs, ours, overlap, apart] = [0, 0, 0, 0, 0];
  made.forEach((here, i) => {
    ours += here.length;
    theirs += wanted[i]!.length;
    for (const face of wanted[i]!) {
      const same = here.find(({ box }) => intersectionOverUnion(box, face.box) > SAME_FACE_IOU);
      if (!same) continue;
      found++;
      overlap += intersectionOverUnion(same.box, face.box);
      const distances = same.keypoints.map(({ x, y }, k) =>
        Math.hypot(x - face.keypoints[k]!.x, y - face.keypoints[k]!.y),
      );
      apart += distances.reduce((sum, distance) => sum + distance, 0) / face.box.width / distances.length;
    }
  });
  return { found, theirs, others: ours - found, overlap: overlap / found, apart: apart / found };
}

/** @returns The path of a head's picture, whose URL is of the pages that show it. */
function pathOf(url: string): string {
  const [prefix, folder] = Object.entries(HEAD_FILES).find(([start]) => url.startsWith(start))!;
  return join(folder, url.slice(prefix.length));
}

const [path, count = "100", blocks] = process.argv.slice(2);
if (path === undefined) throw new Error("Name the faces: tsx models/int8/measure-blazeface.ts IMAGES.npy");
const graph = layOutHeads(readTflite(await readBlazeface()));
const faces = readFaces(path);
// A fixed sequence, so that every run sees the same scenes (Park and Miller).
let state = 77;
const random = () => (state = (state * 48271) % 2147483647) / 2147483647;
const heads = headSources().map(({ url, face }) => ({ picture: readPicture(pathOf(url)), face }));
const scenes = {
  "enlarged faces": Array.from({ length: Number(count) }, () =>
    makeScene(faces[Math.floor(random() * faces.length)]!, random),
  ),
  "cuts of photographs": Array.from({ length: Number(count) }, (_, i) => {
    const { picture, face } = heads[i % heads.length]!;
    return cutHead(picture, face, random);
  }),
};
const bytes = await writeNetwork(packBlazeface(graph, calibration, blocks?.split(",").map(Number)));
const detect = await integerDetector(bytes);
console.log(`${bytes.length} bytes`);
for (const [name, pictures] of Object.entries(scenes)) {
  const wanted = pictures.map((scene) => facesOf(graph, runGraph(graph, floatInput(scene))));
  const { found, theirs, others, overlap, apart } = compare(wanted, pictures.map(detect));
  console.log(
    `${name}: ${found} of the float network's ${theirs} faces found, ${others} others; ` +
      `mean IoU ${overlap.toFixed(4)}, keypoints ${(100 * apart).toFixed(2)} % of the width apart`,
  );
}
