/** The bundles that esbuild makes of the sources: the package, the pages and the kiosk's server. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { commitId } from "./commit.mjs";
import { CACHE } from "./third-party.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

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
    define: { "process.env.NODE_ENV": '"production"', EMOTION_CAM_COMMIT: JSON.stringify(commitId()) },
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
    plugins: [LIT_FOR_SERVERS],
  });
}

/**
 * Build the element in one file, for pages without a bundler.
 *
 * @param {Stage} stage
 */
export function bundlePlainFile(stage) {
  return bundleForBrowsers(stage, { entryPoints: { "emotion-cam": "src/define.ts" }, plugins: [LIT_FOR_SERVERS] });
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
 * Build the kiosk's server: one file for the Node that Debian 12 ships.
 *
 * @param {Stage} stage
 */
export function bundleServer({ folder }) {
  return bundle({
    entryPoints: { server: "kiosk/main.ts" },
    outdir: join(folder, "kiosk"),
    outExtension: { ".js": ".mjs" },
    platform: "node",
    target: "node18",
    banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
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
