/** From RGBA bytes to a network's first integers, and the padding around a plane. */

/** Rec. 601 luma in 256ths; the three sum to 256. */
const RED: i16 = 77;
const GREEN: i16 = 150;
const BLUE: i16 = 29;

/**
 * Luma in 0..127: (77 R + 150 G + 29 B + 128) >> 9. The width is a multiple of 4.
 *
 * @param out Where the first pixel goes; rows lie `outRowBytes` apart.
 */
export function gray(rgba: usize, width: i32, height: i32, out: usize, outRowBytes: i32): void {
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
    out += outRowBytes;
  }
}

/** Three int16 a pixel, each twice the byte less 255: -255..255, whose zero is the middle. The width: a multiple of 4. */
export function color(rgba: usize, width: i32, height: i32, out: usize, outRowBytes: i32): void {
  const middle = i16x8.splat(255);
  const opaque = i8x16(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 0, 0, 0, 0);
  for (let y = 0; y < height; y++) {
    let o = out;
    for (let x = 0; x < width; x += 4) {
      const four = i8x16.swizzle(v128.load(rgba), opaque);
      v128.store(o, i16x8.sub(i16x8.shl(i16x8.extend_low_i8x16_u(four), 1), middle));
      v128.store64_lane(o, i16x8.sub(i16x8.shl(i16x8.extend_high_i8x16_u(four), 1), middle), 0, 16);
      rgba += 16;
      o += 24;
    }
    out += outRowBytes;
  }
}

/**
 * Fills what lies around a plane.
 *
 * @param base Where the plane's padding begins, above and left of it.
 * @param inner Bytes of a row without its padding.
 * @param value One int16, or one int8 twice.
 */
export function border(
  base: usize,
  rowBytes: i32,
  inner: i32,
  height: i32,
  above: i32,
  left: i32,
  below: i32,
  value: i32,
): void {
  const sides = rowBytes - inner;
  // A row's right padding and the next row's left padding are one run.
  fill(base, above * rowBytes + left, value);
  let at = base + above * rowBytes + left + inner;
  for (let y = 1; y < height; y++) {
    fill(at, sides, value);
    at += rowBytes;
  }
  fill(at, sides - left + below * rowBytes, value);
}

function fill(at: usize, bytes: i32, value: i32): void {
  const pattern = <u64>(value & 0xffff) * 0x0001000100010001;
  const end = at + bytes;
  for (; at + 8 <= end; at += 8) store<u64>(at, pattern);
  for (; at + 2 <= end; at += 2) store<u16>(at, <u16>pattern);
  if (at < end) store<u8>(at, <u8>pattern);
}
