import { expect, test } from "vitest";
import { EmotionCamError } from "../../src/errors.ts";
import type { Network } from "../../src/runtime/int8/network.ts";
import type { KernelModule } from "../../src/runtime/int8/tfjs-kernel.ts";
import { type Plan, planNetwork } from "../../src/runtime/int8/plan.ts";
import { readNetwork } from "../../src/runtime/int8/reader.ts";
import type { Variant } from "../../src/runtime/int8/variant.ts";
import { writeNetwork } from "../../models/int8/write.ts";
import { randomNetwork, randomNumbers } from "../int8/networks.ts";
import { reference } from "../int8/reference.ts";

const FILES = 10_000;
/** Whole networks whose files are damaged, in turn. */
const ORIGINALS = 40;
const GUARD_BYTES = 4096;
const GUARD = 0x5a;
const HANG_MS = 600_000;

/** A memory of our own, in which every byte around the network is watched. */
class Sandbox {
  readonly #memory = new WebAssembly.Memory({ initial: 64 });
  readonly #kernels: KernelModule;

  constructor(module: WebAssembly.Module) {
    this.#kernels = new WebAssembly.Instance(module, { env: { memory: this.#memory } })
      .exports as unknown as KernelModule;
  }

  /** Runs a network between guards. @returns Its outputs; undefined where it wrote outside. */
  run(plan: Plan, rgba: Uint8ClampedArray): Float32Array | undefined {
    const base = GUARD_BYTES * 2;
    const pixels = Math.ceil((base + plan.bytes + GUARD_BYTES) / 64) * 64;
    const out = Math.ceil((pixels + rgba.length + GUARD_BYTES) / 64) * 64;
    const end = out + plan.outputLength * 4 + GUARD_BYTES;
    const short = end - this.#memory.buffer.byteLength;
    if (short > 0) this.#memory.grow(Math.ceil(short / 65536));
    const bytes = new Uint8Array(this.#memory.buffer, 0, end);
    const guards = [
      [base - GUARD_BYTES, base],
      [base + plan.bytes, pixels],
      [pixels + rgba.length, out],
      [out + plan.outputLength * 4, end],
    ] as const;
    for (const [from, to] of guards) bytes.fill(GUARD, from, to);
    bytes.set(rgba, pixels);
    plan.write(this.#memory.buffer, base);
    this.#kernels.run(base + plan.program, plan.steps, pixels, out);
    const whole = guards.every(([from, to]) => bytes.subarray(from, to).every((byte) => byte === GUARD));
    return whole ? new Float32Array(this.#memory.buffer, out, plan.outputLength).slice() : undefined;
  }
}

/** One to three changes: a bit, a byte, a cut, a stretch of zeros, or two swapped words. */
function damage(bytes: Uint8Array<ArrayBuffer>, random: (below: number) => number): Uint8Array<ArrayBuffer> {
  let result = bytes.slice();
  // Half of the changes go where sizes and kinds stand.
  const at = () => random(random(2) === 0 ? Math.min(result.length, 160) : result.length);
  for (let changes = 1 + random(3); changes > 0; changes--) {
    const place = at();
    switch (random(6)) {
      case 0:
        result = result.slice(0, place + 1);
        break;
      case 1:
        result.fill(0, place, place + 1 + random(16));
        break;
      case 2: {
        const other = at();
        const word = result.slice(place, place + 4);
        result.copyWithin(place, other, other + 4);
        result.set(word.subarray(0, Math.max(0, result.length - other)), other);
        break;
      }
      case 3:
        result[place] = random(256);
        break;
      default:
        result[place]! ^= 1 << random(8);
    }
  }
  // The size in the header is put right now and then: what is behind it is to be reached.
  if (random(2) === 0 && result.length >= 12) new DataView(result.buffer).setUint32(8, result.length, true);
  return result;
}

const VARIANTS: readonly Variant[] = ["relaxed", "pairs-winograd"];

test(
  `${FILES} damaged model files are refused, or run within their memory`,
  async () => {
    const module = await WebAssembly.compile(await (await fetch("/wasm/kernels-relaxed.wasm")).arrayBuffer());
    const sandbox = new Sandbox(module);
    const random = randomNumbers(99);
    const originals = await Promise.all(
      Array.from({ length: ORIGINALS }, (_, seed) => writeNetwork(randomNetwork(seed + 1))),
    );
    let refused = 0;
    let ran = 0;
    for (let file = 0; file < FILES; file++) {
      const bytes = damage(originals[file % ORIGINALS]!, random);
      let network: Network;
      try {
        network = readNetwork(bytes, `damaged file ${file}`);
      } catch (error) {
        expect(error).toBeInstanceOf(EmotionCamError);
        expect((error as EmotionCamError).code).toBe("model-corrupt");
        refused++;
        continue;
      }
      const plan = planNetwork(network, VARIANTS[file % 2]!);
      const rgba = new Uint8ClampedArray(network.input.size ** 2 * 4).fill(file);
      expect(sandbox.run(plan, rgba), `file ${file} wrote outside its memory`).toBeDefined();
      ran++;
    }
    expect(refused + ran).toBe(FILES);
    // Else the damage is too gentle or too rough to try anything.
    expect(refused).toBeGreaterThan(FILES / 10);
    expect(ran).toBeGreaterThan(FILES / 10);

    const network = randomNetwork(3);
    const rgba = new Uint8ClampedArray(network.input.size ** 2 * 4).fill(200);
    const plan = planNetwork(network, "relaxed");
    const out = sandbox.run(plan, rgba)!;
    const floats = plan.outputs.flatMap(({ start, pixels, channels, stride }) =>
      Array.from({ length: pixels }, (_, i) =>
        Array.from(out.subarray(start + i * stride, start + i * stride + channels)),
      ),
    );
    expect(Float32Array.from(floats.flat())).toEqual(reference(network, rgba));
  },
  HANG_MS,
);
