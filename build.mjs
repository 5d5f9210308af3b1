/**
 * Builds everything into `dist/`: the package, the pages, the kiosk's server, the networks and the kernels.
 *
 *   node build.mjs            build once and print the table of sizes; fail over budget
 *   node build.mjs --quiet    build only, for the commands that measure: no table, silent unless something fails
 *   node build.mjs --start    build, then run the server with the rest of the command line: `npm start`
 *   node build.mjs --watch    build, then again at each change of src, kiosk, static or models
 *   node build.mjs --serve    --watch, and serve at http://localhost:8080/ (PORT=… sets the port)
 */
import { watch } from "node:fs";
import { cp, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { stop as stopEsbuild } from "esbuild";
import { compileKernels } from "./src/kernels/build.mjs";
import { bundlePackage, bundlePages, bundlePlainFile, bundleServer, importTool } from "./src/package/bundles.mjs";
import { describeElement, spellTypes } from "./src/package/manifest.mjs";
import { networkNames, readNetwork } from "./src/package/networks.mjs";
import { reportSizes } from "./src/package/sizes.mjs";
import { writeTfjsMemory } from "./src/package/tfjs-memory.mjs";
import { writeLicences } from "./src/package/third-party.mjs";
import { writeTypes } from "./src/package/types.mjs";

const ROOT = dirname(fileURLToPath(import.meta.url));
const DIST = join(ROOT, "dist");
/** Everything is built here first, and then replaces dist as a whole, so that a server never shows half a build. */
const STAGE = join(ROOT, `dist.${process.pid}`);
const MODELS = join(ROOT, "models");
const TFJS_WASM = join(ROOT, "node_modules/@tensorflow/tfjs-backend-wasm/dist");
const FONT = join(ROOT, "node_modules/@fontsource/atkinson-hyperlegible/files");
const SQLITE_WASM = join(ROOT, "node_modules/node-sqlite3-wasm/dist/node-sqlite3-wasm.wasm");
const WATCHED = ["src", "kiosk", "static", "models"];

const OWN_OPTIONS = ["--quiet", "--start", "--watch", "--serve"];
const options = new Set(process.argv.slice(2));
const serverArguments = process.argv.slice(2).filter((word) => !OWN_OPTIONS.includes(word));
const isDeveloping = options.has("--watch") || options.has("--serve");

/** @returns {Promise<boolean>} Whether everything is within its budget. */
async function buildAll() {
  await mkdir(STAGE, { recursive: true });
  const stage = { folder: STAGE, developing: isDeveloping };
  try {
    const bundles = [bundlePackage(stage), bundlePlainFile(stage), bundlePages(stage), bundleServer(stage)];
    await allOrFirstFailure([...bundles, copyAssets(), buildNetworks(), buildKernels(), writeDescription()]);
    const [ofPackage, ofPlainFile, ofPages, ofServer] = await Promise.all(bundles);
    if (!ofPackage || !ofPlainFile || !ofPages || !ofServer) throw new Error("esbuild gave no metafile.");
    await writeLicences(STAGE, [ofPackage, ofPlainFile], [ofPages, ofServer]);
    const isWithinBudget = options.has("--quiet") || (await reportSizes(STAGE, ofPackage));
    await rm(DIST, { recursive: true, force: true });
    await rename(STAGE, DIST);
    return isWithinBudget;
  } finally {
    await rm(STAGE, { recursive: true, force: true });
  }
}

/**
 * Wait for all parts, then throw the first failure. No part still writes into the stage when it is removed.
 *
 * @param {readonly Promise<unknown>[]} parts
 */
async function allOrFirstFailure(parts) {
  for (const part of await Promise.allSettled(parts)) if (part.status === "rejected") throw part.reason;
}

async function copyAssets() {
  await cp(join(ROOT, "static"), STAGE, { recursive: true });
  await writeSignOfCounts();
  for (const file of ["tfjs-backend-wasm.wasm", "tfjs-backend-wasm-simd.wasm"])
    await cp(join(TFJS_WASM, file), join(STAGE, "wasm", file));
  await writeTfjsMemory(join(TFJS_WASM, "tfjs-backend-wasm-simd.wasm"), join(STAGE, "wasm/tfjs-memory.wasm"));
  // SQLite's library looks for it beside itself.
  await cp(SQLITE_WASM, join(STAGE, "kiosk/node-sqlite3-wasm.wasm"));
  for (const subset of ["latin", "latin-ext"])
    for (const weight of ["400", "700"]) {
      const file = `atkinson-hyperlegible-${subset}-${weight}-normal.woff2`;
      await cp(join(FONT, file), join(STAGE, "fonts", file));
    }
}

/** Write the sign for exhibits that keep counts: the same page, which then shows its other sentences. */
async function writeSignOfCounts() {
  const sign = await readFile(join(STAGE, "sign.html"), "utf8");
  const marked = sign.replace("<html ", "<html data-counts ").replace("in use:", "in use, counts are kept:");
  await writeFile(join(STAGE, "sign-counts.html"), marked);
}

/** Convert the detector; copy of each classifier the files that its contract lists, and nothing else of its folder. */
async function buildNetworks() {
  const { buildBlazeface } = await importTool("models/blazeface/convert.ts");
  await buildBlazeface(join(STAGE, "models/blazeface"));
  for (const name of networkNames(MODELS))
    for (const file of ["contract.json", ...readNetwork(MODELS, name).files.map(({ path }) => path)])
      await cp(join(MODELS, name, file), join(STAGE, "models", name, file));
}

function buildKernels() {
  return compileKernels(join(STAGE, "wasm"));
}

/** Write what editors, documentation tools and compilers need to know about the element. */
async function writeDescription() {
  const manifest = await describeElement();
  await writeTypes(join(STAGE, "types"), manifest);
  await spellTypes(manifest);
  await writeFile(join(STAGE, "custom-elements.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/**
 * End this process when the shell that npm started it in ends. npm passes SIGTERM on to that shell only, and the shell
 * does not pass it on.
 */
function endWithShell() {
  const shell = process.ppid;
  setInterval(() => {
    if (process.ppid !== shell) process.kill(process.pid, "SIGTERM");
  }, 250).unref();
}

/**
 * Run the built server in this process, so that a signal to this process ends it.
 *
 * @param {readonly string[]} args
 */
async function runServer(args) {
  const { main } = await import(pathToFileURL(join(DIST, "kiosk/server.mjs")).href);
  await main(args);
}

function rebuildOnChange() {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(() => buildAll().catch((error) => console.error(error.message)), 100);
  };
  for (const folder of WATCHED) watch(join(ROOT, folder), { recursive: true }, again);
  console.log(`watching ${WATCHED.join(", ")}`);
}

if (options.has("--start") && process.env["npm_lifecycle_event"] === "start") endWithShell();
try {
  const isWithinBudget = await buildAll();
  if (!isWithinBudget) process.exitCode = 1;
  if (isDeveloping) rebuildOnChange();
  if (options.has("--serve")) {
    await runServer(["--no-open"]);
  } else if (options.has("--start") && isWithinBudget) {
    await stopEsbuild();
    await runServer(serverArguments);
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
