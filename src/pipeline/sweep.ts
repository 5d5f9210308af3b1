import { verifySquare } from "./follow.ts";
import { type Size, boxAsFraction, pointAsFraction } from "./geometry.ts";
import { look } from "./look.ts";
import { type WeighedSighting, isSameFace, merge } from "./merge.ts";
import { SUSPICION } from "./looker.ts";
import { sweepSquares } from "./search.ts";
import type { Detection, Detector, Picture, Square } from "./stages.ts";

/** Nothing moves in a still picture, so the looks at a suspected face do: by these shares of their square. */
const NUDGES = [
  { x: 0, y: 0 },
  { x: 0.06, y: 0 },
  { x: -0.06, y: 0 },
  { x: 0, y: 0.06 },
  { x: 0, y: -0.06 },
  { x: 0.03, y: 0.03 },
];

/**
 * A face is believed where its looks score so well on average, as a part of the way from the score that is asked for up
 * to 1 (of 0.5: 0.7). Less than of a live newcomer: faces without hair and shoulders around them score low, and a still
 * picture has no next frame in which they could do better.
 */
const BELIEVED_PART = 0.4;

/**
 * Looks for faces in a still picture, all of it at several scales. Each face that one look suspects is looked at again
 * from nearby, several times.
 *
 * @param minScore 0..1.
 * @returns In fractions of the picture, the largest first.
 */
export async function sweep(picture: Picture, detector: Detector, minScore: number): Promise<readonly Detection[]> {
  const frame: Size = { width: picture.width, height: picture.height };
  if (!(frame.width > 0) || !(frame.height > 0)) return [];
  const suspected: WeighedSighting[] = [];
  for (const square of sweepSquares(frame)) {
    suspected.push(...(await look(picture, detector, square, SUSPICION * minScore)));
  }
  const seen: WeighedSighting[] = [];
  for (const suspicion of merge(suspected)) {
    const closer = await lookCloser(picture, detector, suspicion, minScore);
    if (meanScore(closer) >= minScore + BELIEVED_PART * (1 - minScore)) seen.push(...closer);
  }
  return [...merge(seen)]
    .sort((a, b) => b.box.width * b.box.height - a.box.width * a.box.height)
    .map(({ box, keypoints, score }) => ({
      box: boxAsFraction(box, frame),
      keypoints: keypoints.map((point) => pointAsFraction(point, frame)),
      score,
    }));
}

/** The suspected face as each nudged look sees it; looks that do not see it leave none. */
async function lookCloser(picture: Picture, detector: Detector, suspicion: WeighedSighting, minScore: number) {
  const square = verifySquare(suspicion.box);
  const seen: WeighedSighting[] = [];
  for (const nudge of NUDGES) {
    const sightings = await look(picture, detector, nudged(square, nudge), SUSPICION * minScore);
    const same = sightings.filter((sighting) => isSameFace(sighting, suspicion));
    if (same.length > 0) seen.push(same.reduce((best, other) => (other.score > best.score ? other : best)));
  }
  return seen;
}

/** Looks that saw nothing score 0. */
function meanScore(seen: readonly WeighedSighting[]): number {
  return seen.reduce((sum, { score }) => sum + score, 0) / NUDGES.length;
}

function nudged(square: Square, { x, y }: { readonly x: number; readonly y: number }): Square {
  return { ...square, centerX: square.centerX + x * square.side, centerY: square.centerY + y * square.side };
}
