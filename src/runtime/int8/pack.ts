import type { Layer, Plane } from "./layers.ts";

/** Outputs that the kernels compute together. */
export const TILE = 8;
/** Positions of a Winograd tile. */
const POSITIONS = 16;

/**
 * How weights lie for the kernels, within 64 bytes that go with eight bytes of a pixel: for each `bytes` bytes of the
 * pixel, the eight outputs' weights.
 */
export interface Packing {
  /** Bytes of a weight: 1 or 2. */
  readonly size: 1 | 2;
  /** Bytes of the pixel that one product takes. */
  readonly bytes: 2 | 4;
}

export function roundUp(value: number, step: number): number {
  return Math.ceil(value / step) * step;
}

/** What a weight array holds: [channels, rows, columns, inputs]. */
interface Window {
  readonly rows: number;
  readonly columns: number;
  readonly inputs: number;
  /** Channels of a stored pixel, `inputs` or more. */
  readonly stored: number;
}

/** Groups of eight bytes in a window's row. */
export function groupsOf(window: Window, size: number): number {
  return Math.ceil((window.columns * window.stored * size) / 8);
}

/** Weights in the order in which `product` (src/kernels/product.ts) reads them. */
export function packProduct(layer: Layer, window: Window, packing: Packing): Uint8Array {
  const { rows, columns, inputs, stored } = window;
  const groups = groupsOf(window, packing.size);
  const tiles = Math.ceil(layer.channels / TILE);
  const packed =
    packing.size === 1 ? new Int8Array(tiles * rows * groups * 64) : new Int16Array(tiles * rows * groups * 32);
  const perStep = packing.bytes / packing.size;
  const rowWeights = (groups * 64) / packing.size;
  const { weights } = layer;
  let from = 0;
  for (let channel = 0; channel < layer.channels; channel++) {
    const lane = (channel % TILE) * perStep;
    for (let row = 0; row < rows; row++) {
      const start = (Math.floor(channel / TILE) * rows + row) * rowWeights + lane;
      for (let column = 0; column < columns; column++) {
        for (let input = 0; input < inputs; input++) {
          const at = column * stored + input;
          const step = Math.floor(at / perStep);
          packed[start + step * TILE * perStep + (at - step * perStep)] = weights[from++]!;
        }
      }
    }
  }
  return new Uint8Array(packed.buffer);
}

/** 2G g (2G)^T: four times the transform of one 3x3 filter, in whole numbers. Fills 16 numbers of `to`. */
function transformFilter(weights: Int16Array, at: number, inputs: number, to: Int32Array): void {
  const half = new Int32Array(12);
  for (let column = 0; column < 3; column++) {
    const a = weights[at + column * inputs]!;
    const b = weights[at + (3 + column) * inputs]!;
    const c = weights[at + (6 + column) * inputs]!;
    half[column] = 2 * a;
    half[3 + column] = a + b + c;
    half[6 + column] = a - b + c;
    half[9 + column] = 2 * c;
  }
  for (let row = 0; row < 4; row++) {
    const a = half[row * 3]!;
    const b = half[row * 3 + 1]!;
    const c = half[row * 3 + 2]!;
    to[row * 4] = 2 * a;
    to[row * 4 + 1] = a + b + c;
    to[row * 4 + 2] = a - b + c;
    to[row * 4 + 3] = 2 * c;
  }
}

/** A 3x3 convolution's weights as `winograd` (src/kernels/winograd.ts) reads them: 16 times those of a 1x1 one. */
export function packWinograd(layer: Layer, inputs: number): Uint8Array {
  const stored = roundUp(inputs, 8);
  const tiles = Math.ceil(layer.channels / TILE);
  const position = tiles * stored * TILE;
  const packed = new Int16Array(POSITIONS * position);
  const filter = new Int32Array(POSITIONS);
  for (let channel = 0; channel < layer.channels; channel++) {
    const start = Math.floor(channel / TILE) * stored * TILE + (channel % TILE) * 2;
    for (let input = 0; input < inputs; input++) {
      transformFilter(layer.weights, channel * 9 * inputs + input, inputs, filter);
      const at = start + (input >> 1) * TILE * 2 + (input & 1);
      for (let i = 0; i < POSITIONS; i++) packed[i * position + at] = filter[i]!;
    }
  }
  return new Uint8Array(packed.buffer);
}

/** A depthwise convolution's weights: for each eight channels the taps, eight weights each. */
export function packTaps(layer: Layer): Uint8Array {
  const taps = layer.kernel ** 2;
  const packed = new Int16Array(roundUp(layer.channels, 8) * taps);
  for (let tap = 0; tap < taps; tap++) {
    for (let channel = 0; channel < layer.channels; channel++) {
      packed[(Math.floor(channel / 8) * taps + tap) * 8 + (channel % 8)] =
        layer.weights[tap * layer.channels + channel]!;
    }
  }
  return new Uint8Array(packed.buffer);
}

/** Numbers with zeros up to a multiple of eight. */
export function padded<T extends Int16Array | Int32Array | Float32Array>(
  array: T,
  make: (length: number) => T,
): Uint8Array {
  const all = make(roundUp(array.length, TILE));
  all.set(array);
  return new Uint8Array(all.buffer);
}

/** Four times each bias, at the position whose sum reaches all four outputs once. */
export function winogradBias(bias: Int32Array): Uint8Array {
  const channels = roundUp(bias.length, TILE);
  const all = new Int32Array(POSITIONS * channels);
  all.set(
    bias.map((value) => 4 * value),
    5 * channels,
  );
  return new Uint8Array(all.buffer);
}

/**
 * Whether a layer can be a Winograd convolution: 3x3 at stride 1 of bytes, whose sums fit four times over. Below 16
 * input channels the transforms cost more than they save.
 */
export function suitsWinograd(layer: Layer, source: Plane): boolean {
  if (layer.kind !== "convolution" || layer.kernel !== 3 || layer.stride !== 1 || layer.numbers === "float")
    return false;
  if (source.numbers !== "byte" || layer.bits > 8 || source.channels < 16) return false;
  const row = layer.weights.length / layer.channels;
  return layer.bias.every((bias, channel) => {
    let sum = Math.abs(bias);
    for (let i = channel * row; i < (channel + 1) * row; i++) sum += Math.abs(layer.weights[i]!) * source.ceiling;
    return sum < 2 ** 29;
  });
}
