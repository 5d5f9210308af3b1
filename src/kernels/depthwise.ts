/** Depthwise convolutions of 16-bit activations: eight channels at once, each tap one rounding multiplication. */
import { multiplyQ15 } from "./arithmetic";

/**
 * One row of outputs. Sums never leave 16 bits: a model whose weights would let them is refused when it is read.
 *
 * @param input Where the first output's window begins; windows lie `pixelStep` bytes apart.
 * @param rowBytes Bytes of an input row; `pixelBytes` of an input pixel.
 * @param kernel Side of the window.
 * @param groups Groups of eight channels.
 * @param weights int16 in Q15: for each group the taps, row by row, eight channels each.
 * @param bias int16 a channel.
 * @param out Where the first output goes, `outPixelBytes` a pixel.
 * @param floor What smaller sums become.
 */
export function depthwiseRow(
  input: usize,
  pixelStep: i32,
  rowBytes: i32,
  pixelBytes: i32,
  kernel: i32,
  width: i32,
  groups: i32,
  weights: usize,
  bias: usize,
  out: usize,
  outPixelBytes: i32,
  floor: i32,
): void {
  const low = i16x8.splat(<i16>floor);
  for (let group = 0; group < groups; group++) {
    if (kernel == 3) rowOfThree(input, pixelStep, rowBytes, pixelBytes, width, weights, bias, out, outPixelBytes, low);
    else {
      let a = input;
      let o = out;
      for (let x = 0; x < width; x++) {
        let sum = v128.load(bias);
        let w = weights;
        let row = a;
        for (let j = 0; j < kernel; j++) {
          let p = row;
          for (let i = 0; i < kernel; i++) {
            sum = i16x8.add(sum, multiplyQ15(v128.load(p), v128.load(w)));
            p += pixelBytes;
            w += 16;
          }
          row += rowBytes;
        }
        v128.store(o, i16x8.max_s(sum, low));
        a += pixelStep;
        o += outPixelBytes;
      }
    }
    input += 16;
    out += 16;
    bias += 16;
    weights += kernel * kernel * 16;
  }
}

function rowOfThree(
  input: usize,
  pixelStep: i32,
  rowBytes: i32,
  pixelBytes: i32,
  width: i32,
  weights: usize,
  bias: usize,
  out: usize,
  outPixelBytes: i32,
  low: v128,
): void {
  const w0 = v128.load(weights);
  const w1 = v128.load(weights, 16);
  const w2 = v128.load(weights, 32);
  const w3 = v128.load(weights, 48);
  const w4 = v128.load(weights, 64);
  const w5 = v128.load(weights, 80);
  const w6 = v128.load(weights, 96);
  const w7 = v128.load(weights, 112);
  const w8 = v128.load(weights, 128);
  const start = v128.load(bias);
  let top = input;
  let middle = input + rowBytes;
  let bottom = middle + rowBytes;
  const twice = 2 * pixelBytes;
  for (let x = 0; x < width; x++) {
    let sum = i16x8.add(start, multiplyQ15(v128.load(top), w0));
    let other = multiplyQ15(v128.load(top + pixelBytes), w1);
    sum = i16x8.add(sum, multiplyQ15(v128.load(top + twice), w2));
    other = i16x8.add(other, multiplyQ15(v128.load(middle), w3));
    sum = i16x8.add(sum, multiplyQ15(v128.load(middle + pixelBytes), w4));
    other = i16x8.add(other, multiplyQ15(v128.load(middle + twice), w5));
    sum = i16x8.add(sum, multiplyQ15(v128.load(bottom), w6));
    other = i16x8.add(other, multiplyQ15(v128.load(bottom + pixelBytes), w7));
    sum = i16x8.add(sum, multiplyQ15(v128.load(bottom + twice), w8));
    v128.store(out, i16x8.max_s(i16x8.add(sum, other), low));
    top += pixelStep;
    middle += pixelStep;
    bottom += pixelStep;
    out += outPixelBytes;
  }
}
