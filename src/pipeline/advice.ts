import { HINTS, type Hint } from "../types.ts";

/** The reason of a hint must last for so long before the hint is given, with gaps of less than the next limit. */
const GIVE_AFTER_MS = 1000;
const LONGEST_GAP_MS = 800;
/** A hint stays for so long after its reason was seen last. */
const STAY_MS = 1000;

/** Gives hints that neither flicker nor come at once. */
export class Advice {
  readonly #sinceMs = new Float64Array(HINTS.length).fill(Number.NaN);
  readonly #lastMs = new Float64Array(HINTS.length).fill(Number.NEGATIVE_INFINITY);

  /** Start anew, for another source. */
  reset(): void {
    this.#lastMs.fill(Number.NEGATIVE_INFINITY);
  }

  /** Note that the reason of a hint was seen. */
  note(hint: Hint, timeMs: number): void {
    const index = HINTS.indexOf(hint);
    if (!(timeMs - this.#lastMs[index]! <= LONGEST_GAP_MS)) this.#sinceMs[index] = timeMs;
    this.#lastMs[index] = timeMs;
  }

  /** @returns The hint to give: the first of {@link HINTS} that has a reason. */
  at(timeMs: number): Hint | undefined {
    return HINTS.find((_, index) => {
      const isLasting = this.#lastMs[index]! - this.#sinceMs[index]! >= GIVE_AFTER_MS;
      return isLasting && timeMs - this.#lastMs[index]! < STAY_MS;
    });
  }
}
