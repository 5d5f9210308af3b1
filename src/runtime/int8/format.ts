/**
 * The format of a model file, version 1, little-endian:
 *
 *     "EC8M", version u16, layers u16, bytes of the file u32, input kind u8, input zero u8, input size u16,
 *     sha256 of the whole file with these 32 bytes zero,
 *     for each layer: kind u8, numbers u8, bits u8, window size u8, stride u8, input u8, residual u8 (255: none), shift u8,
 *                     channels u16, floor i16, ceiling i16, 0 u16, residual scale f32,
 *     for each layer: biases i32, scales f32, weights in two's complement of `bits` bits one after the other, to the
 *                     next multiple of 4 bytes.
 *
 * `reader.ts` reads it; `models/int8/write.ts` writes it.
 */
import type { Input, LayerKind, Numbers } from "./network.ts";

export const MAGIC = 0x4d384345;
export const VERSION = 1;
export const HASH_AT = 16;
export const HASH_BYTES = 32;
export const HEADER_BYTES = HASH_AT + HASH_BYTES;
export const LAYER_BYTES = 20;
export const NO_RESIDUAL = 255;

/** The file has a word's index in these lists. */
export const INPUT_KINDS: readonly Input["kind"][] = ["gray", "color"];
export const LAYER_KINDS: readonly LayerKind[] = ["convolution", "dense", "depthwise", "maximum", "average"];
export const NUMBERS: readonly Numbers[] = ["byte", "word", "float"];

/** Count the biases and scales of a layer. */
export function constantCounts(kind: LayerKind, channels: number): { biases: number; scales: number } {
  if (kind === "maximum") return { biases: 0, scales: 0 };
  if (kind === "average") return { biases: 0, scales: 1 };
  return { biases: channels, scales: kind === "depthwise" ? 0 : channels };
}

/** Count the bytes of a layer's weights in the file, up to a multiple of 4. */
export function weightBytes(count: number, bits: number): number {
  return Math.ceil((count * bits) / 32) * 4;
}
