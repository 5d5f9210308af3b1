/**
 * One face's scores over time: calm enough to read, quick enough to believe. Pure: the step of time is an argument.
 */
import { LABELS, type Label, type Scores } from "../types.ts";

/**
 * The half-life of an old score at `smoothing` 1. It goes with the square of `smoothing`, so that the middle of the
 * range (0.5: 100 ms) is already quick and the last quarter is for those who want it slow.
 */
const SLOWEST_HALF_LIFE_MS = 400;

/** By how much another label's smoothed score must lead the shown one's before its lead counts at all. */
const LEAD_MARGIN = 0.15;

/**
 * How much lead beyond the margin another label must gather, in score times milliseconds, before it is shown: a clear
 * change does so in a third of a second of 15 frames each, a close one in two thirds, a flicker never. (Page's
 * cumulative sum, which for a given rate of false changes shows a true one soonest. Made sequences chose the three
 * constants together: at most 0.5 changes a minute on a still face, no clear change later than 400 ms.)
 */
const LEAD_TO_SWITCH_MS = 30;

/** Once an expression is said, it is unsaid only when its score falls this far below the classifier's stated bound. */
const CERTAIN_SLACK = 0.05;

/** What one step of smoothing answers. */
export interface Smoothed {
  readonly scores: Scores;
  readonly label: Label;
  /** The smoothed score of `label`. */
  readonly confidence: number;
  readonly certain: boolean;
}

/** The time after which an old score weighs half, milliseconds; 0 where nothing is smoothed. */
export function halfLifeMs(smoothing: number): number {
  const bounded = smoothing > 0 ? Math.min(smoothing, 1) : 0;
  return SLOWEST_HALF_LIFE_MS * bounded * bounded;
}

/** Smooths one face's scores, and holds its label. */
export class Smoother {
  readonly #minConfidence: number;
  readonly #scores = new Float64Array(LABELS.length).fill(1 / LABELS.length);
  /** For each label the lead that it gathered over the shown one, score times milliseconds. */
  readonly #leads = new Float64Array(LABELS.length);
  #label = LABELS.indexOf("neutral");
  #certain = false;
  #started = false;

  /** @param minConfidence The smoothed score from which an expression is said, 0..1. */
  constructor(minConfidence: number) {
    this.#minConfidence = minConfidence;
  }

  /**
   * Takes in one answer of the classifier; the first sound one is shown as it is.
   *
   * @param scores Seven in the order of `LABELS`. What is no distribution (not finite, negative, all zero) is passed
   * over; one that does not sum to 1 is scaled.
   * @param stepMs Since the answer before, 0 or more.
   * @param smoothing 0 (none) to 1 (slow).
   */
  step(scores: ArrayLike<number>, stepMs: number, smoothing: number): Smoothed {
    const sum = sumOf(scores);
    if (sum > 0) {
      this.#mix(scores, sum, this.#started ? shareOfNew(stepMs, smoothing) : 1);
      if (this.#started) this.#follow(Math.max(0, stepMs));
      else this.#label = top(this.#scores);
      this.#started = true;
    }
    return this.#answer();
  }

  #mix(scores: ArrayLike<number>, sum: number, share: number): void {
    let total = 0;
    for (let index = 0; index < LABELS.length; index++) {
      const old = this.#scores[index] ?? 0;
      const mixed = old + share * ((scores[index] ?? 0) / sum - old);
      this.#scores[index] = mixed;
      total += mixed;
    }
    for (let index = 0; index < LABELS.length; index++) this.#scores[index] = (this.#scores[index] ?? 0) / total;
  }

  /** Moves the label when another one has led for long enough. */
  #follow(stepMs: number): void {
    const shown = this.#scores[this.#label] ?? 0;
    let farthest = this.#label;
    for (let index = 0; index < LABELS.length; index++) {
      const lead = (this.#scores[index] ?? 0) - shown - LEAD_MARGIN;
      const gathered = Math.max(0, (this.#leads[index] ?? 0) + lead * stepMs);
      this.#leads[index] = index === this.#label ? 0 : gathered;
      if ((this.#leads[index] ?? 0) > (this.#leads[farthest] ?? 0)) farthest = index;
    }
    if ((this.#leads[farthest] ?? 0) < LEAD_TO_SWITCH_MS) return;
    this.#label = farthest;
    this.#leads.fill(0);
  }

  #answer(): Smoothed {
    const confidence = this.#scores[this.#label] ?? 0;
    const bound = this.#certain ? this.#minConfidence - CERTAIN_SLACK : this.#minConfidence;
    this.#certain = this.#started && confidence >= bound;
    const scores = Object.fromEntries(LABELS.map((label, index) => [label, this.#scores[index] ?? 0]));
    return {
      scores: scores as Record<Label, number>,
      label: LABELS[this.#label] ?? "neutral",
      confidence,
      certain: this.#certain,
    };
  }
}

/** How much of the new score enters in a step of time. */
function shareOfNew(stepMs: number, smoothing: number): number {
  const halfLife = halfLifeMs(smoothing);
  if (halfLife === 0) return 1;
  return 1 - 2 ** (-Math.max(0, stepMs) / halfLife);
}

/** The scores' sum, or 0 where they are no distribution. */
function sumOf(scores: ArrayLike<number>): number {
  let sum = 0;
  for (let index = 0; index < LABELS.length; index++) {
    const score = scores[index] ?? Number.NaN;
    if (!(score >= 0)) return 0;
    sum += score;
  }
  return Number.isFinite(sum) ? sum : 0;
}

function top(scores: Float64Array): number {
  let best = 0;
  for (let index = 1; index < scores.length; index++) if ((scores[index] ?? 0) > (scores[best] ?? 0)) best = index;
  return best;
}
