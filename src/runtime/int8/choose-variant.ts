import { type Tensor, keep, zeros } from "@tensorflow/tfjs-core";
import { EmotionCamError } from "../../errors.ts";
import type { SimdLevel } from "../../types.ts";
import type { Layer, Network } from "./network.ts";
import { type KernelModule, type LoadedNetwork, instantiate, loadNetwork } from "./tfjs-kernel.ts";
import { type Variant, variantsOf } from "./variant.ts";

/** Time for measuring the variants: faces wait for it. */
const CALIBRATION_MS = 15;
/** Time for running each variant before, so that the browser's optimizing compiler takes it up, … */
const WARM_UP_MS = 5;
/** … and time for that compiler to finish, while the networks are read: its first code would decide otherwise. */
const COMPILER_MS = 40;
/** Rounds of measurements at least. */
const LEAST_ROUNDS = 3;
/** Length of a measurement at least: long beside the resolution of a browser's clock. */
const MEASURE_MS = 0.5;
/** The probe's convolutions are like the classifiers': most of their work is 3x3 at stride 1 and suits Winograd. */
const PROBE = { size: 12, channels: 64 };

/** A module on the backend's memory, and the variant that is fastest with it on this processor. */
export interface ChosenVariant {
  readonly kernels: KernelModule;
  readonly variant: Variant;
}

/**
 * Fetch and compile the module for this browser's SIMD, and measure which of its variants is fastest.
 *
 * @param assetBase URL of the folder that holds `wasm/`, ending in a slash.
 * @param simd What the browser has; not `none`.
 * @throws EmotionCamError `wasm-load`, which names the file.
 */
export async function chooseVariant(assetBase: string, simd: SimdLevel): Promise<ChosenVariant> {
  const module = simd === "relaxed" ? "relaxed" : "simd128";
  const url = new URL(`wasm/kernels-${module}.wasm`, assetBase).href;
  let kernels: KernelModule;
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
  return { kernels, variant: await fastest(kernels, variantsOf(module)) };
}

/** A variant that is tried out. */
interface Runner {
  readonly variant: Variant;
  readonly network: LoadedNetwork;
  bestMs: number;
}

/**
 * Measure a few convolutions in every variant, in turn, and return the variant with the shortest time. The shortest time
 * is compared because other work on the processor only lengthens times.
 */
async function fastest(kernels: KernelModule, variants: readonly Variant[]): Promise<Variant> {
  const pixels = keep(zeros([PROBE.size, PROBE.size], "int32"));
  const probe = probeNetwork();
  const runners = variants.map((variant): Runner => ({
    variant,
    network: loadNetwork(probe, kernels, variant),
    bestMs: Infinity,
  }));
  takeTurns(runners, pixels, WARM_UP_MS, 1);
  await new Promise((resolve) => setTimeout(resolve, COMPILER_MS));
  for (const runner of runners) runner.bestMs = Infinity;
  takeTurns(runners, pixels, CALIBRATION_MS, LEAST_ROUNDS);
  pixels.dispose();
  for (const { network } of runners) network.dispose();
  return runners.reduce((best, runner) => (runner.bestMs < best.bestMs ? runner : best)).variant;
}

/** Run the variants in turn for `forMs`, for at least `leastRounds` rounds, and note the shortest time of each. */
function takeTurns(runners: readonly Runner[], pixels: Tensor, forMs: number, leastRounds: number): void {
  const endMs = performance.now() + forMs;
  for (let round = 0; round < leastRounds || performance.now() < endMs; round++) {
    for (const runner of runners) {
      const startMs = performance.now();
      let runs = 0;
      let nowMs = startMs;
      for (; nowMs < startMs + MEASURE_MS; nowMs = performance.now(), runs++) runner.network.run(pixels).dispose();
      runner.bestMs = Math.min(runner.bestMs, (nowMs - startMs) / runs);
    }
  }
}

/** Make the network that is measured: gray to 64 channels, 3x3 of those, 3x3 that halves the map, and one output. */
function probeNetwork(): Network {
  const layer = (input: number, windowSize: number, stride: number, channels: number, from: number): Layer => ({
    ...{ kind: "convolution", input, windowSize, stride, channels, numbers: "byte", floor: 0, ceiling: 127, bits: 8 },
    ...{ residual: -1, residualScale: 0, shift: 0 },
    weights: new Int16Array(channels * windowSize * windowSize * from).fill(1),
    bias: new Int32Array(channels),
    scale: new Float32Array(channels).fill(2 ** -10),
  });
  const [few, many] = [PROBE.channels, 2 * PROBE.channels];
  const output: Layer = { ...layer(3, 1, 1, 1, many), numbers: "float" };
  return {
    input: { kind: "gray", size: PROBE.size, zero: 0 },
    layers: [layer(0, 3, 1, few, 1), layer(1, 3, 1, few, few), layer(2, 3, 2, many, few), output],
  };
}
