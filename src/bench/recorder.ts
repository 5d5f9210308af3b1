import type { EmotionFrameEvent } from "../events.ts";
import type { StageTimings } from "../types.ts";
import type { CostSample, FrameRates } from "./capacity.ts";
import { median, percentilesOf } from "./percentiles.ts";
import { STAGES, type BenchReport } from "./report.ts";

/**
 * The warm-up is discarded: caches fill, the browser's compilers finish, the camera settles. It ends when both limits are
 * reached.
 */
const WARM_UP_FRAMES = 30;
const WARM_UP_MS = 1000;
/** Limit for machines that answer only a few frames a second. */
const LONGEST_WARM_UP_MS = 5000;

/** One answered frame. */
export interface RecordedFrame extends CostSample {
  /** Arrival of the answer, milliseconds of `performance.now()`. */
  readonly arrivedMs: number;
  readonly presentedFrames: number;
  /** Time that the page's thread spent in the element's code since the frame before. */
  readonly pageMs: number;
}

/** Records one engine's answers after the warm-up, and the time of the first one. */
export class Recorder {
  readonly #startedMs: number;
  readonly #kept: RecordedFrame[] = [];
  #warmUpFrames = 0;
  #firstMs: number | null = null;

  /** @param startedMs Time of the call to `start()`, milliseconds of `performance.now()`. */
  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  /** Record one answer. @param arrivedMs Milliseconds of `performance.now()`. */
  take(event: Pick<EmotionFrameEvent, "faces" | "timings" | "presentedFrames" | "pageMs">, arrivedMs: number): void {
    this.#firstMs ??= arrivedMs;
    const { faces, timings, presentedFrames, pageMs } = event;
    if (this.#isWarm(arrivedMs - this.#firstMs)) {
      this.#kept.push({ faces: faces.length, timings, arrivedMs, presentedFrames, pageMs });
    } else this.#warmUpFrames++;
  }

  #isWarm(sinceFirstMs: number): boolean {
    if (this.#kept.length > 0 || sinceFirstMs >= LONGEST_WARM_UP_MS) return true;
    return this.#warmUpFrames >= WARM_UP_FRAMES && sinceFirstMs >= WARM_UP_MS;
  }

  /** The frames after the warm-up, oldest first. */
  get frames(): readonly RecordedFrame[] {
    return this.#kept;
  }

  /** Milliseconds from the start to the first answer; 0 before it. */
  get firstResultMs(): number {
    return this.#firstMs === null ? 0 : this.#firstMs - this.#startedMs;
  }
}

/** The report's figures that follow from the frames alone. */
export type Figures = Pick<
  BenchReport,
  "frames" | "seconds" | "fps" | "stages" | "dropped" | "faces" | "busyMsPerSecond"
> & {
  readonly rates: FrameRates;
  /** Mean time of a frame in the worker. */
  readonly workerMsPerFrame: number;
};

/**
 * Compute the report's figures from the frames.
 *
 * @param frames Two or more, oldest first.
 * @throws Error If there are fewer, because a rate needs two frames.
 */
export function figuresOf(frames: readonly RecordedFrame[]): Figures {
  const first = frames[0];
  const last = frames.at(-1);
  if (first === undefined || last === undefined || first === last)
    throw new Error(
      `Only ${frames.length} frames were answered after the warm-up, too few to measure. Keep the page in view and run ` +
        "longer, for example with ?bench=30",
    );
  const seconds = (last.arrivedMs - first.arrivedMs) / 1000;
  // The time begins with the first frame's answer, so that frame is not counted.
  const answered = frames.length - 1;
  const spent = frames.slice(1);
  const presented = Math.max(last.presentedFrames - first.presentedFrames, answered);
  const stage = (name: keyof StageTimings) => percentilesOf(frames.map(({ timings }) => timings[name]));
  return {
    frames: answered,
    seconds,
    fps: answered / seconds,
    stages: Object.fromEntries(STAGES.map((name) => [name, stage(name)])) as BenchReport["stages"],
    dropped: presented - answered,
    faces: median(frames.map(({ faces }) => faces)),
    rates: { presentedFps: presented / seconds, answeredFps: answered / seconds },
    busyMsPerSecond: {
      page: spent.reduce((sum, { pageMs }) => sum + pageMs, 0) / seconds,
      worker: spent.reduce((sum, { timings }) => sum + timings.total, 0) / seconds,
    },
    workerMsPerFrame: frames.reduce((sum, { timings }) => sum + timings.total, 0) / frames.length,
  };
}
