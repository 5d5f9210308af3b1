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
import { licencesOf, partsOf } from "./src/package/third-party.mjs";
import { writeTypes } from "./src/package/types.mjs";

const ROOT = dirname(fileURLToPath(import.meta.url));
const DIST = join(ROOT, "dist");
/** Everything is built here first and takes dist's place whole, so that a server never shows half a build. */
const STAGE = join(ROOT, `dist.${process.pid}`);
const TFJS_WASM_PACKAGE = "@tensorflow/tfjs-backend-wasm";
const TFJS_WASM = join(ROOT, "node_modules", TFJS_WASM_PACKAGE, "dist");
const FONT_PACKAGE = "@fontsource/atkinson-hyperlegible";
const FONT = join(ROOT, "node_modules", FONT_PACKAGE, "files");
/** BlazeFace's weights are converted from its file. */
const BLAZEFACE_PACKAGE = "@mediapipe/face_detection";
/** Compiled build-time programs; not served, not published. */
const TOOLS = join(ROOT, "node_modules/.cache/emotion-cam");
const WORKER = "src/runtime/worker.ts";
const INT8 = "src/runtime/int8/engine.ts";
const FLOAT = "src/runtime/float/engine.ts";
const TFJS_SIMD = "wasm/tfjs-backend-wasm-simd.wasm";
const WATCHED = ["src", "kiosk", "static", "models"];

/** What a page downloads, in KB after brotli; first loads are what visitors wait for. */
const BUDGETS = [
  { what: "element, one file", of: () => ["emotion-cam.js"], budget: 45 },
  { what: "worker with the int8 engine", of: (f) => [...f.entry(WORKER), ...f.entry(INT8)], budget: 130 },
  { what: "tfjs WASM SIMD binary", of: () => [TFJS_SIMD], budget: 140 },
  { what: "first load, int8", of: firstLoad, budget: 1000 },
  { what: "first load, float", of: firstLoadFloat, budget: 3200 },
];

const options = new Set(process.argv.slice(2));
const quiet = options.has("--quiet");
const DEVELOPING = options.has("--watch") || options.has("--serve");

/** @returns {Promise<string[]>} Names of the folders in models/ that hold a contract. */
async function shippedModels() {
  const entries = await readdir(join(ROOT, "models"), { withFileTypes: true });
  return entries
    .filter((entry) => entry.isDirectory() && existsSync(join(ROOT, "models", entry.name, "contract.json")))
    .map((entry) => entry.name);
}

/** @returns Files in the order in which the worker asks for them. */
async function modelFiles(name, engine) {
  const contract = JSON.parse(await readFile(join(STAGE, "models", name, "contract.json"), "utf8"));
  return ["contract.json", ...contract[engine].files.map(({ path }) => path)].map((path) => `models/${name}/${path}`);
}

/** The network that a page gets that names none: the element's word counts. */
async function defaultModel() {
  const source = await readFile(join(ROOT, "src/emotion-cam.attributes.ts"), "utf8");
  const name = /^const DEFAULT_MODEL = "([\w-]+)";$/m.exec(source)?.[1];
  if (name === undefined)
    throw new Error("src/emotion-cam.attributes.ts names no DEFAULT_MODEL: what is the first load?");
  return name;
}

/** All that a page with the plain file fetches until its first answer. */
async function firstLoad({ entry }) {
  const models = [...(await modelFiles("blazeface", "int8")), ...(await modelFiles(await defaultModel(), "int8"))];
  return ["emotion-cam.js", ...entry(WORKER), ...entry(INT8), TFJS_SIMD, "wasm/kernels-relaxed.wasm", ...models];
}

