/** Random numbers that are the same in every run. */

/** A source of random numbers in 0..1. */
export type Random = () => number;

/**
 * Make a source of random numbers (Mulberry32 by Tommy Ettinger).
 *
 * @param seed An integer. Only its lowest 32 bits count.
 */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draw from the normal distribution with mean 0 and standard deviation 1 (Box and Muller, 1958). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}
