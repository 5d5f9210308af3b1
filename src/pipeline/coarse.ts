import type { CoarsePicture } from "../types.ts";
import type { Picture } from "./stages.ts";

/**
 * How many points the longer side has. Of a head that fills the frame's height some 20 points remain, of one at arm's
 * length eight, of one that the detector cannot see yet three: too few to tell anybody by.
 */
const POINTS = 28;

/** A frame in so few points that nobody can be told by them. */
export function coarseOf(picture: Picture): CoarsePicture {
  const side = Math.max(picture.width, picture.height);
  const points = (length: number) => Math.max(1, Math.floor((POINTS * length) / side));
  const [width, height] = [points(picture.width), points(picture.height)];
  // The frame lies at the square's top left: what is beyond it is cut off by whole points.
  const square = picture.cut({ centerX: side / 2, centerY: side / 2, side, roll: 0 }, POINTS);
  const rgba = new Uint8ClampedArray(width * height * 4);
  for (let row = 0; row < height; row++) {
    const from = row * POINTS * 4;
    rgba.set(square.subarray(from, from + width * 4), row * width * 4);
  }
  return { width, height, rgba };
}
