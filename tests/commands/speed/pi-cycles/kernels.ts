/**
 * Runs in Node on an emulated processor: each step of each network once, in a call of its own.
 *
 *   node kernels.mjs MODULE.wasm VARIANT [NETWORK.ec8]...
 */
import { readFileSync } from "node:fs";
import { ALIGNMENT, roundUp } from "../../../../src/runtime/int8/arena.ts";
import { planNetwork } from "../../../../src/runtime/int8/plan.ts";
import { readNetwork } from "../../../../src/runtime/int8/reader.ts";
import { STEP_BYTES } from "../../../../src/runtime/int8/steps.ts";
import type { KernelModule } from "../../../../src/runtime/int8/tfjs-kernel.ts";
import type { Variant } from "../../../../src/runtime/int8/variant.ts";

const PAGE_BYTES = 65536;

const [modulePath, variant, ...networks] = process.argv.slice(2);
const memory = new WebAssembly.Memory({ initial: 1 });
const module = new WebAssembly.Module(readFileSync(modulePath!));
const { run } = new WebAssembly.Instance(module, { env: { memory } }).exports as unknown as KernelModule;
for (const file of networks) {
  const network = readNetwork(new Uint8Array(readFileSync(file)), file);
  const plan = planNetwork(network, variant as Variant);
  const pixels = ALIGNMENT + roundUp(plan.bytes, ALIGNMENT);
  const out = roundUp(pixels + network.input.size ** 2 * 4, ALIGNMENT);
  const bytes = out + plan.outputLength * 4;
  memory.grow(Math.max(0, Math.ceil((bytes - memory.buffer.byteLength) / PAGE_BYTES)));
  plan.write(memory.buffer, ALIGNMENT);
  for (let step = 0; step < plan.steps; step++) {
    run(ALIGNMENT + plan.program + step * STEP_BYTES, 1, pixels, out);
  }
}
