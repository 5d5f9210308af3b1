import type { StageTimings } from "../types.ts";
import { quantile } from "./percentiles.ts";

/** Below this, faces are followed with a visible lag. */
const FLUENT_FPS = 15;
/** What `npm run bench -- --cost` tries out; more has not been seen. */
const MOST_FACES = 8;
/** The sentence is a promise, so it is made of slow frames and not of the middle one. */
const SHARE = 0.95;
/** Answering all but a few of the frames that came is keeping up: the source sets the pace then. */
const KEEPS_UP_SHARE = 0.95;

/** What one frame cost, and how many faces were in it. */
export interface CostSample {
  readonly faces: number;
  readonly timings: StageTimings;
}

export interface Capacity {
  /** Faces that can be followed at once. */
  readonly faces: number;
  /** At this many frames a second, never more than the source gave. */
  readonly fps: number;
}

/** How often frames came and were answered, a second. */
export interface Pace {
  readonly presentedFps: number;
  readonly answeredFps: number;
}

/**
 * How many faces can be followed, and how fast: a frame costs its fixed part (grab, detect, post) and, for every face,
 * crop and classify. Where frames were dropped, the time that no stage accounts for counts too.
 *
 * @returns The most faces, up to 8, that leave 15 frames a second, or one face at whatever rate remains; `null` where no
 *   frame with a face was seen.
 */
export function capacityOf(samples: readonly CostSample[], pace: Pace): Capacity | null {
  const withFaces = samples.filter((sample) => sample.faces > 0);
  if (withFaces.length === 0) return null;
  const perFaceMs = quantile(
    withFaces.map(({ faces, timings }) => (timings.crop + timings.classify) / faces),
    SHARE,
  );
  const fixedMs = quantile(
    withFaces.map(({ timings }) => timings.total - timings.crop - timings.classify),
    SHARE,
  );
  const besideMs = beside(samples, pace);
  const fpsWith = (faces: number) => Math.min(1000 / (fixedMs + besideMs + faces * perFaceMs), pace.presentedFps);
  let faces = MOST_FACES;
  while (faces > 1 && fpsWith(faces) < FLUENT_FPS) faces--;
  return { faces, fps: fpsWith(faces) };
}

/** Milliseconds between two answers that no stage accounts for; 0 where the source and not the machine sets the pace. */
function beside(samples: readonly CostSample[], { presentedFps, answeredFps }: Pace): number {
  if (answeredFps >= KEEPS_UP_SHARE * presentedFps) return 0;
  const meanTotalMs = samples.reduce((sum, { timings }) => sum + timings.total, 0) / samples.length;
  return Math.max(0, 1000 / answeredFps - meanTotalMs);
}

/** @returns The one plain sentence. */
export function sentenceOf(capacity: Capacity | null): string {
  if (capacity === null) return "No face was seen, so this run cannot say how many this machine can follow.";
  const faces = capacity.faces === 1 ? "1 face" : `${capacity.faces} faces`;
  const fps = capacity.fps >= 10 ? Math.floor(capacity.fps) : Number(capacity.fps.toFixed(1));
  return `This machine can follow ${faces} at ${fps} frames a second.`;
}
