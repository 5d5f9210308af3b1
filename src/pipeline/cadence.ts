/**
 * How much to compute in a frame, from what it was measured to cost. Pure: times are arguments.
 */

/** One rung of the quality ladder. */
export interface Rung {
  readonly name: "full" | "half" | "third" | "quarter";
  /** The detector looks at one frame of so many; with looks to spare, at several squares of it. */
  readonly detectEvery: number;
  /** Each face is classified in one frame of so many. */
  readonly classifyEvery: number;
}

/** From the best down. Faces move faster than expressions change, so classification thins out first. */
export const LADDER: readonly Rung[] = [
  { name: "full", detectEvery: 1, classifyEvery: 1 },
  { name: "half", detectEvery: 1, classifyEvery: 2 },
  { name: "third", detectEvery: 2, classifyEvery: 3 },
  { name: "quarter", detectEvery: 3, classifyEvery: 4 },
];

/** What a frame may cost on average: half the time between two frames of a camera of 30 a second, the rest is for drawing. */
export const FRAME_BUDGET_MS = 16;

/** The next better rung is taken only if it would cost no more than this share of the budget: no swinging. */
const CLIMB_SHARE = 0.75;

/** Between two changes of rung: long enough for the averages to forget the old one's first frame. */
const DWELL_MS = 500;

/** Until looks were measured, and where the clock is too coarse for them. */
const SHORTEST_LOOK_MS = 0.25;

/** Memory of the averages, in measurements. */
const AVERAGE_OVER = 6;

/** The first measurements hold compilation and cold caches and are not believed. */
const WARM_UP = 2;

/** Faces that hardly change are classified this often all the same: many small changes make a large one. */
export const REUSE_MOST_MS = 500;

/** An average that follows, after a warm-up, what is measured. */
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

/** Decides, frame by frame, what is computed. */
export class Cadence {
  readonly #lookMs = new Average();
  readonly #classifyMs = new Average();
  #rung = 0;
  #changedMs = Number.NEGATIVE_INFINITY;
  #frame = 0;
  #sinceDetect = Number.POSITIVE_INFINITY;

  get rung(): Rung {
    return LADDER[this.#rung] ?? FULL;
  }

  /**
   * Opens a frame: how many looks of the detector it may have. 0 where it is passed over; no bound is `Infinity`.
   *
   * @param faces In view, for what classification will cost.
   * @param pace `measure`: nothing is skipped.
   */
  looks(timeMs: number, faces: number, pace: "adaptive" | "measure"): number {
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

  /** Whether this face's turn to be classified is in the frame that was opened last; faces take turns. */
  wantsClassification(id: number): boolean {
    return (this.#frame + id) % this.rung.classifyEvery === 0;
  }

  /** Takes in what one look of the detector cost. */
  lookTook(ms: number): void {
    this.#lookMs.add(ms);
  }

  /** Takes in what classifying a batch cost. */
  classificationTook(ms: number, faces: number): void {
    if (faces > 0) this.#classifyMs.add(ms / faces);
  }

  #choose(timeMs: number, faces: number): void {
    if (timeMs - this.#changedMs < DWELL_MS) return;
    const better = LADDER[this.#rung - 1];
    const worse = LADDER[this.#rung + 1];
    if (worse && this.#cost(this.rung, faces) > FRAME_BUDGET_MS) this.#rung += 1;
    else if (better && this.#cost(better, faces) < CLIMB_SHARE * FRAME_BUDGET_MS) this.#rung -= 1;
    else return;
    this.#changedMs = timeMs;
  }

  #cost(rung: Rung, faces: number): number {
    return this.#lookMs.value / rung.detectEvery + (faces * this.#classifyMs.value) / rung.classifyEvery;
  }
}

const FULL: Rung = { name: "full", detectEvery: 1, classifyEvery: 1 };
