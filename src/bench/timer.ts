/**
 * The coarsest step at which a frame of a few milliseconds can still be told from its neighbour. Browsers give 0.005 ms
 * to cross-origin isolated pages, 0.1 ms to others, and 1 to 100 ms where fingerprinting is resisted.
 */
const COARSE_MS = 0.2;
/** Enough steps for the smallest one to show; browsers add jitter. */
const STEPS = 200;
/** A clock of 100 ms shows two steps in this time. */
const LONGEST_MS = 250;

/**
 * The smallest step that a clock makes.
 *
 * @param now The clock, milliseconds.
 * @returns Milliseconds.
 */
export function timerResolutionMs(now: () => number = () => performance.now()): number {
  const startMs = now();
  let lastMs = startMs;
  let smallestMs = Infinity;
  for (let steps = 0; steps < STEPS && lastMs - startMs < LONGEST_MS;) {
    const timeMs = now();
    if (timeMs === lastMs) continue;
    smallestMs = Math.min(smallestMs, timeMs - lastMs);
    lastMs = timeMs;
    steps++;
  }
  // Differences of large doubles carry rounding: 0.00500000198 is 0.005.
  return Number(smallestMs.toFixed(4));
}

/** @returns Whether figures of single frames are to be warned of. */
export function isCoarse(resolutionMs: number): boolean {
  return resolutionMs > COARSE_MS;
}
