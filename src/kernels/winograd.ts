/**
 * 3x3 convolutions of bytes at stride 1 by Winograd's minimal filtering, F(3x3, 3x3): 25 products for nine outputs in
 * place of 81. After Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks" (2015, arXiv:1509.09308), at the
 * points 0, 1, -1, 2 and infinity. With
 *
 *     B^T = 2 -1 -2  1  0    G = 3  0  0    A^T = 1  1  1  1  0
 *           0  2  1 -1  0        3  3  3          0  1 -1  2  0
 *           0 -2  3 -1  0        1 -1  1          0  1  1  4  1
 *           0 -1  0  1  0        1  2  4
 *           0  2 -1 -2  1        0  0  6
 *
 * the outputs of one dimension are A^T ((G g) * (B^T d)) / 6, and those of two dimensions are 1/36 of the nested
 * transforms. `src/runtime/int8/winograd.ts` computes G g G^T.
 *
 * The result is exact. All numbers are whole. The sums are 36 times too large; multiplying them by the inverse of 9 modulo
 * 2^32 leaves four times the result, whatever overflowed on the way, because four times the result fits 32 bits. The
 * step's scales are a quarter of the convolution's own.
 */
import { product, put } from "./product";
import { Step, WINOGRAD_BLOCK, WINOGRAD_POSITIONS, WINOGRAD_SIDE, WINOGRAD_SKEW } from "./step";

/** The inverse of 9 modulo 2^32. */
const NINTH: i32 = 954437177;

// @ts-ignore: decorator
@inline
function twice(x: v128): v128 {
  return i16x8.shl(x, 1);
}

/** Store one row of B^T d B, eight channels: `row` of B^T down five columns of pixels at `p`, then B^T along them. */
// @ts-ignore: decorator
@inline
function transformRow(row: i32, p: usize, pixelBytes: i32, rowBytes: i32, to: usize, apart: i32): void {
  const a = combine(row, p, rowBytes);
  const b = combine(row, p + pixelBytes, rowBytes);
  const c = combine(row, p + 2 * pixelBytes, rowBytes);
  const d = combine(row, p + 3 * pixelBytes, rowBytes);
  const e = combine(row, p + 4 * pixelBytes, rowBytes);
  const bd = i16x8.sub(b, d);
  v128.store(to, i16x8.sub(twice(i16x8.sub(a, c)), bd));
  v128.store(to + apart, i16x8.add(twice(b), i16x8.sub(c, d)));
  v128.store(to + 2 * apart, i16x8.add(twice(i16x8.sub(c, b)), i16x8.sub(c, d)));
  v128.store(to + 3 * apart, i16x8.sub(d, b));
  v128.store(to + 4 * apart, i16x8.add(twice(bd), i16x8.sub(e, c)));
}

/** Apply one row of B^T to a column of five pixels, eight channels. */
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

/** Store B^T d B of one tile, eight channels: 25 positions, `apart` bytes apart, of eight int16. */
function transformInput(input: usize, pixelBytes: i32, rowBytes: i32, to: usize, apart: i32): void {
  const next = 5 * apart;
  transformRow(0, input, pixelBytes, rowBytes, to, apart);
  transformRow(1, input, pixelBytes, rowBytes, to + next, apart);
  transformRow(2, input, pixelBytes, rowBytes, to + 2 * next, apart);
  transformRow(3, input, pixelBytes, rowBytes, to + 3 * next, apart);
  transformRow(4, input, pixelBytes, rowBytes, to + 4 * next, apart);
}

/** Compute four channels of row `row` (0, 1 or 2) of A^T M in one column of M, whose entries lie 5 * `apart` bytes apart. */
// @ts-ignore: decorator
@inline
function column(row: i32, from: usize, apart: i32): v128 {
  const next = 5 * apart;
  const b = v128.load(from + next);
  const c = v128.load(from + 2 * next);
  const d = v128.load(from + 3 * next);
  if (row == 1) return i32x4.add(i32x4.sub(b, c), i32x4.shl(d, 1));
  const bc = i32x4.add(b, c);
  if (row == 0) return i32x4.add(i32x4.add(v128.load(from), bc), d);
  return i32x4.add(i32x4.add(bc, i32x4.shl(d, 2)), v128.load(from + 4 * next));
}

/**
 * Store one row of a tile's outputs, eight channels.
 *
 * @param row Row of the tile: 0, 1 or 2.
 * @param count Outputs of the row that lie within the map: 1 to 3.
 * @param step The Winograd step: how the outputs are stored.
 * @param from Address of the first position's eight sums; positions lie `sumStep` bytes apart.
 * @param scale Address of eight float32.
 * @param out Address of the row's first output.
 * @param residual Address of what is added to it; 0 for nothing.
 */
