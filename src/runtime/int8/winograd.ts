/** Data for `src/kernels/winograd.ts`, which explains the scheme: transformed weights, biases, and its memory. */
import { roundUp } from "./arena.ts";
import type { FeatureMap, Layer } from "./network.ts";
import { QUAD, TILE, WINOGRAD_BLOCK, WINOGRAD_POSITIONS, WINOGRAD_SIDE, WINOGRAD_SKEW } from "./steps.ts";

/** The position whose sum reaches every output of a tile exactly once: the bias goes there. */
const CENTRE = 6;
/** Factor by which the two transforms multiply the sums. */
const GAIN = 36;
/** A layer with fewer input channels is computed directly: the transforms would cost more than they save. */
const LEAST_CHANNELS = 16;
/** A layer with fewer tiles is computed directly: the transformed weights would be read for too few outputs. */
const LEAST_TILES = 4;
/** The kernel computes four times each sum in an int32, so each sum must stay below this. */
const MOST_SUM = 2 ** 29;
/** Numbers of a chunk's inputs: its 25 positions stay in the second cache. */
const CHUNK_NUMBERS = 2048;
/** Tiles of a chunk at least, so that the products are long. */
const CHUNK_LEAST_TILES = 8;

/** Count the tiles of 3x3 outputs that cover a map. */
export function winogradTiles({ height, width }: FeatureMap): number {
  return Math.ceil(height / WINOGRAD_SIDE) * Math.ceil(width / WINOGRAD_SIDE);
}

/**
 * Tell if a layer can run by Winograd's scheme, and gains by it: 3x3, stride 1, bytes, and sums below
 * {@link MOST_SUM}.
 *
 * @param source The map that the layer reads.
 */
export function suitsWinograd(layer: Layer, source: FeatureMap): boolean {
  const { kind, windowSize, stride, numbers, bits } = layer;
  if (kind !== "convolution" || windowSize !== 3 || stride !== 1 || numbers === "float") return false;
  if (source.numbers !== "byte" || bits > 8) return false;
  if (source.channels < LEAST_CHANNELS || winogradTiles(source) < LEAST_TILES) return false;
  const row = layer.weights.length / layer.channels;
  return layer.bias.every((bias, channel) => {
    let sum = Math.abs(bias);
    for (let i = channel * row; i < (channel + 1) * row; i++) sum += Math.abs(layer.weights[i]!) * source.ceiling;
    return sum < MOST_SUM;
  });
}

/** Division of a Winograd convolution's work, and the memory that it needs meanwhile. */
export interface WinogradMemory {
  /** Groups of four bytes in a tile's transformed inputs at one position. */
  readonly quads: number;
  /** Tiles that are computed together. */
  readonly chunk: number;
  /** Offset of the sums behind the transformed inputs, a multiple of 16. */
  readonly sums: number;
  /** Bytes of both. */
  readonly bytes: number;
}

/** Divide a Winograd convolution of a map into chunks of tiles. */
export function winogradMemory(source: FeatureMap): WinogradMemory {
  const quads = (roundUp(source.channels, TILE) * 2) / QUAD;
  const fitting = Math.max(CHUNK_LEAST_TILES, Math.floor(CHUNK_NUMBERS / source.channels));
  const chunk = Math.min(winogradTiles(source), fitting);
  const position = (tileBytes: number) => chunk * tileBytes + WINOGRAD_SKEW;
  const sums = WINOGRAD_POSITIONS * position(quads * QUAD);
  return { quads, chunk, sums, bytes: sums + WINOGRAD_POSITIONS * position(WINOGRAD_BLOCK * TILE * 4) };
}

/** Compute the five numbers of G g. */
function transformed(a: number, b: number, c: number): readonly number[] {
  return [3 * a, 3 * (a + b + c), a - b + c, a + 2 * b + 4 * c, 6 * c];
}

/**
 * Compute G g G^T of one 3x3 filter, in whole numbers: 36 times the transform of the real one.
 *
 * @param weights int16 [channels, 3, 3, inputs].
 * @param at Where the filter's first weight is.
 * @param to Receives the 25 numbers, row by row.
 */
function transformFilter(weights: Int16Array, at: number, inputs: number, to: Int32Array): void {
  const columns = [0, 1, 2].map((column) => {
    const weight = (row: number) => weights[at + (3 * row + column) * inputs]!;
    return transformed(weight(0), weight(1), weight(2));
  });
  for (let row = 0; row < 5; row++)
    to.set(transformed(columns[0]![row]!, columns[1]![row]!, columns[2]![row]!), 5 * row);
}

/**
 * Find where the numbers of an output channel at a position begin, counted in tiles of eight outputs. Blocks of outputs
 * lie one after the other, and in a block its positions, so that the kernel reads them in one go.
 */
function tileAt(channel: number, channels: number, position: number): number {
  const tile = Math.floor(channel / TILE);
  const block = tile - (tile % WINOGRAD_BLOCK);
  const inBlock = Math.min(WINOGRAD_BLOCK, Math.ceil(channels / TILE) - block);
  return block * WINOGRAD_POSITIONS + position * inBlock + tile - block;
}

/**
 * Pack a 3x3 convolution's weights as the kernel reads them: each of the 25 positions has the weights of a 1x1 convolution.
 *
 * @param inputs Channels of the map that the layer reads.
 * @returns int16, 25 times `roundUp(inputs, 8)` for each output up to a multiple of eight.
 */
export function packWinograd(layer: Layer, inputs: number): Uint8Array {
  const tile = roundUp(inputs, TILE) * TILE;
  const packed = new Int16Array(WINOGRAD_POSITIONS * Math.ceil(layer.channels / TILE) * tile);
  const filter = new Int32Array(WINOGRAD_POSITIONS);
  for (let channel = 0; channel < layer.channels; channel++) {
    const starts = Array.from(filter, (_, i) => tileAt(channel, layer.channels, i) * tile + (channel % TILE) * 2);
    for (let input = 0; input < inputs; input++) {
      transformFilter(layer.weights, channel * 9 * inputs + input, inputs, filter);
      const at = (input >> 1) * TILE * 2 + (input & 1);
      starts.forEach((start, position) => (packed[start + at] = filter[position]!));
    }
  }
  return new Uint8Array(packed.buffer);
}

/** Pack biases as the kernel reads them: 36 times each at the centre, modulo 2^32, and zero at the other positions. */
export function winogradBias(bias: Int32Array): Uint8Array {
  const all = new Int32Array(WINOGRAD_POSITIONS * roundUp(bias.length, TILE));
  bias.forEach((value, channel) => {
    all[tileAt(channel, bias.length, CENTRE) * TILE + (channel % TILE)] = Math.imul(GAIN, value);
  });
  return new Uint8Array(all.buffer);
}
