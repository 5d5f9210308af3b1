import type { EmotionFrameEvent } from "../events.ts";
import type { StageTimings } from "../types.ts";
import type { CostSample, Pace } from "./capacity.ts";
import { median, percentilesOf } from "./percentiles.ts";
import { STAGES, type BenchReport } from "./report.ts";

/** Thrown away: caches fill, the browser's compilers finish, the camera settles. Whichever comes last, … */
const WARM_UP_FRAMES = 30;
const WARM_UP_MS = 1000;
/** … but a machine that answers twice a second is not kept at it. */
const LONGEST_WARM_UP_MS = 5000;

/** One answered frame. */
export interface RecordedFrame extends CostSample {
  /** When its answer arrived, milliseconds of `performance.now()`. */
  readonly arrivedMs: number;
  readonly presentedFrames: number;
}

/** Listens to one engine's answers: the first, then a warm-up, then those that count. */
export class Recorder {
  readonly #startedMs: number;
  readonly #kept: RecordedFrame[] = [];
  #warmUpFrames = 0;
  #firstMs: number | null = null;

  /** @param startedMs When the element was told to start, milliseconds of `performance.now()`. */
  constructor(startedMs: number) {
    this.#startedMs = startedMs;
  }

  /** Takes one answer. @param arrivedMs Milliseconds of `performance.now()`. */
  take(event: Pick<EmotionFrameEvent, "faces" | "timings" | "presentedFrames">, arrivedMs: number): void {
    this.#firstMs ??= arrivedMs;
    const { faces, timings, presentedFrames } = event;
    if (this.#isWarm(arrivedMs - this.#firstMs)) {
      this.#kept.push({ faces: faces.length, timings, arrivedMs, presentedFrames });
    } else this.#warmUpFrames++;
  }

  #isWarm(sinceFirstMs: number): boolean {
    if (this.#kept.length > 0 || sinceFirstMs >= LONGEST_WARM_UP_MS) return true;
    return this.#warmUpFrames >= WARM_UP_FRAMES && sinceFirstMs >= WARM_UP_MS;
  }

  /** The frames that count, oldest first. */
  get frames(): readonly RecordedFrame[] {
    return this.#kept;
  }

  /** From the start to the first answer; 0 while there is none. */
  get firstResultMs(): number {
    return this.#firstMs === null ? 0 : this.#firstMs - this.#startedMs;
  }
}

/** What the frames alone tell, as the report has it. */
export type Figures = Pick<BenchReport, "frames" | "seconds" | "fps" | "stages" | "dropped" | "faces"> & {
  readonly pace: Pace;
  /** The worker's time a frame, mean. */
  readonly workerMsPerFrame: number;
};

/**
 * @param frames Two or more.
 * @throws Error where there are fewer, since no rate can be told then.
 */
export function figuresOf(frames: readonly RecordedFrame[]): Figures {
  const first = frames[0];
  const last = frames.at(-1);
  if (first === undefined || last === undefined || first === last)
    throw new Error(
      `${frames.length} frames were answered after the warm-up, too few for a figure. Keep the page in view, and run ` +
        "longer: ?bench=30",
    );
  const seconds = (last.arrivedMs - first.arrivedMs) / 1000;
  // The first frame opens the time and is not part of what was done in it.
  const answered = frames.length - 1;
  const presented = Math.max(last.presentedFrames - first.presentedFrames, answered);
  const stage = (name: keyof StageTimings) => percentilesOf(frames.map(({ timings }) => timings[name]));
  return {
    frames: answered,
    seconds,
    fps: answered / seconds,
    stages: Object.fromEntries(STAGES.map((name) => [name, stage(name)])) as BenchReport["stages"],
    dropped: presented - answered,
    faces: median(frames.map(({ faces }) => faces)),
    pace: { presentedFps: presented / seconds, answeredFps: answered / seconds },
    workerMsPerFrame: frames.reduce((sum, { timings }) => sum + timings.total, 0) / frames.length,
  };
}
