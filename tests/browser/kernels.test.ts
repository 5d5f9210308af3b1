import { beforeAll, describe, expect, test } from "vitest";
import { memory } from "@tensorflow/tfjs-core";
import { startBackend } from "../../src/runtime/backend.ts";
import { type KernelModule, instantiate, loadNetwork } from "../../src/runtime/int8/tfjs-kernel.ts";
import type { Network } from "../../src/runtime/int8/network.ts";
import { VARIANTS, type Variant } from "../../src/runtime/int8/variant.ts";
import { readNetwork } from "../../src/runtime/int8/reader.ts";
import { simdLevel } from "../../src/runtime/simd.ts";
import { writeNetwork } from "../../models/int8/write.ts";
import { randomNetwork, randomNumbers } from "../int8/networks.ts";
import { reference } from "../int8/reference.ts";
import { withoutPadding } from "../int8/sandbox.ts";

/** Every variant, with the module that it needs. */
const ALL = (Object.keys(VARIANTS) as Variant[]).map((variant) => ({ variant, module: VARIANTS[variant].module }));
const NETWORKS = 60;
const HANG_MS = 300_000;

const modules = new Map<string, KernelModule>();

beforeAll(async () => {
  await startBackend(`${location.origin}/`, simdLevel(), "float");
  for (const kind of ["relaxed", "simd128"]) {
    const bytes = await (await fetch(`/wasm/kernels-${kind}.wasm`)).arrayBuffer();
    modules.set(kind, await instantiate(await WebAssembly.compile(bytes)));
  }
});

function randomPixels(seed: number, size: number): Uint8ClampedArray<ArrayBuffer> {
  const random = randomNumbers(seed);
  const flat = random(4) === 0 ? random(256) : -1;
  return Uint8ClampedArray.from({ length: size * size * 4 }, () => (flat < 0 ? random(256) : flat));
}

/** Compute a network by the kernels inside tfjs. @returns Its outputs without the padding of their channels. */
function compute(
  network: Network,
  rgba: Uint8ClampedArray<ArrayBuffer>,
  module: string,
  variant: Variant,
): Float32Array {
  const loaded = loadNetwork(network, modules.get(module)!, variant);
  const floats = withoutPadding(loaded.outputs, loaded.compute(rgba));
  loaded.dispose();
  return floats;
}

describe.each(ALL)("$module kernels, $variant", ({ module, variant }) => {
  test(
    "give the reference's numbers for any network",
    async () => {
      for (let seed = 1; seed <= NETWORKS; seed++) {
        const network = readNetwork(await writeNetwork(randomNetwork(seed)), `random network ${seed}`);
        const rgba = randomPixels(seed, network.input.size);
        const what = `network ${seed}: ${network.layers.map(({ kind, windowSize, stride, numbers }) => `${kind} ${windowSize}/${stride} ${numbers}`).join(", ")}`;
        expect(compute(network, rgba, module, variant), what).toEqual(reference(network, rgba));
      }
    },
    HANG_MS,
  );

  test("leave nothing behind in tfjs", () => {
    const before = memory();
    const network = randomNetwork(7);
    for (let i = 0; i < 20; i++) compute(network, randomPixels(i, network.input.size), module, variant);
    expect(memory().numTensors).toBe(before.numTensors);
    expect(memory().numBytes).toBe(before.numBytes);
  });
});
