import type { Box } from "../types.ts";
import { assign } from "./assign.ts";
import { type Sighting, boxArea, intersectionOverUnion } from "./geometry.ts";
import { isSameFace } from "./merge.ts";
import { pairCost } from "./pair-cost.ts";
import {
  NO_TRACKS,
  type Track,
  type TrackState,
  expectedCenter,
  isOver,
  isShowable,
  missTrack,
  restTrack,
  seeTrack,
  startTrack,
} from "./track.ts";

/** Cost of a track without a sighting; a pair costs from 0 (same place and size) up. */
const ALONE_COST = 1;

/** A sighting left over that overlaps a face just seen by more (intersection over union) is the same face twice. */
const SAME_FACE_IOU = 0.3;

/** A face that was shown stays shown until another is larger by this factor: no flicker at the limit of `maxFaces`. */
const SHOWN_BONUS = 1.3;

/** More sightings are left out, the weakest first: it bounds the time of one assignment. */
const MAX_SIGHTINGS = 24;

/**
 * Follows the faces of one stream of frames: tracking by detection as in SORT (Bewley et al. 2016), with an alpha-beta
 * filter for motion. Places are frame pixels, times are milliseconds; nothing here reads a clock.
 */
export class Tracker {
  #tracks: TrackState[] = [];
  #nextId = 1;
  #lastMs = Number.NEGATIVE_INFINITY;

  /** All tracks: shown, hidden and unconfirmed ones. They change with the next update. */
  get tracks(): readonly Track[] {
    return this.#tracks;
  }

  /** Forget all tracks. Their ids are not used again. */
  clear(): void {
    this.#tracks = [];
    this.#lastMs = Number.NEGATIVE_INFINITY;
  }

  /**
   * Continue, start and end tracks by what the looks at one frame saw.
   *
   * @param sightings Sound ones, one for each face.
   * @param timeMs Not less than the time before.
   * @param minScore The score that is asked for, 0..1. Weaker sightings continue tracks, but start none.
   * @param looked Whether a look covered a box's place. A face elsewhere is not missed.
   * @param isFit Whether the square of a track's face is fit to be read. Asked for unconfirmed faces of fair scores only.
   * @param resting Numbers of the tracks that stand still, and were not looked at.
   */
  update(
    sightings: readonly Sighting[],
    timeMs: number,
    minScore: number,
    looked: (box: Box) => boolean,
    isFit: (track: Track) => boolean = () => false,
    resting: ReadonlySet<number> = NO_TRACKS,
  ): void {
    const stepMs = Math.max(0, timeMs - this.#lastMs);
    this.#lastMs = timeMs;
    const seen = strongest(sightings);
    const tracks = this.#tracks;
    const expected = tracks.map((track) => expectedCenter(track, timeMs));
    const columnOf = assign(
      tracks.length,
      seen.length,
      (row, column) => pairCost(tracks[row]!, expected[row]!, seen[column]!, timeMs, minScore),
      ALONE_COST,
    );
    const taken = new Set<number>();
    tracks.forEach((track, row) => {
      const column = columnOf[row]!;
      if (column >= 0) {
        taken.add(column);
        seeTrack(track, seen[column]!, timeMs, stepMs, minScore, isFit);
      } else if (resting.has(track.id)) {
        restTrack(track, timeMs);
      } else if (looked(track.box)) {
        missTrack(track, timeMs);
      }
    });
    this.#tracks = tracks.filter((track) => !isOver(track, timeMs));
    seen.forEach((sighting, column) => {
      if (taken.has(column) || sighting.score < minScore || this.#isSeenTwice(sighting, timeMs)) return;
      this.#tracks.push(startTrack(this.#nextId++, sighting, timeMs));
    });
  }

  /**
   * Choose the tracks to show.
   *
   * @param most 1 or more.
   * @returns The largest first. They change with the next update.
   */
  shown(timeMs: number, most: number): readonly Track[] {
    const kept = this.#tracks
      .filter((track) => isShowable(track, timeMs))
      .filter((track, _, showable) => !showable.some((other) => isHiddenBy(other, track)))
      .sort((a, b) => weight(b) - weight(a) || a.id - b.id)
      .slice(0, most);
    for (const track of this.#tracks) track.shown = kept.includes(track);
    return kept.sort((a, b) => boxArea(b.box) - boxArea(a.box) || a.id - b.id);
  }

  #isSeenTwice(sighting: Sighting, timeMs: number): boolean {
    return this.#tracks.some(
      (track) => track.seenMs === timeMs && intersectionOverUnion(track.box, sighting.box) > SAME_FACE_IOU,
    );
  }
}

/**
 * A face within another face is none, or is hidden by it.
 *
 * @returns Whether a track is the less credible one of two that are in one place: the missed one, else the doubted one,
 * else the smaller one.
 */
function isHiddenBy(other: TrackState, track: TrackState): boolean {
  if (other === track || !isSameFace(other, track)) return false;
  const order =
    Number(track.missedSinceMs !== null) - Number(other.missedSinceMs !== null) ||
    Number(track.doubtedSinceMs !== null) - Number(other.doubtedSinceMs !== null) ||
    boxArea(other.box) - boxArea(track.box) ||
    track.id - other.id;
  return order > 0;
}

function strongest(sightings: readonly Sighting[]): readonly Sighting[] {
  if (sightings.length <= MAX_SIGHTINGS) return sightings;
  return [...sightings].sort((a, b) => b.score - a.score).slice(0, MAX_SIGHTINGS);
}

function weight(track: TrackState): number {
  return boxArea(track.box) * (track.shown ? SHOWN_BONUS : 1);
}
