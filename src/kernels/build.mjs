// @ts-check
/** Compile the kernels, one small module for each kind of SIMD. `node src/kernels/build.mjs DIR` does it by hand. */
import { mkdir, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { main } from "assemblyscript/asc";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "../..");

/** The WebAssembly features that each module needs. */
const FEATURES = { relaxed: "simd,relaxed-simd", simd128: "simd" };

/** Budget of a module: small beside the networks. */
const MAX_BYTES = 20_000;

/**
 * Write `kernels-<kind>.wasm` for each kind of SIMD.
 *
 * @param {string} outDir Folder to write to; it is made if it is missing.
 * @throws {Error} Where the kernels do not compile, or are larger than their budget.
 */
export async function compileKernels(outDir) {
  await mkdir(outDir, { recursive: true });
  for (const [kind, features] of Object.entries(FEATURES)) {
    const outFile = join(outDir, `kernels-${kind}.wasm`);
    const { error, stderr } = await main(
      [
        relative(ROOT, join(HERE, "program.ts")),
        ...["--baseDir", ROOT, "--outFile", relative(ROOT, outFile), "--enable", features],
        ...["--runtime", "stub", "--importMemory", "--noAssert", "-O3"],
      ],
      {},
    );
    if (error) throw new Error(`The ${kind} kernels do not compile: ${stderr.toString()}`, { cause: error });
    const { size } = await stat(outFile);
    if (size > MAX_BYTES) throw new Error(`${outFile} has ${size} bytes; ${MAX_BYTES} are its budget.`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await compileKernels(process.argv[2] ?? "dist/wasm");
