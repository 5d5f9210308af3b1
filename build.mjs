/**
 * Builds everything into `dist/`: the package, the pages, the kiosk's server, the networks and the kernels.
 *
 *   node build.mjs            build once and print the table of sizes; over budget is a failure
 *   node build.mjs --quiet    build alone, for the commands that measure: no table, silent unless something fails
 *   node build.mjs --watch    build, then again at each change of src, kiosk, static or models
 *   node build.mjs --serve    --watch, and serve at http://localhost:8080/ (PORT=… sets the port)
 */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, watch } from "node:fs";
import { cp, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { brotliCompressSync } from "node:zlib";
import { build } from "esbuild";

const ROOT = dirname(fileURLToPath(import.meta.url));
const DIST = join(ROOT, "dist");
/** Everything is built here first and takes dist's place whole, so that a server never shows half a build. */
const STAGE = join(ROOT, `dist.${process.pid}`);
const TFJS_WASM = join(ROOT, "node_modules/@tensorflow/tfjs-backend-wasm/dist");
const FONT = join(ROOT, "node_modules/@fontsource/atkinson-hyperlegible/files");
/** Compiled build-time programs; not served, not published. */
const TOOLS = join(ROOT, "node_modules/.cache/emotion-cam");
const WATCHED = ["src", "kiosk", "static", "models"];

/** What a page downloads, in KB after brotli; first loads are what visitors wait for. */
const BUDGETS = [
  { what: "element (index.js and its chunks)", of: (f) => f.entries["index.js"], budget: 45 },
  { what: "worker, without an engine", of: (f) => f.entries["worker.js"], budget: 120 },
  { what: "tfjs WASM SIMD binary", of: () => ["wasm/tfjs-backend-wasm-simd.wasm"], budget: 140 },
  { what: "BlazeFace, float", of: () => modelFiles("blazeface", "float"), budget: 230 },
  { what: "seed, float", of: () => modelFiles("seed", "float"), budget: 2600 },
];

const options = new Set(process.argv.slice(2));
const quiet = options.has("--quiet");

/** @returns {Promise<string[]>} Names of the folders in models/ that hold a contract. */
async function shippedModels() {
  const entries = await readdir(join(ROOT, "models"), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && existsSync(join(ROOT, "models", entry.name, "contract.json")))
    .map((entry) => entry.name);
}

async function modelFiles(name, engine) {
  const path = join(STAGE, "models", name, "contract.json");
  if (!existsSync(path)) return [];
  const contract = JSON.parse(await readFile(path, "utf8"));
  return (contract[engine]?.files ?? []).map((file) => `models/${name}/${file.path}`);
}

/** @returns The commit that reports are told by; `unknown` outside a checkout. */
function commitId() {
  try {
    const command = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
    return execFileSync("git", command, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "unknown";
  }
}

/**
 * Lit's builds for servers do all that the others do, and can be imported where there is no DOM: there, an element is
 * an empty class.
 */
const LIT_FOR_SERVERS = {
  name: "lit-for-servers",
  setup({ onResolve, onLoad }) {
    const file = (path) => ({ path: join(ROOT, "node_modules", path) });
    onResolve({ filter: /^lit-html$/ }, () => file("lit-html/node/lit-html.js"));
    onResolve({ filter: /^@lit\/reactive-element$/ }, () => file("@lit/reactive-element/node/reactive-element.js"));
    onResolve({ filter: /^@lit-labs\/ssr-dom-shim$/ }, ({ path }) => ({ path, namespace: "no-dom" }));
    onLoad({ filter: /.*/, namespace: "no-dom" }, () => ({
      contents: "export const HTMLElement = class {}; export const customElements = undefined;",
    }));
  },
};

/** One build with splitting, so that the pages, the package and the worker share what they have in common. */
async function bundleBrowser() {
  const pages = existsSync(join(ROOT, "src/pages")) ? await readdir(join(ROOT, "src/pages")) : [];
  const entryPoints = {
    index: "src/index.ts",
    define: "src/define.ts",
    worker: "src/runtime/worker.ts",
    ...Object.fromEntries(
      pages.filter((file) => file.endsWith(".ts")).map((file) => [`pages/${file.slice(0, -3)}`, `src/pages/${file}`]),
    ),
  };
  const present = Object.fromEntries(Object.entries(entryPoints).filter(([, path]) => existsSync(join(ROOT, path))));
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: present,
    outdir: STAGE,
    bundle: true,
    splitting: true,
    // Shared code lies beside index.js, so that `new URL("./", import.meta.url)` is the assets' folder everywhere.
    chunkNames: "chunk-[hash]",
    format: "esm",
    target: ["es2022", "chrome113", "firefox115", "safari16.4"],
    minify: !options.has("--watch") && !options.has("--serve"),
    sourcemap: "linked",
    legalComments: "linked",
    metafile: true,
    logLevel: "warning",
    plugins: [LIT_FOR_SERVERS],
    define: { "process.env.NODE_ENV": '"production"', EMOTION_CAM_COMMIT: JSON.stringify(commitId()) },
  });
  return metafile;
}

/** The kiosk's server, one file for the Node that Debian 12 ships. */
async function bundleServer() {
  if (!existsSync(join(ROOT, "kiosk/server.ts"))) return;
  await build({
    absWorkingDir: ROOT,
    entryPoints: { server: "kiosk/server.ts" },
    outdir: join(STAGE, "kiosk"),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node18",
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    legalComments: "linked",
    logLevel: "warning",
  });
}

