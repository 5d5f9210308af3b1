/** From RGBA bytes to a network's first integers, and the padding around a feature map. */
import { Step } from "./step";

/** Rec. 601 luma in 256ths; the three sum to 256. */
const RED: i16 = 77;
const GREEN: i16 = 150;
const BLUE: i16 = 29;

/**
 * Store luma in 0..127, one byte a pixel: (77 R + 150 G + 29 B + 128) >> 9.
 *
 * @param step Reads `width` (a multiple of 4), `height`, `out`, `outRowStep`.
 * @param rgba Address of the pixels, four bytes each, rows without gaps.
 */
export function gray(step: Step, rgba: usize): void {
  const width = step.width;
  const height = step.height;
  const outRowStep = step.outRowStep;
  let out = step.out;
  const factors = i16x8(RED, GREEN, BLUE, 0, RED, GREEN, BLUE, 0);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x += 4) {
      const four = v128.load(rgba);
      const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(four), factors);
      const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(four), factors);
      const sum = i32x4.add(v128.shuffle<i32>(low, high, 0, 2, 4, 6), v128.shuffle<i32>(low, high, 1, 3, 5, 7));
      const luma = i32x4.shr_u(i32x4.add(sum, i32x4.splat(128)), 9);
      const narrow = i16x8.narrow_i32x4_s(luma, luma);
      v128.store32_lane(out + x, i8x16.narrow_i16x8_s(narrow, narrow), 0);
      rgba += 16;
    }
    out += outRowStep;
  }
}

/**
 * Store three bytes a pixel: (byte + 1) >> 1, at most 127. 64 stands for the middle.
 *
 * @param step Reads `width` (a multiple of 4), `height`, `out`, `outRowStep`.
 * @param rgba Address of the pixels, four bytes each, rows without gaps.
 */
export function color(step: Step, rgba: usize): void {
  const width = step.width;
  const height = step.height;
  const outRowStep = step.outRowStep;
  let out = step.out;
  const nothing = i8x16.splat(0);
  const most = i8x16.splat(127);
  const opaque = i8x16(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0);
  for (let y = 0; y < height; y++) {
    let o = out;
    for (let x = 0; x < width; x += 4) {
      const four = i8x16.swizzle(v128.load(rgba), opaque);
      const half = i8x16.min_u(i8x16.avgr_u(four, nothing), most);
      v128.store64_lane(o, half, 0);
      v128.store32_lane(o, half, 2, 8);
      rgba += 16;
      o += 12;
    }
    out += outRowStep;
  }
}

/**
 * Fill the padding around a feature map.
 *
 * @param step Reads `out` (the address where the padding above begins), `rowBytes`, `width`, `height` and `pixelBytes` of
 *   the map without its padding, `paddingAbove`, `paddingLeft`, `paddingBelow` and `pattern`. The padding to the right is
 *   what is left of `rowBytes`.
 */
export function border(step: Step): void {
  const rowBytes = step.rowBytes;
  const pattern = step.pattern;
  const inner = step.width * step.pixelBytes;
  const sides = rowBytes - inner;
  // A row's right padding and the next row's left padding are one run.
  const first = step.paddingAbove * rowBytes + step.paddingLeft * step.pixelBytes;
  fill(step.out, first, pattern);
  let at = step.out + first + inner;
  for (let y = step.height; y > 1; y--) {
    fill(at, sides, pattern);
    at += rowBytes;
  }
  fill(at, sides - step.paddingLeft * step.pixelBytes + step.paddingBelow * rowBytes, pattern);
}

function fill(at: usize, bytes: i32, pattern: i32): void {
  const eight = <u64>(pattern & 0xffff) * 0x0001000100010001;
  const end = at + bytes;
  for (; at + 8 <= end; at += 8) store<u64>(at, eight);
  for (; at + 2 <= end; at += 2) store<u16>(at, <u16>eight);
  if (at < end) store<u8>(at, <u8>eight);
}
