/** The bundles that esbuild makes of the sources: the package, the pages and the kiosk's server. */
import { readFile, readdir } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { commitId } from "./commit.mjs";
import { CACHE } from "./third-party.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** @type {{ version: string }} */
const { version: VERSION } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

/**
 * @typedef {object} Stage
 * @property {string} folder Where the files are written.
 * @property {boolean} developing True for readable files with source maps.
 *
 * @typedef {Promise<import("esbuild").Metafile>} Bundle
 */

/**
 * Lit's builds for servers do all that the others do, and can be imported where there is no DOM: there, an element is
 * an empty class.
 *
 * @type {import("esbuild").Plugin}
 */
const LIT_FOR_SERVERS = {
  name: "lit-for-servers",
  setup({ onResolve, onLoad }) {
    /** @param {string} path */
    const file = (path) => ({ path: join(ROOT, "node_modules", path) });
    onResolve({ filter: /^lit-html$/ }, () => file("lit-html/node/lit-html.js"));
    onResolve({ filter: /^@lit\/reactive-element$/ }, () => file("@lit/reactive-element/node/reactive-element.js"));
    onResolve({ filter: /^@lit-labs\/ssr-dom-shim$/ }, ({ path }) => ({ path, namespace: "no-dom" }));
    onLoad({ filter: /.*/, namespace: "no-dom" }, () => ({
      contents: "export const HTMLElement = class {}; export const customElements = undefined;",
    }));
  },
};

/**
 * Drop comments and white space from the views' style sheets: esbuild leaves the text of templates as it is.
 *
 * @type {import("esbuild").Plugin}
 */
