/** Decides how much to compute in each frame, by the measured cost. Pure: times are arguments. */
import type { Pace } from "../types.ts";

/** One rung of the quality ladder. */
export interface Rung {
  readonly name: "full" | "half" | "third" | "quarter";
  /** The detector runs in one frame of so many; where time allows, at several squares of it. */
  readonly detectEvery: number;
  /** Each face is classified in one frame of so many. */
  readonly classifyEvery: number;
}

/** From the best rung down. Faces move faster than expressions change, so classification is thinned out first. */
export const LADDER: readonly Rung[] = [
  { name: "full", detectEvery: 1, classifyEvery: 1 },
  { name: "half", detectEvery: 1, classifyEvery: 2 },
  { name: "third", detectEvery: 2, classifyEvery: 3 },
  { name: "quarter", detectEvery: 3, classifyEvery: 4 },
];

/** The mean cost that a frame may have: half the time between two frames of a 30 Hz camera; the rest is for drawing. */
export const FRAME_BUDGET_MS = 16;

/** The next better rung is taken only where it would cost less than this share of the budget (hysteresis). */
const CLIMB_SHARE = 0.75;

/** The least time between two changes of rung: the averages need it to adapt to the new rung. */
const DWELL_MS = 500;

/** The least cost of a look that is assumed: before looks are measured, and where the clock is too coarse for them. */
const SHORTEST_LOOK_MS = 0.25;

/** The number of measurements that an average spans. */
const AVERAGE_OVER = 6;

/** So many first measurements are ignored: they include compilation and cold caches. */
const WARM_UP = 2;

/** A classification is reused for so long at most while a face hardly changes: many small changes make a large one. */
export const REUSE_MOST_MS = 500;

/** An exponential moving average that ignores a warm-up. */
class Average {
  #value = 0;
  #count = 0;

  get value(): number {
    return this.#value;
  }

  add(measured: number): void {
    if (!(measured >= 0) || !Number.isFinite(measured)) return;
    this.#count += 1;
    if (this.#count <= WARM_UP) return;
    const share = Math.max(1 / (this.#count - WARM_UP), 1 / AVERAGE_OVER);
    this.#value += share * (measured - this.#value);
  }
}

/** Decides, frame by frame, how often to look and which faces to classify. */
export class Cadence {
  readonly #lookMs = new Average();
  readonly #classifyMs = new Average();
  #rung = 0;
  #changedMs = Number.NEGATIVE_INFINITY;
  #frame = 0;
  #sinceDetect = Number.POSITIVE_INFINITY;

  get rung(): Rung {
    return LADDER[this.#rung]!;
  }

  /**
   * Begin a frame, and decide how many looks of the detector it may have.
   *
   * @param faces In view: they tell what classification will cost.
   * @returns 0 where the frame is skipped; `Infinity` for the pace `measure`.
   */
  looks(timeMs: number, faces: number, pace: Pace): number {
    this.#frame += 1;
    this.#sinceDetect += 1;
    if (pace === "measure") this.#rung = 0;
    else this.#choose(timeMs, faces);
    if (this.#sinceDetect < this.rung.detectEvery) return 0;
    this.#sinceDetect = 0;
    if (pace === "measure") return Number.POSITIVE_INFINITY;
    const { detectEvery, classifyEvery } = this.rung;
    const leftMs = detectEvery * (FRAME_BUDGET_MS - (faces * this.#classifyMs.value) / classifyEvery);
    return Math.max(1, Math.floor(leftMs / Math.max(this.#lookMs.value, SHORTEST_LOOK_MS)));
  }

  /** @returns Whether a face is to be classified in this frame; faces take turns by their ids. */
  wantsClassification(id: number): boolean {
    return (this.#frame + id) % this.rung.classifyEvery === 0;
  }

  /** Record the cost of one look of the detector. */
  lookTook(ms: number): void {
    this.#lookMs.add(ms);
  }

  /** Record the cost of one batch of the classifier. */
  classificationTook(ms: number, faces: number): void {
    if (faces > 0) this.#classifyMs.add(ms / faces);
  }

  /** Change the rung by one where the cost asks for it. */
  #choose(timeMs: number, faces: number): void {
    if (timeMs - this.#changedMs < DWELL_MS) return;
    const better = LADDER[this.#rung - 1];
    const worse = LADDER[this.#rung + 1];
    if (worse && this.#cost(this.rung, faces) > FRAME_BUDGET_MS) this.#rung += 1;
    else if (better && this.#cost(better, faces) < CLIMB_SHARE * FRAME_BUDGET_MS) this.#rung -= 1;
    else return;
    this.#changedMs = timeMs;
  }

  /** @returns The mean cost of a frame, milliseconds. */
  #cost(rung: Rung, faces: number): number {
    return this.#lookMs.value / rung.detectEvery + (faces * this.#classifyMs.value) / rung.classifyEvery;
  }
}
