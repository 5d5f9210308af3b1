import { backend, enableProdMode, env, setBackend } from "@tensorflow/tfjs-core";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { EmotionCamError } from "../errors.ts";
import type { EngineName, SimdLevel } from "../types.ts";

/** tfjs's binaries, by the names under which tfjs asks for them. There is no threaded one. */
const BINARY = "tfjs-backend-wasm.wasm";
const SIMD_BINARY = "tfjs-backend-wasm-simd.wasm";
const THREADED_BINARY = "tfjs-backend-wasm-threaded-simd.wasm";

/** The SIMD binary without tfjs's own kernels, for the engine that has others. */
const MEMORY_BINARY = "tfjs-memory.wasm";

/** tfjs's WASM backend, started. */
export interface Backend {
  readonly simd: SimdLevel;
  /** @returns The present size of the WebAssembly memory, bytes; it grows and never shrinks. */
  wasmBytes(): number;
}

/** The first bytes of every WebAssembly module: `\0asm`. */
const WASM_MAGIC = [0, 97, 115, 109];

/** Find out why tfjs does not start, by looking at the file that it wants: tfjs itself only says that it failed. */
async function diagnose(url: string): Promise<EmotionCamError> {
  let response: Response;
  try {
    response = await fetch(url);
  } catch (cause) {
    return new EmotionCamError("wasm-load", `${url} cannot be reached: check the network and asset-base.`, { cause });
  }
  if (!response.ok) {
    return new EmotionCamError(
      "wasm-load",
      `${url} answers ${response.status}: serve the package's folder wasm/ beside the script, or set asset-base to ` +
        "the folder that holds it.",
    );
  }
  const start = new Uint8Array(await response.arrayBuffer()).subarray(0, WASM_MAGIC.length);
  if (WASM_MAGIC.some((byte, i) => start[i] !== byte)) {
    const type = response.headers.get("content-type") ?? "no content type";
    return new EmotionCamError(
      "wasm-load",
      `${url} answers with ${type} in place of a WebAssembly module: the server may answer with a page for files that ` +
        "it does not have. Serve the package's folder wasm/ there, or set asset-base to the folder that holds it.",
    );
  }
  return new EmotionCamError(
    "wasm-load",
    `${url} does not start as WebAssembly: allow 'wasm-unsafe-eval' in the page's script-src policy, and serve the ` +
      "file as it is in the package.",
  );
}

/** The part of tfjs's Emscripten module that is used here; the package's types leave it out. */
interface Heap {
  /** A view of the memory; Emscripten renews it as the memory grows. */
  readonly HEAPU8: Uint8Array;
  /** The binary's exports: its kernels among them. */
  readonly asm: object;
  _malloc(bytes: number): number;
  _free(address: number): void;
}

/**
 * Make `malloc` throw where the memory is full and cannot grow. tfjs does not check its answer: it would take the null
 * pointer for an address and overwrite its own data.
 */
function refuseNull(heap: Heap): void {
  // Emscripten installs the true function at the first call.
  heap._free(heap._malloc(1));
  const allocate = heap._malloc;
  heap._malloc = (bytes) => {
    const address = allocate(bytes);
    if (address === 0 && bytes > 0)
      throw new RangeError(`WebAssembly's memory is full: ${bytes} bytes could not be allocated`);
    return address;
  };
}

/**
 * Start tfjs's WASM backend with its single-thread binary: the int8 kernels work in that binary's memory, and pages
 * without cross-origin isolation cannot use another.
 *
 * @param assetBase URL of the folder that holds `wasm/`, ending in a slash.
 * @param engine The engine that will compute with it: `int8` has its own kernels, and never calls tfjs's.
 * @throws EmotionCamError `wasm-load`, which names the file.
 */
export async function startBackend(assetBase: string, simd: SimdLevel, engine: EngineName): Promise<Backend> {
  enableProdMode();
  env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  const urlOf = (file: string) => new URL(`wasm/${file}`, assetBase).href;
  const simdUrl = urlOf(engine === "int8" ? MEMORY_BINARY : SIMD_BINARY);
  setWasmPaths({ [BINARY]: urlOf(BINARY), [SIMD_BINARY]: simdUrl, [THREADED_BINARY]: urlOf(THREADED_BINARY) });
  if (!(await setBackend("wasm"))) throw await diagnose(simd === "none" ? urlOf(BINARY) : simdUrl);
  const { wasm } = backend() as unknown as { wasm: Heap };
  // tfjs keeps a backend that runs already.
  if (engine === "float" && !("Add" in wasm.asm)) throw new Error("tfjs was started without its kernels");
  refuseNull(wasm);
  return { simd, wasmBytes: () => wasm.HEAPU8.byteLength };
}
