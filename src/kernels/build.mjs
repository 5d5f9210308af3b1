/** Compiles the kernels, one small module a variant. `node src/kernels/build.mjs DIR` does it by hand. */
import { mkdir, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { main } from "assemblyscript/asc";

const HERE = dirname(fileURLToPath(import.meta.url));
const ROOT = join(HERE, "../..");

/** What `VARIANT` in arithmetic.ts is, and what the module wants of the browser. */
const VARIANTS = {
  relaxed: { number: 0, features: "simd,relaxed-simd" },
  extmul: { number: 1, features: "simd" },
  dot16: { number: 2, features: "simd" },
};

/** A module over this is a mistake: it is to be small beside the networks. */
const MAX_BYTES = 20_000;

/**
 * Writes `kernels-<variant>.wasm` for each variant.
 *
 * @param {string} outDir Folder to write to; made where missing.
 */
export async function compileKernels(outDir) {
  await mkdir(outDir, { recursive: true });
  for (const [variant, { number, features }] of Object.entries(VARIANTS)) {
    const outFile = join(outDir, `kernels-${variant}.wasm`);
    const { error, stderr } = await main(
      [
        relative(ROOT, join(HERE, "program.ts")),
        ...[
          "--baseDir",
          ROOT,
          "--outFile",
          relative(ROOT, outFile),
          "--enable",
          features,
          "--use",
          `VARIANT=${number}`,
        ],
        ...["--runtime", "stub", "--importMemory", "--noAssert", "-O3"],
      ],
      {},
    );
    if (error) throw new Error(`The ${variant} kernels do not compile: ${stderr.toString()}`, { cause: error });
    const { size } = await stat(outFile);
    if (size > MAX_BYTES) throw new Error(`${outFile} has ${size} bytes; ${MAX_BYTES} are its budget.`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await compileKernels(process.argv[2] ?? "dist/wasm");
