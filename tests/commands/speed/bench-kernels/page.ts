/** Runs in the browser: each network alone, in integers and in float, in turn. */
import { backend, tensor, tensor1d, tidy, zeros } from "@tensorflow/tfjs-core";
import { type GraphModel, loadGraphModel } from "@tensorflow/tfjs-converter";
import type { Tensor } from "@tensorflow/tfjs-core";
import { loadAndCompile, loadLiteRt, Tensor as LiteRtTensor } from "@litertjs/core";
import { startBackend } from "../../../../src/runtime/backend.ts";
import { simdLevel } from "../../../../src/runtime/simd.ts";
import { chooseVariant } from "../../../../src/runtime/int8/choose-variant.ts";
import { type Layer, type Network, mapsOf } from "../../../../src/runtime/int8/network.ts";
import { type KernelModule, type LoadedNetwork, loadNetwork } from "../../../../src/runtime/int8/tfjs-kernel.ts";
import { ALIGNMENT } from "../../../../src/runtime/int8/arena.ts";
import { planNetwork } from "../../../../src/runtime/int8/plan.ts";
import { STEP_BYTES } from "../../../../src/runtime/int8/steps.ts";
import type { Variant } from "../../../../src/runtime/int8/variant.ts";
import { readNetwork } from "../../../../src/runtime/int8/reader.ts";

/** The prepared parts, which do not change from turn to turn. */
export interface Prepared {
  readonly userAgent: string;
  readonly isolated: boolean;
  readonly simd: string;
  readonly variant: Variant;
  /** The contestants, in the order of their turns. */
  readonly names: readonly string[];
  /** Bytes of the WebAssembly heap with both integer networks loaded, nothing else. */
  readonly heapBytes: number;
}

/** One layer's shortest time. */
export interface LayerTime {
  readonly what: string;
  /** Operation of the plan that computes it. */
  readonly operation: string;
  /** Multiply-accumulates as they are defined, and those that are done. */
  readonly macs: number;
  readonly doneMacs: number;
  /** Bits of the numbers that are multiplied. */
  readonly bits: 8 | 16;
  readonly ms: number;
}

/** A network in the format of another runtime. */
export interface OtherNetwork {
  /** The contestant's. */
  readonly name: string;
  readonly runtime: "LiteRT" | "ONNX";
  readonly url: string;
  /** The input's shape; its numbers are float32. */
  readonly shape: readonly number[];
}

/** The parts of ONNX Runtime Web that this page calls. It is loaded as a module, because it is no dependency of this project. */
interface OnnxRuntime {
  readonly env: { readonly wasm: { wasmPaths: string; numThreads: number } };
  readonly Tensor: new (type: "float32", values: Float32Array, shape: readonly number[]) => { readonly data: unknown };
  readonly InferenceSession: {
    create(url: string, options: { executionProviders: string[]; graphOptimizationLevel: "all" }): Promise<OnnxSession>;
  };
}

interface OnnxSession {
  readonly outputNames: readonly string[];
  run(inputs: Readonly<Record<string, unknown>>): Promise<Readonly<Record<string, { readonly data: unknown }>>>;
}

/** Functions that a page offers to the command that drives it. */
export interface KernelBench {
  /** Every layer with products of a network (`blazeface`, the classifier's name or `peak 8x8`, `peak 16x16`) alone. */
  layers(name: string): LayerTime[];
  /** @param others The networks that other runtimes run. */
  prepare(classifier: string, others: readonly OtherNetwork[]): Promise<Prepared>;
  /** Computes for `leastMs`. @returns Milliseconds of each run. */
  turn(name: string, leastMs: number): Promise<number[]>;
}

declare global {
  interface Window {
    kernelBench: KernelBench;
  }
}

/** A long matrix product and nothing else: 256 pixels, 256 channels to 256. What it reaches is called the peak. */
function peakNetwork(bits: 8 | 16): Network {
  const layer = (input: number, from: number, channels: number): Layer => ({
    ...{ kind: "convolution", input, windowSize: 1, stride: 1, channels, bits },
    ...{ numbers: bits === 8 ? "byte" : "word", floor: 0, ceiling: bits === 8 ? 127 : 32767 },
    ...{ residual: -1, residualScale: 0, shift: 0 },
    weights: new Int16Array(from * channels).fill(1),
    bias: new Int32Array(channels),
    scale: new Float32Array(channels).fill(2 ** -10),
  });
  const layers = [layer(0, bits === 8 ? 1 : 3, 256)];
  for (let i = 1; i <= 4; i++) layers.push(layer(i, 256, 256));
  layers.push({ ...layer(5, 256, 1), numbers: "float" });
  return { input: { kind: bits === 8 ? "gray" : "color", size: 16, zero: 0 }, layers };
}

