/**
 * The coarse brightness of a square, to tell cheaply whether it changed. Means over blocks are stable under camera
 * noise; single pixels are not.
 */

/** Blocks along each side of the square. */
export const LUMA_BLOCKS = 8;

/** Camera noise changes the blocks by this at most on average, of 255, … */
const NOISE_MEAN = 1.5;
/** … and any single block by this at most. */
const NOISE_MOST = 6;

/**
 * Compute the mean luma (ITU-R BT.601) of {@link LUMA_BLOCKS} x {@link LUMA_BLOCKS} blocks.
 *
 * @param rgba RGBA bytes of a square from `offset` on, row by row.
 * @param size Side of the square, pixels, at least {@link LUMA_BLOCKS}.
 * @param into Receives the means, 0..255, row by row.
 * @returns `into`.
 */
export function blockLuma(rgba: Uint8ClampedArray, offset: number, size: number, into: Float32Array): Float32Array {
  const edge = (block: number): number => Math.floor((block * size) / LUMA_BLOCKS);
  for (let row = 0; row < LUMA_BLOCKS; row++) {
    for (let column = 0; column < LUMA_BLOCKS; column++) {
      let sum = 0;
      for (let y = edge(row); y < edge(row + 1); y++) {
        for (let x = edge(column); x < edge(column + 1); x++) {
          const at = offset + (y * size + x) * 4;
          sum += 0.299 * rgba[at]! + 0.587 * rgba[at + 1]! + 0.114 * rgba[at + 2]!;
        }
      }
      const pixels = (edge(row + 1) - edge(row)) * (edge(column + 1) - edge(column));
      into[row * LUMA_BLOCKS + column] = sum / pixels;
    }
  }
  return into;
}

/** @returns Whether two block lumas differ by camera noise at most; false where one holds NaN. */
export function isSameLuma(a: Float32Array, b: Float32Array): boolean {
  let sum = 0;
  for (let index = 0; index < a.length; index++) {
    const difference = Math.abs(a[index]! - b[index]!);
    if (!(difference <= NOISE_MOST)) return false;
    sum += difference;
  }
  return sum <= NOISE_MEAN * a.length;
}
