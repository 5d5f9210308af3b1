/**
 * The interface between the plan and the kernels: one step of a network's program. This is its only declaration;
 * `src/runtime/int8/steps.ts` writes these fields, and `tests/unit/int8-steps.test.ts` compiles this file and compares
 * names, offsets and numbers. `src/runtime/int8/steps.ts` also says which fields each operation reads, and checks their
 * ranges when the plan is made; the kernels check nothing.
 *
 * Addresses are absolute, in bytes. Steps from pixel to pixel and from row to row are in bytes.
 */

// Operations: which kernel runs the step.
export const GRAY: i32 = 1;
export const COLOR: i32 = 2;
export const BORDER: i32 = 3;
export const CONVOLUTION: i32 = 4;
export const DEPTHWISE: i32 = 5;
export const BLOCK: i32 = 6;
export const MAXIMUM: i32 = 7;
export const AVERAGE: i32 = 8;
export const WINOGRAD: i32 = 9;

// `multiply`: the input's numbers, and the instructions that multiply them by the weights.
/** Bytes by bytes: the relaxed dot product, or widening products where there is none. */
export const BYTES: i32 = 1;
/** Words by words. */
export const WORDS: i32 = 2;
/** Bytes by bytes, products of neighbours first. Only in the relaxed module. */
export const PAIRS: i32 = 3;
/** Bytes, widened to words, by words. Only in the simd128 module. */
export const WIDENED: i32 = 4;

// `store`: the numbers that are stored. Each is also its number's size in bytes, except RAW.
/** The int32 sums as they are. */
export const RAW: i32 = 0;
/** Scaled, rounded and clamped to floor..ceiling. */
export const INT8: i32 = 1;
export const INT16: i32 = 2;
/** Scaled, not rounded: float32. */
export const FLOAT: i32 = 4;

/** Outputs that a product computes together, and channels that the other kernels do. */
export const TILE: i32 = 8;
/** Bytes of the input that one iteration of a product takes. */
export const QUAD: i32 = 4;
/** Side of a Winograd tile of outputs. */
export const WINOGRAD_SIDE: i32 = 3;
/** Products for each Winograd tile: 5 x 5. */
export const WINOGRAD_POSITIONS: i32 = 25;
/** Tiles of eight outputs that are transformed back together: their sums stay in the first cache. */
export const WINOGRAD_BLOCK: i32 = 4;
/** Bytes between the positions of a Winograd chunk, so that they do not all fall into the same lines of the cache. */
export const WINOGRAD_SKEW: i32 = 64;

@unmanaged
export class Step {
  /** One of the operations above. */
  operation: i32;
  /** One of the multiplications above. A maximum and a mean read it as the input's size: BYTES or WORDS. */
  multiply: i32;
  /** One of the stored numbers above. */
  store: i32;

  /** Address where the first output's window begins; it may lie in the padding. */
  input: usize;
  /** From the window of one output to the next one's in its row. */
  pixelStep: i32;
  /** From the first window of a row of outputs to the next row's. */
  rowStep: i32;
  /** Bytes of an input pixel. */
  pixelBytes: i32;
  /** From one row of the input to the next. */
  rowBytes: i32;
  /** Side of the window; for a product, the rows of its window. */
  windowSize: i32;
  /** Outputs in a row. A mean reads it, and the height, as the input's. */
  width: i32;
  /** Rows of outputs. */
  height: i32;
  /** Groups of eight channels. */
  eights: i32;

  /** Groups of four bytes in one row of a product's window. */
  quads: i32;
  /** Address of the weights, in the order that the kernel states. A multiple of 16. */
  weights: usize;
  /** Address of the biases: int32, or int16 for a depthwise convolution. A multiple of 16. */
  bias: usize;
  /** Address of the float32 scales: one for each output; one alone for a mean. A multiple of 16. */
  scale: usize;
  /** Tiles of eight outputs. */
  tiles: i32;

  /** Address of the first output. Where `store` is FLOAT it counts from the network's output. */
  out: usize;
  outPixelStep: i32;
  outRowStep: i32;
  /** Least number that is stored; an int16. */
  floor: i32;
  /** Largest number that is stored; an int16. */
  ceiling: i32;
  /** Bits that a depthwise convolution drops of its sums where `store` is INT8. */
  shift: i32;

  /** Address of the first number that is added to the outputs; it has the outputs' number type. */
  residual: usize;
  residualPixelStep: i32;
  residualRowStep: i32;
  /** Tiles of eight outputs that something is added to, from the first on; 0 where there is no residual. */
  residualTiles: i32;
  /** Multiplies what is added. */
  residualScale: f32;

  /** Number of rows of a block, or tiles of a Winograd convolution, that are computed together. */
  chunk: i32;
  /** Address of a Winograd chunk's transformed inputs: 25 * (chunk * 4 * quads + 64) bytes. A multiple of 16. */
  scratch: usize;
  /** Address of a Winograd chunk's sums: 25 * (chunk * 128 + 64) bytes. A multiple of 16. */
  sums: usize;
  /**
   * Address of a further step that the kernel of this one runs, and of which it sets the fields that change from call to
   * call; 0 where there is none. A block has its pointwise product there, and that product the maxima that are its
   * residual. A Winograd convolution has the product of one position there.
   */
  part: usize;

  /** Rows of padding above; for a border, as the next three. */
  paddingAbove: i32;
  /** Pixels of padding to the left. */
  paddingLeft: i32;
  /** Rows of padding below. */
  paddingBelow: i32;
  /** Value of the padding: one int16, or one int8 twice. */
  pattern: i32;
}