const SHORT_STYLES = {
  name: "short-styles",
  setup({ onLoad }) {
    onLoad({ filter: /\.styles\.ts$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      return { loader: "ts", contents: source.replaceAll(/css`[^`]*`/g, shortened) };
    });
  },
};

/**
 * @param {string} sheet Without strings that hold braces, semicolons or commas.
 * @returns {string}
 */
function shortened(sheet) {
  return sheet
    .replaceAll(/\/\*[^]*?\*\//g, "")
    .replaceAll(/\s+/g, " ")
    .replaceAll(/ ?([{};,]) ?/g, "$1")
    .replaceAll(";}", "}");
}

/**
 * Pages load the package's own files, so that no class exists twice.
 *
 * @type {import("esbuild").Plugin}
 */
const PAGES_USE_THE_PACKAGE = {
  name: "pages-use-the-package",
  setup({ onResolve }) {
    /** @param {string} importer @param {string} path */
    const outside = (importer, path) =>
      /[\\/]src[\\/](pages|bench)[\\/]/.test(importer)
        ? { path, external: true, sideEffects: path === "../define.js" }
        : undefined;
    onResolve({ filter: /^\.\.\/define\.ts$/ }, ({ importer }) => outside(importer, "../define.js"));
    onResolve({ filter: /^\.\.\/(types|events)\.ts$/ }, ({ importer }) => outside(importer, "../index.js"));
  },
};

/** Modules that need only parts of tfjs-core: the runtime without the float engine, and the WASM backend without its kernels. */
const NEEDS_PARTS =
  /[\\/]src[\\/]runtime[\\/](?!float[\\/])|[\\/]tfjs-backend-wasm[\\/]dist[\\/](base|backend_wasm|flags_wasm)\.js$/;

/**
 * Leave out of the worker what the int8 engine never calls: tfjs's operations and their kernels, which the float engine's
 * chunk has, and the glue of the threaded binary, which is not shipped.
 *
 * @type {import("esbuild").Plugin}
 */
const PARTS_OF_TFJS = {
  name: "parts-of-tfjs",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@tensorflow\/tfjs-core$/ }, ({ importer }) =>
      NEEDS_PARTS.test(importer) ? { path: join(ROOT, "src/package/tfjs-core-parts.mjs") } : undefined,
    );
    onResolve({ filter: /^@tensorflow\/tfjs-backend-wasm$/ }, () => ({
      path: join(ROOT, "node_modules/@tensorflow/tfjs-backend-wasm/dist/base.js"),
    }));
    onResolve({ filter: /tfjs-backend-wasm-threaded-simd/ }, ({ path }) => ({ path, namespace: "no-threads" }));
    onLoad({ filter: /.*/, namespace: "no-threads" }, () => ({
      contents: "export default undefined; export const wasmWorkerContents = '';",
    }));
  },
};

const PLUGINS = [LIT_FOR_SERVERS, SHORT_STYLES, PARTS_OF_TFJS];

/**
 * @param {import("esbuild").BuildOptions} options
 * @returns {Bundle}
 */
async function bundle(options) {
  const fixed = /** @type {const} */ ({ absWorkingDir: ROOT, bundle: true, format: "esm", logLevel: "warning" });
  // THIRD-PARTY-LICENSES.txt holds all legal comments.
  const { metafile } = await build({ ...fixed, legalComments: "none", ...options, metafile: true });
  return metafile;
}

/**
 * @param {Stage} stage
 * @param {import("esbuild").BuildOptions} options
 */
function bundleForBrowsers({ folder, developing }, options) {
  return bundle({
    outdir: folder,
    target: ["es2022", "chrome113", "firefox115", "safari16.4"],
    minify: !developing,
    // Maps are for those who have the sources; nobody else is to download them.
    sourcemap: developing && "linked",
    define: {
      "process.env.NODE_ENV": '"production"',
      EMOTION_CAM_COMMIT: JSON.stringify(commitId()),
      EMOTION_CAM_VERSION: JSON.stringify(VERSION),
    },
    ...options,
  });
}

/**
 * Build the package with splitting, so that the modules and the worker share what they have in common.
 *
 * @param {Stage} stage
 */
export function bundlePackage(stage) {
  return bundleForBrowsers(stage, {
    entryPoints: { index: "src/index.ts", define: "src/define.ts", worker: "src/runtime/worker.ts" },
    splitting: true,
    // Shared code lies beside index.js, so that `new URL("./", import.meta.url)` is the assets' folder everywhere.
    chunkNames: "chunk-[hash]",
    plugins: PLUGINS,
  });
}

/**
 * Build the element in one file, for pages without a bundler.
 *
 * @param {Stage} stage
 */
export function bundlePlainFile(stage) {
  return bundleForBrowsers(stage, { entryPoints: { "emotion-cam": "src/define.ts" }, plugins: PLUGINS });
}

/**
 * Build the pages. Their chunks lie beside them, because the package owns what lies beside index.js.
 *
 * @param {Stage} stage
 */
export async function bundlePages(stage) {
  const pages = (await readdir(join(ROOT, "src/pages"))).filter((file) => file.endsWith(".ts"));
  return bundleForBrowsers(stage, {
    entryPoints: Object.fromEntries(pages.map((file) => [file.slice(0, -3), `src/pages/${file}`])),
    outdir: join(stage.folder, "pages"),
    splitting: true,
    chunkNames: "chunk-[hash]",
    plugins: [PAGES_USE_THE_PACKAGE],
  });
}

/**
 * Let a bundle be an ES module although packages in it are not: they call `require` and ask where they lie.
 */
const COMMONJS_INSIDE =
  'import { createRequire } from "node:module"; const require = createRequire(import.meta.url); ' +
  'import { fileURLToPath as pathOf } from "node:url"; const __dirname = pathOf(new URL(".", import.meta.url));';

/**
 * Build the kiosk's programs, and the one of its fleet's central machine: each is one file for the Node that Debian 12
 * ships.
 *
 * @param {Stage} stage
 */
export function bundleServer({ folder }) {
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  return bundle({
    entryPoints: {
      server: "kiosk/main.ts",
      statistics: "kiosk/statistics.ts",
      "fleet/reporter": "kiosk/fleet/reporter.ts",
      "fleet/ingest": "kiosk/fleet/ingest.ts",
    },
    define: { EMOTION_KIOSK_VERSION: JSON.stringify(version) },
    outdir: join(folder, "kiosk"),
    outExtension: { ".js": ".mjs" },
    platform: "node",
    target: "node18",
    // PostgreSQL's client takes a faster one where it is installed.
    external: ["pg-native"],
    banner: { js: COMMONJS_INSIDE },
  });
}

/**
 * Compile a build-time TypeScript program and import it.
 *
 * @param {string} path Within the repository.
 */
export async function importTool(path) {
  const outfile = join(CACHE, path.replaceAll("/", "-").replace(/\.ts$/, ".mjs"));
  await bundle({ entryPoints: [path], outfile, packages: "external", platform: "node", target: "node20" });
  return import(`${pathToFileURL(outfile)}?${Date.now()}`);
}
