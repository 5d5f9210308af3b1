/**
 * YUV images with 4:2:0 chroma (I420), and pure arithmetic on them. U and V are also known as Cb and Cr.
 * Formats: https://www.w3.org/TR/webcodecs/#pixel-format
 */

export type Bytes = Uint8Array<ArrayBuffer>;

/** One sample of 0..255 for each pixel, row by row without gaps. */
export interface YuvPlane {
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
}

/** `u` and `v` have half the width and height of `y`, rounded up. */
export interface YuvImage {
  readonly y: YuvPlane;
  readonly u: YuvPlane;
  readonly v: YuvPlane;
}

/**
 * Coefficients from YUV to RGB in 0..255:
 *
 *     light = gain * (y - black)
 *     red   = light + redOfV * (v - 128)
 *     green = light + greenOfU * (u - 128) + greenOfV * (v - 128)
 *     blue  = light + blueOfU * (u - 128)
 */
export interface YuvToRgb {
  readonly black: number;
  readonly gain: number;
  readonly redOfV: number;
  readonly greenOfU: number;
  readonly greenOfV: number;
  readonly blueOfU: number;
}

/** Weights of red and blue in luma: ITU-R BT.601-7, section 2.5.1. */
export const BT601 = [0.299, 0.114] as const;
/** Weights of red and blue in luma: ITU-R BT.709-6, section 3.2. */
export const BT709 = [0.2126, 0.0722] as const;

/**
 * Compute the coefficients from YUV to RGB.
 *
 * @param weights Of red and blue in luma: {@link BT601} or {@link BT709}.
 * @param fullRange Whether Y, U and V span 0..255. In limited range Y spans 16..235 (219 steps), U and V 16..240 (224).
 */
export function yuvToRgb([red, blue]: readonly [red: number, blue: number], fullRange: boolean): YuvToRgb {
  const green = 1 - red - blue;
  const chroma = fullRange ? 1 : 255 / 224;
  return {
    black: fullRange ? 0 : 16,
    gain: fullRange ? 1 : 255 / 219,
    redOfV: 2 * (1 - red) * chroma,
    greenOfU: ((-2 * blue * (1 - blue)) / green) * chroma,
    greenOfV: ((-2 * red * (1 - red)) / green) * chroma,
    blueOfU: 2 * (1 - blue) * chroma,
  };
}

/**
 * Lay an image over three ranges of bytes; nothing is copied.
 *
 * @param width Of Y, pixels.
 * @param height Of Y, pixels.
 * @param y At least `width * height` bytes.
 * @param u At least a quarter of that, with width and height rounded up; `v` too.
 */
export function yuvImage(width: number, height: number, y: Uint8Array, u: Uint8Array, v: Uint8Array): YuvImage {
  const chroma = { width: (width + 1) >> 1, height: (height + 1) >> 1 };
  return { y: { width, height, bytes: y }, u: { ...chroma, bytes: u }, v: { ...chroma, bytes: v } };
}

/**
 * Split NV12's interleaved chroma.
 *
 * @param uv U and V in turn, a pair for each of `count` samples.
 * @param to Takes `count` samples of U, then `count` of V.
 */
export function splitChroma(uv: Uint8Array, count: number, to: Uint8Array): void {
  for (let i = 0; i < count; i++) {
    to[i] = uv[2 * i]!;
    to[count + i] = uv[2 * i + 1]!;
  }
}

/** Formats of four bytes a pixel that {@link rgbToYuv} reads. */
export const RGB_FORMATS = ["RGBA", "RGBX", "BGRA", "BGRX"] as const;

/**
 * Convert RGB pixels to YUV with BT.601 in full range, as JPEG does (JFIF 1.02); gray stays exactly as it is. Pixels
 * that are not opaque are laid over black. Of each 2x2 pixels the top-left one gives the chroma.
 *
 * @param rgb Four bytes for each pixel of `y`, row by row without gaps, from the start of its buffer.
 */
