/**
 * detect -> track -> crop -> classify -> smooth, for one stream of frames. Composes a detector and a classifier; has no
 * tensors, no canvas and no clock of its own.
 */
import {
  type Box,
  type Face,
  type FrameOptions,
  type FrameResult,
  type Hint,
  LABELS,
  MAX_FACES,
  type Pace,
} from "../types.ts";
import { Advice } from "./advice.ts";
import { Cadence, REUSE_MOST_MS } from "./cadence.ts";
import { CropJudge } from "./crop-fault.ts";
import { type Size, boxAsFraction, eyesSquare, pointAsFraction } from "./geometry.ts";
import { type Scene, type Seen, Looker } from "./looker.ts";
import { LUMA_BLOCKS, blockLuma, isSameLuma } from "./luma.ts";
import { MotionMap } from "./motion-map.ts";
import { Portrait } from "./portrait.ts";
import type { Classifier, Detector, Picture } from "./stages.ts";
import { type Track, isVouchedFor } from "./track.ts";
import { Tracker } from "./tracker.ts";

/** The parts of a pipeline. */
export interface Stages {
  readonly detector: Detector;
  readonly classifier: Classifier;
  /** Milliseconds, monotonic. It is read for timings and the cadence only. */
  readonly clock: () => number;
}

/** Processes one stream of frames, one after the other: do not call it before the last call has settled. */
export interface Pipeline {
  /**
   * Process one frame. Rejects only where the detector or the classifier does.
   *
   * @param timeMs When the frame was taken; a time earlier than the last frame's counts as the last frame's.
   * @returns The faces, the largest first. The timing `grab` is 0: the caller has read the pixels and sets it.
   */
  process(picture: Picture, timeMs: number, options: FrameOptions): Promise<FrameResult>;
  /** Forget all faces, for a new source. Their ids are not used again. */
  reset(): void;
}

/** After a gap of more than this (the page slept) other people may be in view: all tracks end. */
const GAP_MS = 3000;

/** A frame without people is quiet once nothing has moved for this long. */
const QUIET_MS = 2000;

/** Make a pipeline for one stream of frames. */
export function createPipeline(stages: Stages): Pipeline {
  return new FramePipeline(stages);
}

class FramePipeline implements Pipeline {
  readonly #classifier: Classifier;
  readonly #clock: () => number;
  readonly #tracker = new Tracker();
  readonly #cadence = new Cadence();
  readonly #judge: CropJudge;
  readonly #advice = new Advice();
  readonly #looker: Looker;
  readonly #motion = new MotionMap();
  readonly #portraits = new Map<number, Portrait>();
  /** The block luma of one crop, before it is compared. */
  readonly #luma = new Float32Array(LUMA_BLOCKS * LUMA_BLOCKS);
  /** The batch for the classifier; it grows to the largest one so far. */
  #squares = new Uint8ClampedArray(0);
  #frame: Size = { width: 0, height: 0 };
  #source = 0;
  #nowMs = Number.NEGATIVE_INFINITY;

  constructor({ detector, classifier, clock }: Stages) {
    this.#classifier = classifier;
    this.#clock = clock;
    this.#judge = new CropJudge(classifier.inputSize, classifier.crop);
    this.#looker = new Looker(detector, clock, (ms) => this.#cadence.lookTook(ms));
  }

  reset(): void {
    this.#forgetFaces();
    this.#advice.reset();
    this.#looker.reset(this.#frame);
    this.#motion.reset();
    this.#nowMs = Number.NEGATIVE_INFINITY;
  }

