import type { Point } from "../types.ts";
import { type Sighting, boxAt, boxCenter, boxSize, intersectionOverUnion } from "./geometry.ts";
import type { Track } from "./track.ts";

/** The greatest distance of a face from its expected place, in face sizes … */
const REACH_SIZES = 0.7;
/** … plus this for each second in which it was not seen … */
const REACH_SIZES_PER_SECOND = 1.5;
/** … up to this limit. */
const MAX_REACH_SIZES = 2.4;

/** The greatest change of a face's size from one sighting to the next, as a factor. */
const MAX_SIZE_RATIO = 1.8;

/**
 * The least intersection over union with the expected box of a weak sighting, one below the score that is asked for.
 * Such a sighting, for example half a face behind a shoulder, could otherwise lead the track away with somebody who
 * passes in front.
 */
const MIN_WEAK_OVERLAP = 0.5;

/** Extra cost of a track that is not confirmed: of two equal pairs the one with a face already shown wins. */
const UNCONFIRMED_COST = 0.15;

/**
 * Compute the cost of explaining a sighting by a track: the mean of the gap in overlap, in place and in size.
 *
 * @param expected Where the track's centre is expected now, frame pixels.
 * @param timeMs Now.
 * @param minScore The score that is asked for, 0..1; a sighting below it is weak.
 * @returns 0 (same place and size) to 1, plus the extra of a track that is not confirmed; NaN where the two cannot
 * belong together.
 */
export function pairCost(track: Track, expected: Point, sighting: Sighting, timeMs: number, minScore: number): number {
  const { box } = sighting;
  const trackSize = boxSize(track.box);
  const size = boxSize(box);
  const ratio = Math.abs(Math.log(size / trackSize)) / Math.log(MAX_SIZE_RATIO);
  const { x, y } = boxCenter(box);
  const unseenSeconds = (timeMs - track.seenMs) / 1000;
  const reach = Math.min(MAX_REACH_SIZES, REACH_SIZES + REACH_SIZES_PER_SECOND * unseenSeconds);
  const distance = Math.hypot(x - expected.x, y - expected.y) / Math.sqrt(size * trackSize) / reach;
  if (!(ratio < 1) || !(distance < 1)) return Number.NaN;
  const apart = 1 - intersectionOverUnion(boxAt(expected, track.box), box);
  const isWeak = sighting.score < minScore;
  if (isWeak && (track.missedSinceMs !== null || apart > 1 - MIN_WEAK_OVERLAP)) return Number.NaN;
  return (apart + distance + ratio) / 3 + (track.confirmed ? 0 : UNCONFIRMED_COST);
}
