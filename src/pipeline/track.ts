/**
 * Who is who from frame to frame. Places are frame pixels, times milliseconds; nothing here asks a clock.
 */
import type { Box, Point } from "../types.ts";
import { assign } from "./assign.ts";
import { type Sighting, intersectionOverUnion } from "./geometry.ts";
import { steadyShare } from "./steady.ts";

/**
 * A newcomer is shown once its latest sightings score so well on average: where two do, very well, or where ten do,
 * well; each as a part of the way from the score that is asked for up to 1 (of 0.5: 0.85 and 0.8). Measured at the
 * scale at which newcomers are looked at: heads with their surroundings score 0.88 and more; of bare faces of FER2013
 * three in four 0.8 and more on average; discs with two dots for eyes, in ten minutes of dozens of them, 0.8 at most
 * over six looks, and two looks 0.83.
 */
const SURE = { sightings: 2, part: 0.7 };
const LIKELY = { sightings: 10, part: 0.6 };

/** A newcomer that so many looks did not confirm is none; so is one that two looks in a row missed. */
const BIRTH_LOOKS = 20;

/** A shown face that is not seen stays on screen for so long: bridges a blink of the detector, not a departure. */
const HIDE_AFTER_MS = 250;

/**
 * A face that is not seen is forgotten, and its id with it, after so long: somebody who walks past hides it for half a
 * second, two in a row for a whole one.
 */
const FORGET_AFTER_MS = 1500;

/** Memory of the movement filter: long enough to average two or three looks, short enough to follow a turn. */
const MOTION_MEMORY_MS = 100;

/** A hidden face is expected to go on as it went: people who cross walk on. After so long at half its speed. */
const COAST_HALF_LIFE_MS = 1500;

/** Boxes tremble by a share of their width and, small ones, by a share of the pixels that they are seen in: these move more slowly. */
const BLUR_PX = 12;

/** How far from where it is expected a face may be found, in face sizes … */
const REACH_SIZES = 0.7;
/** … and how much farther for each second in which it was not seen … */
const REACH_SIZES_PER_SECOND = 1.5;
/** … but never farther than this. */
const REACH_SIZES_MOST = 2.4;

/** A face may seem so much larger or smaller from one sighting to the next. */
const SIZE_RATIO_MOST = 1.8;

/** What leaving a track without a sighting costs; a pair costs 0 (same place, same size) to 1. */
const ALONE_COST = 1;

/**
 * A sighting below the score that is asked for, as half of a face behind somebody's shoulder gives, stands for a face
 * only where it is seen anyway, in its place by this much (intersection over union): or it would lead the face away
 * with whoever passes before it.
 */
const WEAK_OVERLAP = 0.5;

/** A sighting goes to a face already shown rather than to a newcomer of equal fit. */
const NEWCOMER_COST = 0.15;

/** A leftover sighting that covers a seen face this much is the same face twice. */
const SAME_FACE_OVERLAP = 0.3;

/** A face that was shown stays shown until another is larger by so much: no flicker at the limit of `maxFaces`. */
const INCUMBENT_BONUS = 1.3;

/** Sightings beyond so many are left out, the weakest first: bounds the time of one assignment. */
const MOST_SIGHTINGS = 24;

/** A face followed over time, in frame pixels. */
export interface Track {
  /** Never used again. */
  readonly id: number;
  /** Steadied. */
  readonly box: Box;
  /** Steadied. */
  readonly keypoints: readonly Point[];
  /** The latest sighting's. */
  readonly score: number;
  /** How fast its centre moves, face widths a second. */
  readonly speed: number;
  /** Whether it was seen often enough to be shown. */
  readonly confirmed: boolean;
  /** When a look first missed it since it was last seen; `null` while it is seen. */
  readonly missedSinceMs: number | null;
  /** When it was last seen. */
  readonly seenMs: number;
}

/** How somebody moves: a critically damped fading-memory filter of the first order. */
interface Motion {
  x: number;
  y: number;
  /** Pixels a second. */
  velocityX: number;
  velocityY: number;
}

interface Followed {
  readonly id: number;
  box: Box;
  keypoints: Point[];
  score: number;
  motion: Motion;
  confirmed: boolean;
  /** A newcomer's scores, newest first; as many as are ever asked for. */
  scores: readonly number[];
  looks: number;
  missesInRow: number;
  missedSinceMs: number | null;
  seenMs: number;
  shown: boolean;
}

/** Keeps the faces of one stream of frames. */
export class Tracker {
  #tracks: Followed[] = [];
  #nextId = 1;
  #lastMs = Number.NEGATIVE_INFINITY;

  /** All that are followed: shown, hidden and not yet confirmed. */
  get tracks(): readonly Track[] {
    return this.#tracks.map((track) => ({ ...track, speed: speedOf(track) }));
  }

