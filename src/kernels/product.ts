/**
 * Convolutions as matrix products: tiles of four pixels by eight outputs, accumulated in 32 bits. A window's row is one
 * run of bytes, because channels lie innermost; so nothing is copied, only the input wants its padding around it.
 */
import { dot16, dot8, rounded, scaled } from "./arithmetic";

/** Outputs in a tile. */
const TILE: i32 = 8;

// @ts-ignore: decorator
@inline
function dot<In>(acc: v128, x: v128, w: v128): v128 {
  if (sizeof<In>() == 2) return dot16(acc, x, w);
  return dot8(acc, x, w);
}

/** Neighbouring products summed; two products of 0..127 by -128..127 fit 16 bits. */
// @ts-ignore: decorator
@inline
function pairs(first: v128, second: v128): v128 {
  return i32x4.extadd_pairwise_i16x8_s(i16x8.add(first, second));
}

/** Eight outputs of one pixel: scaled, the residual added where `residual` is not zero, rounded and held in range. */
// @ts-ignore: decorator
@inline
export function store<Out>(
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
  if (!isFloat<Out>() && sizeof<Out>() == 4) {
    v128.store(out, first);
    v128.store(out, second, 16);
    return;
  }
  let low = scaled(first, firstScale);
  let high = scaled(second, secondScale);
  if (isFloat<Out>()) {
    v128.store(out, low);
    v128.store(out, high, 16);
    return;
  }
  if (residual != 0) {
    const eight = sizeof<Out>() == 1 ? v128.load8x8_s(residual) : v128.load(residual);
    low = f32x4.add(low, scaled(i32x4.extend_low_i16x8_s(eight), residualScale));
    high = f32x4.add(high, scaled(i32x4.extend_high_i16x8_s(eight), residualScale));
  }
  const eight = i16x8.min_s(i16x8.max_s(i16x8.narrow_i32x4_s(rounded(low), rounded(high)), floor), ceiling);
  if (sizeof<Out>() == 1) v128.store64_lane(out, i8x16.narrow_i16x8_s(eight, eight), 0);
  else v128.store(out, eight);
}

/**
 * In: i8 or i16, the input's and the weights' numbers. Out: i8 or i16 as requantized, f32 scaled but not rounded, i32
 * the accumulators as they are.
 *
 * @param input Where the first pixel's window begins.
 * @param pixelStep Bytes from one pixel's window to the next in a row; `rowStep` from a row's first to the next row's.
 * @param windowRows Rows of a window, `windowRowStep` bytes apart.
 * @param groups Eight-byte groups in a window's row.
 * @param weights For each tile of eight outputs: rows, groups, two steps of 4 bytes, outputs, 4 bytes.
 * @param bias int32 an output.
 * @param scale float32 an output.
 * @param out Where the first pixel's first output goes, in steps as given.
 * @param residual What is added, times `residualScale`, to the first `residualTiles` tiles; laid out in steps as given.
 */
