/** Runs in the browser: each network alone, in integers and in float, in turn. */
import { tensor, tensor1d, tidy } from "@tensorflow/tfjs-core";
import { type GraphModel, loadGraphModel } from "@tensorflow/tfjs-converter";
import type { Tensor } from "@tensorflow/tfjs-core";
import { loadAndCompile, loadLiteRt, Tensor as LiteRtTensor } from "@litertjs/core";
import { startBackend } from "../../../src/runtime/backend.ts";
import { loadKernels } from "../../../src/runtime/int8/kernels.ts";
import { type Layer, type Network, planesOf } from "../../../src/runtime/int8/layers.ts";
import { type LoadedNetwork, loadNetwork } from "../../../src/runtime/int8/network.ts";
import type { Variant } from "../../../src/runtime/int8/plan.ts";
import { readNetwork } from "../../../src/runtime/int8/reader.ts";

/** What was prepared: what does not change from turn to turn. */
export interface Prepared {
  readonly userAgent: string;
  readonly isolated: boolean;
  readonly simd: string;
  readonly variant: Variant;
  /** Who computes, in turn. */
  readonly names: readonly string[];
  /** Multiply-accumulates of each network's products. */
  readonly macs: Readonly<Record<string, number>>;
  /** Bytes of the WebAssembly heap with both integer networks loaded, nothing else. */
  readonly heapBytes: number;
}

/** What a page offers to the command that drives it. */
export interface KernelBench {
  prepare(classifier: string): Promise<Prepared>;
  /** Computes for `leastMs`. @returns Milliseconds of each run. */
  turn(name: string, leastMs: number): Promise<number[]>;
}

declare global {
  interface Window {
    kernelBench: KernelBench;
  }
}

/** Products of a network. */
function macsOf(network: Network): number {
  const planes = planesOf(network);
  return network.layers.reduce((sum, layer, i) => {
    const { height, width } = planes[i + 1]!;
    return sum + layer.weights.length * (layer.kernel === 0 ? 1 : height * width);
  }, 0);
}

/** A long matrix product and nothing else: 256 pixels, 256 channels to 256. What it reaches is called the peak. */
function peakNetwork(bits: 8 | 16): Network {
  const layer = (input: number, from: number, channels: number): Layer => ({
    ...{ kind: "convolution", input, kernel: 1, stride: 1, channels, bits },
    ...{ numbers: bits === 8 ? "byte" : "word", floor: 0, ceiling: bits === 8 ? 127 : 32767 },
    ...{ residual: -1, residualScale: 0 },
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

function float(model: GraphModel, shape: [number, number, number, number]): () => void {
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b) }, (_, i) => Math.sin(i));
  return () => {
    tidy(() => {
      const out = model.execute(tensor(values, shape)) as Tensor;
      out.dataSync();
    });
  };
}

async function liteRt(): Promise<() => Promise<void>> {
  await loadLiteRt("/litert/");
  const model = await loadAndCompile("/blazeface.tflite", { accelerator: "wasm" });
  const values = Float32Array.from({ length: 128 * 128 * 3 }, (_, i) => Math.sin(i));
  return async () => {
    const input = LiteRtTensor.fromTypedArray(values, [1, 128, 128, 3]);
    const outputs = await model.run(input);
    input.delete();
    for (const output of outputs) {
      await output.data();
      output.delete();
    }
  };
}

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

async function prepare(classifier: string): Promise<Prepared> {
  const { simd, wasmBytes } = await startBackend(`${location.origin}/site/`);
  const { kernels, variant } = await loadKernels(`${location.origin}/site/`, simd);
  const blazeface = await readNetwork(await fetchBytes("/site/models/blazeface/model.ec8"), "blazeface");
  const expressions = await readNetwork(await fetchBytes(`/classifier/model.ec8`), classifier);
  const faces = loadNetwork(blazeface, kernels, variant);
  const labels = loadNetwork(expressions, kernels, variant);
  const heapBytes = wasmBytes();

  const byteVariant: Variant = simd === "relaxed" ? "relaxed" : "extmul";
  const contestants: [string, () => void | Promise<void>][] = [
    ["blazeface int8", integer(faces, 128)],
    ["blazeface float", float(await loadGraphModel("/site/models/blazeface/model.json"), [1, 128, 128, 3])],
    ["blazeface LiteRT", await liteRt()],
    [`${classifier} int8`, integer(labels, 48)],
    [`${classifier} float`, float(await loadGraphModel("/classifier/model.json"), [1, 48, 48, 1])],
    ["peak 8x8", integer(loadNetwork(peakNetwork(8), kernels, byteVariant), 16)],
    ["peak 16x16", integer(loadNetwork(peakNetwork(16), kernels, variant), 16)],
    [`${classifier} ${byteVariant}`, integer(loadNetwork(expressions, kernels, byteVariant), 48)],
  ];
  for (const [name, run] of contestants) runs.set(name, run);
  return {
    userAgent: navigator.userAgent,
    isolated: crossOriginIsolated,
    names: [...runs.keys()],
    ...{ simd, variant, heapBytes },
    macs: {
      blazeface: macsOf(blazeface),
      [classifier]: macsOf(expressions),
      "8x8": macsOf(peakNetwork(8)),
      "16x16": macsOf(peakNetwork(16)),
    },
  };
}

window.kernelBench = { prepare, turn };
