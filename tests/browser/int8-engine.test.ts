/// <reference types="vite/client" />
import { memory, tensor1d } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { intersectionOverUnion } from "../../src/pipeline/geometry.ts";
import type { LoadedEngine } from "../../src/runtime/engine.ts";
import { loadEngine } from "../../src/runtime/load-engine.ts";
import { chooseVariant } from "../../src/runtime/int8/choose-variant.ts";
import type { Network } from "../../src/runtime/int8/network.ts";
import { loadNetwork } from "../../src/runtime/int8/tfjs-kernel.ts";
import { readNetwork } from "../../src/runtime/int8/reader.ts";
import { type ModuleName, variantsOf } from "../../src/runtime/int8/variant.ts";
import { simdLevel } from "../../src/runtime/simd.ts";
import { randomNetwork } from "../int8/networks.ts";
import { reference } from "../int8/reference.ts";
import { withoutPadding } from "../int8/sandbox.ts";

const ASTRONAUT = new URL("../fixtures/astronaut.jpg", import.meta.url);
const BASE = `${location.origin}/`;
const SIZE = 128;
const HANG_MS = 300_000;
/** Mean over all squares. The package chooses one box where we blend several, so boxes differ by that too. */
const LEAST_IOU = 0.9;
/** Mean distance of keypoints, as a share of the face's width. */
const KEYPOINT_SHARE = 0.04;

let int8: LoadedEngine;
let float: LoadedEngine;
let astronaut: ImageBitmap;

beforeAll(async () => {
  astronaut = await createImageBitmap(await (await fetch(ASTRONAUT)).blob());
  const options = { assetBase: BASE, model: "edge" } as const;
  // In one page the float engine comes first, because the int8 engine starts tfjs without its kernels.
  float = await loadEngine({ ...options, engine: "float" }, () => {});
  int8 = await loadEngine({ ...options, engine: "int8" }, () => {});
});

/** Cut a square of `side` pixels at (`x`, `y`) from the picture and scale it to `size`. */
function cut(x: number, y: number, side: number, size: number): Uint8ClampedArray<ArrayBuffer> {
  const context = new OffscreenCanvas(size, size).getContext("2d", { willReadFrequently: true })!;
  context.drawImage(astronaut, x, y, side, side, 0, 0, size, size);
  return context.getImageData(0, 0, size, size).data as Uint8ClampedArray<ArrayBuffer>;
}

/** Squares of several places and sizes in which the astronaut's face lies. */
const SQUARES = [0, 20, 45, 70, 95].flatMap((x, i) =>
  [220, 280, 330, 400].map((side, j) => [x, 5 * ((i + j) % 4), side] as const),
);

async function shipped(name: string): Promise<Network> {
  const response = await fetch(`${BASE}models/${name}/model.ec8`);
  return readNetwork(new Uint8Array(await response.arrayBuffer()), name);
}

test("the engine computes in integers and names the variant of the kernels", () => {
  expect(int8.runtime).toMatchObject({ engine: "int8", backend: "wasm", threads: 1 });
  expect(variantsOf(int8.runtime.simd as ModuleName)).toContain(int8.runtime.variant);
  expect(int8.runtime.detector.bytes).toBeLessThan(250_000);
});

/** The build converts BlazeFace; the other networks are in the repository. */
const SHIPPED = [
  "blazeface",
  ...Object.keys(import.meta.glob("../../models/*/model.ec8")).map((path) => path.split("/")[3]!),
];

describe.each(SHIPPED)("the whole network %s", (name) => {
  test(
    "gives the reference's numbers in every variant",
    async () => {
      const network = await shipped(name);
      const { size } = network.input;
      const rgba = cut(100, 20, 260, size);
      const wanted = reference(network, rgba);
      const simd = simdLevel();
      const variants = variantsOf(simd as ModuleName);
      const { kernels } = await chooseVariant(BASE, simd);
      for (const variant of variants) {
        const loaded = loadNetwork(network, kernels, variant);
        const pixels = tensor1d(new Int32Array(rgba.buffer), "int32");
        const out = loaded.run(pixels);
        expect(withoutPadding(loaded.outputs, out.dataSync<"float32">()), variant).toEqual(wanted);
        expect(withoutPadding(loaded.outputs, loaded.compute(rgba)), variant).toEqual(wanted);
        for (const tensor of [pixels, out]) tensor.dispose();
        loaded.dispose();
      }
    },
    HANG_MS,
  );
});

