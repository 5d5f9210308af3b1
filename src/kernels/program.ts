/**
 * Runs a whole network: a list of steps of 32 words each, laid out by `src/runtime/int8/plan.ts`, which names the same
 * words. All addresses are absolute; the module has no memory of its own.
 */
import { depthwiseRow } from "./depthwise";
import { border, color, gray } from "./pixels";
import { average, maximum } from "./pool";
import { FLOAT, INT16, product } from "./product";
import { winograd } from "./winograd";

const STEP_BYTES: usize = 128;

// Steps
const GRAY: i32 = 1;
const COLOR: i32 = 2;
const BORDER: i32 = 3;
const CONVOLUTION: i32 = 4;
const DEPTHWISE: i32 = 5;
const BLOCK: i32 = 6;
const MAXIMUM: i32 = 7;
const AVERAGE: i32 = 8;
const WINOGRAD: i32 = 9;

// How numbers are multiplied, times 16, and what is stored (`kind` of src/kernels/product.ts).
const WORDS: i32 = 0x20;
const BYTES: i32 = 0x10;
const PAIRS: i32 = 0x30;
const WIDENED: i32 = 0x40;

// Words of a step
const NUMBERS: usize = 4;
const INPUT: usize = 8;
const PIXEL_STEP: usize = 12;
const ROW_STEP: usize = 16;
const WIDTH: usize = 20;
const HEIGHT: usize = 24;
const WINDOW: usize = 28;
const ROW_BYTES: usize = 32;
const STEPS: usize = 36;
const WEIGHTS: usize = 40;
const BIAS: usize = 44;
const SCALE: usize = 48;
const TILES: usize = 52;
const OUT: usize = 56;
const OUT_PIXEL: usize = 60;
const OUT_ROW: usize = 64;
const RESIDUAL: usize = 68;
const RESIDUAL_PIXEL: usize = 72;
const RESIDUAL_ROW: usize = 76;
const RESIDUAL_TILES: usize = 80;
const FLOOR: usize = 84;
const CEILING: usize = 88;
const PIXEL_BYTES: usize = 92;
const TAPS: usize = 96;
const TAPS_BIAS: usize = 100;
const EIGHTS: usize = 104;
const CHUNK: usize = 108;
const SCRATCH: usize = 112;
const POOLED: usize = 116;
const TAPS_FLOOR: usize = 120;
const RESIDUAL_SCALE: usize = 124;

/** @param out Where the network's outputs begin; a step's own `OUT` counts from there if it makes floats. */
export function run(program: usize, steps: i32, input: usize, out: usize): void {
  for (let i = 0; i < steps; i++) {
    step(program, input, out);
    program += STEP_BYTES;
  }
}

// @ts-ignore: decorator
@inline
function word(p: usize, field: usize): i32 {
  return load<i32>(p + field);
}

function step(p: usize, input: usize, out: usize): void {
  switch (word(p, 0)) {
    case GRAY:
      gray(input, word(p, WIDTH), word(p, HEIGHT), word(p, OUT), word(p, OUT_ROW));
      break;
    case COLOR:
      color(input, word(p, WIDTH), word(p, HEIGHT), word(p, OUT), word(p, OUT_ROW));
      break;
    case BORDER:
      border(
        word(p, OUT),
        word(p, ROW_BYTES),
        word(p, WIDTH),
        word(p, HEIGHT),
        word(p, WINDOW),
        word(p, PIXEL_BYTES),
        word(p, CHUNK),
        word(p, FLOOR),
      );
      break;
    case CONVOLUTION: {
      // Floats are the network's output, whose place is known only now.
      const to: usize = (word(p, NUMBERS) & 15) == FLOAT ? out : 0;
      switch (word(p, NUMBERS) & ~15) {
        case WORDS:
          convolution<i16>(p, to);
          break;
        case BYTES:
          convolution<i8>(p, to);
          break;
        case PAIRS:
          if (ASC_FEATURE_RELAXED_SIMD) convolution<u8>(p, to);
          break;
        case WIDENED:
          if (!ASC_FEATURE_RELAXED_SIMD) convolution<u16>(p, to);
          break;
      }
      break;
    }
    case DEPTHWISE:
      depthwise(p);
      break;
    case BLOCK:
      block(p);
      break;
    case MAXIMUM:
      if ((word(p, NUMBERS) & ~15) == WORDS) pool<i16>(p);
      else pool<i8>(p);
      break;
    case AVERAGE:
      if ((word(p, NUMBERS) & ~15) == WORDS) mean<i16>(p);
      else mean<i8>(p);
      break;
    case WINOGRAD:
      winograd(
        word(p, NUMBERS) & 15,
        word(p, INPUT),
        word(p, PIXEL_BYTES),
        word(p, ROW_BYTES),
        word(p, WIDTH),
        word(p, HEIGHT),
        word(p, STEPS),
        word(p, WEIGHTS),
        word(p, BIAS),
        word(p, SCALE),
        word(p, TILES),
        word(p, OUT),
        word(p, OUT_PIXEL),
        word(p, OUT_ROW),
        word(p, RESIDUAL),
        word(p, RESIDUAL_PIXEL),
        word(p, RESIDUAL_ROW),
        word(p, RESIDUAL_TILES),
        load<f32>(p + RESIDUAL_SCALE),
        word(p, FLOOR),
        word(p, CEILING),
        word(p, CHUNK),
        word(p, SCRATCH),
      );
      break;
  }
}

