import { readFileSync, readdirSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const SRC = fileURLToPath(new URL("../../src", import.meta.url));

/**
 * Imports that each file may have: the first row whose `files` match it applies. `rooms` are paths within src, `packages` are
 * npm packages. See CONTRIBUTING.md.
 */
const RULES: readonly { files: RegExp; rooms: RegExp; packages: RegExp }[] = [
  { files: /^types\.ts$/, rooms: /^$/, packages: /^$/ },
  { files: /^version\.ts$/, rooms: /^$/, packages: /^$/ },
  { files: /^errors\.ts$/, rooms: /^$/, packages: /^$/ },
  { files: /^page-time\.ts$/, rooms: /^$/, packages: /^$/ },
  { files: /^events\.ts$/, rooms: /^(types|errors)\.ts$/, packages: /^$/ },
  { files: /^recovery\.ts$/, rooms: /^errors\.ts$/, packages: /^$/ },
  { files: /^pipeline\//, rooms: /^(pipeline\/.*|types\.ts)$/, packages: /^$/ },
  { files: /^runtime\/protocol\.ts$/, rooms: /^(types|errors)\.ts$/, packages: /^$/ },
  {
    files: /^runtime\/client\.ts$/,
    rooms: /^(runtime\/protocol|recovery|page-time|types|errors)\.ts$/,
    packages: /^$/,
  },
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
  { files: /^view\//, rooms: /^(view\/.*|(page-time|types|errors)\.ts)$/, packages: /^lit(\/.*)?$/ },
  { files: /^people\.ts$/, rooms: /^(types|events)\.ts$/, packages: /^$/ },
  { files: /^emotion-log\.ts$/, rooms: /^(types|events)\.ts$/, packages: /^$/ },
  { files: /^emotion-cam\.attributes\.ts$/, rooms: /^types\.ts$/, packages: /^lit$/ },
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
  { files: /^registration\.ts$/, rooms: /^version\.ts$/, packages: /^$/ },
  { files: /^presenter\.ts$/, rooms: /^(view\/.*|(events|people|page-time|types)\.ts)$/, packages: /^$/ },
  { files: /^(focus|page|rendering|state)-keeper\.ts$/, rooms: /^types\.ts$/, packages: /^lit$/ },
  { files: /^language-keeper\.ts$/, rooms: /^view\/words\.ts$/, packages: /^lit$/ },
  {
    files: /^emotion-cam\.ts$/,
    rooms:
      /^(camera\/.*|view\/.*|(recognition|presenter|registration|(focus|language|page|rendering|state)-keeper|events|types|version|emotion-cam\.attributes)\.ts)$/,
    packages: /^lit(\/.*)?$/,
  },
  { files: /^define\.ts$/, rooms: /^(emotion-cam|index)\.ts$/, packages: /^$/ },
  { files: /^index\.ts$/, rooms: /^.*$/, packages: /^$/ },
  { files: /^bench\//, rooms: /^(bench\/.*|(types|events)\.ts)$/, packages: /^uplot$/ },
  // The page of the measuring commands uses the runtime directly, without an element.
  { files: /^pages\/lab\.ts$/, rooms: /^runtime\/lab\.ts$/, packages: /^$/ },
  { files: /^pages\/statistics(-charts)?\.ts$/, rooms: /^pages\/.*$/, packages: /^chart\.js$/ },
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
  // Without AssemblyScript and the types for frameworks, which only the package's tests install.
  .filter((path) => path.endsWith(".ts") && !/^(kernels|package)\//.test(path));

describe("rooms", () => {
  test.each(files)("%s imports only what its room may import", (file) => {
    const rule = RULES.find(({ files: pattern }) => pattern.test(file));
    expect(rule, `no rule for src/${file}`).toBeDefined();
    for (const specifier of importsOf(file)) {
      if (specifier.startsWith(".")) {
        const target = relative(SRC, normalize(join(SRC, dirname(file), specifier))).replaceAll("\\", "/");
        expect(target, `src/${file} imports ${specifier}`).toMatch(rule!.rooms);
      } else expect(specifier, `src/${file} imports ${specifier}`).toMatch(rule!.packages);
    }
  });

  test("the scan finds imports", () => {
    expect(importsOf("events.ts")).toEqual(["./errors.ts", "./types.ts"]);
  });
});

/** The files of a folder that can import each other, as paths within src. */
function filesIn(folder: string): readonly string[] {
  return readdirSync(join(SRC, "..", folder), { recursive: true, encoding: "utf8" })
    .map((path) => `../${folder}/${path}`.replaceAll("\\", "/").replace("../src/", ""))
    .filter((path) => /\.(ts|mjs)$/.test(path) && !/node_modules|\.d\.ts$|^kernels\//.test(path));
}

/** @returns A circle of imports that begins and ends at the file, or null. Dynamic and type imports count too. */
function circleFrom(file: string, importsBy: ReadonlyMap<string, readonly string[]>): readonly string[] | null {
  const paths = [[file]];
  const seen = new Set<string>();
  for (const path of paths) {
    for (const next of importsBy.get(path.at(-1)!) ?? []) {
      if (next === file) return [...path, file];
      if (!seen.has(next)) paths.push([...path, next]);
      seen.add(next);
    }
  }
  return null;
}

function importsWithin(files: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const targets = (file: string) =>
    importsOf(file)
      .filter((specifier) => specifier.startsWith("."))
      .map((specifier) => normalize(join(dirname(file), specifier)).replaceAll("\\", "/"));
  return new Map(files.map((file) => [file, targets(file)]));
}

describe("circles", () => {
  test("no file of src, kiosk, models or tests imports itself, not even by way of others", () => {
    const importsBy = importsWithin(["src", "kiosk", "models", "tests"].flatMap(filesIn));
    const circles = [...importsBy.keys()]
      .map((file) => circleFrom(file, importsBy))
      .filter((circle) => circle !== null);
    expect(circles.map((circle) => circle.join(" -> "))).toEqual([]);
  });

  test("the search finds a circle of two and of three, and none where there is none", () => {
    const importsBy = new Map([
      ["a", ["b"]],
      ["b", ["a", "c"]],
      ["c", ["d"]],
      ["d", ["e"]],
      ["e", ["c"]],
      ["f", ["a"]],
    ]);
    expect(circleFrom("a", importsBy)).toEqual(["a", "b", "a"]);
    expect(circleFrom("c", importsBy)).toEqual(["c", "d", "e", "c"]);
    expect(circleFrom("f", importsBy)).toBeNull();
  });
});
