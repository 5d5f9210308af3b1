/**
 * The life of everything that can fail and come back: the worker, the camera, a clip. Pure: time is an argument.
 *
 *   trying ──▶ well ──▶ waiting ──▶ trying …       over: nothing is tried any more
 */
import { type EmotionCamErrorCode, ERRORS } from "./errors.ts";

/** `trying`: it is being started. `well`: it works. `waiting`: until the next try. `over`: for good. */
export type LifeState = "trying" | "well" | "waiting" | "over";

/**
 * Failures count as failures in a row until it has worked for this long. Without this limit, a worker that crashes at
 * every second frame would be started four times a second.
 */
const STEADY_MS = 10_000;

/** The life of one thing, from its first try to its end. */
export class Life {
  #state: LifeState = "trying";
  #failures = 0;
  #wellSinceMs = 0;

  get state(): LifeState {
    return this.#state;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** Note that it is being started. */
  begin(): void {
    if (this.#state !== "over") this.#state = "trying";
  }

  /**
   * Note that it works. May be called again and again.
   *
   * @param nowMs Milliseconds, on the same clock as in {@link fail}.
   */
  thrive(nowMs: number): void {
    if (this.#state === "well" || this.#state === "over") return;
    this.#state = "well";
    this.#wellSinceMs = nowMs;
  }

  /**
   * Note that it failed.
   *
   * @param nowMs Milliseconds, on the same clock as in {@link thrive}.
   * @returns Milliseconds until the next try; `Infinity` where only a person can help.
   */
  fail(code: EmotionCamErrorCode, nowMs: number): number {
    if (this.#state === "over") return Infinity;
    if (this.#state === "well" && nowMs - this.#wellSinceMs >= STEADY_MS) this.#failures = 0;
    this.#failures += 1;
    this.#state = "waiting";
    const { waits } = ERRORS[code];
    if (waits === null) return Infinity;
    return Math.min(waits.firstMs * 2 ** (this.#failures - 1), waits.longestMs);
  }

  /** Note that nothing is tried any more. */
  end(): void {
    this.#state = "over";
  }
}
