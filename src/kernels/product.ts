/**
 * Convolutions as matrix products: tiles of four pixels by eight outputs, accumulated in int32. Channels lie innermost,
 * so a window's row is one run of bytes: nothing is copied into columns first, and only the input needs padding.
 *
 * The tile is that of XNNPACK's 4x8c4 kernels (`src/qs8-qc8w-igemm/`): one load of four bytes of a pixel, spread over the
 * register, is multiplied by the packed weights of eight outputs. The arithmetic is the one of gemmlowp and of Jacob et
 * al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only Inference" (2018), without
 * zero points: they are folded into the biases. The sums are scaled in float32, one scale for each output, and rounded
 * by adding a large number, as in XNNPACK's `fp32` requantization.
 */
import { dot16, dot8, dotPairs, rounded, scaled } from "./arithmetic";
import { FLOAT, INT8, QUAD, RAW, Step, TILE } from "./step";

/** The pairwise sums of two products of bytes; two products of 0..127 by -128..127 fit 16 bits. */
// @ts-ignore: decorator
@inline
function pairs(first: v128, second: v128): v128 {
  return i32x4.extadd_pairwise_i16x8_s(i16x8.add(first, second));
}

/**
 * Store eight outputs of one pixel: scale, add the residual, round, clamp.
 *
 * @param store What is stored, as `Step.store`; not RAW.
 * @param first The sums of the first four outputs, int32; `second` those of the last four.
 * @param firstScale float32, one for each output; `secondScale` those of the last four.
 * @param out Address of the first output.
 * @param residual Address of what is added; 0 for nothing.
 * @param residualScale Four times what the residual is multiplied by, float32.
 * @param floor Eight times the least int16 that is stored; `ceiling` the largest.
 */
// @ts-ignore: decorator
@inline
export function put(
  store: i32,
  first: v128,
  second: v128,
  firstScale: v128,
  secondScale: v128,
  out: usize,
  residual: usize,
  residualScale: v128,
  floor: v128,
  ceiling: v128,
): void {
  let low = scaled(first, firstScale);
  let high = scaled(second, secondScale);
  if (store == FLOAT) {
    v128.store(out, low);
    v128.store(out, high, 16);
    return;
  }
  if (residual != 0) {
    const eight = store == INT8 ? v128.load8x8_s(residual) : v128.load(residual);
    low = f32x4.add(low, scaled(i32x4.extend_low_i16x8_s(eight), residualScale));
    high = f32x4.add(high, scaled(i32x4.extend_high_i16x8_s(eight), residualScale));
  }
  let eight = i16x8.narrow_i32x4_s(rounded(low), rounded(high));
  eight = i16x8.min_s(i16x8.max_s(eight, floor), ceiling);
  if (store == INT8) v128.store64_lane(out, i8x16.narrow_i16x8_s(eight, eight), 0);
  else v128.store(out, eight);
}

/** Bytes of the eight outputs' weights that go with four bytes of the input. */
// @ts-ignore: decorator
@inline
function quadWeights<In>(): i32 {
  return isWide<In>() ? 64 : 32;
}

/** True if bytes are widened and multiplied as words. */
// @ts-ignore: decorator
@inline
function isWide<In>(): bool {
  return sizeof<In>() == 2 && !isSigned<In>();
}

/**
 * Compute a convolution or a dense layer. In says how numbers are multiplied (`Step.multiply`): i16 WORDS, i8 BYTES, u8
 * PAIRS, u16 WIDENED.
 *
 * @param step Reads `store`, `input`, `pixelStep`, `rowStep`, `width`, `height`, `windowSize` (rows of the window),
 *   `rowBytes`, `quads`, `weights` (for each tile of eight outputs, for each row of the window, for each four bytes of
 *   input, the weights of all eight outputs), `bias` (int32), `scale` (not for RAW), `tiles`, `outPixelStep`,
 *   `outRowStep`, `residual` and its steps, tiles and scale, `floor`, `ceiling`.
 * @param out Address of the first pixel's first output; the step's own `out` is not read.
 */