  /** The search goes on where it was: in a light that flickers every frame may count as a cut. */
  #forgetFaces(): void {
    this.#tracker.clear();
    this.#portraits.clear();
  }

  async process(picture: Picture, timeMs: number, options: FrameOptions): Promise<FrameResult> {
    const startMs = this.#clock();
    const frame: Size = { width: picture.width, height: picture.height };
    if (!(frame.width > 0) || !(frame.height > 0)) return emptyResult(timeMs);
    this.#advance(frame, timeMs, options.source ?? 0);
    this.#motion.watch(picture, this.#nowMs);
    if (this.#motion.isCut) this.#forgetFaces();
    const most = faceLimit(options.maxFaces);

    const looks = this.#cadence.looks(this.#nowMs, this.#portraits.size, options.pace);
    const seen = looks > 0 ? await this.#look(picture, looks, options) : null;
    const detectedMs = this.#clock();

    if (seen) {
      const isFit = (track: Track): boolean => this.#isFit(picture, track);
      const covers = (box: Box): boolean => seen.covers(box);
      this.#tracker.update(seen.sightings, this.#nowMs, options.minScore, covers, isFit, seen.resting);
    }
    const tracks = this.#tracker.shown(this.#nowMs, most);
    this.#dropPortraits();
    const trackedMs = this.#clock();

    const batch = this.#crop(picture, tracks, options.pace);
    const croppedMs = this.#clock();

    if (batch.length > 0) await this.#classify(batch, options);
    const classifiedMs = this.#clock();
    this.#cadence.classificationTook(classifiedMs - croppedMs, batch.length);

    const faces = tracks.map((track) => this.#face(track, frame, options.smoothing));
    const hint = this.#hint(faces, seen);
    const endMs = this.#clock();
    return {
      ...(hint ? { hint } : {}),
      ...(this.#isQuiet(options.pace) ? { quiet: true } : {}),
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

  /** Advance time. Start anew with another source, at another frame size, or after a long gap. */
  #advance(frame: Size, timeMs: number, source: number): void {
    const stepMs = timeMs - this.#nowMs;
    const resized = frame.width !== this.#frame.width || frame.height !== this.#frame.height;
    const isOther = source !== this.#source;
    this.#frame = frame;
    this.#source = source;
    if (isOther || resized || stepMs > GAP_MS) this.reset();
    if (timeMs > this.#nowMs) this.#nowMs = timeMs;
    if (!Number.isFinite(this.#nowMs)) this.#nowMs = 0;
  }

  /** @returns Whether nobody is there and nothing has moved for a while, so that fewer frames tell as much. */
  #isQuiet(pace: Pace): boolean {
    return pace === "adaptive" && this.#tracker.tracks.length === 0 && this.#nowMs - this.#motion.movedMs >= QUIET_MS;
  }

  #look(picture: Picture, looks: number, options: FrameOptions): Promise<Seen> {
    const scene: Scene = {
      picture,
      timeMs: this.#nowMs,
      minScore: options.minScore,
      tracks: this.#tracker.tracks,
      motion: this.#motion,
      looks,
      thrifty: options.pace === "adaptive",
    };
    return options.range === "near" ? this.#looker.near(scene) : this.#looker.far(scene);
  }

  /**
   * Cut the faces that this frame classifies, one after the other into one buffer.
   *
   * @returns Their portraits, in the order of the buffer.
   */
  #crop(picture: Picture, tracks: readonly Track[], pace: Pace): readonly Portrait[] {
    const { inputSize, crop } = this.#classifier;
    const bytes = inputSize * inputSize * 4;
    if (this.#squares.length < tracks.length * bytes) this.#squares = new Uint8ClampedArray(tracks.length * bytes);
    const batch: Portrait[] = [];
    for (const track of tracks) {
      const portrait = this.#portraitOf(track.id);
      // A missed face may be covered by another one: its expression is kept as it was.
      if (track.missedSinceMs !== null && portrait.smoothed) continue;
      if (portrait.smoothed && !this.#cadence.wantsClassification(track.id)) continue;
      const offset = batch.length * bytes;
      this.#squares.set(picture.cut(eyesSquare(track, crop), inputSize).subarray(0, bytes), offset);
      blockLuma(this.#squares, offset, inputSize, this.#luma);
      const isSame = isSameLuma(this.#luma, portrait.luma);
      portrait.watchStillness(this.#luma, this.#nowMs);
      const isFresh = this.#nowMs - portrait.classifiedMs < REUSE_MOST_MS;
      if (pace === "adaptive" && isFresh && isSame) continue;
      portrait.isSame = isSame;
      portrait.luma.set(this.#luma);
      portrait.judge(this.#judge.judge(this.#squares, offset));
      // Single answers are wanted where the classifier is measured.
      portrait.mirrored = pace === "adaptive" && !portrait.mirrored;
      if (portrait.mirrored) mirror(this.#squares, offset, inputSize);
      batch.push(portrait);
    }
    return batch;
  }

  async #classify(batch: readonly Portrait[], { pace, prior }: FrameOptions): Promise<void> {
    const { inputSize } = this.#classifier;
    const squares = this.#squares.subarray(0, batch.length * inputSize * inputSize * 4);
    const answers = await this.#classifier.classify(squares, batch.length, prior);
    const isPaired = pace === "adaptive";
    batch.forEach((portrait, index) => portrait.answer(answers, index * LABELS.length, isPaired, this.#nowMs));
  }

  /** @returns Whether the square of a face that is not shown yet can be read. */
  #isFit(picture: Picture, track: Track): boolean {
    const { inputSize, crop } = this.#classifier;
    return this.#judge.judge(picture.cut(eyesSquare(track, crop), inputSize), 0) === null;
  }

  /** Gather reasons to advise people, where no expression can be told, and give what lasts. */
  #hint(faces: readonly Face[], seen: Seen | null): Hint | undefined {
    const nowMs = this.#nowMs;
    if (faces.some(({ certain }) => certain)) this.#advice.reset();
    else {
      const isDark = faces.some(({ id }) => this.#portraitOf(id).isTooDark);
      if (isDark || (faces.length === 0 && this.#motion.isDark)) this.#advice.note("too-dark", nowMs);
      if (seen?.isCutOff) this.#advice.note("step-back", nowMs);
    }
    return this.#advice.at(nowMs);
  }

  #portraitOf(id: number): Portrait {
    const known = this.#portraits.get(id);
    if (known) return known;
    const portrait = new Portrait(this.#classifier.minConfidence, this.#nowMs);
    this.#portraits.set(id, portrait);
    return portrait;
  }

  /** Drop the portraits of tracks that have ended. */
  #dropPortraits(): void {
    const { tracks } = this.#tracker;
    for (const id of this.#portraits.keys()) if (!tracks.some((track) => track.id === id)) this.#portraits.delete(id);
  }

  /** Smooth a shown track's expression, and pack both as a face. */
  #face(track: Track, frame: Size, smoothing: number): Face {
    const portrait = this.#portraitOf(track.id);
    const smoothed = portrait.smooth(this.#nowMs, smoothing);
    return {
      id: track.id,
      box: boxAsFraction(track.box, frame),
      keypoints: track.keypoints.map((point) => pointAsFraction(point, frame)),
      score: track.score,
      scores: smoothed.scores,
      label: smoothed.label,
      confidence: smoothed.confidence,
      certain:
        smoothed.certain &&
        portrait.isReadable(this.#nowMs) &&
        track.box.width >= this.#classifier.smallestFacePx &&
        isVouchedFor(track, this.#nowMs),
    };
  }
}

/** Mirror a square of RGBA bytes left to right, in place. */
function mirror(rgba: Uint8ClampedArray, offset: number, size: number): void {
  for (let row = 0; row < size; row++) {
    let left = offset + 4 * row * size;
    let right = left + 4 * (size - 1);
    for (; left < right; left += 4, right -= 4) {
      for (let channel = 0; channel < 4; channel++) {
        const byte = rgba[left + channel]!;
        rgba[left + channel] = rgba[right + channel]!;
        rgba[right + channel] = byte;
      }
    }
  }
}

/** @returns A whole number from 1 to {@link MAX_FACES}. */
function faceLimit(maxFaces: number): number {
  return Math.min(Math.max(Math.floor(maxFaces) || 1, 1), MAX_FACES);
}

function emptyResult(timeMs: number): FrameResult {
  const timings = { grab: 0, detect: 0, crop: 0, classify: 0, post: 0, total: 0 };
  return { timeMs, faces: [], detected: false, timings };
}
