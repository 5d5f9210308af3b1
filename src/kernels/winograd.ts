/**
 * 3x3 convolutions at stride 1 of bytes with 25 products for nine outputs in place of 81 (Winograd's F(3x3, 3x3); Lavin
 * and Gray, 2015), at the points 0, 1, -1, 2 and infinity. Exact: all is whole numbers, the sums come out 36 times too
 * large, and what overflows on the way comes back by itself, as four times the result fits 32 bits. With
 *
 *     B^T = 2 -1 -2  1  0    G = 3  0  0    A^T = 1  1  1  1  0
 *           0  2  1 -1  0        3  3  3          0  1 -1  2  0
 *           0 -2  3 -1  0        1 -1  1          0  1  1  4  1
 *           0 -1  0  1  0        1  2  4
 *           0  2 -1 -2  1        0  0  6
 *
 * six times the answers of one dimension are A^T ((G g) * (B^T d)); `src/runtime/int8/pack.ts` has G.
 */
import { product, put, RAW } from "./product";

/** Side of a tile of outputs; its inputs are two more. */
const SIDE: i32 = 3;
const POSITIONS: i32 = 25;
/** Eights of outputs that are transformed back together: their sums stay in the first cache. */
const OUT_BLOCK: i32 = 4;
/** Between positions, so that they do not all fall into the same lines of the cache. */
const SKEW: i32 = 64;
/** 9 times this is 1 in 32 bits. */
const NINTH: i32 = 954437177;

// @ts-ignore: decorator
@inline
function twice(x: v128): v128 {
  return i16x8.shl(x, 1);
}

/** One row of B^T d B: combines five rows of pixels at `p`, eight channels, and the same along them. */
// @ts-ignore: decorator
@inline
function transformRow(row: i32, p: usize, pixelBytes: i32, rowBytes: i32, to: usize, step: i32): void {
  const a = combine(row, p, rowBytes);
  const b = combine(row, p + pixelBytes, rowBytes);
  const c = combine(row, p + 2 * pixelBytes, rowBytes);
  const d = combine(row, p + 3 * pixelBytes, rowBytes);
  const e = combine(row, p + 4 * pixelBytes, rowBytes);
  const bd = i16x8.sub(b, d);
  v128.store(to, i16x8.sub(twice(i16x8.sub(a, c)), bd));
  v128.store(to + step, i16x8.add(twice(b), i16x8.sub(c, d)));
  v128.store(to + 2 * step, i16x8.add(twice(i16x8.sub(c, b)), i16x8.sub(c, d)));
  v128.store(to + 3 * step, i16x8.sub(d, b));
  v128.store(to + 4 * step, i16x8.add(twice(bd), i16x8.sub(e, c)));
}

/** One row of B^T applied to a column of five pixels. */
// @ts-ignore: decorator
@inline
function combine(row: i32, p: usize, rowBytes: i32): v128 {
  const b = v128.load8x8_s(p + rowBytes);
  const d = v128.load8x8_s(p + 3 * rowBytes);
  if (row == 3) return i16x8.sub(d, b);
  const c = v128.load8x8_s(p + 2 * rowBytes);
  if (row == 0) return i16x8.sub(twice(i16x8.sub(v128.load8x8_s(p), c)), i16x8.sub(b, d));
  if (row == 1) return i16x8.add(twice(b), i16x8.sub(c, d));
  if (row == 2) return i16x8.add(twice(i16x8.sub(c, b)), i16x8.sub(c, d));
  return i16x8.add(twice(i16x8.sub(b, d)), i16x8.sub(v128.load8x8_s(p + 4 * rowBytes), c));
}

function transformInput(input: usize, pixelBytes: i32, rowBytes: i32, to: usize, step: i32): void {
  const next = 5 * step;
  transformRow(0, input, pixelBytes, rowBytes, to, step);
  transformRow(1, input, pixelBytes, rowBytes, to + next, step);
  transformRow(2, input, pixelBytes, rowBytes, to + 2 * next, step);
  transformRow(3, input, pixelBytes, rowBytes, to + 3 * next, step);
  transformRow(4, input, pixelBytes, rowBytes, to + 4 * next, step);
}

/** Four outputs of row `row` of A^T M, column after column `step` apart; the rows of M lie five of them apart. */
// @ts-ignore: decorator
@inline
function column(row: i32, from: usize, step: i32): v128 {
  const next = 5 * step;
  const b = v128.load(from + next);
  const c = v128.load(from + 2 * next);
  const d = v128.load(from + 3 * next);
  if (row == 1) return i32x4.add(i32x4.sub(b, c), i32x4.shl(d, 1));
  const bc = i32x4.add(b, c);
  if (row == 0) return i32x4.add(i32x4.add(v128.load(from), bc), d);
  return i32x4.add(i32x4.add(bc, i32x4.shl(d, 2)), v128.load(from + 4 * next));
}

/** Where and how eight outputs are stored. */
let numbers: i32 = 0;
let factor: f32 = 0;
let floorOut: i32 = 0;
let ceilingOut: i32 = 0;

