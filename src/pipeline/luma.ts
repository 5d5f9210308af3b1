/**
 * A picture's coarse brightness, for telling cheaply whether it changed: means over blocks hold still under camera
 * noise where single pixels do not.
 */

/** Blocks along each side. */
export const LUMA_BLOCKS = 8;

/** A change of at most so many gray levels in the mean is camera noise … */
const NOISE_MEAN = 1.5;
/** … and so is one of at most so many in any block. */
const NOISE_MOST = 6;

/**
 * Means of the luma (Rec. 601) over {@link LUMA_BLOCKS} x {@link LUMA_BLOCKS} blocks.
 *
 * @param rgba RGBA bytes of a square, row by row, from `offset` on.
 * @param size The square's side in pixels, at least {@link LUMA_BLOCKS}.
 * @param into Takes the means, 0..255, row by row.
 */
export function blockLuma(rgba: Uint8ClampedArray, offset: number, size: number, into: Float32Array): Float32Array {
  const edge = (block: number): number => Math.floor((block * size) / LUMA_BLOCKS);
  for (let row = 0; row < LUMA_BLOCKS; row++) {
    for (let column = 0; column < LUMA_BLOCKS; column++) {
      let sum = 0;
      for (let y = edge(row); y < edge(row + 1); y++) {
        for (let x = edge(column); x < edge(column + 1); x++) {
          const at = offset + (y * size + x) * 4;
          sum += 0.299 * (rgba[at] ?? 0) + 0.587 * (rgba[at + 1] ?? 0) + 0.114 * (rgba[at + 2] ?? 0);
        }
      }
      const pixels = (edge(row + 1) - edge(row)) * (edge(column + 1) - edge(column));
      into[row * LUMA_BLOCKS + column] = sum / pixels;
    }
  }
  return into;
}

/** Whether two block lumas differ by no more than camera noise does. */
export function isSameLuma(a: Float32Array, b: Float32Array): boolean {
  let sum = 0;
  for (let index = 0; index < a.length; index++) {
    const difference = Math.abs((a[index] ?? 0) - (b[index] ?? Number.NaN));
    if (!(difference <= NOISE_MOST)) return false;
    sum += difference;
  }
  return sum <= NOISE_MEAN * a.length;
}
