/** Plans a network's memory: feature maps in an arena, then weights, then the program. */
import { ALIGNMENT, roundUp } from "./arena.ts";
import { Lowering, type OutputFloats } from "./lowering.ts";
import type { Network } from "./network.ts";
import { type Operation, STEP_BYTES, checkStep, countSteps, writeProgram } from "./steps.ts";
import type { Variant } from "./variant.ts";

/** A network laid out for one variant of the kernels. */
export interface Plan {
  /** Bytes that it needs from an address that is a multiple of {@link ALIGNMENT}. */
  readonly bytes: number;
  /** Offset of the first step, … */
  readonly program: number;
  /** … and how many steps follow each other there. */
  readonly steps: number;
  /** Operation and layer of each step; the steps of the network's input have layer -1. */
  readonly stepKinds: readonly { readonly operation: Operation; readonly layer: number }[];
  /** Place of each output layer's floats, in the order of the layers. */
  readonly outputs: readonly OutputFloats[];
  /** float32 numbers of the network's output. */
  readonly outputLength: number;
  /**
   * Write weights and steps; the arena is left as it is.
   *
   * @param base Address to write to: a multiple of {@link ALIGNMENT} above 0.
   * @throws RangeError where it is not.
   */
  write(memory: ArrayBuffer, base: number): void;
}

/**
 * Lay a network out: the arena of the feature maps, then weights, then steps.
 *
 * @param network As `readNetwork` has checked it.
 * @throws RangeError where a step does not keep to what the kernels take for granted: a fault of the lowering.
 */
export function planNetwork(network: Network, variant: Variant): Plan {
  const lowering = new Lowering(network, variant);
  const { layers } = network;
  const steps = lowering.inputSteps();
  const stepKinds = steps.map(({ operation }) => ({ operation, layer: -1 }));
  layers.forEach((_, layer) => {
    for (const step of lowering.layerSteps(layer)) {
      steps.push(step);
      stepKinds.push({ operation: step.operation, layer });
    }
  });
  const { constants, outputs, outputLength } = lowering;
  const program = roundUp(lowering.end, ALIGNMENT);
  const bytes = roundUp(program + countSteps(steps) * STEP_BYTES, ALIGNMENT);
  for (const step of steps) checkStep(step, bytes);
  return {
    ...{ bytes, program, steps: steps.length, stepKinds, outputs, outputLength },
    write(memory, base) {
      if (base <= 0 || base % ALIGNMENT !== 0) {
        throw new RangeError(`A plan is written to a multiple of ${ALIGNMENT} above 0, not to ${base}.`);
      }
      for (const { at, bytes } of constants) new Uint8Array(memory, base + at, bytes.length).set(bytes);
      writeProgram(memory, base, program, steps);
    },
  };
}
