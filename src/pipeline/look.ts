import { isPlausible } from "./doubt.ts";
import { BEST_SHARE } from "./follow.ts";
import { isSound, sightingInFrame } from "./geometry.ts";
import type { WeighedSighting } from "./merge.ts";
import type { Detector, Picture, Square } from "./stages.ts";

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