/** A row of a tile's outputs, eight channels. */
// @ts-ignore: decorator
@inline
function storeRow(
  row: i32,
  count: i32,
  from: usize,
  step: i32,
  scale: usize,
  out: usize,
  outStep: i32,
  residual: usize,
  residualStep: i32,
): void {
  const ninth = i32x4.splat(NINTH);
  const low = i16x8.splat(<i16>floorOut);
  const high = i16x8.splat(<i16>ceilingOut);
  const shortcut = f32x4.splat(factor);
  const s = v128.load(scale);
  const t = v128.load(scale, 16);
  let a = column(row, from, step);
  const b = column(row, from + step, step);
  const c = column(row, from + 2 * step, step);
  const d = column(row, from + 3 * step, step);
  let e = column(row, from + 4 * step, step);
  from += 16;
  let f = column(row, from, step);
  const g = column(row, from + step, step);
  const h = column(row, from + 2 * step, step);
  const i = column(row, from + 3 * step, step);
  let j = column(row, from + 4 * step, step);
  const bc = i32x4.add(b, c);
  const gh = i32x4.add(g, h);
  a = i32x4.mul(i32x4.add(i32x4.add(a, bc), d), ninth);
  f = i32x4.mul(i32x4.add(i32x4.add(f, gh), i), ninth);
  put(numbers, a, f, s, t, out, residual, shortcut, low, high);
  if (count == 1) return;
  out += outStep;
  if (residual != 0) residual += residualStep;
  a = i32x4.mul(i32x4.add(i32x4.sub(b, c), i32x4.shl(d, 1)), ninth);
  f = i32x4.mul(i32x4.add(i32x4.sub(g, h), i32x4.shl(i, 1)), ninth);
  put(numbers, a, f, s, t, out, residual, shortcut, low, high);
  if (count == 2) return;
  out += outStep;
  if (residual != 0) residual += residualStep;
  e = i32x4.mul(i32x4.add(i32x4.add(bc, i32x4.shl(d, 2)), e), ninth);
  j = i32x4.mul(i32x4.add(i32x4.add(gh, i32x4.shl(i, 2)), j), ninth);
  put(numbers, e, j, s, t, out, residual, shortcut, low, high);
}

/**
 * @param kind What is stored, as for `product`.
 * @param input Where the first window begins; the padding must hold a multiple of three outputs each way.
 * @param steps Steps of two input channels.
 * @param weights For each block of 32 outputs and each of 25 positions what `product` wants.
 * @param bias In the same order int32 an output: 36 times the bias at position 6, zero elsewhere.
 * @param scale float32 an output, a quarter of the convolution's own.
 * @param chunk Tiles that are computed together.
 * @param scratch Room for 25 * (chunk * (4 * steps + 128) + 128) bytes.
 */
export function winograd(
  kind: i32,
  input: usize,
  pixelBytes: i32,
  rowBytes: i32,
  width: i32,
  height: i32,
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
  chunk: i32,
  scratch: usize,
): void {
  numbers = kind;
  factor = residualScale;
  floorOut = floor;
  ceilingOut = ceiling;
  const across = (width + SIDE - 1) / SIDE;
  const all = across * ((height + SIDE - 1) / SIDE);
  const tileBytes = steps * 4;
  const sums = scratch + POSITIONS * (chunk * tileBytes + SKEW);
  const weightBytes = steps * 32;
  for (let begin = 0; begin < all; begin += chunk) {
    const count = min(chunk, all - begin);
    const step = count * tileBytes + SKEW;
    for (let i = 0; i < count; i++) {
      const y = (begin + i) / across;
      const x = begin + i - y * across;
      const from = input + SIDE * (y * rowBytes + x * pixelBytes);
      const to = scratch + i * tileBytes;
      for (let c = 0; c < pixelBytes; c += 8) transformInput(from + c, pixelBytes, rowBytes, to + 2 * c, step);
    }
    for (let block = 0; block < tiles; block += OUT_BLOCK) {
      const eights = min(OUT_BLOCK, tiles - block);
      const pixelSums = eights * 32;
      const sumStep = count * pixelSums + SKEW;
      for (let position = 0; position < POSITIONS; position++) {
        product<i16>(
          RAW,
          scratch + position * step,
          tileBytes,
          0,
          count,
          1,
          1,
          0,
          steps,
          weights + (block * POSITIONS + position * eights) * weightBytes,
          bias + (block * POSITIONS + position * eights) * 32,
          0,
          eights,
          sums + position * sumStep,
          pixelSums,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
          0,
        );
      }
      for (let i = 0; i < count; i++) {
        const y = (begin + i) / across;
        const x = begin + i - y * across;
        const right = min(SIDE, width - SIDE * x);
        const below = min(SIDE, height - SIDE * y);
        for (let eight = 0; eight < eights; eight++) {
          const tile = block + eight;
          const from = sums + i * pixelSums + eight * 32;
          const s = scale + tile * 32;
          let o = out + SIDE * (y * outRowStep + x * outPixelStep) + tile * 8 * kind;
          let r = residual + SIDE * (y * residualRowStep + x * residualPixelStep) + tile * 8 * kind;
          let rowStep = residualRowStep;
          if (tile >= residualTiles) {
            r = 0;
            rowStep = 0;
          }
          storeRow(0, right, from, sumStep, s, o, outPixelStep, r, residualPixelStep);
          if (below == 1) continue;
          o += outRowStep;
          r += rowStep;
          storeRow(1, right, from, sumStep, s, o, outPixelStep, r, residualPixelStep);
          if (below == 2) continue;
          o += outRowStep;
          r += rowStep;
          storeRow(2, right, from, sumStep, s, o, outPixelStep, r, residualPixelStep);
        }
      }
    }
  }
}
