/** Depthwise convolutions of 16-bit activations: eight channels at once, each tap one rounding multiplication. */
import { multiplyQ15 } from "./arithmetic";
import { INT8, Step } from "./step";

/** Bytes of eight int16. */
const EIGHT: usize = 16;

/**
 * Compute one row of outputs. Their sums are bias + sum of (input * weight + 2^14) >> 15, as of Arm's SQRDMULH and
 * WebAssembly's q15mulr. Sums never leave 16 bits: the reader refuses a model whose weights would let them. Stored are
 * max(sum, floor) as int16, or sum >> shift within 0..127 as int8.
 *
 * @param step Its weights are int16 in Q15: for each group of eight channels the taps, row by row, eight channels each.
 *   The bias is one int16 a channel. `store` is INT8 or INT16. `input`, `out`, `outPixelStep` and `height` are not read.
 * @param input Address where the first output's window begins.
 * @param out Address of the row's first output: `step.eights` groups of eight channels.
 * @param outPixelStep Bytes from output to output.
 */
export function depthwiseRow(step: Step, input: usize, out: usize, outPixelStep: i32): void {
  if (step.store == INT8) rowOf<i8>(step, input, out, outPixelStep);
  else rowOf<i16>(step, input, out, outPixelStep);
}

function rowOf<Out>(step: Step, input: usize, out: usize, outPixelStep: i32): void {
  const windowSize = step.windowSize;
  const groups = step.eights;
  let weights = step.weights;
  let bias = step.bias;
  for (let group = 0; group < groups; group++) {
    if (windowSize == 3) rowOfThree<Out>(step, input, weights, bias, out, outPixelStep);
    else rowOfAny<Out>(step, input, weights, bias, out, outPixelStep);
    input += EIGHT;
    out += 8 * sizeof<Out>();
    bias += EIGHT;
    weights += windowSize * windowSize * EIGHT;
  }
}

/** Store eight sums. `low` is eight times the least int16 that is stored, which is 0 where bytes are. */
// @ts-ignore: decorator
@inline
function put<Out>(out: usize, sums: v128, low: v128, shift: i32): void {
  if (sizeof<Out>() == 1) {
    const eight = i16x8.max_s(i16x8.shr_s(sums, shift), low);
    v128.store64_lane(out, i8x16.narrow_i16x8_s(eight, eight), 0);
  } else v128.store(out, i16x8.max_s(sums, low));
}

/** Compute eight channels of a row, window of any size. */
function rowOfAny<Out>(step: Step, input: usize, weights: usize, bias: usize, out: usize, outPixelStep: i32): void {
  const low = i16x8.splat(<i16>step.floor);
  const shift = step.shift;
  const windowSize = step.windowSize;
  const width = step.width;
  const pixelStep = step.pixelStep;
  const pixelBytes = step.pixelBytes;
  const rowBytes = step.rowBytes;
  for (let x = 0; x < width; x++) {
    let sum = v128.load(bias);
    let w = weights;
    let row = input;
    for (let j = 0; j < windowSize; j++) {
      let p = row;
      for (let i = 0; i < windowSize; i++) {
        sum = i16x8.add(sum, multiplyQ15(v128.load(p), v128.load(w)));
        p += pixelBytes;
        w += EIGHT;
      }
      row += rowBytes;
    }
    put<Out>(out, sum, low, shift);
    input += pixelStep;
    out += outPixelStep;
  }
}

/** Compute eight channels of a row, 3x3: the weights stay in registers. */
function rowOfThree<Out>(step: Step, input: usize, weights: usize, bias: usize, out: usize, outPixelStep: i32): void {
  const low = i16x8.splat(<i16>step.floor);
  const shift = step.shift;
  const width = step.width;
  const pixelStep = step.pixelStep;
  const pixelBytes = step.pixelBytes;
  const rowBytes = step.rowBytes;
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
    put<Out>(out, i16x8.add(sum, other), low, shift);
    top += pixelStep;
    middle += pixelStep;
    bottom += pixelStep;
    out += outPixelStep;
  }
}