export function product<In, Out>(
  input: usize,
  pixelStep: i32,
  rowStep: i32,
  width: i32,
  height: i32,
  windowRows: i32,
  windowRowStep: i32,
  groups: i32,
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
  const low = i16x8.splat(<i16>floor);
  const high = i16x8.splat(<i16>ceiling);
  const shortcutScale = f32x4.splat(residualScale);
  const weightTile = windowRows * groups * 64;
  const rowLeap = windowRowStep - groups * 8;
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
  const input2 = third * pixelStep;
  const input3 = fourth * pixelStep;
  const out1 = second * outPixelStep;
  const out2 = third * outPixelStep;
  const out3 = fourth * outPixelStep;
  const residual1 = second * residualPixelStep;
  const residual2 = third * residualPixelStep;
  const residual3 = fourth * residualPixelStep;
  for (let tile = 0; tile < tiles; tile++) {
    const firstBias = v128.load(bias);
    const secondBias = v128.load(bias, 16);
    const firstScale = v128.load(scale);
    const secondScale = v128.load(scale, 16);
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
      let a0 = input + y * rowStep + x * pixelStep;
      let a1 = a0 + input1;
      let a2 = a0 + input2;
      let a3 = a0 + input3;
      if (wraps) {
        a1 += ((x + second) / width) * inputLeap;
        a2 += ((x + third) / width) * inputLeap;
        a3 += ((x + fourth) / width) * inputLeap;
      }
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
        const end = w + groups * 64;
        while (w < end) {
          const w0 = v128.load(w);
          const w1 = v128.load(w, 16);
          if (sizeof<In>() == 1 && !ASC_FEATURE_RELAXED_SIMD) {
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
            a0 += 4;
            a1 += 4;
            a2 += 4;
            a3 += 4;
            w += 32;
          } else {
            const w2 = v128.load(w, 32);
            const w3 = v128.load(w, 48);
            let a = v128.load32_splat(a0);
            c00 = dot<In>(c00, a, w0);
            c01 = dot<In>(c01, a, w1);
            a = v128.load32_splat(a1);
            c10 = dot<In>(c10, a, w0);
            c11 = dot<In>(c11, a, w1);
            a = v128.load32_splat(a2);
            c20 = dot<In>(c20, a, w0);
            c21 = dot<In>(c21, a, w1);
            a = v128.load32_splat(a3);
            c30 = dot<In>(c30, a, w0);
            c31 = dot<In>(c31, a, w1);
            a = v128.load32_splat(a0, 4);
            c00 = dot<In>(c00, a, w2);
            c01 = dot<In>(c01, a, w3);
            a = v128.load32_splat(a1, 4);
            c10 = dot<In>(c10, a, w2);
            c11 = dot<In>(c11, a, w3);
            a = v128.load32_splat(a2, 4);
            c20 = dot<In>(c20, a, w2);
            c21 = dot<In>(c21, a, w3);
            a = v128.load32_splat(a3, 4);
            c30 = dot<In>(c30, a, w2);
            c31 = dot<In>(c31, a, w3);
            a0 += 8;
            a1 += 8;
            a2 += 8;
            a3 += 8;
            w += 64;
          }
        }
        a0 += rowLeap;
        a1 += rowLeap;
        a2 += rowLeap;
        a3 += rowLeap;
      }
      const o0 = out + y * outRowStep + x * outPixelStep;
      let o1 = o0 + out1;
      let o2 = o0 + out2;
      let o3 = o0 + out3;
      if (wraps) {
        o1 += ((x + second) / width) * outLeap;
        o2 += ((x + third) / width) * outLeap;
        o3 += ((x + fourth) / width) * outLeap;
      }
      if (shortcut != 0) {
        const r0 = shortcut + y * residualRowStep + x * residualPixelStep;
        let r1 = r0 + residual1;
        let r2 = r0 + residual2;
        let r3 = r0 + residual3;
        if (wraps) {
          r1 += ((x + second) / width) * residualLeap;
          r2 += ((x + third) / width) * residualLeap;
          r3 += ((x + fourth) / width) * residualLeap;
        }
        store<Out>(c00, c01, firstScale, secondScale, o0, r0, shortcutScale, low, high);
        store<Out>(c10, c11, firstScale, secondScale, o1, r1, shortcutScale, low, high);
        store<Out>(c20, c21, firstScale, secondScale, o2, r2, shortcutScale, low, high);
        store<Out>(c30, c31, firstScale, secondScale, o3, r3, shortcutScale, low, high);
      } else {
        store<Out>(c00, c01, firstScale, secondScale, o0, 0, shortcutScale, low, high);
        store<Out>(c10, c11, firstScale, secondScale, o1, 0, shortcutScale, low, high);
        store<Out>(c20, c21, firstScale, secondScale, o2, 0, shortcutScale, low, high);
        store<Out>(c30, c31, firstScale, secondScale, o3, 0, shortcutScale, low, high);
      }
      x += 4;
      while (x >= width) {
        x -= width;
        y++;
      }
    }
    weights += weightTile;
    bias += TILE * 4;
    scale += TILE * 4;
    out += TILE * sizeof<Out>();
    residual += TILE * sizeof<Out>();
  }
}
