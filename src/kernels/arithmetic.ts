/**
 * The arithmetic that every kernel shares, and that the tests' reference repeats in plain TypeScript. The same bytes
 * come out whichever instructions multiply.
 */

/** Adding 1.5 * 2^23 leaves a number below 2^22 rounded, ties to even, in the low bits of its float32. */
const ROUNDER: f32 = 12582912.0;
const ROUNDER_BITS: i32 = 0x4b400000;

/** acc + four products of two pairs: `x` activations of one pixel, `w` weights of four outputs. */
// @ts-ignore: decorator
@inline
export function dot16(acc: v128, x: v128, w: v128): v128 {
  return i32x4.add(acc, i32x4.dot_i16x8_s(x, w));
}

/** acc + four sums of four products: `x` activations of one pixel, each 0..127, `w` weights of four outputs. */
// @ts-ignore: decorator
@inline
export function dot8(acc: v128, x: v128, w: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, acc);
  return unreachable();
}

/**
 * The same by two instructions that every x86 has, for browsers whose relaxed dot product wants more of them: products of
 * neighbours, which fit 16 bits, then their sums. `ones` holds eight ones.
 */
// @ts-ignore: decorator
@inline
export function dotPairs(acc: v128, x: v128, w: v128, ones: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.add(acc, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(w, x), ones));
  return unreachable();
}

/** acc * scale, each rounded to float32. */
// @ts-ignore: decorator
@inline
export function scaled(acc: v128, scale: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(acc), scale);
}

/** The nearest integers, ties to even, of numbers whose size is below 2^22. */
// @ts-ignore: decorator
@inline
export function rounded(real: v128): v128 {
  return i32x4.sub(f32x4.add(real, f32x4.splat(ROUNDER)), i32x4.splat(ROUNDER_BITS));
}

/** (x * w + 2^14) >> 15 in each of eight lanes. Weights of -2^15 are refused when a model is read. */
// @ts-ignore: decorator
@inline
export function multiplyQ15(x: v128, w: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i16x8.relaxed_q15mulr_s(x, w);
  return i16x8.q15mulr_sat_s(x, w);
}