async function fetchBytes(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answers ${response.status}.`);
  return new Uint8Array(await response.arrayBuffer());
}

function integer(loaded: LoadedNetwork, size: number): () => void {
  const rgba = new Int32Array(size * size).map((_, i) => Math.imul(i, 2654435761));
  return () => {
    const pixels = tensor1d(rgba, "int32");
    const out = loaded.run(pixels);
    pixels.dispose();
    out.dataSync();
    out.dispose();
  };
}

/** Numbers for a network's input, of any size. */
function madeInput(shape: readonly number[]): Float32Array {
  return Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i));
}

function float(model: GraphModel, shape: [number, number, number, number]): () => void {
  const values = madeInput(shape);
  return () => {
    tidy(() => {
      const out = model.execute(tensor(values, shape)) as Tensor;
      out.dataSync();
    });
  };
}

async function liteRt({ url, shape }: OtherNetwork): Promise<() => Promise<void>> {
  const model = await loadAndCompile(url, { accelerator: "wasm" });
  const values = madeInput(shape);
  return async () => {
    const input = LiteRtTensor.fromTypedArray(values, [...shape]);
    const outputs = await model.run(input);
    input.delete();
    for (const output of outputs) {
      await output.data();
      output.delete();
    }
  };
}

async function onnx({ url, shape }: OtherNetwork, runtime: OnnxRuntime): Promise<() => Promise<void>> {
  const session = await runtime.InferenceSession.create(url, {
    executionProviders: ["wasm"],
    graphOptimizationLevel: "all",
  });
  const values = madeInput(shape);
  return async () => {
    const outputs = await session.run({ picture: new runtime.Tensor("float32", values, shape) });
    for (const name of session.outputNames) if (outputs[name]!.data === undefined) throw new Error(`${name} is empty.`);
  };
}

/** Load the other runtimes, each on one thread, and their networks. */
async function loadOthers(others: readonly OtherNetwork[]): Promise<[string, () => Promise<void>][]> {
  await loadLiteRt("/litert/");
  let runtime: OnnxRuntime | null = null;
  const runs: [string, () => Promise<void>][] = [];
  for (const other of others) {
    if (other.runtime === "LiteRT") runs.push([other.name, await liteRt(other)]);
    else {
      const module = "/onnx/ort.wasm.min.mjs";
      runtime ??= (await import(module)) as OnnxRuntime;
      Object.assign(runtime.env.wasm, { wasmPaths: "/onnx/", numThreads: 1 });
      runs.push([other.name, await onnx(other, runtime)]);
    }
  }
  return runs;
}

/** Often enough that one round in which nothing else computes is among them. */
const LAYER_ROUNDS = 200;
/** A measurement's length: long beside the clock's steps, short beside the system's slices of time. */
const LAYER_MS = 0.15;
/** Winograd's products for nine outputs, of 81. */
const WINOGRAD_SHARE = 25 / 81;

/** Each of a network's steps alone, in turn: the shortest times, which other programs lengthen least. */
function timeLayers(network: Network, { run }: KernelModule, variant: Variant): LayerTime[] {
  const plan = planNetwork(network, variant);
  const memory = zeros([Math.ceil((plan.bytes + ALIGNMENT) / 4)], "int32");
  const pixels = zeros([network.input.size ** 2], "int32");
  const out = zeros([plan.outputLength]);
  const wasm = backend() as unknown as {
    wasm: { HEAPU8: Uint8Array<ArrayBuffer> };
    dataIdMap: { get(dataId: object): { memoryOffset: number } };
  };
  const addressOf = ({ dataId }: { dataId: object }) => wasm.dataIdMap.get(dataId).memoryOffset;
  const base = Math.ceil(addressOf(memory) / ALIGNMENT) * ALIGNMENT;
  plan.write(wasm.wasm.HEAPU8.buffer, base);
  const steps = (first: number, count: number) =>
    run(base + plan.program + first * STEP_BYTES, count, addressOf(pixels), addressOf(out));
  for (let i = 0; i < LAYER_ROUNDS; i++) steps(0, plan.steps);
  const runsEach = plan.stepKinds.map(() => 1);
  const bestMs = plan.stepKinds.map(() => Infinity);
  for (let round = 0; round < LAYER_ROUNDS; round++) {
    plan.stepKinds.forEach((_, step) => {
      const runs = runsEach[step]!;
      const startMs = performance.now();
      for (let i = 0; i < runs; i++) steps(step, 1);
      const tookMs = performance.now() - startMs;
      if (tookMs < LAYER_MS) runsEach[step] = Math.ceil(1.5 * runs);
      if (tookMs >= LAYER_MS / 2) bestMs[step] = Math.min(bestMs[step]!, tookMs / runs);
    });
  }
  for (const used of [memory, pixels, out]) used.dispose();
  const planes = mapsOf(network);
  return plan.stepKinds.flatMap(({ operation, layer: index }, step): LayerTime[] => {
    const layer = network.layers[index];
    const to = planes[index + 1]!;
    const macsOfLayer = ({ weights, windowSize }: Layer) =>
      weights.length * (windowSize === 0 ? 1 : to.height * to.width);
    if (layer === undefined || !["convolution", "winograd", "block"].includes(operation)) return [];
    const from = operation === "block" ? planes[network.layers[index - 1]!.input]! : planes[layer.input]!;
    const macs = macsOfLayer(layer) + (operation === "block" ? macsOfLayer(network.layers[index - 1]!) : 0);
    // A block's products multiply what its depthwise convolution makes.
    const multiplied = operation === "block" ? planes[index]! : from;
    const windowSize = operation === "block" ? network.layers[index - 1]!.windowSize : layer.windowSize;
    return [
      {
        what: `${windowSize}x${windowSize} ${from.width}x${from.height}x${from.channels} to ${to.width}x${to.height}x${to.channels}`,
        ...{ operation, macs, ms: bestMs[step]! },
        doneMacs: operation === "winograd" ? macs * WINOGRAD_SHARE : macs,
        bits: multiplied.numbers === "word" || operation === "winograd" || variant === "dot16" ? 16 : 8,
      },
    ];
  });
}

const layered = new Map<string, () => LayerTime[]>();

const runs = new Map<string, () => void | Promise<void>>();

async function turn(name: string, leastMs: number): Promise<number[]> {
  const run = runs.get(name)!;
  const startMs = performance.now();
  const times: number[] = [];
  for (let nowMs = startMs; nowMs < startMs + leastMs;) {
    await run();
    const endMs = performance.now();
    times.push(endMs - nowMs);
    nowMs = endMs;
  }
  return times;
}

async function prepare(classifier: string, others: readonly OtherNetwork[]): Promise<Prepared> {
  const { simd, wasmBytes } = await startBackend(`${location.origin}/site/`, simdLevel(), "float");
  const { kernels, variant } = await chooseVariant(`${location.origin}/site/`, simd);
  const blazeface = readNetwork(await fetchBytes("/site/models/blazeface/model.ec8"), "blazeface");
  const expressions = readNetwork(await fetchBytes(`/classifier/model.ec8`), classifier);
  const faces = loadNetwork(blazeface, kernels, variant);
  const labels = loadNetwork(expressions, kernels, variant);
  const heapBytes = wasmBytes();

  const byteVariant: Variant = simd === "relaxed" ? "relaxed" : "extmul";
  const contestants: [string, () => void | Promise<void>][] = [
    ["blazeface int8", integer(faces, 128)],
    ["blazeface float", float(await loadGraphModel("/site/models/blazeface/model.json"), [1, 128, 128, 3])],
    [`${classifier} int8`, integer(labels, 48)],
    [`${classifier} float`, float(await loadGraphModel("/classifier/model.json"), [1, 48, 48, 1])],
    [`${classifier} ${byteVariant}`, integer(loadNetwork(expressions, kernels, byteVariant), 48)],
    ...(await loadOthers(others)),
  ];
  for (const [name, run] of contestants) runs.set(name, run);
  const networks = { blazeface, [classifier]: expressions, "peak 8x8": peakNetwork(8), "peak 16x16": peakNetwork(16) };
  for (const [name, network] of Object.entries(networks))
    layered.set(name, () => timeLayers(network, kernels, variant));
  return {
    userAgent: navigator.userAgent,
    isolated: crossOriginIsolated,
    names: [...runs.keys()],
    ...{ simd, variant, heapBytes },
  };
}

window.kernelBench = { prepare, turn, layers: (name) => layered.get(name)!() };
