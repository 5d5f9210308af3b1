/** tfjs's WASM binary without its kernels: the memory on which the int8 engine's own kernels work. */
import { createHash } from "node:crypto";
import { cp, mkdir, readFile, writeFile } from "node:fs/promises";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CACHE } from "./third-party.mjs";

/** tfjs's JavaScript calls these exports to start a backend and to keep its tensors. It calls Emscripten's `dynCall_*` too. */
const KEPT = new Set([
  ...["memory", "__indirect_function_table", "__wasm_call_ctors", "__errno_location"],
  ...["malloc", "free", "stackSave", "stackRestore", "stackAlloc"],
  ...["init", "init_with_threads_count", "get_threads_count", "register_tensor", "dispose_data", "dispose"],
]);

/**
 * Write tfjs's binary without the exports of its kernels, and without what only they reach: half of its size.
 *
 * @param {string} binary tfjs's, with SIMD.
 * @param {string} outFile
 */
export async function writeTfjsMemory(binary, outFile) {
  const bytes = await readFile(binary);
  const cached = join(CACHE, `tfjs-memory-${createHash("sha256").update(bytes).digest("hex")}.wasm`);
  if (!existsSync(cached)) {
    await mkdir(CACHE, { recursive: true });
    await writeFile(cached, await withoutKernels(bytes));
  }
  await cp(cached, outFile);
}

/**
 * @param {Uint8Array} bytes
 * @returns {Promise<Uint8Array>}
 */
async function withoutKernels(bytes) {
  const { default: binaryen } = await import("binaryen");
  const module = binaryen.readBinary(bytes);
  module.setFeatures(binaryen.Features.MVP | binaryen.Features.SIMD128);
  const count = module.getNumExports();
  const names = Array.from({ length: count }, (_, at) => binaryen.getExportInfo(module.getExportByIndex(at)).name);
  for (const name of names) if (!KEPT.has(name) && !name.startsWith("dynCall_")) module.removeExport(name);
  module.runPasses(["remove-unused-module-elements"]);
  const reduced = module.emitBinary();
  module.dispose();
  return reduced;
}
