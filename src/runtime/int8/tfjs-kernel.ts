/**
 * Integer networks inside tfjs: one tfjs kernel runs a whole network, on the WASM backend's own memory. Its weights and
 * its arena are one int32 tensor, so that `tf.memory()` counts them.
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
import type { Network } from "./network.ts";
import { ALIGNMENT, type OutputFloats, type Variant, planNetwork } from "./plan.ts";

const KERNEL = "EmotionCamNetwork";

/** What of tfjs's WASM backend the kernels need; its types leave most of it out. */
interface WasmBackend {
  readonly wasm: { readonly HEAPU8: Uint8Array<ArrayBuffer>; readonly asm: { readonly memory: WebAssembly.Memory } };
  readonly dataIdMap: { get(dataId: object): { readonly memoryOffset: number } };
  makeOutput(shape: number[], dtype: "int32" | "float32"): TensorInfo;
}

/** A compiled module of src/kernels, on the backend's memory. */
export interface KernelModule {
  run(program: number, steps: number, input: number, out: number): void;
}

/** A network that is ready to run. */
export interface LoadedNetwork {
  /** Where each output layer's floats lie in what {@link run} makes. */
  readonly outputs: readonly OutputFloats[];
  /**
   * @param pixels int32 [size, size] whose bytes are RGBA.
   * @returns float32, one-dimensional; the caller disposes it.
   */
  run(pixels: Tensor): Tensor;
  dispose(): void;
}

interface Loaded {
  readonly kernels: KernelModule;
  readonly memory: Tensor;
  readonly program: number;
  readonly steps: number;
  readonly outputLength: number;
}

/** Attributes of tfjs's kernels are plain values: a network goes by its number. */
const loaded = new Map<number, Loaded>();
let nextNumber = 1;
let registered = false;

function wasmBackend(): WasmBackend {
  return backend() as unknown as WasmBackend;
}

/** Instantiates a module on the backend's memory. */
export async function instantiate(module: WebAssembly.Module): Promise<KernelModule> {
  const instance = await WebAssembly.instantiate(module, { env: { memory: wasmBackend().wasm.asm.memory } });
  return instance.exports as unknown as KernelModule;
}

const runNetwork: KernelFunc = ({ inputs, attrs }) => {
  const { kernels, memory, program, steps, outputLength } = loaded.get(attrs!["network"] as number)!;
  const wasm = wasmBackend();
  const addressOf = ({ dataId }: { dataId: object }) => wasm.dataIdMap.get(dataId).memoryOffset;
  const out = wasm.makeOutput([outputLength], "float32");
  const base = alignedStart(addressOf(memory));
  kernels.run(base + program, steps, addressOf(inputs["pixels"]!), addressOf(out));
  return out;
};

function alignedStart(address: number): number {
  return Math.ceil(address / ALIGNMENT) * ALIGNMENT;
}

/** Lays a network out in the backend's memory for one variant of the kernels. */
export function loadNetwork(network: Network, kernels: KernelModule, variant: Variant): LoadedNetwork {
  if (!registered) registerKernel({ kernelName: KERNEL, backendName: "wasm", kernelFunc: runNetwork });
  registered = true;
  const plan = planNetwork(network, variant);
  const wasm = wasmBackend();
  const info = wasm.makeOutput([Math.ceil((plan.bytes + ALIGNMENT) / 4)], "int32");
  const memory = keep(engine().makeTensorFromTensorInfo(info));
  const { memoryOffset } = wasm.dataIdMap.get(memory.dataId);
  // The heap may have grown just now: its buffer is asked for only here.
  plan.write(wasm.wasm.HEAPU8.buffer, alignedStart(memoryOffset));
  const number = nextNumber++;
  loaded.set(number, { ...plan, kernels, memory });
  const { size } = network.input;
  return {
    outputs: plan.outputs,
    run(pixels) {
      if (pixels.dtype !== "int32" || pixels.size !== size * size) {
        throw new Error(
          `The network takes int32 [${size}, ${size}], not ${pixels.dtype} [${pixels.shape.join(", ")}].`,
        );
      }
      const inputs = { pixels } as unknown as NamedTensorInfoMap;
      const attributes: NamedAttrMap = { network: number };
      return engine().runKernel(KERNEL, inputs as never, attributes) as Tensor;
    },
    dispose() {
      if (loaded.delete(number)) memory.dispose();
    },
  };
}
