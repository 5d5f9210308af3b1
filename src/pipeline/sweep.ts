import { verifySquare } from "./follow.ts";
import { type Size, boxAsFraction, pointAsFraction } from "./geometry.ts";
import { look } from "./look.ts";
import { type WeighedSighting, isSameFace, merge } from "./merge.ts";
import { SUSPICION } from "./looker.ts";
import { sweepSquares } from "./search.ts";
import type { Detection, Detector, Picture } from "./stages.ts";

/**
 * Looks for faces in a still picture, all of it at several scales; each face that one look suspects must show itself
 * to a second one from nearby.
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
    const closer = await look(picture, detector, verifySquare(suspicion.box), minScore);
    seen.push(...closer.filter((sighting) => isSameFace(sighting, suspicion)));
  }
  return [...merge(seen)]
    .sort((a, b) => b.box.width * b.box.height - a.box.width * a.box.height)
    .map(({ box, keypoints, score }) => ({
      box: boxAsFraction(box, frame),
      keypoints: keypoints.map((point) => pointAsFraction(point, frame)),
      score,
    }));
}
