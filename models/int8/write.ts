import {
  HASH_AT,
  HASH_BYTES,
  HEADER_BYTES,
  INPUT_KINDS,
  LAYER_BYTES,
  LAYER_KINDS,
  MAGIC,
  NO_RESIDUAL,
  NUMBERS,
  VERSION,
  weightBytes,
} from "../../src/runtime/int8/format.ts";
import type { Network } from "../../src/runtime/int8/network.ts";

/**
 * Write a network as `src/runtime/int8/format.ts` describes it.
 *
 * @throws Error where a weight wants more bits than its layer says.
 */
export async function writeNetwork({ input, layers }: Network): Promise<Uint8Array<ArrayBuffer>> {
  const sizes = layers.map(
    ({ bias, scale, weights, bits }) => 4 * (bias.length + scale.length) + weightBytes(weights.length, bits),
  );
  const total = sizes.reduce((sum, size) => sum + size, HEADER_BYTES + layers.length * LAYER_BYTES);
  const bytes = new Uint8Array(total);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, VERSION, true);
  view.setUint16(6, layers.length, true);
  view.setUint32(8, total, true);
  view.setUint8(12, INPUT_KINDS.indexOf(input.kind));
  view.setUint8(13, input.zero);
  view.setUint16(14, input.size, true);
  let at = HEADER_BYTES + layers.length * LAYER_BYTES;
  layers.forEach((layer, index) => {
    const head = HEADER_BYTES + index * LAYER_BYTES;
    const { kind, numbers, bits, windowSize, stride, residual } = layer;
    const small = [LAYER_KINDS.indexOf(kind), NUMBERS.indexOf(numbers), bits, windowSize, stride, layer.input];
    bytes.set([...small, residual === -1 ? NO_RESIDUAL : residual, layer.shift], head);
    view.setUint16(head + 8, layer.channels, true);
    view.setInt16(head + 10, layer.floor, true);
    view.setInt16(head + 12, layer.ceiling, true);
    view.setFloat32(head + 16, layer.residualScale, true);
    layer.bias.forEach((value, i) => view.setInt32(at + 4 * i, value, true));
    const scales = at + 4 * layer.bias.length;
    layer.scale.forEach((value, i) => view.setFloat32(scales + 4 * i, value, true));
    packBits(view, scales + 4 * layer.scale.length, layer.weights, bits);
    at += sizes[index]!;
  });
  return signed(bytes);
}

/**
 * Say whether a file's header has the sha256 of its bytes. The runtime does not ask: it has compared the whole file with
 * the contract's sha256.
 */
export async function isSigned(bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
  const wanted = await signed(bytes);
  return bytes.length >= HEADER_BYTES && wanted.every((byte, i) => byte === bytes[i]);
}

/** Copy a file's bytes and put their sha256 into the header. */
async function signed(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const result = bytes.slice();
  result.fill(0, HASH_AT, HASH_AT + HASH_BYTES);
  result.set(new Uint8Array(await crypto.subtle.digest("SHA-256", result)), HASH_AT);
  return result;
}

function packBits(view: DataView, at: number, weights: Int16Array, bits: number): void {
  let held = 0;
  let holds = 0;
  for (const weight of weights) {
    if ((weight << (32 - bits)) >> (32 - bits) !== weight)
      throw new Error(`A weight of ${weight} wants over ${bits} bits.`);
    const value = weight & ((1 << bits) - 1);
    held |= value << holds;
    if (holds + bits >= 32) {
      view.setUint32(at, held >>> 0, true);
      at += 4;
      held = holds === 0 ? 0 : value >>> (32 - holds);
      holds = holds + bits - 32;
    } else holds += bits;
  }
  if (holds > 0) view.setUint32(at, held >>> 0, true);
}
