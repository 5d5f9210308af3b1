/**
 * Integer networks inside tfjs: one tfjs kernel runs a whole network, on the WASM backend's own memory. A network's
 * weights and arena are one int32 tensor, so that `tf.memory()` counts them.
 */
import {
  type KernelFunc,
  type NamedAttrMap,
  type NamedTensorInfoMap,
  type Tensor,
  type TensorInfo,
  backend,
  engine,
  keep,
  registerKernel,
} from "@tensorflow/tfjs-core";
import { ALIGNMENT, roundUp } from "./arena.ts";
import type { Network } from "./network.ts";
import type { OutputFloats } from "./lowering.ts";
import { planNetwork } from "./plan.ts";
import type { Variant } from "./variant.ts";

const KERNEL = "EmotionCamNetwork";

/** The parts of tfjs's WASM backend that the kernels need; its own types leave most of them out. */
interface WasmBackend {
  readonly wasm: { readonly HEAPU8: Uint8Array<ArrayBuffer>; readonly asm: { readonly memory: WebAssembly.Memory } };
  readonly dataIdMap: { get(dataId: object): { readonly memoryOffset: number } };
  makeOutput(shape: number[], dtype: "int32" | "float32"): TensorInfo;
}

/** A module of `src/kernels` that works on some memory. */
export interface KernelModule {
  /**
   * Run a part of a network's program; see `src/kernels/program.ts`. All addresses are in bytes.
   *
   * @param program Address of the first step: where `Plan.write` wrote to, plus `Plan.program`.
   * @param steps How many steps to run.
   * @param input Address of the pixels: RGBA, four bytes each, as many as the network's input has.
   * @param out Address of `Plan.outputLength` float32.
   */
  run(program: number, steps: number, input: number, out: number): void;
}

/** A network that is ready to run. */
export interface LoadedNetwork {
  /** Place of each output layer's floats in the tensor that {@link run} returns. */
  readonly outputs: readonly OutputFloats[];
  /**
   * Compute the outputs for one picture.
   *
   * @param pixels int32 of size * size numbers whose bytes are RGBA.
   * @returns float32, one-dimensional; the caller disposes it.
   * @throws Error where the pixels have another type or number.
   */
  run(pixels: Tensor): Tensor;
  /**
   * Compute the outputs for one picture, as {@link run} does, in memory that is used again for each picture.
   *
   * @param rgba RGBA bytes of the picture.
   * @returns A view of tfjs's memory, valid until the next call, and until a tensor is made.
   * @throws RangeError where there are more bytes than the network's input has.
   */
  compute(rgba: Uint8ClampedArray): Float32Array;
  /** Give the memory back; again does nothing. */
  dispose(): void;
}

interface Loaded {
  readonly kernels: KernelModule;
  readonly memory: Tensor;
  readonly program: number;
  readonly steps: number;
  readonly outputLength: number;
}

/** Attributes of tfjs's kernels are plain values, so a network is passed by its number. */
const loaded = new Map<number, Loaded>();
let nextNumber = 1;
let registered = false;

function wasmBackend(): WasmBackend {
  return backend() as unknown as WasmBackend;
}

/** Instantiate a compiled module of `src/kernels` on the memory of tfjs's WASM backend, which has started. */
export async function instantiate(module: WebAssembly.Module): Promise<KernelModule> {
  const instance = await WebAssembly.instantiate(module, { env: { memory: wasmBackend().wasm.asm.memory } });
  return instance.exports as unknown as KernelModule;
}

const runNetwork: KernelFunc = ({ inputs, attrs }) => {
  const { kernels, memory, program, steps, outputLength } = loaded.get(attrs!["network"] as number)!;
  const wasm = wasmBackend();
  const addressOf = ({ dataId }: { dataId: object }) => wasm.dataIdMap.get(dataId).memoryOffset;
  const out = wasm.makeOutput([outputLength], "float32");
  const base = roundUp(addressOf(memory), ALIGNMENT);
  kernels.run(base + program, steps, addressOf(inputs["pixels"]!), addressOf(out));
  return out;
};

/**
 * Lay a network out in the backend's memory.
 *
 * @param network As `readNetwork` has checked it.
 * @param kernels The module that the variant needs, on the backend's memory.
 */
export function loadNetwork(network: Network, kernels: KernelModule, variant: Variant): LoadedNetwork {
  if (!registered) registerKernel({ kernelName: KERNEL, backendName: "wasm", kernelFunc: runNetwork });
  registered = true;
  const plan = planNetwork(network, variant);
  const wasm = wasmBackend();
  const info = wasm.makeOutput([Math.ceil((plan.bytes + ALIGNMENT) / 4)], "int32");
  const memory = keep(engine().makeTensorFromTensorInfo(info));
  const { memoryOffset } = wasm.dataIdMap.get(memory.dataId);
  // Read the buffer only here: making the tensor may have grown the heap, which replaces it.
  plan.write(wasm.wasm.HEAPU8.buffer, roundUp(memoryOffset, ALIGNMENT));
  const number = nextNumber++;
  loaded.set(number, { ...plan, kernels, memory });
  const { size } = network.input;
  const picture = keep(engine().makeTensorFromTensorInfo(wasm.makeOutput([size * size], "int32")));
  const addressOf = ({ dataId }: Tensor) => wasm.dataIdMap.get(dataId).memoryOffset;
  let answer: Tensor | null = null;
  const run = (pixels: Tensor): Tensor => {
    if (pixels.dtype !== "int32" || pixels.size !== size * size) {
      throw new Error(`The network takes int32 [${size}, ${size}], not ${pixels.dtype} [${pixels.shape.join(", ")}].`);
    }
    const inputs = { pixels } as unknown as NamedTensorInfoMap;
    const attributes: NamedAttrMap = { network: number };
    return engine().runKernel(KERNEL, inputs as never, attributes) as Tensor;
  };
  return {
    outputs: plan.outputs,
    run,
    compute(rgba) {
      if (rgba.length > 4 * size * size) throw new RangeError(`The network takes ${size} x ${size} pixels.`);
      answer?.dispose();
      wasm.wasm.HEAPU8.set(rgba, addressOf(picture));
      answer = run(picture);
      return new Float32Array(wasm.wasm.HEAPU8.buffer, addressOf(answer), plan.outputLength);
    },
    dispose() {
      if (!loaded.delete(number)) return;
      for (const tensor of [memory, picture, answer]) tensor?.dispose();
    },
  };
}
