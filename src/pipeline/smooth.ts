/** Smooths one face's scores over time and chooses the label to show. Pure: the step of time is an argument. */
import { LABELS, type Label, type Scores } from "../types.ts";

/**
 * Half-life of an old score at `smoothing` 1. It grows with the square of `smoothing`, so that the middle of the range
 * (0.5: 100 ms) is quick and the last quarter is slow.
 */
const SLOWEST_HALF_LIFE_MS = 400;

/**
 * A label's lead over the shown one counts only where its score in the new answer is higher by more than this. Neutral is
 * left more easily than it is returned to: people hold an expression for half a second, and a resting face for minutes.
 */
const LEAD_MARGIN = 0.15;
const NEUTRAL_HANDICAP = 0.07;

/**
 * A label is shown once its lead beyond the margin, summed over time, reaches this; in score times milliseconds. This is
 * Page's cumulative sum test (CUSUM, 1954): for a given rate of false changes it shows a true one soonest. It reads the
 * answers themselves, because to smooth them first only adds delay. At 15 frames a second a clear change needs a fifth of
 * a second. Made sequences and filmed faces chose the constants together: no change on a still neutral face, one in ten
 * minutes on other still faces, two a minute on a face between neutral and another label. Of the clear expressions that
 * follow a neutral face, 94 % are said within 400 ms.
 */
const LEAD_TO_SWITCH_MS = 55;

/**
 * The most time that one answer counts for, milliseconds. Times the greatest lead, 0.92, it stays below the sum above, so
 * that no single answer changes the label.
 */
const LONGEST_STEP_MS = 59;

const NEUTRAL = LABELS.indexOf("neutral");

/** An expression that is certain stays so until its score falls this far below the classifier's threshold (hysteresis). */
const CERTAIN_SLACK = 0.05;

/** The result of one step of smoothing. */
export interface Smoothed {
  readonly scores: Scores;
  readonly label: Label;
  /** The smoothed score of `label`, 0..1. */
  readonly confidence: number;
  /** True where `confidence` reaches the classifier's threshold. */
  readonly certain: boolean;
}

/**
 * @param smoothing 0 (none) to 1 (slow); other numbers are clamped.
 * @returns The time after which an old score has half its weight, milliseconds; 0 for no smoothing.
 */
export function halfLifeMs(smoothing: number): number {
  const bounded = smoothing > 0 ? Math.min(smoothing, 1) : 0;
  return SLOWEST_HALF_LIFE_MS * bounded * bounded;
}

/** Smooths the scores of one face, exponentially, and holds its label by hysteresis. */
export class Smoother {
  readonly #minConfidence: number;
  readonly #scores = new Float64Array(LABELS.length).fill(1 / LABELS.length);
  /** The summed lead of each label over the shown one, score times milliseconds. */
  readonly #leads = new Float64Array(LABELS.length);
  #label = NEUTRAL;
  #certain = false;
  #started = false;

  /** @param minConfidence The least smoothed score of a certain expression, 0..1. */
  constructor(minConfidence: number) {
    this.#minConfidence = minConfidence;
  }

  /**
   * Add one answer of the classifier. The first valid one is shown as it is.
   *
   * @param scores Seven in the order of `LABELS`, scaled here to sum to 1. Answers that are no distribution (missing,
   * infinite or negative numbers, all zero) are ignored.
   * @param stepMs Since the last step, 0 or more.
   * @param smoothing 0 (none) to 1 (slow).
   */
  step(scores: ArrayLike<number>, stepMs: number, smoothing: number): Smoothed {
    const sum = sumOf(scores);
    if (sum > 0) {
      this.#mix(scores, sum, this.#started ? shareOfNew(stepMs, smoothing) : 1);
      if (this.#started) this.#follow(scores, sum, Math.min(Math.max(0, stepMs), LONGEST_STEP_MS));
      else this.#label = top(this.#scores);
      this.#started = true;
    }
    return this.#answer();
  }

  #mix(scores: ArrayLike<number>, sum: number, share: number): void {
    let total = 0;
    for (let index = 0; index < LABELS.length; index++) {
      const old = this.#scores[index]!;
      const mixed = old + share * (scores[index]! / sum - old);
      this.#scores[index] = mixed;
      total += mixed;
    }
    for (let index = 0; index < LABELS.length; index++) this.#scores[index]! /= total;
  }

  /** Change the label where another one has led for long enough, and is the highest of the smoothed scores too. */
  #follow(scores: ArrayLike<number>, sum: number, stepMs: number): void {
    const shown = this.#label;
    let farthest = shown;
    for (let index = 0; index < LABELS.length; index++) {
      const lead = (scores[index]! - scores[shown]!) / sum - marginOf(shown, index);
      this.#leads[index] = index === shown ? 0 : Math.max(0, this.#leads[index]! + lead * stepMs);
      if (this.#leads[index]! > this.#leads[farthest]!) farthest = index;
    }
    if (this.#leads[farthest]! < LEAD_TO_SWITCH_MS || farthest !== top(this.#scores)) return;
    this.#label = farthest;
    this.#leads.fill(0);
  }

  #answer(): Smoothed {
    const confidence = this.#scores[this.#label]!;
    const bound = this.#certain ? this.#minConfidence - CERTAIN_SLACK : this.#minConfidence;
    this.#certain = this.#started && confidence >= bound;
    const scores = Object.fromEntries(LABELS.map((label, index) => [label, this.#scores[index]!]));
    return {
      scores: scores as Record<Label, number>,
      label: LABELS[this.#label]!,
      confidence,
      certain: this.#certain,
    };
  }
}

/** @returns How much higher a label's score must be than the shown one's, to count as a lead. */
function marginOf(shown: number, other: number): number {
  if (shown === NEUTRAL) return LEAD_MARGIN - NEUTRAL_HANDICAP;
  return other === NEUTRAL ? LEAD_MARGIN + NEUTRAL_HANDICAP : LEAD_MARGIN;
}

/** @returns The weight of a new score after a step of time, 0..1. */
function shareOfNew(stepMs: number, smoothing: number): number {
  const halfLife = halfLifeMs(smoothing);
  if (halfLife === 0) return 1;
  return 1 - 2 ** (-Math.max(0, stepMs) / halfLife);
}

/** @returns The sum of seven scores, or 0 where they are no distribution. */
function sumOf(scores: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < LABELS.length; index++) {
    const score = scores[index] ?? Number.NaN;
    if (!(score >= 0)) return 0;
    sum += score;
  }
  return Number.isFinite(sum) ? sum : 0;
}

/** @returns The index of the highest score. */
function top(scores: Float64Array): number {
  let best = 0;
  for (let index = 1; index < scores.length; index++) if (scores[index]! > scores[best]!) best = index;
  return best;
}
