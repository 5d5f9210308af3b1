import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planNetwork } from "../../src/runtime/int8/plan.ts";
import * as steps from "../../src/runtime/int8/steps.ts";
import { randomNetwork } from "../int8/networks.ts";

const HANG_MS = 120_000;
const KERNELS = fileURLToPath(new URL("../../src/kernels", import.meta.url));

/** Names in `src/kernels/step.ts`, and the numbers that this side writes for them. */
const NUMBERS: Readonly<Record<string, number>> = {
  ...Object.fromEntries(Object.entries(steps.OPERATIONS).map(([name, number]) => [name.toUpperCase(), number])),
  ...Object.fromEntries(Object.entries(steps.MULTIPLY).map(([name, number]) => [name.toUpperCase(), number])),
  ...Object.fromEntries(Object.entries(steps.STORE).map(([name, number]) => [name.toUpperCase(), number])),
  TILE: steps.TILE,
  QUAD: steps.QUAD,
  WINOGRAD_SIDE: steps.WINOGRAD_SIDE,
  WINOGRAD_POSITIONS: steps.WINOGRAD_POSITIONS,
  WINOGRAD_BLOCK: steps.WINOGRAD_BLOCK,
  WINOGRAD_SKEW: steps.WINOGRAD_SKEW,
};

let compiled: Readonly<Record<string, () => number>>;
const folder = mkdtempSync(join(tmpdir(), "emotion-cam-steps-"));

/** Compile functions that return what AssemblyScript's compiler knows of the declaration. */
beforeAll(async () => {
  const lines = [
    `import * as step from "./${relative(folder, join(KERNELS, "step"))}";`,
    "export function size(): i32 { return <i32>offsetof<step.Step>(); }",
    ...steps.STEP_FIELDS.map(
      (field) => `export function offset_${field}(): i32 { return <i32>offsetof<step.Step>("${field}"); }`,
    ),
    ...Object.keys(NUMBERS).map((name) => `export function number_${name}(): i32 { return step.${name}; }`),
  ];
  writeFileSync(join(folder, "offsets.ts"), lines.join("\n"));
  const { error, stderr } = await asc.main(
    ["offsets.ts", "--baseDir", folder, "--outFile", "offsets.wasm", "--runtime", "stub", "--noAssert"],
    {},
  );
  if (error) throw new Error(`src/kernels/step.ts does not have what steps.ts names: ${stderr.toString()}`);
  const { instance } = await WebAssembly.instantiate(readFileSync(join(folder, "offsets.wasm")), {});
  compiled = instance.exports as typeof compiled;
}, HANG_MS);

afterAll(() => rmSync(folder, { recursive: true }));

describe("the step that src/kernels/step.ts declares", () => {
  test("has the fields of steps.ts at the same offsets, and no others", () => {
    const declared = steps.STEP_FIELDS.map((field) => [field, compiled[`offset_${field}`]!()]);
    expect(declared).toEqual(steps.STEP_FIELDS.map((field, i) => [field, 4 * i]));
    expect(compiled["size"]!()).toBe(steps.STEP_BYTES);
  });

  test.each(Object.entries(NUMBERS))("has %s = %i", (name, number) => {
    expect(compiled[`number_${name}`]!()).toBe(number);
  });

  test("has no exported constant that steps.ts does not know", () => {
    const source = readFileSync(join(KERNELS, "step.ts"), "utf8");
    const names = [...source.matchAll(/^export const (\w+)/gm)].map((match) => match[1]);
    expect(names.toSorted()).toEqual(Object.keys(NUMBERS).toSorted());
  });
});

/** A step whose fields are all 16, which every field may be, but for one. */
function stepOf(operation: steps.Operation, field: string, value: number): steps.Step {
  const fields = Object.fromEntries(steps.FIELDS_READ[operation].map((name) => [name, name === field ? value : 16]));
  return { operation, fields } as unknown as steps.Step;
}

describe("checkStep", () => {
  test("passes every step of every plan", () => {
    for (let seed = 1; seed <= 20; seed++) expect(() => planNetwork(randomNetwork(seed), "dot16")).not.toThrow();
  });

  test.each(Object.keys(steps.OPERATIONS) as steps.Operation[])("passes a %s step of fitting fields", (operation) => {
    expect(() => steps.checkStep(stepOf(operation, "", 0), 2 ** 20)).not.toThrow();
  });

  test.each([
    ["gray", "width", 6, "a multiple of 4"],
    ["convolution", "width", 0, "1 or more"],
    ["convolution", "quads", 1.5, "an int32"],
    ["convolution", "input", -64, "an offset"],
    ["convolution", "weights", 8, "a multiple of 16"],
    ["convolution", "ceiling", 2 ** 15, "an int16"],
    ["convolution", "floor", 128, "no more than the ceiling"],
    ["convolution", "residualTiles", 100, "tiles"],
    ["convolution", "residualScale", NaN, "a finite number"],
    ["winograd", "scratch", 2 ** 40, "an int32"],
    ["winograd", "chunk", 0, "1 or more"],
    ["depthwise", "eights", 0, "1 or more"],
  ] as const)("refuses a %s step whose %s is %d", (operation, field, value, wanted) => {
    const step = stepOf(operation, field, value);
    expect(() => steps.checkStep(step, 2 ** 20)).toThrow(RangeError);
    expect(() => steps.checkStep(step, 2 ** 20)).toThrow(
      new RegExp(`${operation} step's ${field} is ${value}.*${wanted}`),
    );
  });
});
