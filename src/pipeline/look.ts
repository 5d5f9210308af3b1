import { isPlausible } from "./doubt.ts";
import { isSound, sightingInFrame } from "./geometry.ts";
import type { WeighedSighting } from "./merge.ts";
import type { Detector, Picture, Square } from "./stages.ts";

/** The share of its square at which a face is seen best; a sighting's trust falls with the distance to it. */
const BEST_SHARE = 0.4;

/**
 * One look of the detector at one square.
 *
 * @param minScore 0..1.
 * @returns In frame pixels; only what can be a face.
 */
export async function look(
  picture: Picture,
  detector: Detector,
  square: Square,
  minScore: number,
): Promise<readonly WeighedSighting[]> {
  const detections = await detector.detect(picture.cut(square, detector.inputSize), minScore);
  return detections
    .map((detection) => ({
      ...sightingInFrame(detection, square),
      trust: -Math.abs(detection.box.width - BEST_SHARE),
    }))
    .filter((sighting) => isSound(sighting) && isPlausible(sighting));
}