export function rgbToYuv(rgb: Bytes, format: (typeof RGB_FORMATS)[number], { y, u, v }: YuvImage): void {
  const { width, height } = y;
  // Signed, because the browser's compiler keeps such numbers as integers.
  const pixels = new Int32Array(rgb.buffer, 0, width * height);
  const [redShift, blueShift] = format.startsWith("BGR") ? [16, 0] : [0, 16];
  const opaque = format.endsWith("X") ? -1 : 0;
  // One product gives the shares of red and blue: its upper half is 77 red + 29 blue, in 256ths.
  const shares = redShift === 0 ? (77 << 16) | 29 : (29 << 16) | 77;
  const light = y.bytes;
  for (let at = 0; at < pixels.length; at++) {
    const pixel = pixels[at]!;
    const level = ((Math.imul(pixel & 0xff00ff, shares) >>> 16) + 150 * ((pixel >> 8) & 0xff) + 128) >> 8;
    const alpha = (pixel >> 24) | opaque;
    light[at] = alpha === -1 ? level : (level * (alpha & 0xff)) / 255;
  }
  for (let row = 0, to = 0; row < height; row += 2) {
    for (let at = row * width, end = at + width; at < end; at += 2, to++) {
      const pixel = pixels[at]!;
      const [r, g, b] = [(pixel >> redShift) & 0xff, (pixel >> 8) & 0xff, (pixel >> blueShift) & 0xff];
      const alpha = ((pixel >> 24) | opaque) & 0xff;
      // Pure blue and pure red would give 256.
      u.bytes[to] = Math.min(255, 128 + (((128 * b - 85 * g - 43 * r) * alpha) >> 16));
      v.bytes[to] = Math.min(255, 128 + (((128 * r - 107 * g - 21 * b) * alpha) >> 16));
    }
  }
}

/**
 * Halve an image: each sample is the rounded mean of 2x2. An odd last row or column is dropped.
 *
 * @param made The half of an earlier frame; its bytes are used again where they fit.
 */
export function halveImage({ y, u, v }: YuvImage, made: YuvImage | undefined): YuvImage {
  return { y: halve(y, made?.y), u: halve(u, made?.u), v: halve(v, made?.v) };
}

function halve({ width, height, bytes }: YuvPlane, made: YuvPlane | undefined): YuvPlane {
  const halfWidth = width >> 1;
  const halfHeight = height >> 1;
  const count = halfWidth * halfHeight;
  const out = made?.bytes.length === count ? made.bytes : new Uint8Array(count);
  if (width % 8 === 0 && bytes.byteOffset % 4 === 0) halveWords(width >> 2, halfHeight, bytes, out);
  else halveBytes(width, halfHeight, bytes, out);
  return { width: halfWidth, height: halfHeight, bytes: out };
}

function halveBytes(width: number, halfHeight: number, bytes: Uint8Array, out: Uint8Array): void {
  const halfWidth = width >> 1;
  for (let row = 0, to = 0; row < halfHeight; row++) {
    for (let at = row * 2 * width, end = at + halfWidth * 2; at < end; at += 2, to++) {
      out[to] = (bytes[at]! + bytes[at + 1]! + bytes[at + width]! + bytes[at + width + 1]! + 2) >> 2;
    }
  }
}

/** Every other byte of a word; the sum of four bytes fits into the gap above each. */
const EVEN_BYTES = 0x00ff00ff;
/** Half the divisor 4, in both places: it rounds the means. */
const HALVES = 0x00020002;

/**
 * Halve as {@link halveBytes} does, four bytes of a row at a time. Measured in turn for the luma of 1920x1080, whose
 * halving is most of the cost of a look: 0.56 ms, where single bytes take 1.28 ms.
 *
 * @param width Words in a row, an even number.
 */
function halveWords(width: number, halfHeight: number, bytes: Uint8Array, out: Uint8Array): void {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, 2 * width * halfHeight);
  const to = new Uint32Array(out.buffer, out.byteOffset, out.length >> 2);
  for (let row = 0, at = 0, count = 0; row < halfHeight; row++, at += width) {
    for (const end = at + width; at < end; at += 2, count++) {
      const left = halfWord(words[at]!, words[at + width]!);
      to[count] = left | (halfWord(words[at + 1]!, words[at + width + 1]!) << 16);
    }
  }
}

/**
 * Halve two words, one above the other, to two bytes. Words are little-endian, as on every processor on which
 * browsers run WebAssembly.
 */
function halfWord(upper: number, lower: number): number {
  const sums =
    (upper & EVEN_BYTES) + ((upper >>> 8) & EVEN_BYTES) + (lower & EVEN_BYTES) + ((lower >>> 8) & EVEN_BYTES) + HALVES;
  const means = sums >>> 2;
  return (means & 0xff) | ((means >>> 8) & 0xff00);
}
