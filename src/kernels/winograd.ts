/**
 * 3x3 convolutions at stride 1 of 16-bit numbers with 16 products for four outputs in place of 36 (Winograd's F(2x2,
 * 3x3); Lavin and Gray, 2015). Exact: the weights' transform is scaled by 4 to stay whole, which the requantization's
 * scale takes back, and sums that overflow on the way come back by themselves, as four times the result fits 32 bits.
 */
import { product, store } from "./product";

/** Products for a tile of 2x2 outputs. */
const POSITIONS: i32 = 16;
/** Eights of outputs that are transformed back together: their sums stay in the first cache. */
const OUT_BLOCK: i32 = 4;
/** Between positions, so that they do not all fall into the same lines of the cache. */
const SKEW: i32 = 64;

/**
 * One row of B^T d B of one tile, eight channels: the difference or sum of two rows of four pixels, and the same along
 * them. The positions lie `step` bytes apart.
 */
// @ts-ignore: decorator
@inline
function transformRow(a: usize, b: usize, pixelBytes: i32, minus: bool, to: usize, step: i32): void {
  const twice = 2 * pixelBytes;
  const thrice = 3 * pixelBytes;
  const a0 = v128.load(a);
  const a1 = v128.load(a + pixelBytes);
  const a2 = v128.load(a + twice);
  const a3 = v128.load(a + thrice);
  const b0 = v128.load(b);
  const b1 = v128.load(b + pixelBytes);
  const b2 = v128.load(b + twice);
  const b3 = v128.load(b + thrice);
  const d0 = minus ? i16x8.sub(a0, b0) : i16x8.add(a0, b0);
  const d1 = minus ? i16x8.sub(a1, b1) : i16x8.add(a1, b1);
  const d2 = minus ? i16x8.sub(a2, b2) : i16x8.add(a2, b2);
  const d3 = minus ? i16x8.sub(a3, b3) : i16x8.add(a3, b3);
  v128.store(to, i16x8.sub(d0, d2));
  v128.store(to + step, i16x8.add(d1, d2));
  v128.store(to + 2 * step, i16x8.sub(d2, d1));
  v128.store(to + 3 * step, i16x8.sub(d1, d3));
}

function transformInput(input: usize, pixelBytes: i32, rowBytes: i32, to: usize, step: i32): void {
  const second = input + rowBytes;
  const third = second + rowBytes;
  transformRow(input, third, pixelBytes, true, to, step);
  transformRow(second, third, pixelBytes, false, to + 4 * step, step);
  transformRow(third, second, pixelBytes, true, to + 8 * step, step);
  transformRow(second, third + rowBytes, pixelBytes, true, to + 12 * step, step);
}

/** Column `column` of A^T M, four outputs: the upper row of pixels. */
// @ts-ignore: decorator
@inline
function upper(from: usize, step: i32): v128 {
  return i32x4.add(i32x4.add(v128.load(from), v128.load(from + 4 * step)), v128.load(from + 8 * step));
}

// @ts-ignore: decorator
@inline
function lower(from: usize, step: i32): v128 {
  return i32x4.sub(i32x4.sub(v128.load(from + 4 * step), v128.load(from + 8 * step)), v128.load(from + 12 * step));
}

/**
 * @param input Where the first window begins; the padding must hold an even number of outputs each way.
 * @param groups Groups of four input channels.
 * @param weights For each of 16 positions what `product` wants.
 * @param bias For each of 16 positions int32 an output: four times the bias at position 5, zero elsewhere.
 * @param scale float32 an output, a quarter of the convolution's own.
 * @param chunk Tiles that are computed together.
 * @param scratch Room for 16 * (chunk * (8 * groups + 128) + 128) bytes.
 */
