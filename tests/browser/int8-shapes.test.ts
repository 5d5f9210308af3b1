import { beforeAll, describe, expect, test } from "vitest";
import { planNetwork } from "../../src/runtime/int8/plan.ts";
import { readNetwork } from "../../src/runtime/int8/reader.ts";
import { VARIANTS, type Variant } from "../../src/runtime/int8/variant.ts";
import { writeNetwork } from "../../models/int8/write.ts";
import { randomNumbers } from "../int8/networks.ts";
import { reference } from "../int8/reference.ts";
import { Sandbox, withoutPadding } from "../int8/sandbox.ts";
import { SHAPES } from "../int8/shapes.ts";

const sandboxes = new Map<string, Sandbox>();

beforeAll(async () => {
  for (const module of ["relaxed", "simd128"]) {
    const bytes = await (await fetch(`/wasm/kernels-${module}.wasm`)).arrayBuffer();
    sandboxes.set(module, new Sandbox(await WebAssembly.compile(bytes)));
  }
});

describe.each(Object.keys(VARIANTS) as Variant[])("the kernels of the variant %s", (variant) => {
  const { module, winograd } = VARIANTS[variant];
  const shapes = SHAPES.filter(({ operation }) => operation !== "winograd" || winograd);

  test.each(shapes)("give the reference's numbers for $name", async ({ name, operation, network: made }) => {
    const network = readNetwork(await writeNetwork(made), name);
    const random = randomNumbers(5);
    const rgba = Uint8ClampedArray.from({ length: network.input.size ** 2 * 4 }, () => random(256));
    const plan = planNetwork(network, variant);
    expect(plan.stepKinds.map((step) => step.operation)).toContain(operation);
    const out = sandboxes.get(module)!.run(plan, rgba);
    expect(out, "it wrote outside its memory").toBeDefined();
    expect(withoutPadding(plan.outputs, out!)).toEqual(reference(network, rgba));
  });
});
