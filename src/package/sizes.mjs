/** The sizes of what a page downloads, and their budgets. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import { readNetwork } from "./networks.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const WORKER = "src/runtime/worker.ts";
const INT8 = "src/runtime/int8/engine.ts";
const FLOAT = "src/runtime/float/engine.ts";
const TFJS_SIMD = "wasm/tfjs-backend-wasm-simd.wasm";
const TFJS_MEMORY = "wasm/tfjs-memory.wasm";

/** Budgets in KB after brotli. A visitor waits for the first load. */
const BUDGETS = [
  { what: "element, one file", files: ["emotion-cam.js"], budget: 45 },
  { what: "worker with the int8 engine", files: [WORKER, INT8], budget: 65 },
  { what: "tfjs WASM SIMD binary", files: [TFJS_SIMD], budget: 140 },
  { what: "tfjs without its kernels", files: [TFJS_MEMORY], budget: 55 },
  {
    what: "first load, int8",
    files: ["emotion-cam.js", WORKER, INT8, TFJS_MEMORY, "wasm/kernels-relaxed.wasm"],
    engine: "int8",
    budget: 850,
  },
  { what: "first load, float", files: ["emotion-cam.js", WORKER, FLOAT, TFJS_SIMD], engine: "float", budget: 3200 },
];

/**
 * Print the table of sizes.
 *
 * @param {string} site The folder of the built site.
 * @param {import("esbuild").Metafile} metafile esbuild's, of the package's build.
 * @returns {Promise<boolean>} Whether everything is within its budget.
 */
export async function reportSizes(site, metafile) {
  console.log(`${"compressed size (brotli)".padEnd(40)} ${"KB".padStart(8)} ${"budget".padStart(8)}`);
  let fits = true;
  for (const { what, files, engine, budget } of BUDGETS) {
    const built = files.flatMap((file) => (file.endsWith(".ts") ? filesOf(metafile, file) : [file]));
    const kb = await kilobytes(site, [...built, ...(engine === undefined ? [] : await networkFiles(site, engine))]);
    const figures = `${kb.toFixed(1).padStart(8)} ${String(budget).padStart(8)}`;
    console.log(`${what.padEnd(40)} ${figures}${kb > budget ? "  OVER" : ""}`);
    fits &&= kb <= budget;
  }
  return fits;
}

/**
 * @param {import("esbuild").Metafile} metafile
 * @param {string} source An entry point of the build.
 * @returns {string[]} Its output and every chunk that it imports statically, as paths within the site.
 */
function filesOf(metafile, source) {
  const entry = Object.keys(metafile.outputs).find((path) => metafile.outputs[path]?.entryPoint === source);
  if (entry === undefined) throw new Error(`${source} has no file of its own in the build: see src/package/sizes.mjs.`);
  const reached = new Set([entry]);
  for (const path of reached)
    for (const imported of metafile.outputs[path]?.imports ?? [])
      if (imported.kind === "import-statement" && !imported.external) reached.add(imported.path);
  // The build's stage lies beside dist, under a name that ends in the process's id.
  return [...reached].map((path) => path.replace(/^dist\.\d+\//, ""));
}

/**
 * @param {string} site
 * @param {string} engine
 * @returns {Promise<string[]>} The files of the detector and of the default classifier.
 */
async function networkFiles(site, engine) {
  return ["blazeface", await defaultModel()].flatMap((name) => {
    const { files } = readNetwork(join(site, "models"), name, [engine]);
    return ["contract.json", ...files.map(({ path }) => path)].map((path) => `models/${name}/${path}`);
  });
}

/** The network of a page that names none. The element decides it. */
async function defaultModel() {
  const source = await readFile(join(ROOT, "src/emotion-cam.attributes.ts"), "utf8");
  const name = /^(?:export )?const DEFAULT_MODEL = "([\w-]+)";$/m.exec(source)?.[1];
  if (name === undefined)
    throw new Error("src/emotion-cam.attributes.ts declares no DEFAULT_MODEL: src/package/sizes.mjs needs it.");
  return name;
}

/**
 * @param {string} site
 * @param {readonly string[]} files
 */
async function kilobytes(site, files) {
  let bytes = 0;
  for (const file of new Set(files)) bytes += brotliCompressSync(await readFile(join(site, file))).length;
  return bytes / 1000;
}
