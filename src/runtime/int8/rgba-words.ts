/** RGBA bytes as tfjs's integers, one a pixel, whose bytes they stay. Copied only where they lie askew. */
export function rgbaWords(rgba: Uint8ClampedArray): Int32Array {
  if (rgba.byteOffset % 4 === 0) return new Int32Array(rgba.buffer, rgba.byteOffset, rgba.length / 4);
  return new Int32Array(rgba.slice().buffer);
}