/** Compiles one build-time TypeScript program and imports it. */
async function importTool(path) {
  const name = path.replaceAll("/", "-").replace(/\.ts$/, ".mjs");
  const outfile = join(TOOLS, name);
  await build({
    absWorkingDir: ROOT,
    entryPoints: [path],
    outfile,
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "warning",
  });
  return import(`${pathToFileURL(outfile)}?${Date.now()}`);
}

async function copyAssets() {
  await cp(join(ROOT, "static"), STAGE, { recursive: true });
  await mkdir(join(STAGE, "wasm"), { recursive: true });
  for (const file of ["tfjs-backend-wasm.wasm", "tfjs-backend-wasm-simd.wasm"])
    await cp(join(TFJS_WASM, file), join(STAGE, "wasm", file));
  await mkdir(join(STAGE, "fonts"), { recursive: true });
  for (const subset of ["latin", "latin-ext"])
    for (const weight of ["400", "700"]) {
      const file = `atkinson-hyperlegible-${subset}-${weight}-normal.woff2`;
      await cp(join(FONT, file), join(STAGE, "fonts", file));
    }
}

/** A model that ships is what its contract lists, and nothing else of its folder. */
async function copyModel(name) {
  const from = join(ROOT, "models", name);
  const to = join(STAGE, "models", name);
  const contract = JSON.parse(await readFile(join(from, "contract.json"), "utf8"));
  const files = ["float", "int8"].flatMap((engine) => contract[engine]?.files ?? []).map((file) => file.path);
  await mkdir(to, { recursive: true });
  for (const file of ["contract.json", ...files]) await cp(join(from, file), join(to, file));
}

async function buildModels() {
  if (existsSync(join(ROOT, "models/blazeface/convert.ts"))) {
    const { buildBlazeface } = await importTool("models/blazeface/convert.ts");
    await buildBlazeface(join(STAGE, "models/blazeface"));
  }
  for (const name of await shippedModels()) if (name !== "blazeface") await copyModel(name);
}

async function buildKernels() {
  const path = join(ROOT, "src/kernels/build.mjs");
  if (!existsSync(path)) return;
  const { compileKernels } = await import(pathToFileURL(path).href);
  await compileKernels(join(STAGE, "wasm"));
}

/** @returns Each output's own path and every chunk that it imports statically. */
function closureOf(metafile, output) {
  const seen = new Set();
  const visit = (path) => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const imported of metafile.outputs[path].imports)
      if (imported.kind === "import-statement" && !imported.external) visit(imported.path);
  };
  visit(output);
  return [...seen].map((path) => path.replace(/^dist\.\d+\//, ""));
}

async function kilobytes(files) {
  let bytes = 0;
  for (const file of files) bytes += brotliCompressSync(await readFile(join(STAGE, file))).length;
  return bytes / 1000;
}

/** @returns {Promise<boolean>} Whether everything is within its budget. */
async function reportSizes(metafile) {
  const entries = Object.fromEntries(
    Object.keys(metafile.outputs)
      .filter((path) => metafile.outputs[path].entryPoint !== undefined)
      .map((path) => [path.replace(/^dist\.\d+\//, ""), closureOf(metafile, path)]),
  );
  const rows = [];
  for (const { what, of, budget } of BUDGETS) {
    const files = await of({ entries });
    if (files === undefined || files.length === 0) continue;
    rows.push({ what, kb: await kilobytes(files), budget });
  }
  console.log(`${"compressed size (brotli)".padEnd(40)} ${"KB".padStart(8)} ${"budget".padStart(8)}`);
  for (const { what, kb, budget } of rows) {
    const figures = `${kb.toFixed(1).padStart(8)} ${String(budget).padStart(8)}`;
    console.log(`${what.padEnd(40)} ${figures}${kb > budget ? "  OVER" : ""}`);
  }
  return rows.every((row) => row.kb <= row.budget);
}

async function buildAll() {
  await mkdir(STAGE, { recursive: true });
  try {
    // All are waited for, so that none still writes into the stage when another's failure takes it away.
    const parts = [bundleBrowser(), bundleServer(), copyAssets(), buildModels(), buildKernels(), describeElement()];
    const failure = (await Promise.allSettled(parts)).find((part) => part.status === "rejected");
    if (failure !== undefined) throw failure.reason;
    const withinBudget = quiet || (await reportSizes(await parts[0]));
    await rm(DIST, { recursive: true, force: true });
    await rename(STAGE, DIST);
    return withinBudget;
  } finally {
    await rm(STAGE, { recursive: true, force: true });
  }
}

/** What editors and documentation tools know of the element, read from its source. */
async function describeElement() {
  const { cli } = await import("@custom-elements-manifest/analyzer/cli.js");
  const argv = ["analyze", "--litelement", "--quiet", "--outdir", "dist", "--globs", "src/emotion-cam*.ts"];
  const manifest = await cli({ argv, cwd: ROOT, noWrite: true });
  await writeFile(join(STAGE, "custom-elements.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

function runServer() {
  const server = spawn(process.execPath, [join(DIST, "kiosk/server.mjs"), "--no-open"], { stdio: "inherit" });
  server.on("error", (error) => console.error(error.message));
}

function rebuildOnChange() {
  let timer;
  const again = () => {
    clearTimeout(timer);
    timer = setTimeout(() => buildAll().catch((error) => console.error(error.message)), 100);
  };
  for (const folder of WATCHED) watch(join(ROOT, folder), { recursive: true }, again);
  console.log(`watching ${WATCHED.join(", ")}`);
}

if (!(await buildAll())) process.exitCode = 1;
if (options.has("--watch") || options.has("--serve")) rebuildOnChange();
if (options.has("--serve")) runServer();
