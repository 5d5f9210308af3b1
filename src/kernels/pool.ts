/** Maxima and means. */
import { rounded, scaled } from "./arithmetic";

/**
 * Maxima of `kernel` x `kernel` windows, `groups` groups of eight channels. T: i8 or i16.
 *
 * @param input Where the first window begins: `pixelStep` bytes from window to window, `rowStep` from row to row.
 */
export function maximum<T>(
  input: usize,
  pixelStep: i32,
  rowStep: i32,
  pixelBytes: i32,
  rowBytes: i32,
  kernel: i32,
  width: i32,
  height: i32,
  groups: i32,
  out: usize,
  outPixelStep: i32,
  outRowStep: i32,
): void {
  for (let y = 0; y < height; y++) {
    let a = input;
    let o = out;
    for (let x = 0; x < width; x++) {
      for (let group = 0; group < groups; group++) {
        let row = a + group * 8 * sizeof<T>();
        let best = load<T>(row);
        for (let j = 0; j < kernel; j++) {
          let p = row;
          for (let i = 0; i < kernel; i++) {
            best = sizeof<T>() == 1 ? i8x16.max_s(best, load<T>(p)) : i16x8.max_s(best, load<T>(p));
            p += pixelBytes;
          }
          row += rowBytes;
        }
        if (sizeof<T>() == 1) v128.store64_lane(o + group * 8, best, 0);
        else v128.store(o + group * 16, best);
      }
      a += pixelStep;
      o += outPixelStep;
    }
    input += rowStep;
    out += outRowStep;
  }
}

// @ts-ignore: decorator
@inline
function load<T>(from: usize): v128 {
  return sizeof<T>() == 1 ? v128.load64_zero(from) : v128.load(from);
}

/** Means over a whole plane: the sum of each channel times `scale`, rounded, within floor and ceiling. */
export function average<T>(
  input: usize,
  pixelBytes: i32,
  rowBytes: i32,
  width: i32,
  height: i32,
  groups: i32,
  scale: f32,
  out: usize,
  floor: i32,
  ceiling: i32,
): void {
  const factor = f32x4.splat(scale);
  for (let group = 0; group < groups; group++) {
    let low = i32x4.splat(0);
    let high = low;
    let row = input + group * 8 * sizeof<T>();
    for (let y = 0; y < height; y++) {
      let p = row;
      for (let x = 0; x < width; x++) {
        const eight = sizeof<T>() == 1 ? v128.load8x8_s(p) : v128.load(p);
        low = i32x4.add(low, i32x4.extend_low_i16x8_s(eight));
        high = i32x4.add(high, i32x4.extend_high_i16x8_s(eight));
        p += pixelBytes;
      }
      row += rowBytes;
    }
    let eight = i16x8.narrow_i32x4_s(rounded(scaled(low, factor)), rounded(scaled(high, factor)));
    eight = i16x8.min_s(i16x8.max_s(eight, i16x8.splat(<i16>floor)), i16x8.splat(<i16>ceiling));
    if (sizeof<T>() == 1) v128.store64_lane(out + group * 8, i8x16.narrow_i16x8_s(eight, eight), 0);
    else v128.store(out + group * 16, eight);
  }
}
