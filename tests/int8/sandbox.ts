/** Runs networks on a memory of the test's own, without tfjs, and watches every byte around them. */
import type { OutputFloats } from "../../src/runtime/int8/lowering.ts";
import type { Plan } from "../../src/runtime/int8/plan.ts";
import { FIELDS_READ, OPERATIONS, type Operation, STEP_BYTES, STEP_FIELDS } from "../../src/runtime/int8/steps.ts";
import type { KernelModule } from "../../src/runtime/int8/tfjs-kernel.ts";

const GUARD_BYTES = 4096;
const GUARD = 0x5a;
const PAGE_BYTES = 65536;

/** One module of the kernels on a memory of its own. */
export class Sandbox {
  readonly #memory = new WebAssembly.Memory({ initial: 64 });
  readonly #kernels: KernelModule;

  constructor(module: WebAssembly.Module) {
    this.#kernels = new WebAssembly.Instance(module, { env: { memory: this.#memory } })
      .exports as unknown as KernelModule;
  }

  /**
   * Run a network between guards. The arena holds no zeros before, and the fields of a step that its kernel should not
   * read hold nonsense.
   *
   * @param rgba The network's input.
   * @returns Its outputs; undefined where it wrote outside its memory.
   */
  run(plan: Plan, rgba: Uint8ClampedArray): Float32Array | undefined {
    const base = GUARD_BYTES * 2;
    const pixels = Math.ceil((base + plan.bytes + GUARD_BYTES) / 64) * 64;
    const out = Math.ceil((pixels + rgba.length + GUARD_BYTES) / 64) * 64;
    const end = out + plan.outputLength * 4 + GUARD_BYTES;
    const short = end - this.#memory.buffer.byteLength;
    if (short > 0) this.#memory.grow(Math.ceil(short / PAGE_BYTES));
    const bytes = new Uint8Array(this.#memory.buffer, 0, end).fill(GUARD);
    bytes.set(rgba, pixels);
    plan.write(this.#memory.buffer, base);
    for (let step = base + plan.program; step < base + plan.bytes; step += STEP_BYTES) this.#poison(step);
    this.#kernels.run(base + plan.program, plan.steps, pixels, out);
    const guards = [
      [base - GUARD_BYTES, base],
      [base + plan.bytes, pixels],
      [pixels + rgba.length, out],
      [out + plan.outputLength * 4, end],
    ] as const;
    const whole = guards.every(([from, to]) => bytes.subarray(from, to).every((byte) => byte === GUARD));
    return whole ? new Float32Array(this.#memory.buffer, out, plan.outputLength).slice() : undefined;
  }

  /** Fill the fields that a step's kernel should not read. */
  #poison(address: number): void {
    if (address + STEP_BYTES > this.#memory.buffer.byteLength) return;
    const words = new DataView(this.#memory.buffer, address, STEP_BYTES);
    const number = words.getInt32(0, true);
    const operation = (Object.keys(OPERATIONS) as Operation[]).find((name) => OPERATIONS[name] === number);
    if (!operation) return;
    const read: ReadonlySet<string> = new Set(["operation", "part", ...FIELDS_READ[operation]]);
    STEP_FIELDS.forEach((field, word) => {
      if (!read.has(field)) words.setInt32(4 * word, 0x6b6b6b6b, true);
    });
  }
}

/** Take a network's outputs one after the other, without the padding of their channels. */
export function withoutPadding(outputs: readonly OutputFloats[], floats: Float32Array): Float32Array {
  const rows = outputs.flatMap(({ start, pixels, channels, stride }) =>
    Array.from({ length: pixels }, (_, i) =>
      Array.from(floats.subarray(start + i * stride, start + i * stride + channels)),
    ),
  );
  return Float32Array.from(rows.flat());
}