export function winograd(
  input: usize,
  pixelBytes: i32,
  rowBytes: i32,
  width: i32,
  height: i32,
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
  chunk: i32,
  scratch: usize,
): void {
  const low = i16x8.splat(<i16>floor);
  const high = i16x8.splat(<i16>ceiling);
  const shortcutScale = f32x4.splat(residualScale);
  const across = (width + 1) >> 1;
  const all = across * ((height + 1) >> 1);
  const tileBytes = groups * 8;
  const sums = scratch + POSITIONS * (chunk * tileBytes + SKEW);
  const weightBytes = groups * 64;
  for (let begin = 0; begin < all; begin += chunk) {
    const count = min(chunk, all - begin);
    const step = count * tileBytes + SKEW;
    for (let i = 0; i < count; i++) {
      const y = (begin + i) / across;
      const x = begin + i - y * across;
      const from = input + 2 * y * rowBytes + 2 * x * pixelBytes;
      const to = scratch + i * tileBytes;
      for (let c = 0; c < tileBytes; c += 16) transformInput(from + c, pixelBytes, rowBytes, to + c, step);
    }
    for (let block = 0; block < tiles; block += OUT_BLOCK) {
      const eights = min(OUT_BLOCK, tiles - block);
      const pixelSums = eights * 32;
      const sumStep = count * pixelSums + SKEW;
      for (let position = 0; position < POSITIONS; position++) {
        product<i16, i32>(
          scratch + position * step,
          tileBytes,
          0,
          count,
          1,
          1,
          0,
          groups,
          weights + (position * tiles + block) * weightBytes,
          bias + (position * tiles + block) * 32,
          scale,
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
        const right = 2 * x + 1 < width;
        const below = 2 * y + 1 < height;
        for (let eight = 0; eight < eights; eight++) {
          const tile = block + eight;
          const from = sums + i * pixelSums + eight * 32;
          const s = v128.load(scale + tile * 32);
          const t = v128.load(scale + tile * 32, 16);
          const o = out + 2 * y * outRowStep + 2 * x * outPixelStep + tile * 16;
          const r = tile < residualTiles
            ? residual + 2 * y * residualRowStep + 2 * x * residualPixelStep + tile * 16
            : 0;
          const rightResidual = r != 0 ? r + residualPixelStep : 0;
          const belowResidual = r != 0 ? r + residualRowStep : 0;
          let a = upper(from, sumStep);
          let b = upper(from + sumStep, sumStep);
          let c = upper(from + 2 * sumStep, sumStep);
          let d = upper(from + 3 * sumStep, sumStep);
          let e = upper(from + 16, sumStep);
          let f = upper(from + sumStep + 16, sumStep);
          let g = upper(from + 2 * sumStep + 16, sumStep);
          let h = upper(from + 3 * sumStep + 16, sumStep);
          store<i16>(i32x4.add(i32x4.add(a, b), c), i32x4.add(i32x4.add(e, f), g), s, t, o, r, shortcutScale, low, high);
          if (right)
            store<i16>(
              i32x4.sub(i32x4.sub(b, c), d),
              i32x4.sub(i32x4.sub(f, g), h),
              s,
              t,
              o + outPixelStep,
              rightResidual,
              shortcutScale,
              low,
              high,
            );
          if (!below) continue;
          a = lower(from, sumStep);
          b = lower(from + sumStep, sumStep);
          c = lower(from + 2 * sumStep, sumStep);
          d = lower(from + 3 * sumStep, sumStep);
          e = lower(from + 16, sumStep);
          f = lower(from + sumStep + 16, sumStep);
          g = lower(from + 2 * sumStep + 16, sumStep);
          h = lower(from + 3 * sumStep + 16, sumStep);
          store<i16>(
            i32x4.add(i32x4.add(a, b), c),
            i32x4.add(i32x4.add(e, f), g),
            s,
            t,
            o + outRowStep,
            belowResidual,
            shortcutScale,
            low,
            high,
          );
          if (right)
            store<i16>(
              i32x4.sub(i32x4.sub(b, c), d),
              i32x4.sub(i32x4.sub(f, g), h),
              s,
              t,
              o + outRowStep + outPixelStep,
              belowResidual != 0 ? belowResidual + residualPixelStep : 0,
              shortcutScale,
              low,
              high,
            );
        }
      }
    }
  }
}