// @ts-ignore: decorator
@inline
function storeRow(
  row: i32,
  count: i32,
  step: Step,
  from: usize,
  sumStep: i32,
  scale: usize,
  out: usize,
  residual: usize,
): void {
  const store = step.store;
  const outPixelStep = step.outPixelStep;
  const residualPixelStep = step.residualPixelStep;
  const ninth = i32x4.splat(NINTH);
  const low = i16x8.splat(<i16>step.floor);
  const high = i16x8.splat(<i16>step.ceiling);
  const shortcut = f32x4.splat(step.residualScale);
  const s = v128.load(scale);
  const t = v128.load(scale, 16);
  let a = column(row, from, sumStep);
  const b = column(row, from + sumStep, sumStep);
  const c = column(row, from + 2 * sumStep, sumStep);
  const d = column(row, from + 3 * sumStep, sumStep);
  let e = column(row, from + 4 * sumStep, sumStep);
  from += 16;
  let f = column(row, from, sumStep);
  const g = column(row, from + sumStep, sumStep);
  const h = column(row, from + 2 * sumStep, sumStep);
  const i = column(row, from + 3 * sumStep, sumStep);
  let j = column(row, from + 4 * sumStep, sumStep);
  const bc = i32x4.add(b, c);
  const gh = i32x4.add(g, h);
  a = i32x4.mul(i32x4.add(i32x4.add(a, bc), d), ninth);
  f = i32x4.mul(i32x4.add(i32x4.add(f, gh), i), ninth);
  put(store, a, f, s, t, out, residual, shortcut, low, high);
  if (count == 1) return;
  out += outPixelStep;
  if (residual != 0) residual += residualPixelStep;
  a = i32x4.mul(i32x4.add(i32x4.sub(b, c), i32x4.shl(d, 1)), ninth);
  f = i32x4.mul(i32x4.add(i32x4.sub(g, h), i32x4.shl(i, 1)), ninth);
  put(store, a, f, s, t, out, residual, shortcut, low, high);
  if (count == 2) return;
  out += outPixelStep;
  if (residual != 0) residual += residualPixelStep;
  e = i32x4.mul(i32x4.add(i32x4.add(bc, i32x4.shl(d, 2)), e), ninth);
  j = i32x4.mul(i32x4.add(i32x4.add(gh, i32x4.shl(i, 2)), j), ninth);
  put(store, e, j, s, t, out, residual, shortcut, low, high);
}

/**
 * Compute a 3x3 convolution at stride 1, `step.chunk` tiles of 3x3 outputs at a time.
 *
 * @param step Reads `store` (INT8 or INT16), `input`, `pixelBytes`, `rowBytes` (the padding must hold a whole number of
 *   tiles each way), `width`, `height`, `quads` (two input channels each), `weights` (for each block of 32 outputs and each
 *   of 25 positions what `product` reads), `bias` (in the same order, int32: 36 times the bias at position 6, zero
 *   elsewhere), `scale`, `tiles`, `out` and its steps, `residual` and its steps, tiles and scale, `floor`, `ceiling`,
 *   `chunk`, `scratch`, `sums`. Its `part` is the product of one position: WORDS to RAW, with one row, a window of one row
 *   and `pixelStep` of 4 * `quads`.
 */
export function winograd(step: Step): void {
  const part = changetype<Step>(step.part);
  const store = step.store;
  const pixelBytes = step.pixelBytes;
  const rowBytes = step.rowBytes;
  const width = step.width;
  const height = step.height;
  const outPixelStep = step.outPixelStep;
  const outRowStep = step.outRowStep;
  const residualPixelStep = step.residualPixelStep;
  const residualRowStep = step.residualRowStep;
  const scratch = step.scratch;
  const sums = step.sums;
  const tiles = step.tiles;
  const chunk = step.chunk;
  const across = (width + WINOGRAD_SIDE - 1) / WINOGRAD_SIDE;
  const all = across * ((height + WINOGRAD_SIDE - 1) / WINOGRAD_SIDE);
  const tileBytes = part.pixelStep;
  const weightBytes = step.quads * 32;
  for (let begin = 0; begin < all; begin += chunk) {
    const count = min(chunk, all - begin);
    const positionStep = count * tileBytes + WINOGRAD_SKEW;
    for (let i = 0; i < count; i++) {
      const y = (begin + i) / across;
      const x = begin + i - y * across;
      const from = step.input + WINOGRAD_SIDE * (y * rowBytes + x * pixelBytes);
      const to = scratch + i * tileBytes;
      for (let c = 0; c < pixelBytes; c += 8) transformInput(from + c, pixelBytes, rowBytes, to + 2 * c, positionStep);
    }
    part.width = count;
    for (let block = 0; block < tiles; block += WINOGRAD_BLOCK) {
      const eights = min(WINOGRAD_BLOCK, tiles - block);
      const pixelSums = eights * 32;
      const sumStep = count * pixelSums + WINOGRAD_SKEW;
      part.tiles = eights;
      part.outPixelStep = pixelSums;
      for (let position = 0; position < WINOGRAD_POSITIONS; position++) {
        const at = block * WINOGRAD_POSITIONS + position * eights;
        part.input = scratch + position * positionStep;
        part.weights = step.weights + at * weightBytes;
        part.bias = step.bias + at * 32;
        product<i16>(part, sums + position * sumStep);
      }
      for (let i = 0; i < count; i++) {
        const y = (begin + i) / across;
        const x = begin + i - y * across;
        const right = min(WINOGRAD_SIDE, width - WINOGRAD_SIDE * x);
        const below = min(WINOGRAD_SIDE, height - WINOGRAD_SIDE * y);
        for (let eight = 0; eight < eights; eight++) {
          const tile = block + eight;
          const from = sums + i * pixelSums + eight * 32;
          const scale = step.scale + tile * 32;
          let out = step.out + WINOGRAD_SIDE * (y * outRowStep + x * outPixelStep) + tile * 8 * store;
          let residual =
            step.residual + WINOGRAD_SIDE * (y * residualRowStep + x * residualPixelStep) + tile * 8 * store;
          let leap = residualRowStep;
          if (tile >= step.residualTiles) {
            residual = 0;
            leap = 0;
          }
          storeRow(0, right, step, from, sumStep, scale, out, residual);
          if (below == 1) continue;
          out += outRowStep;
          residual += leap;
          storeRow(1, right, step, from, sumStep, scale, out, residual);
          if (below == 2) continue;
          out += outRowStep;
          residual += leap;
          storeRow(2, right, step, from, sumStep, scale, out, residual);
        }
      }
    }
  }
}
