/**
 * One track: a face that is followed from frame to frame, from its first sighting until it is forgotten. Places are
 * frame pixels, times are milliseconds; nothing here reads a clock.
 */
import type { Box, Point } from "../types.ts";
import { type Sighting, boxAt, boxCenter, boxSize } from "./geometry.ts";
import { steadyBox, steadyPoint } from "./steady.ts";
import { type Trajectory, correctTrajectory, predictCenter, startTrajectory } from "./trajectory.ts";

/**
 * A track is confirmed, and its face shown, once the mean score of its latest sightings is very high for two of them or
 * high for ten. The limit is `minScore + part * (1 - minScore)`: 0.85 and 0.8 where `minScore` is 0.5. Measured at the
 * scale at which unconfirmed faces are looked at: heads with their surroundings score 0.88 and more; three of four bare
 * faces of FER2013 have a mean of 0.8 and more; dozens of discs with two dots, watched for ten minutes, had a mean of 0.8
 * at most over six looks, and of 0.83 over two.
 */
const SURE = { sightings: 2, part: 0.7 };
const LIKELY = { sightings: 10, part: 0.6 };

/**
 * A face of lower scores (a mean of 0.72 where `minScore` is 0.5) is confirmed too, once its square was fit to be read at
 * {@link FIT_SQUARES} looks in a row. Of 50 bare faces of FER2013, 36 are confirmed without this rule and 9 more have such
 * scores and squares; so have five of 23 figures of 1872. Discs with two dots reach 0.74, but their squares are drawings.
 */
const FAIR = { sightings: 10, part: 0.44 };
const FIT_SQUARES = 3;

/**
 * A confirmed track stays in view while each look reaches this part: 0.7 where `minScore` is 0.5. Heads that turn away or
 * leave the frame score 0.7 and more, textures that a track has slipped onto 0.4 to 0.67.
 */
const FAIR_PART = 0.4;

/**
 * If a track would no longer be confirmed as a new one, its expression stays certain for this long. That bridges two
 * looks of the detector, …
 */
const DOUBT_AFTER_MS = 120;
/** … but not to more than this after the last look that saw enough, where looks are seldom. */
const DOUBT_LATEST_MS = 300;

/** A face whose looks do not reach {@link FAIR_PART} is shown for this long, … */
const FAINT_HIDE_AFTER_MS = 500;
/** … and its track ends after this long. */
const FAINT_FORGET_AFTER_MS = 2000;

/** An unconfirmed track ends after this many looks of the detector, … */
const MAX_UNCONFIRMED_LOOKS = 20;
/** … or when this many of them in a row miss it. */
const MAX_UNCONFIRMED_MISSES = 2;

/**
 * A face stays in view for this long after looks of the detector stop finding it. That bridges a gap of the detector; it
 * does not hide that somebody left.
 */
const HIDE_AFTER_MS = 250;

/**
 * A track that looks of the detector miss ends after this long, and its id with it: a person who walks past hides a face for half a
 * second, two in a row hide it for a second.
 */
const FORGET_AFTER_MS = 1500;

/** A face followed over time. */
export interface Track {
  /** Never used again. */
  readonly id: number;
  /** Steadied, frame pixels. */
  readonly box: Box;
  /** Steadied, frame pixels; in the order of `KEYPOINTS`. */
  readonly keypoints: readonly Point[];
  /** The latest sighting's, 0..1. */
  readonly score: number;
  /** True where its sightings scored well enough for it to be shown. */
  readonly confirmed: boolean;
  /** When a look first missed it since it was last seen; `null` while it is seen. */
  readonly missedSinceMs: number | null;
  /**
   * When a look first saw less than a newcomer needs to be confirmed, or so much earlier that its expression is not certain
   * for longer than {@link DOUBT_LATEST_MS}; `null` while looks see enough.
   */
  readonly doubtedSinceMs: number | null;
  /** When it was last seen, or rested. */
  readonly seenMs: number;
  /** Its motion until then. */
  readonly trajectory: Readonly<Trajectory>;
}

/** An empty set of tracks' numbers. */
export const NO_TRACKS: ReadonlySet<number> = new Set();

/** A track with the state that only its life needs. */
export interface TrackState extends Track {
  box: Box;
  keypoints: readonly Point[];
  score: number;
  confirmed: boolean;
  missedSinceMs: number | null;
  doubtedSinceMs: number | null;
  /** When a look first saw less than a face that is fairly there; `null` while looks see enough. */
  faintSinceMs: number | null;
  seenMs: number;
  readonly trajectory: Trajectory;
  /** Scores of the latest sightings, the newest first; as many as confirmation needs. */
  scores: readonly number[];
  /** Looks that covered its place. */
  looks: number;
  missesInRow: number;
  /** Looks in a row at which an unconfirmed face of fair scores had a square that is fit to be read. */
  fitSquares: number;
  /** True where the last frame showed it. */
  shown: boolean;
}

/** Start a track with its first sighting. */
export function startTrack(id: number, sighting: Sighting, timeMs: number): TrackState {
  const { box, keypoints, score } = sighting;
  return {
    id,
    box,
    keypoints,
    score,
    trajectory: startTrajectory(boxCenter(box)),
    confirmed: false,
    scores: [score],
    looks: 1,
    missesInRow: 0,
    fitSquares: 0,
    missedSinceMs: null,
    doubtedSinceMs: null,
    faintSinceMs: null,
    seenMs: timeMs,
    shown: false,
  };
}

/** @returns Where a track's centre is expected at a time, frame pixels. */
export function expectedCenter({ trajectory, seenMs }: Track, timeMs: number): Point {
  return predictCenter(trajectory, Math.max(0, timeMs - seenMs));
}

