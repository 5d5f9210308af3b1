import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { HERE, INSTALLED, PEERS, ROOT, installPackage } from "./packed.ts";

/** Installed when the tests run: by variables they are imported without their types. */
const PUBLINT = "publint";
const PUBLINT_UTILS = "publint/utils";

let files: readonly string[];

beforeAll(() => {
  files = installPackage();
});

interface Exported {
  readonly types?: string;
  readonly default: string;
}

const manifest: { exports: Record<string, string | Exported>; version: string } = JSON.parse(
  readFileSync(join(ROOT, "package.json"), "utf8"),
);

/** Shipped models by name, with the files that their contracts name. */
function modelFiles(): readonly string[] {
  const folder = join(ROOT, "dist/models");
  return readdirSync(folder).flatMap((name) => {
    const contract = JSON.parse(readFileSync(join(folder, name, "contract.json"), "utf8"));
    const named = ["float", "int8"].flatMap((engine) => contract[engine]?.files ?? []);
    return ["contract.json", ...named.map(({ path }: { path: string }) => path)].map(
      (path) => `models/${name}/${path}`,
    );
  });
}

/** @returns The modules that a module imports, also dynamically. Each lies beside it. */
function importedBy(file: string): readonly string[] {
  const text = readFileSync(join(INSTALLED, "dist", file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?"\.\/([\w-]+\.js)"/g)].map((match) => match[1]!);
}

describe("what npm pack packs", () => {
  test("is what is needed, and nothing else", () => {
    const modules = new Set(["index.js", "define.js", "worker.js", "emotion-cam.js"]);
    for (const file of modules) for (const imported of importedBy(file)) modules.add(imported);
    const languages = readdirSync(join(ROOT, "static/lang")).map((file) => `lang/${file}`);
    const binaries = [
      "tfjs-backend-wasm-simd",
      "tfjs-backend-wasm",
      "tfjs-memory",
      "kernels-relaxed",
      "kernels-simd128",
    ];
    const types = files.filter((file) => file.startsWith("dist/types/"));
    const wanted = [
      ...["LICENSE", "NOTICE", "README.md", "package.json"],
      ...[...modules, ...languages, ...modelFiles(), "custom-elements.json", "THIRD-PARTY-LICENSES.txt"].map(
        (file) => `dist/${file}`,
      ),
      ...binaries.map((name) => `dist/wasm/${name}.wasm`),
      ...types,
    ];
    expect(files).toEqual(wanted.sort());
    expect(types).toContain("dist/types/index.d.ts");
  });

  test("types are reached from the entries' types, all of them", () => {
    const reached = new Set(["index", "define", "react", "vue", "svelte"].map((name) => `dist/types/${name}.d.ts`));
    for (const file of reached) {
      const text = readFileSync(join(INSTALLED, file), "utf8");
      for (const [, path] of text.matchAll(/from "(\.[^"]+)\.js"/g)) reached.add(join(file, "..", `${path}.d.ts`));
    }
    expect([...reached].sort()).toEqual(files.filter((file) => file.startsWith("dist/types/")));
  });

  test("whatever package.json names is there", () => {
    const targets = Object.values(manifest.exports).flatMap((target) =>
      typeof target === "string" ? [target] : [target.default, target.types ?? target.default],
    );
    for (const target of targets) expect(existsSync(join(INSTALLED, target.replace("*", ""))), target).toBe(true);
  });

  test.runIf(PEERS)("publint finds nothing", async () => {
    const { publint } = await import(PUBLINT);
    const { formatMessage } = await import(PUBLINT_UTILS);
    const { messages, pkg } = await publint({ pkgDir: INSTALLED, pack: false });
    expect(messages.map((message: unknown) => formatMessage(message, pkg, { color: false }))).toEqual([]);
  });

  test("the plain file imports nothing", () => {
    expect(importedBy("emotion-cam.js")).toEqual([]);
    expect(statSync(join(INSTALLED, "dist/emotion-cam.js")).size).toBeGreaterThan(10_000);
  });
});

test("the element's description comes with it", () => {
  const { modules } = JSON.parse(readFileSync(join(INSTALLED, "dist/custom-elements.json"), "utf8"));
  const tags = modules.flatMap(({ declarations }: { declarations: { tagName?: string }[] }) =>
    declarations.flatMap(({ tagName }) => tagName ?? []),
  );
  expect(tags).toEqual(["emotion-cam"]);
});

describe("on a server", () => {
  const inNode = (script: string) =>
    execFileSync(process.execPath, ["--input-type=module", "--eval", script], { cwd: HERE, encoding: "utf8" }).trim();

  test.each([".", "./define", "./react", "./vue", "./svelte", "./emotion-cam.js"])(
    "%s can be imported, and the element constructed",
    (entry) => {
      const said = inNode(`const { EmotionCam, LABELS } = await import("emotion-cam${entry.slice(1)}");
        const element = new EmotionCam();
        console.log(element instanceof EmotionCam, LABELS.length, typeof globalThis.customElements);`);
      expect(said).toBe("true 7 undefined");
    },
  );

  test.runIf(PEERS)("React renders the tag", () => {
    const said = inNode(`import "emotion-cam/react";
      import { createElement } from "react";
      import { renderToString } from "react-dom/server";
      console.log(renderToString(createElement("emotion-cam", { "max-faces": 2, overlay: "boxes", autostart: true })));`);
    expect(said).toBe('<emotion-cam max-faces="2" overlay="boxes" autostart=""></emotion-cam>');
  });

  test.runIf(PEERS)("Vue renders the tag", () => {
    const said = inNode(`import "emotion-cam/vue";
      import { createSSRApp, h } from "vue";
      import { renderToString } from "vue/server-renderer";
      console.log(await renderToString(createSSRApp(() => h("emotion-cam", { "max-faces": 2, overlay: "boxes" }))));`);
    expect(said).toBe('<emotion-cam max-faces="2" overlay="boxes"></emotion-cam>');
  });
});
