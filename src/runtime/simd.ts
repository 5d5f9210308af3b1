import type { SimdLevel } from "../types.ts";

/**
 * The smallest modules that use one instruction each: a browser without the instruction does not validate its module.
 * The approach is that of https://github.com/GoogleChromeLabs/wasm-feature-detect; for relaxed SIMD the module has the
 * dot product that the int8 kernels use instead of a swizzle.
 */
const HEADER = [0, 97, 115, 109, 1, 0, 0, 0];
/** One function without parameters that returns one v128. */
const FUNCTION = [1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0];
/** `i32.const 1`, `i8x16.splat`. */
const SPLAT = [65, 1, 253, 15];
/** The function's body is `splat`. */
const SIMD128 = new Uint8Array([...HEADER, ...FUNCTION, 10, 8, 1, 6, 0, ...SPLAT, 11]);
/** The function's body is `i32x4.relaxed_dot_i8x16_i7x16_add_s` of three splats. */
const RELAXED = new Uint8Array([
  ...[...HEADER, ...FUNCTION, 10, 19, 1, 17, 0],
  ...[...SPLAT, ...SPLAT, ...SPLAT, 253, 147, 2, 11],
]);

/** @returns The SIMD instructions that this browser's WebAssembly supports. */
export function simdLevel(): SimdLevel {
  if (!WebAssembly.validate(SIMD128)) return "none";
  return WebAssembly.validate(RELAXED) ? "relaxed" : "simd128";
}
