import { zeros } from "@tensorflow/tfjs-core";
import { EmotionCamError } from "../../errors.ts";
import type { SimdLevel } from "../../types.ts";
import type { Layer, Network } from "./layers.ts";
import { type Kernels, instantiate, loadNetwork } from "./network.ts";
import type { Variant } from "./plan.ts";

/** Each variant computes for so long, twice, in turn: 20 ms in all. The first time also lets the browser compile well. */
const SLICE_MS = 5;
const SLICES = 2;
/** A convolution like most of the classifiers' work. */
const PROBE_SIZE = 12;
const PROBE_CHANNELS = 64;

const VARIANTS: Readonly<Record<Exclude<SimdLevel, "none">, readonly Variant[]>> = {
  relaxed: ["relaxed", "dot16"],
  simd128: ["extmul", "dot16"],
};

/** Kernels on the backend's memory, and the fastest way to use them here. */
export interface ChosenKernels {
  readonly kernels: Kernels;
  readonly variant: Variant;
}

/**
 * Fetches and compiles the kernels for what the browser has, and finds out which variant is fastest on this processor.
 *
 * @param assetBase URL of the folder that holds `wasm/`, ending in a slash.
 * @throws EmotionCamError `wasm-load`, which names the file.
 */
export async function loadKernels(assetBase: string, simd: SimdLevel): Promise<ChosenKernels> {
  const kind = simd === "relaxed" ? "relaxed" : "simd128";
  const url = new URL(`wasm/kernels-${kind}.wasm`, assetBase).href;
  let kernels: Kernels;
  try {
    const response = await fetch(url);
    if (!response.ok) throw new Error(`it answers ${response.status}`);
    kernels = await instantiate(await WebAssembly.compile(await response.arrayBuffer()));
  } catch (cause) {
    throw new EmotionCamError(
      "wasm-load",
      `${url} does not load as WebAssembly: serve the package's folder wasm/ there, or set asset-base to where it is.`,
      { cause },
    );
  }
  return { kernels, variant: fastest(kernels, VARIANTS[kind]) };
}

/** Lets every variant compute one convolution, in turn, and answers the one that did it most often in its time. */
export function fastest(kernels: Kernels, variants: readonly Variant[]): Variant {
  const pixels = zeros([PROBE_SIZE, PROBE_SIZE], "int32");
  const probe = probeNetwork();
  const runners = variants.map((variant) => ({ variant, network: loadNetwork(probe, kernels, variant), rate: 0 }));
  for (let slice = 0; slice < SLICES; slice++) {
    for (const runner of runners) {
      const startMs = performance.now();
      let runs = 0;
      let nowMs = startMs;
      for (; nowMs < startMs + SLICE_MS; nowMs = performance.now(), runs++) runner.network.run(pixels).dispose();
      runner.rate = Math.max(runner.rate, runs / (nowMs - startMs));
    }
  }
  pixels.dispose();
  for (const { network } of runners) network.dispose();
  return runners.reduce((best, runner) => (runner.rate > best.rate ? runner : best)).variant;
}

/** Gray to 64 channels, a 3x3 convolution of those, and one output. */
function probeNetwork(): Network {
  const layer = (input: number, kernel: number, channels: number, from: number): Layer => ({
    ...{ kind: "convolution", input, kernel, stride: 1, channels, numbers: "byte", floor: 0, ceiling: 127, bits: 8 },
    ...{ residual: -1, residualScale: 0 },
    weights: new Int16Array(channels * kernel * kernel * from).fill(1),
    bias: new Int32Array(channels),
    scale: new Float32Array(channels).fill(2 ** -10),
  });
  const output: Layer = { ...layer(2, 1, 1, PROBE_CHANNELS), numbers: "float" };
  return {
    input: { kind: "gray", size: PROBE_SIZE, zero: 0 },
    layers: [layer(0, 3, PROBE_CHANNELS, 1), layer(1, 3, PROBE_CHANNELS, PROBE_CHANNELS), output],
  };
}