async function firstLoadFloat({ entry }) {
  const models = [...(await modelFiles("blazeface", "float")), ...(await modelFiles(await defaultModel(), "float"))];
  return ["emotion-cam.js", ...entry(WORKER), ...entry(FLOAT), TFJS_SIMD, ...models];
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

/** What the pages take from the package is loaded from the package's own files, so that no class exists twice. */
const PAGES_USE_THE_PACKAGE = {
  name: "pages-use-the-package",
  setup({ onResolve }) {
    const outside = (path) => ({ path, external: true, sideEffects: path === "../define.js" });
    const from = (importer, path) => (/[\\/]src[\\/](pages|bench)[\\/]/.test(importer) ? outside(path) : undefined);
    onResolve({ filter: /^\.\.\/define\.ts$/ }, ({ importer }) => from(importer, "../define.js"));
    onResolve({ filter: /^\.\.\/(types|events)\.ts$/ }, ({ importer }) => from(importer, "../index.js"));
  },
};

function bundle(what) {
  return build({
    absWorkingDir: ROOT,
    bundle: true,
    format: "esm",
    target: ["es2022", "chrome113", "firefox115", "safari16.4"],
    minify: !DEVELOPING,
    // Who debugs the package has its sources; nobody else is to download maps of them.
    sourcemap: DEVELOPING && "linked",
    // THIRD-PARTY-LICENSES.txt holds them all.
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
    define: { "process.env.NODE_ENV": '"production"', EMOTION_CAM_COMMIT: JSON.stringify(commitId()) },
    ...what,
  }).then(({ metafile }) => metafile);
}

/** The package: one build with splitting, so that the modules and the worker share what they have in common. */
function bundlePackage() {
  return bundle({
    entryPoints: { index: "src/index.ts", define: "src/define.ts", worker: "src/runtime/worker.ts" },
    outdir: STAGE,
    splitting: true,
    // Shared code lies beside index.js, so that `new URL("./", import.meta.url)` is the assets' folder everywhere.
    chunkNames: "chunk-[hash]",
    plugins: [LIT_FOR_SERVERS],
  });
}

/** The element in one file, for pages without a bundler. */
function bundlePlainFile() {
  return bundle({ entryPoints: { "emotion-cam": "src/define.ts" }, outdir: STAGE, plugins: [LIT_FOR_SERVERS] });
}

/** The pages' chunks lie beside them: what lies beside index.js is the package's. */
async function bundlePages() {
  const pages = (await readdir(join(ROOT, "src/pages"))).filter((file) => file.endsWith(".ts"));
  return bundle({
    entryPoints: Object.fromEntries(pages.map((file) => [file.slice(0, -3), `src/pages/${file}`])),
    outdir: join(STAGE, "pages"),
    splitting: true,
    chunkNames: "chunk-[hash]",
    plugins: [PAGES_USE_THE_PACKAGE],
  });
}

/** The kiosk's server, one file for the Node that Debian 12 ships. */
async function bundleServer() {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints: { server: "kiosk/main.ts" },
    outdir: join(STAGE, "kiosk"),
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node18",
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
    legalComments: "none",
    metafile: true,
    logLevel: "warning",
  });
  return metafile;
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
  for (const file of new Set(files)) bytes += brotliCompressSync(await readFile(join(STAGE, file))).length;
  return bytes / 1000;
}

/** @returns {Promise<boolean>} Whether everything is within its budget. */
async function reportSizes(metafile) {
  const entry = (source) => {
    const found = Object.keys(metafile.outputs).find((path) => metafile.outputs[path].entryPoint === source);
    if (found === undefined) throw new Error(`${source} is no file of its own in the build.`);
    return closureOf(metafile, found);
  };
  const rows = [];
  for (const { what, of, budget } of BUDGETS) rows.push({ what, kb: await kilobytes(await of({ entry })), budget });
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
    const bundles = {
      package: bundlePackage(),
      plain: bundlePlainFile(),
      pages: bundlePages(),
      server: bundleServer(),
    };
    // All are waited for, so that none still writes into the stage when another's failure takes it away.
    const parts = [...Object.values(bundles), copyAssets(), buildModels(), buildKernels(), describeElement()];
    const failure = (await Promise.allSettled(parts)).find((part) => part.status === "rejected");
    if (failure !== undefined) throw failure.reason;
    const metafiles = Object.fromEntries(
      await Promise.all(Object.entries(bundles).map(async ([name, metafile]) => [name, await metafile])),
    );
    await nameThirdParties(metafiles);
    const withinBudget = quiet || (await reportSizes(metafiles.package));
    await rm(DIST, { recursive: true, force: true });
    await rename(STAGE, DIST);
    return withinBudget;
  } finally {
    await rm(STAGE, { recursive: true, force: true });
  }
}

/** Licences go with what they are about; the lists are kept for `npm run release`. */
async function nameThirdParties(metafiles) {
  const inPackage = await partsOf([metafiles.package, metafiles.plain], [TFJS_WASM_PACKAGE, BLAZEFACE_PACKAGE]);
  const inPages = await partsOf([metafiles.pages, metafiles.server], [FONT_PACKAGE]);
  await writeFile(join(STAGE, "THIRD-PARTY-LICENSES.txt"), licencesOf(inPackage));
  await writeFile(join(STAGE, "pages/THIRD-PARTY-LICENSES.txt"), licencesOf(inPages));
  const lists = Object.fromEntries(
    Object.entries({ inPackage, inPages }).map(([where, parts]) => [where, parts.map(({ text, ...part }) => part)]),
  );
  await mkdir(TOOLS, { recursive: true });
  await writeFile(join(TOOLS, "parts.json"), JSON.stringify(lists, null, 2));
}

/** What editors, documentation tools and compilers know of the element, read from its source. */
async function describeElement() {
  const { cli } = await import("@custom-elements-manifest/analyzer/cli.js");
  const argv = ["analyze", "--litelement", "--quiet", "--outdir", "dist", "--globs", "src/emotion-cam*.ts"];
  const manifest = await cli({ argv, cwd: ROOT, noWrite: true });
  await writeTypes(join(STAGE, "types"), manifest);
  spellTypes(manifest, await readFile(join(ROOT, "src/emotion-cam.ts"), "utf8"));
  await writeFile(join(STAGE, "custom-elements.json"), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** The analyzer gives an attribute the name of its accessor's type; the comment has the values, which readers want. */
function spellTypes({ modules }, source) {
  const types = new Map([...source.matchAll(/@attr \{([^}]+)\} ([a-z-]+)/g)].map(([, text, name]) => [name, text]));
  const element = modules.flatMap(({ declarations }) => declarations).find(({ tagName }) => tagName !== undefined);
  for (const attribute of element.attributes) attribute.type = { text: types.get(attribute.name) ?? "string" };
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
