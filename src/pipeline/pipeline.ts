/**
 * detect -> track -> crop -> classify -> smooth, for one stream of frames. Composes a detector and a classifier;
 * knows neither tensors nor canvases nor what time it is.
 */
import type { Face, FrameOptions, FrameResult } from "../types.ts";
import { Cadence, REUSE_MOST_MS } from "./cadence.ts";
import { type Size, boxAsFraction, eyesSquare, pointAsFraction } from "./geometry.ts";
import { type Scene, type Seen, Looker } from "./looker.ts";
import { LUMA_BLOCKS, blockLuma, isSameLuma } from "./luma.ts";
import { type Smoothed, Smoother } from "./smooth.ts";
import type { Classifier, Detector, Picture } from "./stages.ts";
import { type Track, Tracker } from "./track.ts";

/** What a pipeline is made of. */
export interface Stages {
  readonly detector: Detector;
  readonly classifier: Classifier;
  /** Milliseconds, monotonic; read for the timings alone. */
  readonly clock: () => number;
}

/** One stream of frames, one after the other: a call waits for the one before. */
export interface Pipeline {
  /**
   * Answers one frame. Rejects only where the detector or the classifier does.
   *
   * @param timeMs When the frame was taken; a time before the last one's counts as the last one's.
   * @returns The faces, largest first; the timing `grab` is left at 0 for whoever fetched the pixels.
   */
  process(picture: Picture, timeMs: number, options: FrameOptions): Promise<FrameResult>;
  /** Forgets everybody, as for a new source; ids are not used again. */
  reset(): void;
}

/** The most faces that one frame shows, whatever is asked: bounds the batch. */
const MOST_FACES = 16;

/** After a gap like this (a sleeping page) whoever is there need not be who was there. */
const GAP_MS = 3000;

const SCORES = 7;

/** What is remembered of a face beside its place. */
interface Portrait {
  readonly smoother: Smoother;
  /** The classifier's latest answer. */
  readonly scores: Float32Array;
  /** The coarse brightness of the crop that it answered. */
  readonly luma: Float32Array;
  classifiedMs: number;
  smoothedMs: number;
  smoothed: Smoothed | null;
}

/** Makes a pipeline. */
export function createPipeline(stages: Stages): Pipeline {
  return new FramePipeline(stages);
}

class FramePipeline implements Pipeline {
  readonly #classifier: Classifier;
  readonly #clock: () => number;
  readonly #tracker = new Tracker();
  readonly #cadence = new Cadence();
  readonly #looker: Looker;
  readonly #portraits = new Map<number, Portrait>();
  readonly #luma = new Float32Array(LUMA_BLOCKS * LUMA_BLOCKS);
  #squares = new Uint8ClampedArray(0);
  #frame: Size = { width: 0, height: 0 };
  #nowMs = Number.NEGATIVE_INFINITY;

  constructor({ detector, classifier, clock }: Stages) {
    this.#classifier = classifier;
    this.#clock = clock;
    this.#looker = new Looker(detector, clock, (ms) => this.#cadence.lookTook(ms));
  }

  reset(): void {
    this.#tracker.clear();
    this.#portraits.clear();
    this.#looker.reset(this.#frame);
    this.#nowMs = Number.NEGATIVE_INFINITY;
  }