test("the detector finds what the float network finds, in the same place", async () => {
  let overlap = 0;
  let apart = 0;
  let pairs = 0;
  for (const [x, y, side] of SQUARES) {
    const rgba = cut(x + 60, y, side, SIZE);
    const [ours, ...more] = await int8.engine.detector.detect(rgba, 0.5);
    const [theirs] = await float.engine.detector.detect(rgba, 0.5);
    expect(more, `one face in the square at ${x}, ${y} of ${side}`).toHaveLength(0);
    expect(ours === undefined).toBe(theirs === undefined);
    if (!ours || !theirs) continue;
    pairs++;
    overlap += intersectionOverUnion(ours.box, theirs.box);
    ours.keypoints.forEach((point, i) => {
      const other = theirs.keypoints[i]!;
      apart += Math.hypot(point.x - other.x, point.y - other.y) / theirs.box.width / 6;
    });
    expect(Math.abs(ours.score - theirs.score)).toBeLessThan(0.05);
  }
  expect(pairs).toBeGreaterThan(SQUARES.length / 2);
  expect(overlap / pairs).toBeGreaterThan(LEAST_IOU);
  expect(apart / pairs).toBeLessThan(KEYPOINT_SHARE);
});

test("the classifier answers as the float network does", async () => {
  const size = int8.engine.classifier.inputSize;
  const squares = SQUARES.map(([x, y, side]) => cut(x + 110, y + 30, side / 2, size));
  const batch = new Uint8ClampedArray(squares.length * size * size * 4);
  squares.forEach((square, i) => batch.set(square, i * square.length));
  const ours = Float32Array.from(await int8.engine.classifier.classify(batch, squares.length));
  const theirs = Float32Array.from(await float.engine.classifier.classify(batch, squares.length));
  expect(ours).toHaveLength(squares.length * 7);
  let difference = 0;
  ours.forEach((score, i) => (difference += Math.abs(score - theirs[i]!)));
  expect(difference / ours.length).toBeLessThan(0.03);
  for (let face = 0; face < squares.length; face++) {
    const row = ours.subarray(face * 7, face * 7 + 7);
    expect(row.reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 5);
    // A face alone gives the same scores as in a batch.
    const alone = await int8.engine.classifier.classify(squares[face]!, 1);
    expect(Float32Array.from(alone)).toEqual(row);
  }
});

test("10,000 frames leave tensors and heap as they were", async () => {
  const small = cut(100, 20, 260, int8.engine.classifier.inputSize);
  const large = cut(100, 20, 260, SIZE);
  const { kernels, variant } = await chooseVariant(BASE, simdLevel());
  const tiny = loadNetwork(randomNetwork(3), kernels, variant);
  const side = randomNetwork(3).input.size;
  // Run the shipped networks a hundred times; the other frames run a tiny network through the same tfjs kernel.
  const frame = async (i: number) => {
    const pixels = tensor1d(new Int32Array(side * side), "int32");
    const out = tiny.run(pixels);
    out.dataSync();
    for (const tensor of [pixels, out]) tensor.dispose();
    if (i % 100 > 0) return;
    await int8.engine.detector.detect(large, 0.5);
    await int8.engine.classifier.classify(small, 1);
  };
  await frame(0);
  const seen = () => ({ ...memory(), heap: int8.engine.wasmBytes() });
  const before = seen();
  for (let i = 0; i < 10_000; i++) await frame(i);
  const after = seen();
  tiny.dispose();
  expect([after.numTensors, after.numBytes, after.heap]).toEqual([before.numTensors, before.numBytes, before.heap]);
});

test("its memory may grow while networks are loaded", async () => {
  const rgba = cut(60, 0, 330, SIZE);
  const before = await int8.engine.detector.detect(rgba, 0.5);
  const large = tensor1d(new Float32Array(24 << 20));
  const buffer = int8.engine.wasmBytes();
  const after = await int8.engine.detector.detect(rgba, 0.5);
  large.dispose();
  expect(buffer).toBeGreaterThan(64 << 20);
  expect(after).toEqual(before);
});
