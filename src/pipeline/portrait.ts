import { LABELS } from "../types.ts";
import type { CropFault } from "./crop-fault.ts";
import { LUMA_BLOCKS, isSameLuma } from "./luma.ts";
import { type Smoothed, Smoother } from "./smooth.ts";

/** A face whose square never changes by more than camera noise in so long is a picture. Nobody keeps that still. */
const PICTURE_AFTER_MS = 60_000;

/** Blocks that differ by less than this, of 255, are the same: the source has no camera noise, it is a picture itself. */
const NO_NOISE = 0.02;

/** The weight of one more square in the share of unfit ones. Two in a row are needed to change it. */
const FAULT_WEIGHT = 0.4;

/** The expression of one track over time. */
export class Portrait {
  /** True where the latest answer was for the square's mirror image. */
  mirrored = true;
  /** True where the square hardly differs from the one that was classified before it. */
  isSame = false;
  /** The block luma of the crop that was classified last; NaN before the first. */
  readonly luma = new Float32Array(LUMA_BLOCKS * LUMA_BLOCKS).fill(Number.NaN);
  classifiedMs = Number.NEGATIVE_INFINITY;
  /** `null` until a frame shows the face. */
  smoothed: Smoothed | null = null;
  readonly #smoother: Smoother;
  /** The answer to be smoothed, in the order of `LABELS`; NaN before the first. */
  readonly #scores = new Float32Array(LABELS.length).fill(Number.NaN);
  /** The classifier's latest answer. */
  readonly #latest = new Float32Array(LABELS.length);
  /** The block luma since which the square has not changed by more than camera noise, and when that was. */
  readonly #still = new Float32Array(LUMA_BLOCKS * LUMA_BLOCKS).fill(Number.NaN);
  #stillSinceMs: number;
  /** True where camera noise changed the square since then. */
  #hasNoise = false;
  /** The share of the latest squares that were unfit to be read, 0..1, and the fault of the latest unfit one. */
  #unfit = 0;
  #fault: CropFault | null = null;
  #smoothedMs: number;

  /**
   * @param minConfidence As in {@link Smoother}.
   * @param nowMs When the track began.
   */
  constructor(minConfidence: number, nowMs: number) {
    this.#smoother = new Smoother(minConfidence);
    this.#stillSinceMs = nowMs;
    this.#smoothedMs = nowMs;
  }

  /** True if the latest squares were too dark to be read. */
  get isTooDark(): boolean {
    return this.#unfit >= 0.5 && this.#fault === "dark";
  }

  /** Take the block luma of the present square, and note whether it has changed. */
  watchStillness(luma: Float32Array, nowMs: number): void {
    const still = this.#still;
    if (!isSameLuma(luma, still)) {
      still.set(luma);
      this.#stillSinceMs = nowMs;
      this.#hasNoise = false;
    } else {
      this.#hasNoise ||= luma.some((value, block) => Math.abs(value - still[block]!) > NO_NOISE);
    }
  }

  /** Take the judgement of a square that is to be classified. */
  judge(fault: CropFault | null): void {
    const isFirst = !Number.isFinite(this.classifiedMs);
    this.#unfit += (isFirst ? 1 : FAULT_WEIGHT) * (Number(fault !== null) - this.#unfit);
    if (fault) this.#fault = fault;
  }

  /**
   * Take an answer of the classifier.
   *
   * @param answers Answers of a batch, in the order of `LABELS`.
   * @param start Index of this portrait's first number.
   * @param isPaired Whether the answers for the square and its mirror image are averaged.
   */
  answer(answers: Float32Array, start: number, isPaired: boolean, nowMs: number): void {
    for (let label = 0; label < LABELS.length; label++) {
      const answer = answers[start + label]!;
      // The two sides' answers are averaged only while the face keeps still: else they belong to two expressions.
      const other = this.isSame && isPaired ? this.#latest[label]! : answer;
      this.#scores[label] = (answer + other) / 2;
      this.#latest[label] = answer;
    }
    this.classifiedMs = nowMs;
  }

  /** Smooth the expression up to now. */
  smooth(nowMs: number, smoothing: number): Smoothed {
    this.smoothed = this.#smoother.step(this.#scores, nowMs - this.#smoothedMs, smoothing);
    this.#smoothedMs = nowMs;
    return this.smoothed;
  }

  /** @returns Whether the face's expression can be told from its squares. */
  isReadable(nowMs: number): boolean {
    return this.#unfit < 0.5 && !(this.#hasNoise && nowMs - this.#stillSinceMs >= PICTURE_AFTER_MS);
  }
}
