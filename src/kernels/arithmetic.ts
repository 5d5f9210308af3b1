/**
 * The arithmetic that all kernels share; `tests/int8/reference.ts` repeats it in plain TypeScript. All variants give the
 * same bytes.
 */

/** Adding 1.5 * 2^23 to a number below 2^22 rounds it, ties to even, into the low bits of its float32. */
const ROUNDER: f32 = 12582912.0;
const ROUNDER_BITS: i32 = 0x4b400000;

/**
 * Add to each of four int32 a dot product of two int16.
 *
 * @param x Two numbers of one pixel, four times.
 * @param w Two weights for each of four outputs.
 */
// @ts-ignore: decorator
@inline
export function dot16(acc: v128, x: v128, w: v128): v128 {
  return i32x4.add(acc, i32x4.dot_i16x8_s(x, w));
}

/**
 * Add to each of four int32 a dot product of four int8, with the relaxed dot product: exact, because `x` is 0..127.
 *
 * @param x Four numbers of one pixel, 0..127, four times.
 * @param w Four weights for each of four outputs.
 */
// @ts-ignore: decorator
@inline
export function dot8(acc: v128, x: v128, w: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.relaxed_dot_i8x16_i7x16_add_s(w, x, acc);
  return unreachable();
}

/**
 * Do the same as `dot8` by two instructions that every x86 with SSSE3 has, for processors whose relaxed dot product takes
 * more of them: the sums of two products, which fit 16 bits, then the sums of those.
 *
 * @param ones Eight int16 of 1.
 */
// @ts-ignore: decorator
@inline
export function dotPairs(acc: v128, x: v128, w: v128, ones: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i32x4.add(acc, i32x4.dot_i16x8_s(i16x8.relaxed_dot_i8x16_i7x16_s(w, x), ones));
  return unreachable();
}

/** Convert four int32 to float32 and multiply them by `scale`; both round to float32. */
// @ts-ignore: decorator
@inline
export function scaled(acc: v128, scale: v128): v128 {
  return f32x4.mul(f32x4.convert_i32x4_s(acc), scale);
}

/** Round four float32 to int32, ties to even. Their magnitude must be below 2^22. */
// @ts-ignore: decorator
@inline
export function rounded(real: v128): v128 {
  return i32x4.sub(f32x4.add(real, f32x4.splat(ROUNDER)), i32x4.splat(ROUNDER_BITS));
}

/** Compute (x * w + 2^14) >> 15 of eight int16. Exact, because the reader refuses weights of -2^15. */
// @ts-ignore: decorator
@inline
export function multiplyQ15(x: v128, w: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return i16x8.relaxed_q15mulr_s(x, w);
  return i16x8.q15mulr_sat_s(x, w);
}
