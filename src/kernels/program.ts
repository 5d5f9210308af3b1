/** Runs a whole network: its steps, one after the other. The module has no memory of its own. */
import { depthwiseRow } from "./depthwise";
import { border, color, gray } from "./pixels";
import { average, maximum } from "./pool";
import { product } from "./product";
import {
  AVERAGE,
  BLOCK,
  BORDER,
  BYTES,
  COLOR,
  CONVOLUTION,
  DEPTHWISE,
  FLOAT,
  GRAY,
  MAXIMUM,
  PAIRS,
  Step,
  WIDENED,
  WINOGRAD,
  WORDS,
} from "./step";
import { winograd } from "./winograd";

/**
 * Run steps.
 *
 * @param program Address of the first step; a multiple of 4.
 * @param count How many steps follow each other there.
 * @param input Address of the network's input: RGBA, four bytes a pixel, row by row.
 * @param output Address of the network's output: float32.
 */
export function run(program: usize, count: i32, input: usize, output: usize): void {
  for (let i = 0; i < count; i++) {
    runStep(changetype<Step>(program), input, output);
    program += offsetof<Step>();
  }
}

function runStep(step: Step, input: usize, output: usize): void {
  switch (step.operation) {
    case GRAY:
      gray(step, input);
      break;
    case COLOR:
      color(step, input);
      break;
    case BORDER:
      border(step);
      break;
    case CONVOLUTION:
      convolution(step, output);
      break;
    case DEPTHWISE:
      depthwise(step);
      break;
    case BLOCK:
      block(step);
      break;
    case MAXIMUM:
      if (step.multiply == WORDS) maximum<i16>(step);
      else maximum<i8>(step);
      break;
    case AVERAGE:
      if (step.multiply == WORDS) average<i16>(step);
      else average<i8>(step);
      break;
    case WINOGRAD:
      winograd(step);
      break;
  }
}

function convolution(step: Step, output: usize): void {
  // The address of the network's output is known only now.
  multiplied(step, step.store == FLOAT ? output + step.out : step.out);
}

function multiplied(step: Step, out: usize): void {
  switch (step.multiply) {
    case WORDS:
      product<i16>(step, out);
      break;
    case BYTES:
      product<i8>(step, out);
      break;
    case PAIRS:
      if (ASC_FEATURE_RELAXED_SIMD) product<u8>(step, out);
      break;
    case WIDENED:
      if (!ASC_FEATURE_RELAXED_SIMD) product<u16>(step, out);
      break;
  }
}

function depthwise(step: Step): void {
  let input = step.input;
  let out = step.out;
  for (let y = 0; y < step.height; y++) {
    depthwiseRow(step, input, out, step.outPixelStep);
    input += step.rowStep;
    out += step.outRowStep;
  }
}

/**
 * A depthwise convolution, the pointwise product behind it and the sum with the shortcut, a few rows at a time, so that
 * the depthwise outputs stay in the first cache. Where the step halves the map, the shortcut is the maximum of each
 * 2x2 pixels.
 *
 * @param step The depthwise convolution's input, weights and bias; `out` is the product's, `residual` the shortcut's
 *   first pixel. Its `part` is the product, which reads the depthwise outputs where its `input` says. The product's own
 *   `part` makes the maxima where the product's `residual` says, or is 0.
 */
function block(step: Step): void {
  const height = step.height;
  const chunk = step.chunk;
  const point = changetype<Step>(step.part);
  const pool = changetype<Step>(point.part);
  const pooled = point.part != 0;
  let input = step.input;
  let shortcut = step.residual;
  let out = step.out;
  for (let begin = 0; begin < height; begin += chunk) {
    const rows = min(chunk, height - begin);
    let to = point.input;
    for (let y = 0; y < rows; y++) {
      depthwiseRow(step, input, to, point.pixelStep);
      input += step.rowStep;
      to += point.rowStep;
    }
    if (pooled) {
      pool.input = shortcut;
      pool.height = rows;
      maximum<i16>(pool);
      shortcut += rows * pool.rowStep;
    } else {
      point.residual = shortcut;
      shortcut += rows * point.residualRowStep;
    }
    point.height = rows;
    multiplied(point, out);
    out += rows * point.outRowStep;
  }
}
