/** Three percentiles of a stage's time, milliseconds. */
export interface Percentiles {
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

/**
 * Compute a quantile by linear interpolation between the two nearest ranks, like NumPy's default and R's type 7
 * (Hyndman & Fan, "Sample Quantiles in Statistical Packages", 1996).
 *
 * @param samples In any order; not modified.
 * @param share 0 (the minimum) to 1 (the maximum).
 * @returns The quantile in the samples' unit; `NaN` without samples.
 */
export function quantile(samples: readonly number[], share: number): number {
  if (samples.length === 0) return NaN;
  const sorted = Float64Array.from(samples).sort();
  const rank = share * (sorted.length - 1);
  const below = Math.floor(rank);
  const low = sorted[below]!;
  const high = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return low + (high - low) * (rank - below);
}

/** @returns The median in the samples' unit; `NaN` without samples. */
export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** @returns The three percentiles in the samples' unit; 0 without samples. */
export function percentilesOf(samples: readonly number[]): Percentiles {
  if (samples.length === 0) return { p50: 0, p95: 0, p99: 0 };
  return { p50: quantile(samples, 0.5), p95: quantile(samples, 0.95), p99: quantile(samples, 0.99) };
}
