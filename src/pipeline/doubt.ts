/**
 * What is no face: networks see faces in hands, posters and patterned shirts, and give them keypoints that no head
 * can have.
 */
import { type Sighting, proportions } from "./geometry.ts";

/**
 * Bounds in shares of the box's width, wide enough for heads turned by 60 degrees and rolled by 45. On heads seen from
 * the front BlazeFace puts the eyes 0.4 to 0.5 apart, and the mouth 0.4 to 0.5 below them.
 */
const EYE_DISTANCE_LEAST = 0.1;
const EYE_DISTANCE_MOST = 0.75;
const MOUTH_DROP_LEAST = 0.18;
const MOUTH_DROP_MOST = 0.8;
/** The nose lies below the eyes, or hardly above them on a head thrown back, and above the mouth. */
const NOSE_DROP_LEAST = -0.1;
const MOUTH_ASIDE_MOST = 0.45;
const SPILL_MOST = 0.25;

/** Whether a sighting's keypoints can be those of a head. Nonsense (NaN) is never plausible. */
export function isPlausible(sighting: Sighting): boolean {
  const { eyeDistance, mouthDrop, noseDrop, mouthAside, spill } = proportions(sighting);
  return (
    eyeDistance >= EYE_DISTANCE_LEAST &&
    eyeDistance <= EYE_DISTANCE_MOST &&
    mouthDrop >= MOUTH_DROP_LEAST &&
    mouthDrop <= MOUTH_DROP_MOST &&
    noseDrop >= NOSE_DROP_LEAST &&
    noseDrop <= mouthDrop &&
    mouthAside <= MOUTH_ASIDE_MOST &&
    spill <= SPILL_MOST
  );
}
