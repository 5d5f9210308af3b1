/**
 * View RGBA bytes as int32, one for each pixel, as tfjs wants them.
 *
 * @returns A view of the same bytes; a copy where they do not begin at a multiple of four.
 */
export function rgbaWords(rgba: Uint8ClampedArray): Int32Array {
  if (rgba.byteOffset % 4 === 0) return new Int32Array(rgba.buffer, rgba.byteOffset, rgba.length / 4);
  return new Int32Array(rgba.slice().buffer);
}
