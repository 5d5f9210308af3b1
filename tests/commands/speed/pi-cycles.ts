/**
 * Calculate what the networks take on a Raspberry Pi, from V8's code for ARM and LLVM's models of the Pi's processors. No
 * figure of this is measured.
 *
 *   npm run bench:pi -- [--model NAME] [--layers] [--json FILE]
 *
 * The kernels run in Node on an emulated Cortex-A72 (Pi 4) and A76 (Pi 5). The emulator logs which blocks of V8's code ran,
 * and how often; `llvm-mca` says how many cycles each takes when it repeats. See README.md, "A Raspberry Pi, calculated".
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { readFileSync } from "node:fs";
import { build } from "esbuild";
import { planNetwork } from "../../../src/runtime/int8/plan.ts";
import { readNetwork } from "../../../src/runtime/int8/reader.ts";
import { VARIANTS, type Variant } from "../../../src/runtime/int8/variant.ts";
import { traceOnArm, whyNoArm } from "../../arm/emulator.ts";
import { writeJson } from "../shared/write-json.ts";
import { type Processor, estimateCycles, findLlvm } from "./pi-cycles/cycles.ts";
import { type Trace, readTrace } from "./pi-cycles/trace.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

interface Board {
  readonly name: string;
  readonly processor: Processor;
  readonly gigahertz: readonly number[];
}

/** LLVM's model of the A72 is that of the A57 before it, with the same units. Arm's guides give the widths. */
const BOARDS: readonly Board[] = [
  { name: "Pi 4", processor: { name: "cortex-a72", model: "cortex-a72", width: 3 }, gigahertz: [1.5, 1.8] },
  { name: "Pi 5", processor: { name: "cortex-a76", model: "neoverse-n1", width: 4 }, gigahertz: [2.4] },
];

/** V8's optimizing compiler alone, and its code in words. */
const V8_OPTIONS = ["--no-liftoff", "--no-wasm-lazy-compilation", "--print-wasm-code"];

/** One network's steps on one processor in one variant. */
interface Result {
  readonly board: string;
  readonly variant: Variant;
  readonly network: string;
  readonly steps: readonly { readonly operation: string; readonly layer: number; readonly cycles: number }[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      model: { type: "string", default: "edge" },
      /** Print each step of the fastest variant. */
      layers: { type: "boolean", default: false },
      json: { type: "string" },
    },
  });
  const why = process.arch === "arm64" ? "this processor is ARM, so measure: npm run bench:kernels" : whyNoArm();
  if (why !== null) throw new Error(`Nothing was calculated: ${why}.`);
  const llvm = findLlvm();
  const folder = await mkdtemp(join(tmpdir(), "emotion-cam-pi-"));
  try {
    const script = join(folder, "kernels.mjs");
    await build({
      entryPoints: [fileURLToPath(new URL("pi-cycles/kernels.ts", import.meta.url))],
      ...{ outfile: script, bundle: true, format: "esm", platform: "node", logLevel: "error" },
    });
    const results: Result[] = [];
    for (const board of BOARDS) {
      for (const variant of Object.keys(VARIANTS) as Variant[]) {
        results.push(...(await calculate(board, variant, ["blazeface", values.model], script, llvm)));
      }
      print(board, results, values.model, values.layers);
    }
    writeJson(values.json, results);
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function calculate(
  { name: board, processor }: Board,
  variant: Variant,
  names: readonly string[],
  script: string,
  llvm: string,
): Promise<Result[]> {
  const files = names.map((name) => join(ROOT, "dist/models", name, "model.ec8"));
  const plans = files.map((file) => planNetwork(readNetwork(new Uint8Array(readFileSync(file)), file), variant));
  const trace = await traceSteps(processor, variant, files, script);
  const steps = plans.reduce((sum, plan) => sum + plan.steps, 0);
  if (trace.calls !== steps) throw new Error(`${board}, ${variant}: ${trace.calls} of ${steps} steps were traced.`);
  const cycles = estimateCycles(trace, processor, llvm);
  return plans.map((plan, i) => ({
    ...{ board, variant, network: names[i]! },
    steps: plan.stepKinds.map((kind) => ({ ...kind, cycles: cycles.shift()! })),
  }));
}

/** The code lies at the same place in each run: the first tells where, the second is traced there. */
async function traceSteps(
  { name }: Processor,
  variant: Variant,
  files: readonly string[],
  script: string,
): Promise<Trace> {
  const module = join(ROOT, `dist/wasm/kernels-${VARIANTS[variant].module}.wasm`);
  const compiled = await traceOnArm(name, V8_OPTIONS, undefined, async (log) => void log.resume(), script, module);
  const addresses = [...compiled.matchAll(/^0x([0-9a-f]+) +[0-9a-f]+ +[0-9a-f]{8} /gm)].map((line) =>
    parseInt(line[1]!, 16),
  );
  if (addresses.length === 0) throw new Error(`V8 printed no code on ${name}.`);
  const from = addresses.reduce((least, address) => Math.min(least, address));
  const to = addresses.reduce((most, address) => Math.max(most, address));
  const range = `0x${from.toString(16)}+0x${(to - from + 4).toString(16)}`;
  let trace: Trace | undefined;
  const read = async (log: Parameters<typeof readTrace>[0]) => void (trace = await readTrace(log));
  await traceOnArm(name, V8_OPTIONS, range, read, script, module, variant, ...files);
  return trace!;
}

function print(
  { name, processor, gigahertz }: Board,
  results: readonly Result[],
  model: string,
  layers: boolean,
): void {
  const cyclesOf = (variant: Variant, network: string) =>
    stepsOf(variant, network).reduce((sum, { cycles }) => sum + cycles, 0);
  const stepsOf = (variant: Variant, network: string) =>
    results.find((result) => result.board === name && result.variant === variant && result.network === network)!.steps;
  const frame = (variant: Variant) => cyclesOf(variant, "blazeface") + cyclesOf(variant, model);
  const variants = (Object.keys(VARIANTS) as Variant[]).toSorted((a, b) => frame(a) - frame(b));
  console.log(`\n${name} (${processor.name}), calculated:`);
  console.log(row("thousand cycles", "look", "face", "frame"));
  for (const variant of variants) {
    const [look, face] = [cyclesOf(variant, "blazeface"), cyclesOf(variant, model)];
    console.log(row(variant, ...[look, face, look + face].map((cycles) => (cycles / 1000).toFixed(0))));
  }
  const best = variants[0]!;
  for (const ghz of gigahertz) {
    const [look, face] = [cyclesOf(best, "blazeface"), cyclesOf(best, model)];
    const ms = [look, face, look + face].map((cycles) => (cycles / ghz / 1e6).toFixed(2));
    console.log(row(`${best}, ms at ${ghz} GHz`, ...ms));
  }
  if (!layers) return;
  for (const network of ["blazeface", model]) {
    console.log(`${network}, ${best}: thousand cycles by step`);
    for (const { operation, layer, cycles } of stepsOf(best, network))
      console.log(
        `  ${operation.padEnd(12)} of layer ${String(layer).padStart(3)} ${(cycles / 1000).toFixed(1).padStart(9)}`,
      );
  }
}

function row(first: string, ...others: readonly string[]): string {
  return first.padEnd(36) + others.map((cell) => cell.padStart(10)).join("");
}

await main();