  async process(picture: Picture, timeMs: number, options: FrameOptions): Promise<FrameResult> {
    const startMs = this.#clock();
    const frame: Size = { width: picture.width, height: picture.height };
    if (!(frame.width > 0) || !(frame.height > 0)) return nothing(timeMs);
    this.#attend(frame, timeMs);
    const most = faceLimit(options.maxFaces);

    const looks = this.#cadence.looks(this.#nowMs, this.#portraits.size, options.pace);
    const seen = looks > 0 ? await this.#look(picture, looks, options) : null;
    const detectedMs = this.#clock();

    if (seen) this.#tracker.update(seen.sightings, this.#nowMs, options.minScore, (box) => seen.covers(box));
    const tracks = this.#tracker.shown(this.#nowMs, most);
    this.#forgetTheGone();
    const trackedMs = this.#clock();

    const batch = this.#crop(picture, tracks, options.pace);
    const croppedMs = this.#clock();

    if (batch.length > 0) await this.#classify(batch);
    const classifiedMs = this.#clock();
    this.#cadence.classificationTook(classifiedMs - croppedMs, batch.length);

    const faces = tracks.map((track) => this.#face(track, frame, options.smoothing));
    const endMs = this.#clock();
    return {
      timeMs,
      faces,
      detected: seen !== null,
      timings: {
        grab: 0,
        detect: detectedMs - startMs,
        crop: croppedMs - trackedMs,
        classify: classifiedMs - croppedMs,
        post: trackedMs - detectedMs + (endMs - classifiedMs),
        total: endMs - startMs,
      },
    };
  }

  /** Moves time on; a new size or a long gap is a new scene. */
  #attend(frame: Size, timeMs: number): void {
    const stepMs = timeMs - this.#nowMs;
    const resized = frame.width !== this.#frame.width || frame.height !== this.#frame.height;
    this.#frame = frame;
    if (resized || stepMs > GAP_MS) this.reset();
    if (timeMs > this.#nowMs) this.#nowMs = timeMs;
    if (!Number.isFinite(this.#nowMs)) this.#nowMs = 0;
  }

  #look(picture: Picture, looks: number, options: FrameOptions): Promise<Seen> {
    const scene: Scene = {
      picture,
      timeMs: this.#nowMs,
      minScore: options.minScore,
      tracks: this.#tracker.tracks,
      expected: ({ id, box }) => this.#tracker.expectedBox(id, this.#nowMs) ?? box,
      looks,
      thrifty: options.pace === "adaptive",
    };
    return options.range === "near" ? this.#looker.near(scene) : this.#looker.far(scene);
  }

  /** Cuts, one after the other into one buffer, the faces to be classified in this frame. */
  #crop(picture: Picture, tracks: readonly Track[], pace: FrameOptions["pace"]): readonly Portrait[] {
    const { inputSize, crop } = this.#classifier;
    const bytes = inputSize * inputSize * 4;
    if (this.#squares.length < tracks.length * bytes) this.#squares = new Uint8ClampedArray(tracks.length * bytes);
    const batch: Portrait[] = [];
    for (const track of tracks) {
      const portrait = this.#portraitOf(track.id);
      // What covers a missed face has an expression of its own, or none.
      if (track.missedSinceMs !== null && portrait.smoothed) continue;
      if (portrait.smoothed && !this.#cadence.wantsClassification(track.id)) continue;
      const offset = batch.length * bytes;
      this.#squares.set(picture.cut(eyesSquare(track, crop), inputSize).subarray(0, bytes), offset);
      blockLuma(this.#squares, offset, inputSize, this.#luma);
      const isFresh = this.#nowMs - portrait.classifiedMs < REUSE_MOST_MS;
      if (pace === "adaptive" && isFresh && isSameLuma(this.#luma, portrait.luma)) continue;
      portrait.luma.set(this.#luma);
      batch.push(portrait);
    }
    return batch;
  }

  async #classify(batch: readonly Portrait[]): Promise<void> {
    const { inputSize } = this.#classifier;
    const squares = this.#squares.subarray(0, batch.length * inputSize * inputSize * 4);
    const answers = await this.#classifier.classify(squares, batch.length);
    batch.forEach((portrait, index) => {
      for (let label = 0; label < SCORES; label++) {
        portrait.scores[label] = answers[index * SCORES + label] ?? Number.NaN;
      }
      portrait.classifiedMs = this.#nowMs;
    });
  }

  #portraitOf(id: number): Portrait {
    const known = this.#portraits.get(id);
    if (known) return known;
    const portrait: Portrait = {
      smoother: new Smoother(this.#classifier.minConfidence),
      scores: new Float32Array(SCORES).fill(Number.NaN),
      luma: new Float32Array(LUMA_BLOCKS * LUMA_BLOCKS).fill(Number.NaN),
      classifiedMs: Number.NEGATIVE_INFINITY,
      smoothedMs: this.#nowMs,
      smoothed: null,
    };
    this.#portraits.set(id, portrait);
    return portrait;
  }

  #forgetTheGone(): void {
    const known = new Set(this.#tracker.tracks.map((track) => track.id));
    for (const id of this.#portraits.keys()) if (!known.has(id)) this.#portraits.delete(id);
  }

  #face(track: Track, frame: Size, smoothing: number): Face {
    const portrait = this.#portraitOf(track.id);
    const smoothed = portrait.smoother.step(portrait.scores, this.#nowMs - portrait.smoothedMs, smoothing);
    portrait.smoothed = smoothed;
    portrait.smoothedMs = this.#nowMs;
    return {
      id: track.id,
      box: boxAsFraction(track.box, frame),
      keypoints: track.keypoints.map((point) => pointAsFraction(point, frame)),
      score: track.score,
      scores: smoothed.scores,
      label: smoothed.label,
      confidence: smoothed.confidence,
      certain: smoothed.certain && track.box.width >= this.#classifier.smallestFacePx,
    };
  }
}

function faceLimit(maxFaces: number): number {
  return Math.min(Math.max(Math.floor(maxFaces) || 1, 1), MOST_FACES);
}

function nothing(timeMs: number): FrameResult {
  const timings = { grab: 0, detect: 0, crop: 0, classify: 0, post: 0, total: 0 };
  return { timeMs, faces: [], detected: false, timings };
}
