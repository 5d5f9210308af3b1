/**
 * Run the integer networks on the processor under test and compare their bytes with the expected ones.
 *
 * The program runs in Node on (emulated) ARM. The test that starts it serves the built site, the networks, their inputs
 * and the outputs of the plain TypeScript reference, which it computed on its own processor.
 */
import { startBackend } from "../../src/runtime/backend.ts";
import { chooseVariant } from "../../src/runtime/int8/choose-variant.ts";
import type { Network } from "../../src/runtime/int8/network.ts";
import { readNetwork } from "../../src/runtime/int8/reader.ts";
import { type KernelModule, instantiate, loadNetwork } from "../../src/runtime/int8/tfjs-kernel.ts";
import { VARIANTS, type Variant } from "../../src/runtime/int8/variant.ts";
import { withoutPadding } from "../int8/sandbox.ts";
import type { Case, Report } from "./cases.ts";

/** The outputs without the values that pad their channels. */
function compute(
  network: Network,
  rgba: Uint8Array<ArrayBuffer>,
  kernels: KernelModule,
  variant: Variant,
): Float32Array {
  const loaded = loadNetwork(network, kernels, variant);
  const values = withoutPadding(loaded.outputs, loaded.compute(new Uint8ClampedArray(rgba.buffer)));
  loaded.dispose();
  return values;
}

async function fetchBytes(url: string): Promise<Uint8Array<ArrayBuffer>> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return new Uint8Array(await response.arrayBuffer());
}

async function instantiateFrom(url: string): Promise<KernelModule> {
  return instantiate(await WebAssembly.compile(await fetchBytes(url)));
}

function isSame(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, index) => Object.is(value, b[index]));
}

/**
 * @param base URL of the server of the test, ending in a slash.
 * @returns How many outputs were compared, and the cases whose bytes differ.
 */
export async function runCases(base: string): Promise<Report> {
  await startBackend(base, "relaxed", "int8");
  const cases = (await (await fetch(`${base}cases.json`)).json()) as readonly Case[];
  const mismatches: string[] = [];
  let compared = 0;
  const networks = await Promise.all(
    cases.map(async ({ name }) => ({
      name,
      network: readNetwork(await fetchBytes(`${base}cases/${name}.ec8`), name),
      rgba: await fetchBytes(`${base}cases/${name}.rgba`),
      expected: new Float32Array((await fetchBytes(`${base}cases/${name}.f32`)).buffer),
    })),
  );
  const modules = new Map<string, KernelModule>();
  for (const [variant, { module }] of Object.entries(VARIANTS)) {
    const kernels = modules.get(module) ?? (await instantiateFrom(`${base}wasm/kernels-${module}.wasm`));
    modules.set(module, kernels);
    for (const { name, network, rgba, expected } of networks) {
      compared += 1;
      if (!isSame(compute(network, rgba, kernels, variant as Variant), expected))
        mismatches.push(`${name}, ${variant}`);
    }
  }
  const { variant } = await chooseVariant(base, "relaxed");
  return { compared, mismatches, chosen: variant };
}
