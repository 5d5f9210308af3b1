/**
 * Takes the tremble out of a place without dragging behind its movement: a low-pass filter whose cutoff rises with the
 * distance between what is shown and what was seen (the idea of the One-Euro filter, Casiez et al. 2012, with the
 * distance in place of a second filter's speed). Every step is a mix of the two, so what is shown converges and never
 * overshoots.
 */

/** Cutoff for a face that keeps still. Lower is calmer; below half a hertz a slow drift is seen to lag. */
const STILL_HZ = 0.5;

/**
 * How much the cutoff rises at a distance of one face width. It goes with the square of the distance, so that a look's
 * tremble (1 to 2 % of a width) hardly opens the filter, and a face that crosses its own width in a second lags by
 * 6 % of it.
 */
const HZ_AT_WIDTH = 600;

/**
 * The share of the way from what is shown to what was seen that this step goes.
 *
 * @param distance Between the two, in face widths, 0 or more.
 * @param stepMs Since the step before, 0 or more.
 * @returns 0..1; 0 for a step of no time.
 */
export function steadyShare(distance: number, stepMs: number): number {
  const cutoffHz = STILL_HZ + HZ_AT_WIDTH * distance * distance;
  return 1 - Math.exp((-2 * Math.PI * cutoffHz * stepMs) / 1000);
}
