import { verifySquare } from "./follow.ts";
import { type Size, boxAsFraction, pointAsFraction } from "./geometry.ts";
import { look } from "./look.ts";
import { type WeighedSighting, isSameFace, merge } from "./merge.ts";
import { SUSPICION } from "./looker.ts";
import { sweepSquares } from "./search.ts";
import type { Detection, Detector, Picture, Square } from "./stages.ts";
import { isBelieved } from "./track.ts";

/** Nothing moves in a still picture, so the looks do: by these shares of the square, for as many sightings as a live newcomer is asked for. */
const NUDGES = [
  { x: 0, y: 0 },
  { x: 0.06, y: 0 },
  { x: -0.06, y: 0 },
  { x: 0, y: 0.06 },
  { x: 0, y: -0.06 },
  { x: 0.03, y: 0.03 },
];

/**
 * Looks for faces in a still picture, all of it at several scales. Each face that one look suspects is looked at again
 * from nearby, and believed on the terms on which a live one is (see `track.ts`).
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
    if (isBelieved(scoresOf(closer), minScore)) seen.push(...closer);
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

/** One score for each look; a look that saw nothing scores 0. */
function scoresOf(seen: readonly WeighedSighting[]): readonly number[] {
  return NUDGES.map((_, index) => seen[index]?.score ?? 0);
}

function nudged(square: Square, { x, y }: { readonly x: number; readonly y: number }): Square {
  return { ...square, centerX: square.centerX + x * square.side, centerY: square.centerY + y * square.side };
}