export function product<In>(step: Step, out: usize): void {
  const store = step.store;
  const input = step.input;
  const pixelStep = step.pixelStep;
  const rowStep = step.rowStep;
  const width = step.width;
  const windowRows = step.windowSize;
  const tiles = step.tiles;
  const outPixelStep = step.outPixelStep;
  const outRowStep = step.outRowStep;
  const residualPixelStep = step.residualPixelStep;
  const residualRowStep = step.residualRowStep;
  const residualTiles = step.residualTiles;
  let weights = step.weights;
  let bias = step.bias;
  let scale = step.scale;
  let residual = step.residual;
  const ones = i16x8.splat(1);
  const low = i16x8.splat(<i16>step.floor);
  const high = i16x8.splat(<i16>step.ceiling);
  const factor = f32x4.splat(step.residualScale);
  const rowWeights = step.quads * quadWeights<In>();
  const rowLeap = step.rowBytes - step.quads * QUAD;
  // Tiles run on from row to row; the last one begins earlier and stores some pixels again, or repeats the last pixel
  // where there are fewer than four.
  const pixels = width * step.height;
  const last = max(0, pixels - 4);
  const inputLeap = rowStep - width * pixelStep;
  const outLeap = outRowStep - width * outPixelStep;
  const residualLeap = residualRowStep - width * residualPixelStep;
  const second = min(1, pixels - 1);
  const third = min(2, pixels - 1);
  const fourth = min(3, pixels - 1);
  const input1 = second * pixelStep;
  const out1 = second * outPixelStep;
  const residual1 = second * residualPixelStep;
  const input2 = third * pixelStep;
  const out2 = third * outPixelStep;
  const residual2 = third * residualPixelStep;
  const input3 = fourth * pixelStep;
  const out3 = fourth * outPixelStep;
  const residual3 = fourth * residualPixelStep;
  const outTile = store == RAW ? TILE * 4 : TILE * store;
  for (let tile = 0; tile < tiles; tile++) {
    const firstBias = v128.load(bias);
    const secondBias = v128.load(bias, 16);
    const shortcut = tile < residualTiles ? residual : 0;
    let x = 0;
    let y = 0;
    for (let p = 0; p < pixels; p += 4) {
      if (p > last) {
        x -= p - last;
        while (x < 0) {
          x += width;
          y--;
        }
      }
      const wraps = x + fourth >= width;
      const wraps1 = wraps ? (x + second) / width : 0;
      const wraps2 = wraps ? (x + third) / width : 0;
      const wraps3 = wraps ? (x + fourth) / width : 0;
      let a0 = input + y * rowStep + x * pixelStep;
      let a1 = a0 + input1 + wraps1 * inputLeap;
      let a2 = a0 + input2 + wraps2 * inputLeap;
      let a3 = a0 + input3 + wraps3 * inputLeap;
      let w = weights;
      let c00 = firstBias;
      let c01 = secondBias;
      let c10 = firstBias;
      let c11 = secondBias;
      let c20 = firstBias;
      let c21 = secondBias;
      let c30 = firstBias;
      let c31 = secondBias;
      for (let row = windowRows; row > 0; row--) {
        const end = w + rowWeights;
        while (w < end) {
          const w0 = v128.load(w);
          const w1 = v128.load(w, 16);
          if (isWide<In>()) {
            const w2 = v128.load(w, 32);
            const w3 = v128.load(w, 48);
            let u = i16x8.extend_low_i8x16_s(v128.load16_splat(a0));
            let v = i16x8.extend_low_i8x16_s(v128.load16_splat(a0, 2));
            c00 = dot16(dot16(c00, u, w0), v, w2);
            c01 = dot16(dot16(c01, u, w1), v, w3);
            u = i16x8.extend_low_i8x16_s(v128.load16_splat(a1));
            v = i16x8.extend_low_i8x16_s(v128.load16_splat(a1, 2));
            c10 = dot16(dot16(c10, u, w0), v, w2);
            c11 = dot16(dot16(c11, u, w1), v, w3);
            u = i16x8.extend_low_i8x16_s(v128.load16_splat(a2));
            v = i16x8.extend_low_i8x16_s(v128.load16_splat(a2, 2));
            c20 = dot16(dot16(c20, u, w0), v, w2);
            c21 = dot16(dot16(c21, u, w1), v, w3);
            u = i16x8.extend_low_i8x16_s(v128.load16_splat(a3));
            v = i16x8.extend_low_i8x16_s(v128.load16_splat(a3, 2));
            c30 = dot16(dot16(c30, u, w0), v, w2);
            c31 = dot16(dot16(c31, u, w1), v, w3);
          } else if (sizeof<In>() == 1 && !ASC_FEATURE_RELAXED_SIMD) {
            let u = v128.load16_splat(a0);
            let v = v128.load16_splat(a0, 2);
            c00 = i32x4.add(c00, pairs(i16x8.extmul_low_i8x16_s(u, w0), i16x8.extmul_low_i8x16_s(v, w1)));
            c01 = i32x4.add(c01, pairs(i16x8.extmul_high_i8x16_s(u, w0), i16x8.extmul_high_i8x16_s(v, w1)));
            u = v128.load16_splat(a1);
            v = v128.load16_splat(a1, 2);
            c10 = i32x4.add(c10, pairs(i16x8.extmul_low_i8x16_s(u, w0), i16x8.extmul_low_i8x16_s(v, w1)));
            c11 = i32x4.add(c11, pairs(i16x8.extmul_high_i8x16_s(u, w0), i16x8.extmul_high_i8x16_s(v, w1)));
            u = v128.load16_splat(a2);
            v = v128.load16_splat(a2, 2);
            c20 = i32x4.add(c20, pairs(i16x8.extmul_low_i8x16_s(u, w0), i16x8.extmul_low_i8x16_s(v, w1)));
            c21 = i32x4.add(c21, pairs(i16x8.extmul_high_i8x16_s(u, w0), i16x8.extmul_high_i8x16_s(v, w1)));
            u = v128.load16_splat(a3);
            v = v128.load16_splat(a3, 2);
            c30 = i32x4.add(c30, pairs(i16x8.extmul_low_i8x16_s(u, w0), i16x8.extmul_low_i8x16_s(v, w1)));
            c31 = i32x4.add(c31, pairs(i16x8.extmul_high_i8x16_s(u, w0), i16x8.extmul_high_i8x16_s(v, w1)));
          } else {
            let a = v128.load32_splat(a0);
            c00 = dot<In>(c00, a, w0, ones);
            c01 = dot<In>(c01, a, w1, ones);
            a = v128.load32_splat(a1);
            c10 = dot<In>(c10, a, w0, ones);
            c11 = dot<In>(c11, a, w1, ones);
            a = v128.load32_splat(a2);
            c20 = dot<In>(c20, a, w0, ones);
            c21 = dot<In>(c21, a, w1, ones);
            a = v128.load32_splat(a3);
            c30 = dot<In>(c30, a, w0, ones);
            c31 = dot<In>(c31, a, w1, ones);
          }
          a0 += QUAD;
          a1 += QUAD;
          a2 += QUAD;
          a3 += QUAD;
          w += quadWeights<In>();
        }
        a0 += rowLeap;
        a1 += rowLeap;
        a2 += rowLeap;
        a3 += rowLeap;
      }
      const o0 = out + y * outRowStep + x * outPixelStep;
      const o1 = o0 + out1 + wraps1 * outLeap;
      const o2 = o0 + out2 + wraps2 * outLeap;
      const o3 = o0 + out3 + wraps3 * outLeap;
      if (store == RAW) {
        v128.store(o0, c00);
        v128.store(o0, c01, 16);
        v128.store(o1, c10);
        v128.store(o1, c11, 16);
        v128.store(o2, c20);
        v128.store(o2, c21, 16);
        v128.store(o3, c30);
        v128.store(o3, c31, 16);
      } else {
        const firstScale = v128.load(scale);
        const secondScale = v128.load(scale, 16);
        let r0: usize = 0;
        let r1: usize = 0;
        let r2: usize = 0;
        let r3: usize = 0;
        if (shortcut != 0) {
          r0 = shortcut + y * residualRowStep + x * residualPixelStep;
          r1 = r0 + residual1 + wraps1 * residualLeap;
          r2 = r0 + residual2 + wraps2 * residualLeap;
          r3 = r0 + residual3 + wraps3 * residualLeap;
        }
        put(store, c00, c01, firstScale, secondScale, o0, r0, factor, low, high);
        put(store, c10, c11, firstScale, secondScale, o1, r1, factor, low, high);
        put(store, c20, c21, firstScale, secondScale, o2, r2, factor, low, high);
        put(store, c30, c31, firstScale, secondScale, o3, r3, factor, low, high);
      }
      x += 4;
      while (x >= width) {
        x -= width;
        y++;
      }
    }
    weights += windowRows * rowWeights;
    bias += TILE * 4;
    scale += TILE * 4;
    out += outTile;
    residual += outTile;
  }
}

// @ts-ignore: decorator
@inline
function dot<In>(acc: v128, x: v128, w: v128, ones: v128): v128 {
  if (sizeof<In>() == 2) return dot16(acc, x, w);
  if (isSigned<In>()) return dot8(acc, x, w);
  return dotPairs(acc, x, w, ones);
}
