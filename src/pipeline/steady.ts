/**
 * Removes jitter from a place without lagging behind its movement: a low-pass filter of the first order whose cutoff
 * rises with the distance between the shown and the seen place. It is a variant of the 1€ filter (Casiez, Roussel and
 * Vogel 2012), which raises the cutoff with a filtered speed instead. Each step is a weighted mean of the two places, so
 * the shown place converges and never overshoots.
 */
import type { Box, Point } from "../types.ts";
import { boxCenter } from "./geometry.ts";

/** Cutoff for a face that keeps still. A lower one is calmer, but below 0.5 Hz a slow drift visibly lags. */
const STILL_HZ = 0.5;

/**
 * The rise of the cutoff at a distance of one face width. It grows with the square of the distance, so that jitter
 * (1 to 2 % of a width) hardly opens the filter, while a face that crosses its own width in a second lags by 6 % of it.
 */
const HZ_AT_WIDTH = 600;

/**
 * Jitter is a share of a face's size plus, for small faces, a number of the pixels that they are seen in. This many
 * pixels are added to a face's size, which slows the filter for small faces.
 */
const BLUR_PX = 12;

/**
 * Compute how far one step goes from the shown to the seen place.
 *
 * @param distance Between the two places, face widths, 0 or more.
 * @param stepMs Since the last step, 0 or more.
 * @returns A share of the way, 0..1; 0 for a step of no time.
 */
export function steadyShare(distance: number, stepMs: number): number {
  const cutoffHz = STILL_HZ + HZ_AT_WIDTH * distance * distance;
  return 1 - Math.exp((-2 * Math.PI * cutoffHz * stepMs) / 1000);
}

/**
 * Step from a shown to a seen point.
 *
 * @param shown Frame pixels.
 * @param seen Frame pixels.
 * @param size Of the face, frame pixels.
 * @param stepMs Since the last step, 0 or more.
 */
export function steadyPoint(shown: Point, seen: Point, size: number, stepMs: number): Point {
  const distance = Math.hypot(seen.x - shown.x, seen.y - shown.y) / (size + BLUR_PX);
  const share = steadyShare(distance, (stepMs * size) / (size + BLUR_PX));
  return { x: shown.x + share * (seen.x - shown.x), y: shown.y + share * (seen.y - shown.y) };
}

/** Step from a shown to a seen box: its centre and its extent as {@link steadyPoint} does. */
export function steadyBox(shown: Box, seen: Box, size: number, stepMs: number): Box {
  const center = steadyPoint(boxCenter(shown), boxCenter(seen), size, stepMs);
  const extent = steadyPoint({ x: shown.width, y: shown.height }, { x: seen.width, y: seen.height }, size, stepMs);
  return { x: center.x - extent.x / 2, y: center.y - extent.y / 2, width: extent.x, height: extent.y };
}