function convolution<In>(p: usize, out: usize): void {
  product<In>(
    word(p, NUMBERS) & 15,
    word(p, INPUT),
    word(p, PIXEL_STEP),
    word(p, ROW_STEP),
    word(p, WIDTH),
    word(p, HEIGHT),
    word(p, WINDOW),
    word(p, ROW_BYTES),
    word(p, STEPS),
    word(p, WEIGHTS),
    word(p, BIAS),
    word(p, SCALE),
    word(p, TILES),
    out + word(p, OUT),
    word(p, OUT_PIXEL),
    word(p, OUT_ROW),
    word(p, RESIDUAL),
    word(p, RESIDUAL_PIXEL),
    word(p, RESIDUAL_ROW),
    word(p, RESIDUAL_TILES),
    load<f32>(p + RESIDUAL_SCALE),
    word(p, FLOOR),
    word(p, CEILING),
  );
}

function depthwise(p: usize): void {
  let from = word(p, INPUT);
  let to = word(p, OUT);
  for (let y = 0; y < word(p, HEIGHT); y++) {
    taps(p, from, to, word(p, OUT_PIXEL));
    from += word(p, ROW_STEP);
    to += word(p, OUT_ROW);
  }
}

function taps(p: usize, from: usize, to: usize, pixelBytes: i32): void {
  depthwiseRow(
    from,
    word(p, PIXEL_STEP),
    word(p, ROW_BYTES),
    word(p, PIXEL_BYTES),
    word(p, WINDOW),
    word(p, WIDTH),
    word(p, EIGHTS),
    word(p, TAPS),
    word(p, TAPS_BIAS),
    to,
    pixelBytes,
    word(p, TAPS_FLOOR),
  );
}

/**
 * Depthwise, then pointwise, then the shortcut's sum, a few rows at a time: what lies between stays in the first cache.
 * Where the step halves the plane, the shortcut is the maximum of each 2x2 pixels.
 */
function block(p: usize): void {
  const width = word(p, WIDTH);
  const height = word(p, HEIGHT);
  const chunk = word(p, CHUNK);
  const scratch = word(p, SCRATCH);
  const pixelBytes = word(p, EIGHTS) * 16;
  const planeBytes = width * pixelBytes;
  const pooled = word(p, POOLED) != 0;
  const maxima = scratch + chunk * planeBytes;
  let from = word(p, INPUT);
  let shortcut = word(p, RESIDUAL);
  let to = word(p, OUT);
  for (let begin = 0; begin < height; begin += chunk) {
    const rows = min(chunk, height - begin);
    for (let y = 0; y < rows; y++) {
      taps(p, from, scratch + y * planeBytes, pixelBytes);
      from += word(p, ROW_STEP);
    }
    if (pooled) {
      maximum<i16>(
        shortcut,
        word(p, PIXEL_STEP),
        word(p, ROW_STEP),
        word(p, PIXEL_BYTES),
        word(p, ROW_BYTES),
        2,
        width,
        rows,
        word(p, EIGHTS),
        maxima,
        pixelBytes,
        planeBytes,
      );
    }
    product<i16>(
      INT16,
      scratch,
      pixelBytes,
      planeBytes,
      width,
      rows,
      1,
      0,
      word(p, STEPS),
      word(p, WEIGHTS),
      word(p, BIAS),
      word(p, SCALE),
      word(p, TILES),
      to,
      word(p, OUT_PIXEL),
      word(p, OUT_ROW),
      pooled ? maxima : shortcut,
      pooled ? pixelBytes : word(p, RESIDUAL_PIXEL),
      pooled ? planeBytes : word(p, RESIDUAL_ROW),
      word(p, RESIDUAL_TILES),
      load<f32>(p + RESIDUAL_SCALE),
      word(p, FLOOR),
      word(p, CEILING),
    );
    to += rows * word(p, OUT_ROW);
    shortcut += rows * (pooled ? word(p, ROW_STEP) : word(p, RESIDUAL_ROW));
  }
}

function pool<T>(p: usize): void {
  maximum<T>(
    word(p, INPUT),
    word(p, PIXEL_STEP),
    word(p, ROW_STEP),
    word(p, PIXEL_BYTES),
    word(p, ROW_BYTES),
    word(p, WINDOW),
    word(p, WIDTH),
    word(p, HEIGHT),
    word(p, EIGHTS),
    word(p, OUT),
    word(p, OUT_PIXEL),
    word(p, OUT_ROW),
  );
}

function mean<T>(p: usize): void {
  average<T>(
    word(p, INPUT),
    word(p, PIXEL_BYTES),
    word(p, ROW_BYTES),
    word(p, WIDTH),
    word(p, HEIGHT),
    word(p, EIGHTS),
    load<f32>(p + RESIDUAL_SCALE),
    word(p, OUT),
    word(p, FLOOR),
    word(p, CEILING),
  );
}
