import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { LABELS } from "../../src/types.ts";
import { endVisits } from "../pages/visit.ts";
import { HERE, INSTALLED, PEERS, ROOT, installPackage } from "./packed.ts";
import { type Served, type Site, serve } from "./site.ts";
import { type Visit, open } from "./visits.ts";

const APPS = join(HERE, "apps");
/** Files that apps serve beside their bundle: the package's files, and a picture with a face in it. */
const BESIDE: Served = {
  "/emotion-cam/": { file: join(INSTALLED, "dist") },
  "/astronaut.jpg": { file: join(ROOT, "tests/fixtures/astronaut.jpg") },
};

const PAGE = '<!doctype html><div id="app"></div><script type="module" src="app.js"></script>';

let folder: string;
let site: Site | undefined;
let here: Visit | undefined;

beforeAll(() => {
  installPackage();
  folder = mkdtempSync(join(tmpdir(), "emotion-cam-apps-"));
});

afterEach(async () => {
  await here?.close();
  await site?.close();
  here = site = undefined;
});

afterAll(async () => {
  await endVisits();
  rmSync(folder, { recursive: true, force: true });
});

/** A module without types here: it is installed when the tests run. */
const bundler = (name: string) => import(name);

async function byEsbuild(outDir: string): Promise<void> {
  await build({
    entryPoints: { app: join(APPS, "react/main.tsx") },
    outdir: outDir,
    bundle: true,
    format: "esm",
    minify: true,
    jsx: "automatic",
    define: { "process.env.NODE_ENV": '"production"' },
    logLevel: "warning",
  });
  writeFileSync(join(outDir, "index.html"), PAGE);
}

async function byVite(outDir: string): Promise<void> {
  const { build: viteBuild } = await bundler(join(ROOT, "node_modules/vite/dist/node/index.js"));
  const { default: vue } = await bundler(join(HERE, "node_modules/@vitejs/plugin-vue/dist/index.mjs"));
  const isCustomElement = (tag: string) => tag === "emotion-cam";
  await viteBuild({
    root: join(APPS, "vue"),
    configFile: false,
    logLevel: "warn",
    plugins: [vue({ template: { compilerOptions: { isCustomElement } } })],
    build: { outDir, emptyOutDir: true },
  });
}

async function byWebpack(outDir: string): Promise<void> {
  const { default: webpack } = await bundler(join(HERE, "node_modules/webpack/lib/index.js"));
  const said: string = await new Promise((resolve, reject) =>
    webpack(
      {
        mode: "production",
        context: HERE,
        entry: join(APPS, "svelte/main.js"),
        output: { path: outDir, filename: "app.js" },
        module: { rules: [{ test: /\.svelte$/, use: "svelte-loader" }] },
        resolve: { conditionNames: ["svelte", "browser", "import", "module", "default"] },
        performance: false,
      },
      (error: Error | null, stats: { hasErrors(): boolean; hasWarnings(): boolean; toString(): string }) => {
        if (error !== null) reject(error);
        else resolve(stats.hasErrors() || stats.hasWarnings() ? stats.toString() : "");
      },
    ),
  );
  if (said !== "") throw new Error(said);
  writeFileSync(join(outDir, "index.html"), PAGE);
}

describe.runIf(PEERS)("a tiny app with the packed package", () => {
  test.each([
    ["esbuild and React", byEsbuild],
    ["Vite and Vue", byVite],
    ["webpack and Svelte", byWebpack],
  ])("built by %s reads a face", async (name, bundle) => {
    const outDir = join(folder, name.replaceAll(" ", "-"));
    await bundle(outDir);
    site = await serve({ ...BESIDE, "/": { file: outDir } });
    here = await open(`${site.origin}/`);
    await here.page.waitForFunction(() => !/none yet|^$/.test(document.querySelector("output")?.textContent ?? ""));
    expect(LABELS).toContain(await here.page.textContent("output"));
    expect(here.complaints).toEqual([]);
  });
});
