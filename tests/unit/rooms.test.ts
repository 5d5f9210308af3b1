import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const SRC = fileURLToPath(new URL("../../src", import.meta.url));

/**
 * Who may import whom: the first row whose `files` match a file rules it. `rooms` are paths within src; `packages` are
 * npm packages. See CONTRIBUTING.md.
 */
const RULES: readonly { files: RegExp; rooms: RegExp; packages: RegExp }[] = [
  { files: /^types\.ts$/, rooms: /^$/, packages: /^$/ },
  { files: /^errors\.ts$/, rooms: /^$/, packages: /^$/ },
  { files: /^events\.ts$/, rooms: /^(types|errors)\.ts$/, packages: /^$/ },
  { files: /^recovery\.ts$/, rooms: /^errors\.ts$/, packages: /^$/ },
  { files: /^pipeline\//, rooms: /^(pipeline\/.*|types\.ts)$/, packages: /^$/ },
  { files: /^runtime\/protocol\.ts$/, rooms: /^(types|errors)\.ts$/, packages: /^$/ },
  { files: /^runtime\/client\.ts$/, rooms: /^(runtime\/protocol|recovery|types|errors)\.ts$/, packages: /^$/ },
  {
    // The int8 engine's bundle carries neither the converter nor the layers library.
    files: /^runtime\/int8\//,
    rooms: /^(runtime\/(?!client|worker|float).*|pipeline\/.*|(types|errors)\.ts)$/,
    packages: /^@tensorflow\/tfjs-(core|backend-wasm)$/,
  },
  {
    files: /^runtime\//,
    rooms: /^(runtime\/(?!client).*|pipeline\/.*|(types|errors)\.ts)$/,
    packages: /^(@tensorflow\/tfjs-(core|converter|layers|backend-wasm)|@tensorflow-models\/blazeface)(\/.*)?$/,
  },
  { files: /^camera\//, rooms: /^(camera\/.*|(types|errors)\.ts)$/, packages: /^$/ },
  { files: /^view\//, rooms: /^(view\/.*|(types|errors)\.ts)$/, packages: /^lit(\/.*)?$/ },
  { files: /^people\.ts$/, rooms: /^(types|events)\.ts$/, packages: /^$/ },
  { files: /^emotion-log\.ts$/, rooms: /^(types|events)\.ts$/, packages: /^$/ },
  { files: /^emotion-cam\.attributes\.ts$/, rooms: /^types\.ts$/, packages: /^lit$/ },
  { files: /^emotion-cam\.styles\.ts$/, rooms: /^view\/.*$/, packages: /^lit$/ },
  { files: /^status\.ts$/, rooms: /^errors\.ts$/, packages: /^$/ },
  { files: /^engine-life\.ts$/, rooms: /^(runtime\/client|errors|types)\.ts$/, packages: /^$/ },
  {
    files: /^session\.ts$/,
    rooms: /^(camera\/.*|(runtime\/client|recovery|errors|types)\.ts)$/,
    packages: /^$/,
  },
  {
    files: /^recognition\.ts$/,
    rooms: /^(session|engine-life|status|camera\/source|runtime\/client|errors|types)\.ts$/,
    packages: /^$/,
  },
  { files: /^focus-keeper\.ts$/, rooms: /^$/, packages: /^lit$/ },
  { files: /^language-keeper\.ts$/, rooms: /^view\/words\.ts$/, packages: /^lit$/ },
  {
    files: /^emotion-cam\.ts$/,
    rooms:
      /^(camera\/.*|view\/.*|(recognition|focus-keeper|language-keeper|events|types|people|emotion-cam\.(attributes|styles))\.ts)$/,
    packages: /^lit(\/.*)?$/,
  },
  { files: /^define\.ts$/, rooms: /^(emotion-cam|index)\.ts$/, packages: /^$/ },
  { files: /^index\.ts$/, rooms: /^.*$/, packages: /^$/ },
  { files: /^bench\//, rooms: /^(bench\/.*|(types|events)\.ts)$/, packages: /^uplot$/ },
  // The laboratory is the commands' page: it asks the runtime straight, without an element.
  { files: /^pages\/lab\.ts$/, rooms: /^runtime\/lab\.ts$/, packages: /^$/ },
  { files: /^pages\//, rooms: /^(define\.ts|bench\/.*|pages\/.*|(types|events|errors)\.ts)$/, packages: /^$/ },
];

const IMPORT =
  /(?:^|\n)\s*(?:import|export)\b[^;"']*?\bfrom\s*["']([^"']+)["']|(?:^|\n)\s*import\s*["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']/g;

function importsOf(file: string): readonly string[] {
  const text = readFileSync(join(SRC, file), "utf8");
  return [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? match[3] ?? "");
}

const files = readdirSync(SRC, { recursive: true, encoding: "utf8" })
  .map((path) => path.replaceAll("\\", "/"))
  // AssemblyScript, and the types of frameworks that only the package's tests install.
  .filter((path) => path.endsWith(".ts") && !/^(kernels|package)\//.test(path));

describe("rooms", () => {
  test.each(files)("%s imports what its room may", (file) => {
    const rule = RULES.find(({ files: pattern }) => pattern.test(file));
    expect(rule, `no rule for src/${file}`).toBeDefined();
    for (const specifier of importsOf(file)) {
      if (specifier.startsWith(".")) {
        const target = relative(SRC, normalize(join(SRC, dirname(file), specifier))).replaceAll("\\", "/");
        expect(target, `src/${file} imports ${specifier}`).toMatch(rule!.rooms);
      } else expect(specifier, `src/${file} imports ${specifier}`).toMatch(rule!.packages);
    }
  });

  test("the scan sees imports", () => {
    expect(importsOf("events.ts")).toEqual(["./errors.ts", "./types.ts"]);
  });
});