  /** Where a track's box is expected at a time: its steadied box, moved on as it went. */
  expectedBox(id: number, timeMs: number): Box | null {
    const track = this.#tracks.find((candidate) => candidate.id === id);
    if (!track) return null;
    const { x, y } = expectedCenter(track, timeMs);
    return { ...track.box, x: x - track.box.width / 2, y: y - track.box.height / 2 };
  }

  /** Forgets everybody; ids go on. */
  clear(): void {
    this.#tracks = [];
    this.#lastMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * Takes in what the looks at one frame saw.
   *
   * @param sightings Sound ones, each face once.
   * @param timeMs Never less than the time before.
   * @param minScore The score that is asked for, 0..1.
   * @param looked Whether a look covered the place of this box: only there is a face that was not seen missed.
   */
  update(sightings: readonly Sighting[], timeMs: number, minScore: number, looked: (box: Box) => boolean): void {
    const stepMs = Math.max(0, timeMs - this.#lastMs);
    this.#lastMs = timeMs;
    const seen = strongest(sightings);
    const tracks = this.#tracks;
    const expected = tracks.map((track) => expectedCenter(track, timeMs));
    const columnOf = assign(
      tracks.length,
      seen.length,
      (row, column) => pairCost(tracks[row], expected[row], seen[column], timeMs, minScore),
      ALONE_COST,
    );
    const taken = new Set<number>();
    tracks.forEach((track, row) => {
      const column = columnOf[row] ?? -1;
      const sighting = seen[column];
      if (sighting) {
        taken.add(column);
        see(track, sighting, timeMs, stepMs, minScore);
        track.confirmed ||= isBelieved(track.scores, minScore);
      } else if (looked(track.box)) {
        miss(track, timeMs);
      }
    });
    this.#tracks = tracks.filter((track) => !isOver(track, timeMs));
    seen.forEach((sighting, column) => {
      if (taken.has(column) || sighting.score < minScore || this.#isSeenTwice(sighting, timeMs)) return;
      this.#tracks.push(newcomer(this.#nextId++, sighting, timeMs));
    });
  }

  /**
   * The faces to show, largest first.
   *
   * @param most 1 or more.
   */
  shown(timeMs: number, most: number): readonly Track[] {
    const candidates = this.#tracks.filter(
      (track) => track.confirmed && (track.missedSinceMs === null || timeMs - track.missedSinceMs < HIDE_AFTER_MS),
    );
    const kept = candidates.sort((a, b) => weight(b) - weight(a) || a.id - b.id).slice(0, most);
    for (const track of this.#tracks) track.shown = kept.includes(track);
    return kept
      .sort((a, b) => area(b.box) - area(a.box) || a.id - b.id)
      .map((track) => ({ ...track, speed: speedOf(track) }));
  }

  #isSeenTwice(sighting: Sighting, timeMs: number): boolean {
    return this.#tracks.some(
      (track) => track.seenMs === timeMs && intersectionOverUnion(track.box, sighting.box) > SAME_FACE_OVERLAP,
    );
  }
}

function strongest(sightings: readonly Sighting[]): readonly Sighting[] {
  if (sightings.length <= MOST_SIGHTINGS) return sightings;
  return [...sightings].sort((a, b) => b.score - a.score).slice(0, MOST_SIGHTINGS);
}

function newcomer(id: number, sighting: Sighting, timeMs: number): Followed {
  const { box } = sighting;
  return {
    id,
    box,
    keypoints: [...sighting.keypoints],
    score: sighting.score,
    motion: { ...centerOf(box), velocityX: 0, velocityY: 0 },
    confirmed: false,
    scores: [sighting.score],
    looks: 1,
    missesInRow: 0,
    missedSinceMs: null,
    seenMs: timeMs,
    shown: false,
  };
}

function see(track: Followed, sighting: Sighting, timeMs: number, stepMs: number, minScore: number): void {
  const { box } = sighting;
  // A weak sighting says that a face is there, not how it moves.
  const to = sighting.score < minScore ? expectedCenter(track, timeMs) : centerOf(box);
  move(track.motion, to, timeMs - track.seenMs);
  const size = sizeOf(track.box);
  const sinceSeenMs = Math.max(stepMs, timeMs - track.seenMs);
  track.box = steadyBox(track.box, box, size, sinceSeenMs);
  track.keypoints = track.keypoints.map((point, index) =>
    steadyPoint(point, sighting.keypoints[index] ?? point, size, sinceSeenMs),
  );
  track.score = sighting.score;
  track.seenMs = timeMs;
  track.missedSinceMs = null;
  track.scores = [sighting.score, ...track.scores].slice(0, LIKELY.sightings);
  track.looks += 1;
  track.missesInRow = 0;
}

function miss(track: Followed, timeMs: number): void {
  track.missedSinceMs ??= timeMs;
  track.looks += 1;
  track.missesInRow += 1;
}

/** Whether a newcomer's sightings, newest first, are enough to show it. */
function isBelieved(scores: readonly number[], minScore: number): boolean {
  return [SURE, LIKELY].some(({ sightings, part }) => {
    const latest = scores.slice(0, sightings);
    const mean = latest.reduce((sum, score) => sum + score, 0) / sightings;
    return latest.length === sightings && mean >= minScore + part * (1 - minScore);
  });
}

/** A newcomer that failed its looks, or a face gone for too long. */
function isOver(track: Followed, timeMs: number): boolean {
  if (!track.confirmed && (track.looks >= BIRTH_LOOKS || track.missesInRow >= 2)) return true;
  // A newcomer whose place nobody looks at again must not wait for ever.
  if (!track.confirmed) return timeMs - track.seenMs >= FORGET_AFTER_MS;
  return track.missedSinceMs !== null && timeMs - track.missedSinceMs >= FORGET_AFTER_MS;
}

/** Of the first order, both its poles at the same place: critically damped at every step of time. */
function move(motion: Motion, to: Point, stepMs: number): void {
  if (!(stepMs > 0)) return;
  const seconds = stepMs / 1000;
  const memory = Math.exp(-stepMs / MOTION_MEMORY_MS);
  const x = motion.x + motion.velocityX * seconds;
  const y = motion.y + motion.velocityY * seconds;
  const gain = 1 - memory * memory;
  const velocityGain = ((1 - memory) * (1 - memory)) / seconds;
  motion.x = x + gain * (to.x - x);
  motion.y = y + gain * (to.y - y);
  motion.velocityX += velocityGain * (to.x - x);
  motion.velocityY += velocityGain * (to.y - y);
}

function expectedCenter(track: Followed, timeMs: number): Point {
  const { motion } = track;
  const unseenMs = Math.max(0, timeMs - track.seenMs);
  // The distance gone by a speed that halves every so often: the integral of the decay.
  const rate = Math.LN2 / COAST_HALF_LIFE_MS;
  const seconds = (1 - Math.exp(-rate * unseenMs)) / rate / 1000;
  return { x: motion.x + motion.velocityX * seconds, y: motion.y + motion.velocityY * seconds };
}

function pairCost(
  track: Followed | undefined,
  expected: Point | undefined,
  sighting: Sighting | undefined,
  timeMs: number,
  minScore: number,
): number {
  if (!track || !expected || !sighting) return Number.NaN;
  const { box } = sighting;
  const trackSize = sizeOf(track.box);
  const size = sizeOf(box);
  const ratio = Math.abs(Math.log(size / trackSize)) / Math.log(SIZE_RATIO_MOST);
  const x = box.x + box.width / 2;
  const y = box.y + box.height / 2;
  const unseenSeconds = (timeMs - track.seenMs) / 1000;
  const reach = Math.min(REACH_SIZES_MOST, REACH_SIZES + REACH_SIZES_PER_SECOND * unseenSeconds);
  const distance = Math.hypot(x - expected.x, y - expected.y) / Math.sqrt(size * trackSize) / reach;
  if (!(ratio < 1) || !(distance < 1)) return Number.NaN;
  const expectedBox = {
    x: expected.x - track.box.width / 2,
    y: expected.y - track.box.height / 2,
    width: track.box.width,
    height: track.box.height,
  };
  const apart = 1 - intersectionOverUnion(expectedBox, box);
  const isWeak = sighting.score < minScore;
  if (isWeak && (track.missedSinceMs !== null || apart > 1 - WEAK_OVERLAP)) return Number.NaN;
  return (apart + distance + ratio) / 3 + (track.confirmed ? 0 : NEWCOMER_COST);
}

function steadyBox(from: Box, to: Box, size: number, stepMs: number): Box {
  const center = steadyPoint(centerOf(from), centerOf(to), size, stepMs);
  const extent = steadyPoint({ x: from.width, y: from.height }, { x: to.width, y: to.height }, size, stepMs);
  return { x: center.x - extent.x / 2, y: center.y - extent.y / 2, width: extent.x, height: extent.y };
}

function steadyPoint(from: Point, to: Point, size: number, stepMs: number): Point {
  const distance = Math.hypot(to.x - from.x, to.y - from.y) / (size + BLUR_PX);
  const share = steadyShare(distance, (stepMs * size) / (size + BLUR_PX));
  return { x: from.x + share * (to.x - from.x), y: from.y + share * (to.y - from.y) };
}

function speedOf(track: Followed): number {
  return Math.hypot(track.motion.velocityX, track.motion.velocityY) / track.box.width;
}

function weight(track: Followed): number {
  return area(track.box) * (track.shown ? INCUMBENT_BONUS : 1);
}

function area(box: Box): number {
  return box.width * box.height;
}

function centerOf({ x, y, width, height }: Box): Point {
  return { x: x + width / 2, y: y + height / 2 };
}

function sizeOf(box: Box): number {
  return Math.sqrt(area(box));
}
