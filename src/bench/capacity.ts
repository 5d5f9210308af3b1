import type { StageTimings } from "../types.ts";
import { quantile } from "./percentiles.ts";

/** Below this rate the marks lag visibly behind the faces. */
const FLUENT_FPS = 15;
/** The largest number of faces that `npm run bench -- --cost` measures. */
const MOST_FACES = 8;
/** The sentence is a promise, so it is based on this quantile of the times and not on the median. */
const SHARE = 0.95;
/** A machine that answers at least this share of the frames keeps up: the source limits the rate, not the machine. */
const KEEPS_UP_SHARE = 0.95;

/** The cost of one frame and the number of its faces. */
export interface CostSample {
  readonly faces: number;
  readonly timings: StageTimings;
}

export interface Capacity {
  /** Number of faces that the machine can follow at once. */
  readonly faces: number;
  /** Frames a second with so many faces, at most the source's rate. */
  readonly fps: number;
}

/** Frames a second that the source presented, and those that were answered. */
export interface FrameRates {
  readonly presentedFps: number;
  readonly answeredFps: number;
}

/**
 * Estimate how many faces the machine can follow, and at what rate. A frame has a fixed cost (grab, detect, post) and a
 * cost for each face (crop, classify). If frames were dropped, the time between answers that no stage accounts for is
 * part of the fixed cost.
 *
 * @param samples The measured frames.
 * @param rates The frame rates over the same time.
 * @returns The most faces, up to 8, at 15 frames a second or more; otherwise one face at the rate that remains. `null` if
 * no frame showed a face.
 */
export function capacityOf(samples: readonly CostSample[], rates: FrameRates): Capacity | null {
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
  const besideMs = beside(samples, rates);
  const fpsWith = (faces: number) => Math.min(1000 / (fixedMs + besideMs + faces * perFaceMs), rates.presentedFps);
  let faces = MOST_FACES;
  while (faces > 1 && fpsWith(faces) < FLUENT_FPS) faces--;
  return { faces, fps: fpsWith(faces) };
}

/** @returns Milliseconds between two answers that no stage accounts for; 0 if the source limits the rate. */
function beside(samples: readonly CostSample[], { presentedFps, answeredFps }: FrameRates): number {
  if (answeredFps >= KEEPS_UP_SHARE * presentedFps) return 0;
  const meanTotalMs = samples.reduce((sum, { timings }) => sum + timings.total, 0) / samples.length;
  return Math.max(0, 1000 / answeredFps - meanTotalMs);
}

/** @returns The capacity as one plain sentence. */
export function sentenceOf(capacity: Capacity | null): string {
  if (capacity === null) return "No face was seen, so this run cannot tell how many faces this machine can follow.";
  const faces = capacity.faces === 1 ? "1 face" : `${capacity.faces} faces`;
  const fps = capacity.fps >= 10 ? Math.floor(capacity.fps) : Number(capacity.fps.toFixed(1));
  return `This machine can follow ${faces} at ${fps} frames a second.`;
}
