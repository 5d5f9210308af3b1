/**
 * Convolutions as matrix products: tiles of four pixels by eight outputs, accumulated in 32 bits. A window's row is one
 * run of bytes, because channels lie innermost; so nothing is copied, only the input wants its padding around it.
 */
import { dot16, dot8, dotPairs, rounded, scaled } from "./arithmetic";

/** Outputs in a tile. */
const TILE: i32 = 8;

/** What becomes of the sums. */
export const RAW: i32 = 0;
export const INT8: i32 = 1;
export const INT16: i32 = 2;
export const FLOAT: i32 = 4;

/** Neighbouring products summed; two products of 0..127 by -128..127 fit 16 bits. */
// @ts-ignore: decorator
@inline
function pairs(first: v128, second: v128): v128 {
  return i32x4.extadd_pairwise_i16x8_s(i16x8.add(first, second));
}

/**
 * Eight outputs of one pixel, stored as `kind` says: scaled, the residual added where `residual` is not zero, rounded
 * and held in range.
 */
// @ts-ignore: decorator
@inline
export function put(
  kind: i32,
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
  if (kind == FLOAT) {
    v128.store(out, low);
    v128.store(out, high, 16);
    return;
  }
  if (residual != 0) {
    const eight = kind == INT8 ? v128.load8x8_s(residual) : v128.load(residual);
    low = f32x4.add(low, scaled(i32x4.extend_low_i16x8_s(eight), residualScale));
    high = f32x4.add(high, scaled(i32x4.extend_high_i16x8_s(eight), residualScale));
  }
  let eight = i16x8.narrow_i32x4_s(rounded(low), rounded(high));
  eight = i16x8.min_s(i16x8.max_s(eight, floor), ceiling);
  if (kind == INT8) v128.store64_lane(out, i8x16.narrow_i16x8_s(eight, eight), 0);
  else v128.store(out, eight);
}

/** Data bytes that one step of the sums takes. */
const STEP: i32 = 4;

/** Bytes of the eight outputs' weights that go with a step. */
// @ts-ignore: decorator
@inline
function stepWeights<In>(): i32 {
  return isWide<In>() ? 64 : 32;
}

/** Bytes multiplied as 16 bits. */
// @ts-ignore: decorator
@inline
function isWide<In>(): bool {
  return sizeof<In>() == 2 && !isSigned<In>();
}

/**
 * In: how the input's numbers are multiplied by the weights'. i16: words by words. u16: bytes, widened, by words. i8:
 * bytes by bytes, with the relaxed dot product or, where there is none, widening products. u8: bytes by bytes, in pairs.
 *
 * @param kind What is stored: `RAW` the sums, at steps as given; `FLOAT` scaled but not rounded; `INT8`, `INT16`.
 * @param input Where the first pixel's window begins.
 * @param pixelStep Bytes from one pixel's window to the next in a row; `rowStep` from a row's first to the next row's.
 * @param windowRows Rows of a window, `windowRowStep` bytes apart.
 * @param steps Steps of four bytes in a window's row.
 * @param weights For each tile of eight outputs: rows, steps, and the step's weights of all outputs.
 * @param bias int32 an output.
 * @param scale float32 an output.
 * @param out Where the first pixel's first output goes, in steps as given.
 * @param residual What is added, times `residualScale`, to the first `residualTiles` tiles; laid out in steps as given.
 */
export function product<In>(
  kind: i32,
  input: usize,
  pixelStep: i32,
  rowStep: i32,
  width: i32,
  height: i32,
  windowRows: i32,
  windowRowStep: i32,
  steps: i32,
  weights: usize,
  bias: usize,
  scale: usize,
  tiles: i32,
  out: usize,
  outPixelStep: i32,
  outRowStep: i32,
  residual: usize,
  residualPixelStep: i32,
  residualRowStep: i32,
  residualTiles: i32,
  residualScale: f32,
  floor: i32,
  ceiling: i32,
): void {
  const ones = i16x8.splat(1);
  const low = i16x8.splat(<i16>floor);
  const high = i16x8.splat(<i16>ceiling);
  const factor = f32x4.splat(residualScale);
  const rowWeights = steps * stepWeights<In>();
  const rowLeap = windowRowStep - steps * STEP;
  // Tiles run on from row to row; the last one begins earlier and stores some pixels again, or repeats the last pixel
  // where there are fewer than four.
  const pixels = width * height;
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
  const outTile = kind == RAW ? TILE * 4 : TILE * kind;
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
          a0 += STEP;
          a1 += STEP;
          a2 += STEP;
          a3 += STEP;
          w += stepWeights<In>();
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
      if (kind == RAW) {
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
        put(kind, c00, c01, firstScale, secondScale, o0, r0, factor, low, high);
        put(kind, c10, c11, firstScale, secondScale, o1, r1, factor, low, high);
        put(kind, c20, c21, firstScale, secondScale, o2, r2, factor, low, high);
        put(kind, c30, c31, firstScale, secondScale, o3, r3, factor, low, high);
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
