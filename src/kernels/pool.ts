/** Maxima and means of feature maps, eight channels at once. */
import { rounded, scaled } from "./arithmetic";
import { Step } from "./step";

/**
 * Store the maximum of each window. T: i8 or i16, the numbers of input and output.
 *
 * @param step Reads `input`, `pixelStep`, `rowStep`, `pixelBytes`, `rowBytes`, `windowSize`, `width`, `height`, `eights`,
 *   `out`, `outPixelStep`, `outRowStep`. What lies around the map must be no larger than what is in it: zeros.
 */
export function maximum<T>(step: Step): void {
  const pixelStep = step.pixelStep;
  const rowStep = step.rowStep;
  const pixelBytes = step.pixelBytes;
  const rowBytes = step.rowBytes;
  const windowSize = step.windowSize;
  const width = step.width;
  const height = step.height;
  const eights = step.eights;
  const outPixelStep = step.outPixelStep;
  const outRowStep = step.outRowStep;
  let input = step.input;
  let out = step.out;
  for (let y = 0; y < height; y++) {
    let a = input;
    let o = out;
    for (let x = 0; x < width; x++) {
      for (let eight = 0; eight < eights; eight++) {
        let row = a + eight * 8 * sizeof<T>();
        let best = loadEight<T>(row);
        for (let j = 0; j < windowSize; j++) {
          let p = row;
          for (let i = 0; i < windowSize; i++) {
            best = sizeof<T>() == 1 ? i8x16.max_s(best, loadEight<T>(p)) : i16x8.max_s(best, loadEight<T>(p));
            p += pixelBytes;
          }
          row += rowBytes;
        }
        if (sizeof<T>() == 1) v128.store64_lane(o + eight * 8, best, 0);
        else v128.store(o + eight * 16, best);
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
function loadEight<T>(from: usize): v128 {
  return sizeof<T>() == 1 ? v128.load64_zero(from) : v128.load(from);
}

/**
 * Store the mean of each channel over the whole map: the sum times a scale, rounded, within floor and ceiling. T: i8 or
 * i16, the numbers of input and output.
 *
 * @param step Reads `input`, `pixelBytes`, `rowBytes`, `width` and `height` (of the input), `eights`, `scale` (the address
 *   of one float32), `out`, `floor`, `ceiling`. The reader proves that the sums fit 32 bits.
 */
export function average<T>(step: Step): void {
  const pixelBytes = step.pixelBytes;
  const rowBytes = step.rowBytes;
  const width = step.width;
  const height = step.height;
  const eights = step.eights;
  const input = step.input;
  const out = step.out;
  const factor = f32x4.splat(load<f32>(step.scale));
  for (let eight = 0; eight < eights; eight++) {
    let low = i32x4.splat(0);
    let high = low;
    let row = input + eight * 8 * sizeof<T>();
    for (let y = 0; y < height; y++) {
      let p = row;
      for (let x = 0; x < width; x++) {
        const values = sizeof<T>() == 1 ? v128.load8x8_s(p) : v128.load(p);
        low = i32x4.add(low, i32x4.extend_low_i16x8_s(values));
        high = i32x4.add(high, i32x4.extend_high_i16x8_s(values));
        p += pixelBytes;
      }
      row += rowBytes;
    }
    let mean = i16x8.narrow_i32x4_s(rounded(scaled(low, factor)), rounded(scaled(high, factor)));
    mean = i16x8.min_s(i16x8.max_s(mean, i16x8.splat(<i16>step.floor)), i16x8.splat(<i16>step.ceiling));
    if (sizeof<T>() == 1) v128.store64_lane(out + eight * 8, i8x16.narrow_i16x8_s(mean, mean), 0);
    else v128.store(out + eight * 16, mean);
  }
}
