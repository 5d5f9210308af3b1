import { verifySquare } from "./follow.ts";
import { type Sighting, boxArea } from "./geometry.ts";
import { look } from "./look.ts";
import { type WeighedSighting, isSameFace, merge } from "./merge.ts";
import { SUSPICION } from "./looker.ts";
import { sweepSquares } from "./search.ts";
import type { Detector, Picture, Square } from "./stages.ts";

/** A still picture has no movement, so the looks at a suspected face are moved instead: by these shares of their square. */
const NUDGES = [
  { x: 0, y: 0 },
  { x: 0.06, y: 0 },
  { x: -0.06, y: 0 },
  { x: 0, y: 0.06 },
  { x: 0, y: -0.06 },
  { x: 0.03, y: 0.03 },
];

/**
 * A face is accepted where its looks reach this mean score, as a share of the way from the score that is asked for up to
 * 1 (for 0.5: 0.7). A live face needs more: faces without hair and shoulders around them score low, and a still picture
 * has no next frame in which they could score better.
 */
const ACCEPTED_PART = 0.4;

/**
 * Find the faces in a still picture: look at all of it at several scales, then look again, closer and several times, at
 * each face that a look suspects.
 *
 * @param minScore The score that is asked for, 0..1.
 * @returns In the picture's pixels, the largest first.
 */
export async function sweep(picture: Picture, detector: Detector, minScore: number): Promise<readonly Sighting[]> {
  if (!(picture.width > 0) || !(picture.height > 0)) return [];
  const suspected: WeighedSighting[] = [];
  for (const square of sweepSquares(picture)) {
    suspected.push(...(await look(picture, detector, square, SUSPICION * minScore)));
  }
  const seen: WeighedSighting[] = [];
  for (const suspicion of merge(suspected)) {
    const closer = await lookCloser(picture, detector, suspicion, minScore);
    if (meanScore(closer) >= minScore + ACCEPTED_PART * (1 - minScore)) seen.push(...closer);
  }
  return [...merge(seen)]
    .sort((a, b) => boxArea(b.box) - boxArea(a.box))
    .map(({ box, keypoints, score }) => ({ box, keypoints, score }));
}

/** @returns The suspected face as each of the moved looks sees it; none for looks that do not see it. */
async function lookCloser(picture: Picture, detector: Detector, suspicion: WeighedSighting, minScore: number) {
  const square = verifySquare(suspicion.box);
  const seen: WeighedSighting[] = [];
  for (const nudge of NUDGES) {
    const sightings = await look(picture, detector, moved(square, nudge), SUSPICION * minScore);
    const same = sightings.filter((sighting) => isSameFace(sighting, suspicion));
    if (same.length > 0) seen.push(same.reduce((best, other) => (other.score > best.score ? other : best)));
  }
  return seen;
}

/** @returns The mean score over all moved looks; those that saw nothing count as 0. */
function meanScore(seen: readonly WeighedSighting[]): number {
  return seen.reduce((sum, { score }) => sum + score, 0) / NUDGES.length;
}

function moved(square: Square, { x, y }: { readonly x: number; readonly y: number }): Square {
  return { ...square, centerX: square.centerX + x * square.side, centerY: square.centerY + y * square.side };
}
