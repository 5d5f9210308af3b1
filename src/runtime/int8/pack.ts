import type { Layer, FeatureMap } from "./network.ts";

/** Outputs that the kernels compute together. */
export const TILE = 8;
/** Bytes of a pixel that one step of a product takes. */
const STEP = 4;
/** Outputs of a Winograd tile, each way, and its positions. */
export const WINOGRAD_SIDE = 3;
export const POSITIONS = 25;
/** The position whose sum reaches all outputs of a tile once. */
const CENTRE = 6;
/** Tiles of eight outputs that are transformed back together. */
const WINOGRAD_BLOCK = 4;

/** How weights lie for the kernels: for each `dot` numbers of the pixel, the eight outputs' weights. */
export interface Packing {
  /** Bytes of a weight. */
  readonly weight: 1 | 2;
  /** Numbers of the pixel that one product takes. */
  readonly dot: 2 | 4;
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

/** Steps of a window's row. @param size Bytes of the pixel's numbers. */
export function stepsOf(window: Window, size: number): number {
  return Math.ceil((window.columns * window.stored * size) / STEP);
}

/**
 * Weights in the order in which `product` (src/kernels/product.ts) reads them.
 *
 * @param size Bytes of the pixel's numbers.
 */
export function packProduct(layer: Layer, window: Window, packing: Packing, size: number): Uint8Array {
  const { rows, columns, inputs, stored } = window;
  const { dot } = packing;
  const rowWeights = stepsOf(window, size) * (STEP / size) * TILE;
  const length = Math.ceil(layer.channels / TILE) * rows * rowWeights;
  const packed = packing.weight === 1 ? new Int8Array(length) : new Int16Array(length);
  const { weights } = layer;
  let from = 0;
  for (let channel = 0; channel < layer.channels; channel++) {
    const lane = (channel % TILE) * dot;
    for (let row = 0; row < rows; row++) {
      const start = (Math.floor(channel / TILE) * rows + row) * rowWeights + lane;
      for (let column = 0; column < columns; column++) {
        for (let input = 0; input < inputs; input++) {
          const at = column * stored + input;
          packed[start + Math.floor(at / dot) * TILE * dot + (at % dot)] = weights[from++]!;
        }
      }
    }
  }
  return new Uint8Array(packed.buffer);
}

/** The five numbers of G g; see src/kernels/winograd.ts. */
function transformed(a: number, b: number, c: number): readonly number[] {
  return [3 * a, 3 * (a + b + c), a - b + c, a + 2 * b + 4 * c, 6 * c];
}

/** G g G^T, 36 times the transform of one 3x3 filter, in whole numbers. Fills 25 numbers of `to`. */
function transformFilter(weights: Int16Array, at: number, inputs: number, to: Int32Array): void {
  const columns = [0, 1, 2].map((column) => {
    const weight = (row: number) => weights[at + (3 * row + column) * inputs]!;
    return transformed(weight(0), weight(1), weight(2));
  });
  for (let row = 0; row < 5; row++)
    to.set(transformed(columns[0]![row]!, columns[1]![row]!, columns[2]![row]!), 5 * row);
}

/**
 * Where, of all tiles' numbers at all positions, those of an output channel at a position begin, in tiles: blocks of
 * outputs one after the other, so that they are read in one go.
 */
function winogradTile(channel: number, channels: number, position: number): number {
  const tile = Math.floor(channel / TILE);
  const block = tile - (tile % WINOGRAD_BLOCK);
  const inBlock = Math.min(WINOGRAD_BLOCK, Math.ceil(channels / TILE) - block);
  return block * POSITIONS + position * inBlock + tile - block;
}

/** A 3x3 convolution's weights as `winograd` (src/kernels/winograd.ts) reads them: 25 times those of a 1x1 one. */
export function packWinograd(layer: Layer, inputs: number): Uint8Array {
  const tile = roundUp(inputs, 8) * TILE;
  const packed = new Int16Array(POSITIONS * Math.ceil(layer.channels / TILE) * tile);
  const filter = new Int32Array(POSITIONS);
  for (let channel = 0; channel < layer.channels; channel++) {
    const starts = Array.from(filter, (_, i) => winogradTile(channel, layer.channels, i) * tile + (channel % TILE) * 2);
    for (let input = 0; input < inputs; input++) {
      transformFilter(layer.weights, channel * 9 * inputs + input, inputs, filter);
      const at = (input >> 1) * TILE * 2 + (input & 1);
      for (let i = 0; i < POSITIONS; i++) packed[starts[i]! + at] = filter[i]!;
    }
  }
  return new Uint8Array(packed.buffer);
}

/** A depthwise convolution's weights: for each eight channels the taps, eight weights each. */
export function packTaps(layer: Layer): Uint8Array {
  const taps = layer.windowSize ** 2;
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

/** 36 times each bias, in 32 bits, at the centre. */
export function winogradBias(bias: Int32Array): Uint8Array {
  const all = new Int32Array(POSITIONS * roundUp(bias.length, TILE));
  bias.forEach((value, channel) => {
    all[winogradTile(channel, bias.length, CENTRE) * TILE + (channel % TILE)] = Math.imul(36, value);
  });
  return new Uint8Array(all.buffer);
}

/** Tiles of a plane of outputs. */
export function winogradTiles({ height, width }: FeatureMap): number {
  return Math.ceil(height / WINOGRAD_SIDE) * Math.ceil(width / WINOGRAD_SIDE);
}

/**
 * Whether a layer can be a Winograd convolution: 3x3 at stride 1 of bytes, whose sums fit four times over. Below 16
 * input channels the transforms cost more than they save; below four tiles the weights are read for too little.
 */
export function suitsWinograd(layer: Layer, source: FeatureMap): boolean {
  if (layer.kind !== "convolution" || layer.windowSize !== 3 || layer.stride !== 1 || layer.numbers === "float")
    return false;
  if (source.numbers !== "byte" || layer.bits > 8 || source.channels < 16 || winogradTiles(source) < 4) return false;
  const row = layer.weights.length / layer.channels;
  return layer.bias.every((bias, channel) => {
    let sum = Math.abs(bias);
    for (let i = channel * row; i < (channel + 1) * row; i++) sum += Math.abs(layer.weights[i]!) * source.ceiling;
    return sum < 2 ** 29;
  });
}
