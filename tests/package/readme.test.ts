/**
 * README.md's snippets that need a bundler, a framework's compiler or a shell. `tests/pages/readme.test.ts` runs those that
 * need a browser only.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Plugin, build } from "esbuild";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { ALLOW_CAMERA, FAKE_CAMERA, endVisits } from "../pages/visit.ts";
import { HERE, INSTALLED, PEERS, ROOT, installPackage } from "./packed.ts";
import { type Served, type Site, serve } from "./site.ts";
import { type Visit, open } from "./visits.ts";

const SNIPPETS = [...readFileSync(join(ROOT, "README.md"), "utf8").matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map(
  ([, language = "", text = ""]) => ({ language, text, name: text.trim().split("\n", 1)[0]! }),
);
const of = (...languages: string[]) => SNIPPETS.filter(({ language }) => languages.includes(language));

/** Files of the site around the snippets. */
const SITE: Served = { "/emotion-cam/": { file: join(INSTALLED, "dist") } };
const TAG = '<emotion-cam asset-base="/emotion-cam/"></emotion-cam>';
const OF_A_FRAMEWORK = ["jsx", "vue", "svelte"];

let site: Site | undefined;
let here: Visit | undefined;

beforeAll(() => void installPackage());

afterEach(async () => {
  await here?.close();
  await site?.close();
  here = site = undefined;
});

afterAll(endVisits);

/** Open a page, press start where nothing starts by itself, and wait for an answer. */
async function runs(html: string, served: Served = {}): Promise<void> {
  site = await serve({ ...served, ...SITE, "/": { text: `<!doctype html><meta charset="utf-8" />${html}` } });
  here = await open(`${site.origin}/`, [FAKE_CAMERA, ALLOW_CAMERA]);
  await here.page.locator("emotion-cam").first().waitFor({ state: "attached" });
  await here.page.evaluate(async () => {
    await customElements.whenDefined("emotion-cam");
    for (const element of document.querySelectorAll("emotion-cam")) await element.start();
  });
  expect(await here.page.locator("emotion-cam").first().getAttribute("state")).toBe("running");
  expect(here.complaints).toEqual([]);
}

test.each(of("ts"))("a program: $name", async ({ text }) => {
  const program = await bundled(text, "ts");
  const body = /querySelector\("emotion-cam"\)/.test(text) ? TAG : "";
  await runs(`<body>${body}<script type="module" src="app.js"></script>`, { "/app.js": { text: program } });
});

/** The code by which each framework puts a component into `#app`. */
const MOUNTS: Readonly<Record<string, string>> = {
  jsx: `import { createElement } from "react"; import { createRoot } from "react-dom/client"; import { Camera } from "snippet";
    createRoot(document.getElementById("app")).render(createElement(Camera, { onLabel() {} }));`,
  vue: `import { createApp } from "vue"; import Camera from "snippet"; createApp(Camera).mount("#app");`,
  svelte: `import { mount } from "svelte"; import Camera from "snippet"; mount(Camera, { target: document.getElementById("app") });`,
};

test.runIf(PEERS).each(of(...OF_A_FRAMEWORK))("a component: $name", async ({ language, text }) => {
  const program = await bundled(MOUNTS[language]!, "js", await compiled(language, text));
  await runs(`<div id="app"></div><script type="module" src="app.js"></script>`, { "/app.js": { text: program } });
});

/** A component as its framework's compiler makes it; JSX is left to esbuild. */
async function compiled(language: string, text: string): Promise<string> {
  const [VUE, SVELTE] = ["vue/compiler-sfc", "svelte/compiler"];
  if (language === "vue") {
    const { compileScript, parse } = await import(VUE!);
    const isCustomElement = (tag: string) => tag === "emotion-cam";
    const templateOptions = { compilerOptions: { isCustomElement } };
    return compileScript(parse(text).descriptor, { id: "snippet", inlineTemplate: true, templateOptions }).content;
  }
  if (language !== "svelte") return text;
  const { compile } = await import(SVELTE!);
  return compile(text, { generate: "client" }).js.code;
}

/** One file of a program, and of the snippet where it imports one. */
async function bundled(program: string, loader: "js" | "ts", snippet = ""): Promise<string> {
  const inline: Plugin = {
    name: "snippet",
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^snippet$/ }, ({ path }) => ({ path, namespace: "snippet" }));
      onLoad({ filter: /.*/, namespace: "snippet" }, () => ({ contents: snippet, loader: "jsx", resolveDir: HERE }));
    },
  };
  const { outputFiles } = await build({
    stdin: { contents: program, loader, resolveDir: HERE },
    bundle: true,
    write: false,
    format: "esm",
    jsx: "automatic",
    conditions: ["browser", "production"],
    define: { "process.env.NODE_ENV": '"production"', __VUE_OPTIONS_API__: "true", __VUE_PROD_DEVTOOLS__: "false" },
    plugins: [inline],
    logLevel: "error",
  });
  return outputFiles[0]!.text;
}

test("commands: every npm script is there", () => {
  const { scripts } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  const asked = of("sh").flatMap(({ text }) =>
    [...text.matchAll(/npm (?:run ([\w:-]+)|(start|test))/g)].map((match) => match[1] ?? match[2]!),
  );
  expect(asked.length).toBeGreaterThan(0);
  for (const name of asked) expect(Object.keys(scripts)).toContain(name);
});

test("commands: what copies the package's files does", () => {
  const line = of("sh").flatMap(({ text }) => text.split("\n").filter((command) => command.startsWith("node -e")));
  expect(line).toHaveLength(1);
  const folder = mkdtempSync(join(tmpdir(), "emotion-cam-copy-"));
  try {
    mkdirSync(join(folder, "node_modules"));
    symlinkSync(INSTALLED, join(folder, "node_modules/emotion-cam"));
    execFileSync("sh", ["-c", line[0]!], { cwd: folder });
    for (const file of ["worker.js", "wasm/tfjs-backend-wasm-simd.wasm", "models/blazeface/contract.json"])
      expect(existsSync(join(folder, "public/emotion-cam", file)), file).toBe(true);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("no snippet is left out", () => {
  // The policy is what pages.test.ts serves.
  const known = ["ts", "sh", "http", ...OF_A_FRAMEWORK];
  const elsewhere = ["html", "css", "js"];
  expect(SNIPPETS.filter(({ language }) => ![...known, ...elsewhere].includes(language))).toEqual([]);
  expect(SNIPPETS.length).toBeGreaterThan(5);
});
