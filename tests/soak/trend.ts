/** Decides whether measurements rise beyond their noise. Pure. */

/** One measured value. */
export interface Sample {
  /** Time since the start. */
  readonly hours: number;
  readonly value: number;
}

/** The trend of one line. */
export interface Trend {
  /** The median value. */
  readonly level: number;
  /** The Theil–Sen slope: the median of the slopes between all pairs, which a few outliers do not move. */
  readonly slopePerHour: number;
  /** The slope times the duration. */
  readonly rise: number;
  /** The standard deviation around the slope, estimated from the median absolute deviation. */
  readonly noise: number;
  /** The Mann–Kendall statistic: how many standard deviations the order of the values is from a random one. */
  readonly z: number;
  readonly samples: number;
  readonly verdict: "flat" | "rises" | "too short";
}

/** Fewer samples give no verdict. */
const LEAST_SAMPLES = 8;
/** A random order exceeds this in one of about 700 cases. */
const CERTAIN_Z = 3;

/**
 * Judge a line.
 *
 * @param samples Oldest first.
 * @param tolerance A rise up to this much over the whole time passes, in the line's unit.
 * @param fromHours Earlier samples do not count: caches, pools and compiled code that fill for the first time are not leaks.
 */
export function trendOf(samples: readonly Sample[], tolerance: number, fromHours = 0): Trend {
  const kept = samples.filter(({ hours }) => hours >= fromHours);
  const slopes: number[] = [];
  let score = 0;
  for (const [index, a] of kept.entries()) {
    for (const b of kept.slice(index + 1)) {
      if (b.hours > a.hours) slopes.push((b.value - a.value) / (b.hours - a.hours));
      score += Math.sign(b.value - a.value);
    }
  }
  const slopePerHour = middle(slopes);
  const offsets = kept.map(({ hours, value }) => value - slopePerHour * hours);
  const offset = middle(offsets);
  const noise = 1.4826 * middle(offsets.map((each) => Math.abs(each - offset)));
  const rise = slopePerHour * ((kept.at(-1)?.hours ?? 0) - (kept[0]?.hours ?? 0));
  const z = zOf(score, kept);
  const rises = z > CERTAIN_Z && rise > tolerance;
  return {
    level: middle(kept.map(({ value }) => value)),
    slopePerHour,
    rise,
    noise,
    z,
    samples: kept.length,
    verdict: kept.length < LEAST_SAMPLES ? "too short" : rises ? "rises" : "flat",
  };
}

/** @returns The Mann–Kendall statistic with the correction for ties: most lines are constant for most of the time. */
function zOf(score: number, samples: readonly Sample[]): number {
  const counts = new Map<number, number>();
  for (const { value } of samples) counts.set(value, (counts.get(value) ?? 0) + 1);
  const spread = (n: number) => n * (n - 1) * (2 * n + 5);
  const ties = [...counts.values()].reduce((sum, count) => sum + spread(count), 0);
  const variance = (spread(samples.length) - ties) / 18;
  return variance === 0 ? 0 : (score - Math.sign(score)) / Math.sqrt(variance);
}

/** @returns The median; 0 without values. */
function middle(values: readonly number[]): number {
  if (values.length === 0) return 0;
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
