/** Weights and biases in the order in which the kernels read them. */
import { roundUp } from "./arena.ts";
import type { Layer } from "./network.ts";
import { QUAD, TILE } from "./steps.ts";

/** Layout of a product's weights: for each `dot` numbers of the pixel, the eight outputs' weights. */
export interface Packing {
  readonly weightBytes: 1 | 2;
  /** Numbers of the pixel that one dot product takes. */
  readonly dot: 2 | 4;
}

/** The shape of a product's weights: [channels, rows, columns, inputs]. */
export interface WeightShape {
  readonly rows: number;
  readonly columns: number;
  readonly inputs: number;
  /** Channels of a pixel as it is stored, `inputs` or more. */
  readonly stored: number;
}

/**
 * Count the groups of four bytes in one row of a window.
 *
 * @param numberBytes Bytes of the input's numbers: 1 or 2.
 */
export function quadsOf({ columns, stored }: WeightShape, numberBytes: number): number {
  return Math.ceil((columns * stored * numberBytes) / QUAD);
}

/**
 * Pack weights for `product` (`src/kernels/product.ts`): for each tile of eight outputs, each row of the window and each
 * `dot` numbers of the row, the weights of the eight outputs. What the input's padding channels meet is zero.
 *
 * @param numberBytes Bytes of the input's numbers: 1 or 2.
 * @returns int8 or int16, as the packing says.
 */
export function packProduct(layer: Layer, shape: WeightShape, packing: Packing, numberBytes: number): Uint8Array {
  const { rows, columns, inputs, stored } = shape;
  const { dot } = packing;
  const rowWeights = quadsOf(shape, numberBytes) * (QUAD / numberBytes) * TILE;
  const length = Math.ceil(layer.channels / TILE) * rows * rowWeights;
  const packed = packing.weightBytes === 1 ? new Int8Array(length) : new Int16Array(length);
  let from = 0;
  for (let channel = 0; channel < layer.channels; channel++) {
    const lane = (channel % TILE) * dot;
    for (let row = 0; row < rows; row++) {
      const start = (Math.floor(channel / TILE) * rows + row) * rowWeights + lane;
      for (let column = 0; column < columns; column++) {
        for (let input = 0; input < inputs; input++) {
          const at = column * stored + input;
          packed[start + Math.floor(at / dot) * TILE * dot + (at % dot)] = layer.weights[from++]!;
        }
      }
    }
  }
  return new Uint8Array(packed.buffer);
}

/**
 * Pack a depthwise convolution's weights for `depthwiseRow` (`src/kernels/depthwise.ts`): for each eight channels the
 * taps, row by row, eight int16 each.
 */
export function packTaps(layer: Layer): Uint8Array {
  const taps = layer.windowSize ** 2;
  const packed = new Int16Array(roundUp(layer.channels, TILE) * taps);
  for (let tap = 0; tap < taps; tap++) {
    for (let channel = 0; channel < layer.channels; channel++) {
      const at = (Math.floor(channel / TILE) * taps + tap) * TILE + (channel % TILE);
      packed[at] = layer.weights[tap * layer.channels + channel]!;
    }
  }
  return new Uint8Array(packed.buffer);
}

/**
 * Add zeros up to a multiple of eight numbers.
 *
 * @param make Makes an array of that length.
 */
export function padded<T extends Int16Array | Int32Array | Float32Array>(
  array: T,
  make: (length: number) => T,
): Uint8Array {
  const all = make(roundUp(array.length, TILE));
  all.set(array);
  return new Uint8Array(all.buffer);
}
