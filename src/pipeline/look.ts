import { isPlausible } from "./doubt.ts";
import { BEST_SHARE } from "./follow.ts";
import { isSound, sightingInFrame } from "./geometry.ts";
import type { WeighedSighting } from "./merge.ts";
import type { Detector, Picture, Square } from "./stages.ts";

/**
 * Run the detector once, at one square of a picture.
 *
 * @param square Frame pixels.
 * @param minScore 0..1.
 * @returns Sightings in frame pixels, without those that cannot be faces. Their trust is the higher, the closer a face
 * comes to the share of the square at which the detector is at its best.
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
