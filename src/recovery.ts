/**
 * The one way in which whatever can fail comes back: the worker, the camera, a clip. Pure: time is an argument.
 *
 *   trying ──▶ well ──▶ waiting ──▶ trying …       over: nothing is tried any more
 */
import type { EmotionCamErrorCode } from "./errors.ts";

/** `trying`: it is being started. `well`: it works. `waiting`: until the next try. `over`: for good. */
export type LifeState = "trying" | "well" | "waiting" | "over";

/** The wait before the next try doubles with each failure in a row, from the first to the longest; milliseconds. */
interface Waits {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** A try without a camera costs nothing, and one that is plugged in unnoticed is on before anyone wonders. */
const CAMERA: Waits = { firstMs: 1000, longestMs: 5000 };
/** A worker loads networks and compiles, which a machine can bear twice a minute for ever. */
const WORKER: Waits = { firstMs: 250, longestMs: 30_000 };
/** What somebody has to put right on the server: looked at again, in case it is. */
const FILES: Waits = { firstMs: 5000, longestMs: 60_000 };

/** `null`: only a change of the circumstances can help, such as a permission or another browser. */
const WAITS: Readonly<Record<EmotionCamErrorCode, Waits | null>> = {
  "insecure-context": null,
  "unsupported-browser": null,
  "camera-denied": null,
  "camera-missing": CAMERA,
  "camera-busy": CAMERA,
  "camera-lost": CAMERA,
  "camera-stalled": CAMERA,
  "source-load": FILES,
  "wasm-load": WORKER,
  "model-load": WORKER,
  "model-corrupt": FILES,
  "worker-crash": WORKER,
};

/**
 * Whoever works for a moment and fails again is not well: else a worker that dies of every second frame would be
 * started four times a second. Failures count as failures in a row until it has been well for so long.
 */
const STEADY_MS = 10_000;

/** One thing that is kept alive, from its first try to its end. */
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

  /** It is being started. */
  begin(): void {
    if (this.#state !== "over") this.#state = "trying";
  }

  /** It works. May be said again and again. */
  thrive(nowMs: number): void {
    if (this.#state === "well" || this.#state === "over") return;
    this.#state = "well";
    this.#wellSinceMs = nowMs;
  }

  /**
   * It failed.
   *
   * @returns Milliseconds until the next try is to be made; `Infinity` where only a change of the circumstances helps.
   */
  fail(code: EmotionCamErrorCode, nowMs: number): number {
    if (this.#state === "over") return Infinity;
    if (this.#state === "well" && nowMs - this.#wellSinceMs >= STEADY_MS) this.#failures = 0;
    this.#failures += 1;
    this.#state = "waiting";
    const waits = WAITS[code];
    if (waits === null) return Infinity;
    return Math.min(waits.firstMs * 2 ** (this.#failures - 1), waits.longestMs);
  }

  /** Nothing is tried any more. */
  end(): void {
    this.#state = "over";
  }
}