/** @returns A track's steadied box at the place where it is expected at a time, frame pixels. */
export function expectedBox(track: Track, timeMs: number): Box {
  return boxAt(expectedCenter(track, timeMs), track.box);
}

/**
 * Continue a track with a sighting, and confirm it once its sightings score well enough.
 *
 * @param stepMs Since the frame before.
 * @param minScore The score that is asked for, 0..1.
 * @param isFit Whether the square of the track's face is fit to be read. Asked for unconfirmed faces of fair scores only.
 */
export function seeTrack(
  track: TrackState,
  sighting: Sighting,
  timeMs: number,
  stepMs: number,
  minScore: number,
  isFit: (track: Track) => boolean,
): void {
  const { box, keypoints, score } = sighting;
  // A weak sighting says that a face is there, but not how it moves.
  const center = score < minScore ? expectedCenter(track, timeMs) : boxCenter(box);
  correctTrajectory(track.trajectory, center, timeMs - track.seenMs);
  const doubtMs = doubtStart(track, timeMs);
  const size = boxSize(track.box);
  const sinceSeenMs = Math.max(stepMs, timeMs - track.seenMs);
  track.box = steadyBox(track.box, box, size, sinceSeenMs);
  track.keypoints = track.keypoints.map((point, i) => steadyPoint(point, keypoints[i]!, size, sinceSeenMs));
  track.score = score;
  track.seenMs = timeMs;
  track.missedSinceMs = null;
  track.scores = [score, ...track.scores].slice(0, LIKELY.sightings);
  track.looks += 1;
  track.missesInRow = 0;
  if (!track.confirmed && reaches(track.scores, FAIR, minScore))
    track.fitSquares = isFit(track) ? track.fitSquares + 1 : 0;
  track.confirmed ||= isConfirmed(track, minScore);
  track.doubtedSinceMs = passes(track, minScore) ? null : doubtMs;
  track.faintSinceMs = score >= bound(FAIR_PART, minScore) ? null : (track.faintSinceMs ?? timeMs);
}

/** Note that nothing moved in a track's place: it is where it was, and keeps still. */
export function restTrack(track: TrackState, timeMs: number): void {
  track.seenMs = timeMs;
  track.trajectory.velocityX = 0;
  track.trajectory.velocityY = 0;
}

/** Note that a look covered a track's place and did not see it. */
export function missTrack(track: TrackState, timeMs: number): void {
  track.missedSinceMs ??= timeMs;
  track.doubtedSinceMs = doubtStart(track, timeMs);
  track.faintSinceMs ??= timeMs;
  track.looks += 1;
  track.missesInRow += 1;
}

/** @returns Since when a look that sees too little puts a track in doubt: until then it was seen well. */
function doubtStart({ doubtedSinceMs, seenMs }: TrackState, timeMs: number): number {
  return doubtedSinceMs ?? Math.min(timeMs, seenMs + DOUBT_LATEST_MS - DOUBT_AFTER_MS);
}

/** @returns Whether a track's face may be shown: it is confirmed, and looks saw it well enough lately. */
export function isShowable({ confirmed, missedSinceMs, faintSinceMs }: TrackState, timeMs: number): boolean {
  return (
    confirmed && !isPast(missedSinceMs, HIDE_AFTER_MS, timeMs) && !isPast(faintSinceMs, FAINT_HIDE_AFTER_MS, timeMs)
  );
}

/** @returns Whether a newcomer in a track's place would be confirmed now; else its expression is not certain. */
export function isVouchedFor({ doubtedSinceMs }: Track, timeMs: number): boolean {
  return !isPast(doubtedSinceMs, DOUBT_AFTER_MS, timeMs);
}

/** @returns Whether a track ends: it was not confirmed in time, or it was missed for too long. */
export function isOver(track: TrackState, timeMs: number): boolean {
  const { confirmed, looks, missesInRow, missedSinceMs, faintSinceMs, seenMs } = track;
  if (confirmed)
    return isPast(missedSinceMs, FORGET_AFTER_MS, timeMs) || isPast(faintSinceMs, FAINT_FORGET_AFTER_MS, timeMs);
  if (looks >= MAX_UNCONFIRMED_LOOKS || missesInRow >= MAX_UNCONFIRMED_MISSES) return true;
  // Looks may never cover its place again.
  return timeMs - seenMs >= FORGET_AFTER_MS;
}

function isPast(sinceMs: number | null, limitMs: number, timeMs: number): boolean {
  return sinceMs !== null && timeMs - sinceMs >= limitMs;
}

/** @returns The score that lies a share of the way from the score that is asked for up to 1. */
function bound(part: number, minScore: number): number {
  return minScore + part * (1 - minScore);
}

interface Test {
  readonly sightings: number;
  readonly part: number;
}

/** @returns Whether the latest scores pass a newcomer's test. */
function reaches(scores: readonly number[], { sightings, part }: Test, minScore: number): boolean {
  if (scores.length < sightings) return false;
  let sum = 0;
  for (let index = 0; index < sightings; index++) sum += scores[index]!;
  return sum / sightings >= bound(part, minScore);
}

function isConfirmed({ scores, fitSquares }: TrackState, minScore: number): boolean {
  if (reaches(scores, SURE, minScore) || reaches(scores, LIKELY, minScore)) return true;
  return fitSquares >= FIT_SQUARES && reaches(scores, FAIR, minScore);
}

/** @returns Whether the latest look alone is very sure, or is fair and completes a newcomer's test. */
function passes(track: TrackState, minScore: number): boolean {
  const latest = track.scores[0]!;
  if (latest >= bound(SURE.part, minScore)) return true;
  return latest >= bound(FAIR_PART, minScore) && isConfirmed(track, minScore);
}
