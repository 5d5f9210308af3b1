/** Saves looks on faces that keep still, and keeps the fewer looks from showing their jitter. */
import type { Box } from "../types.ts";
import type { FollowTarget } from "./follow.ts";
import { boxCenter } from "./geometry.ts";
import type { WeighedSighting } from "./merge.ts";
import type { MotionMap } from "./motion-map.ts";
import type { Track } from "./track.ts";

/** A face keeps still while at most this share of the motion map's cells in its box change. */
const STILL_SHARE = 0.1;
/** After a change a face gets all its looks for this long, so that its place settles. */
const SETTLED_MS = 1000;
/** A face that keeps still is looked at this seldom. A slow drift of 10 px a second is 2 px late at most. */
const STILL_EVERY_MS = 200;

/**
 * A look at a face that kept still has the weight of a look of this many milliseconds, as the looks at a moving face have
 * at 30 frames a second. Otherwise the jitter of a single look would show.
 */
const STILL_WEIGHT_MS = 1000 / 30;
/** Jitter is 1 to 2 % of a face's width. A face that is seen farther away than this share of it has moved after all. */
const JITTER_SHARE = 0.04;

/**
 * Judge whether a box has kept still.
 *
 * @param box Frame pixels.
 * @param sinceMs On the motion map's clock.
 */
export function keptStill(motion: MotionMap, box: Box, sinceMs: number): boolean {
  return motion.share(box, sinceMs) <= STILL_SHARE;
}

/** @returns Whether a look may tell something new about a track. */
export function isDue(target: FollowTarget, motion: MotionMap, timeMs: number): boolean {
  const { box, confirmed, missed, doubted, lookedMs } = target;
  if (!confirmed || missed || doubted || timeMs - lookedMs >= STILL_EVERY_MS) return true;
  return !keptStill(motion, box, Math.min(lookedMs, timeMs - SETTLED_MS));
}

/**
 * Pull a sighting of a face that kept still towards the place where the face is shown.
 *
 * @param settled Tracks that kept still.
 */
export function calmed(sighting: WeighedSighting, settled: readonly Track[], timeMs: number): WeighedSighting {
  const track = settled.find((each) => isWithinJitter(each.box, sighting.box));
  if (track === undefined) return sighting;
  const weight = Math.min(1, STILL_WEIGHT_MS / (timeMs - track.seenMs));
  const between = (shown: number, seen: number) => shown + weight * (seen - shown);
  const { box, keypoints } = track;
  return {
    ...sighting,
    box: {
      x: between(box.x, sighting.box.x),
      y: between(box.y, sighting.box.y),
      width: between(box.width, sighting.box.width),
      height: between(box.height, sighting.box.height),
    },
    keypoints: sighting.keypoints.map((point, index) => ({
      x: between(keypoints[index]!.x, point.x),
      y: between(keypoints[index]!.y, point.y),
    })),
  };
}

function isWithinJitter(shown: Box, seen: Box): boolean {
  const most = JITTER_SHARE * shown.width;
  const [from, to] = [boxCenter(shown), boxCenter(seen)];
  return Math.hypot(to.x - from.x, to.y - from.y) <= most && Math.abs(seen.width - shown.width) <= most;
}
