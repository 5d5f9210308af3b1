import type { FeatureMap, Layer } from "./network.ts";
import type { Packing } from "./pack.ts";
import { MULTIPLY } from "./steps.ts";
import { suitsWinograd } from "./winograd.ts";

/** The modules that `src/kernels/build.mjs` compiles. */
export type ModuleName = "relaxed" | "simd128";

/** Way to multiply bytes by bytes; all variants multiply words alike. */
interface Traits {
  readonly module: ModuleName;
  readonly multiply: number;
  readonly packing: Packing;
  /** True if 3x3 convolutions that suit it run by Winograd's scheme, in 16 bits. */
  readonly winograd: boolean;
}

/**
 * The ways to compute a network; all give the same bytes. Which is the fastest depends on the processor.
 *
 * - `relaxed`: the relaxed dot product.
 * - `relaxed-winograd`: the same, and Winograd's scheme.
 * - `pairs-winograd`: products of neighbours, then their sums, and Winograd's scheme.
 * - `extmul`: widening products and pairwise sums.
 * - `dot16`: bytes widened and multiplied as words, and Winograd's scheme.
 */
export const VARIANTS = {
  relaxed: { module: "relaxed", multiply: MULTIPLY.bytes, packing: { weightBytes: 1, dot: 4 }, winograd: false },
  "relaxed-winograd": {
    ...{ module: "relaxed", multiply: MULTIPLY.bytes, packing: { weightBytes: 1, dot: 4 }, winograd: true },
  },
  "pairs-winograd": {
    ...{ module: "relaxed", multiply: MULTIPLY.pairs, packing: { weightBytes: 1, dot: 4 }, winograd: true },
  },
  extmul: { module: "simd128", multiply: MULTIPLY.bytes, packing: { weightBytes: 1, dot: 2 }, winograd: false },
  dot16: { module: "simd128", multiply: MULTIPLY.widened, packing: { weightBytes: 2, dot: 2 }, winograd: true },
} as const satisfies Readonly<Record<string, Traits>>;

export type Variant = keyof typeof VARIANTS;

/** List the variants that a module can run. */
export function variantsOf(module: ModuleName): readonly Variant[] {
  return (Object.keys(VARIANTS) as Variant[]).filter((variant) => VARIANTS[variant].module === module);
}

/**
 * @returns True if a variant computes a layer by Winograd's scheme, which cannot handle the network's input: that has a
 *   zero point of its own.
 */
export function usesWinograd(variant: Variant, layer: Layer, source: FeatureMap): boolean {
  return VARIANTS[variant].winograd && layer.input > 0 && suitsWinograd(layer, source);
}
