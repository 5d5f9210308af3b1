/**
 * The coarsest resolution that can still time a stage of a few milliseconds. Browsers give 0.005 ms to cross-origin
 * isolated pages, 0.1 ms to others, and 1 to 100 ms with protection against fingerprinting.
 */
const COARSE_MS = 0.2;
/** Enough steps to catch the smallest one, because browsers add jitter. */
const STEPS = 200;
/** Time limit; a clock with steps of 100 ms makes two of them. */
const LONGEST_MS = 250;

/**
 * Measure the smallest step of a clock.
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
  // The difference of two large doubles has a rounding error: 0.00500000198 means 0.005.
  return Number(smallestMs.toFixed(4));
}

/** @returns True if the timer is too coarse to time the stages of single frames. */
export function isCoarse(resolutionMs: number): boolean {
  return resolutionMs > COARSE_MS;
}
