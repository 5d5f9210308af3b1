import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

interface Locked {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
}

const read = (name: string) => JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), "utf8"));
const packages = Object.entries(read("package-lock.json").packages as Record<string, Locked>).filter(
  ([path]) => path !== "",
);

test("every package is pinned by version and hash", () => {
  expect(packages.length).toBeGreaterThan(100);
  for (const [path, { version, integrity }] of packages) {
    expect(version, path).toMatch(/^\d+\.\d+\.\d+/);
    expect(integrity, path).toMatch(/^sha512-/);
  }
});

test("every package comes from the registry", () => {
  const { dependencies = {}, devDependencies } = read("package.json") as Record<string, Record<string, string>>;
  for (const [name, range] of Object.entries({ ...dependencies, ...devDependencies })) {
    expect(range, name).toMatch(/^[\^~]?\d+\.\d+\.\d+(-nightly\.\d+)?$/);
  }
  for (const [path, { resolved }] of packages) {
    if (resolved !== undefined) expect(resolved, path).toMatch(/^https:\/\/registry\.npmjs\.org\//);
  }
});

test("only known packages run a script when they are installed", () => {
  const known = ["node_modules/esbuild", "node_modules/rs-module-lexer", "node_modules/fsevents"];
  const scripted = packages.filter(([, { hasInstallScript }]) => hasInstallScript).map(([path]) => path);
  expect(scripted.filter((path) => !known.some((name) => path.endsWith(name)))).toEqual([]);
});
