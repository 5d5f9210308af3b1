import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { beforeAll, expect, test } from "vitest";
import { HERE, PEERS, ROOT, installPackage } from "./packed.ts";

beforeAll(() => void installPackage());

const MODULES = join(HERE, "node_modules");
const TYPES = join(HERE, "types");
const NEWEST_TSC = join(ROOT, "node_modules/typescript/bin/tsc");
const OLDER_TSC = join(MODULES, "typescript/bin/tsc");
const SVELTE = ["--workspace", join(HERE, "apps/svelte"), "--tsconfig", join(TYPES, "tsconfig.svelte.json")];

// Each file holds correct uses, and wrong ones that are marked: a wrong use that compiles is an error too.
test.runIf(PEERS).each([
  ["TypeScript and React, resolved as Node does", NEWEST_TSC, ["-p", TYPES]],
  [
    "the same, resolved as bundlers do",
    NEWEST_TSC,
    ["-p", TYPES, "--module", "esnext", "--moduleResolution", "bundler"],
  ],
  ["the same, by TypeScript 5", OLDER_TSC, ["-p", TYPES, "--skipLibCheck"]],
  ["Vue's templates", join(MODULES, "vue-tsc/bin/vue-tsc.js"), ["-p", join(TYPES, "tsconfig.vue.json")]],
  ["Svelte's markup", join(MODULES, "svelte-check/bin/svelte-check"), [...SVELTE, "--output", "human"]],
])("types: %s", (_, compiler, options) => {
  const { stdout, stderr, status } = spawnSync(process.execPath, [compiler, ...options], { encoding: "utf8" });
  expect(status, stdout + stderr).toBe(0);
});
