import type { CoarsePicture } from "../types.ts";
import type { Picture } from "./stages.ts";

/**
 * Points along the longer side. A head that fills the frame's height has some 20 points, one at arm's length eight, and
 * one that is just too small for the detector three: too few to recognize anybody.
 */
const POINTS = 28;

/**
 * Reduce a frame to so few points that nobody can be recognized.
 *
 * @returns {@link POINTS} points along the longer side, in proportion along the other one, at least 1.
 */
export function coarseOf(picture: Picture): CoarsePicture {
  const side = Math.max(picture.width, picture.height);
  const points = (length: number) => Math.max(1, Math.floor((POINTS * length) / side));
  const [width, height] = [points(picture.width), points(picture.height)];
  // The frame lies at the square's top left; the points beyond it are left out.
  const square = picture.cut({ centerX: side / 2, centerY: side / 2, side, roll: 0 }, POINTS);
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let row = 0; row < height; row++) {
    const from = row * POINTS * 4;
    rgba.set(square.subarray(from, from + width * 4), row * width * 4);
  }
  return { width, height, rgba };
}
