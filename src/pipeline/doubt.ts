/** Rejects detections that cannot be faces. Networks see faces in hands and patterned shirts, with impossible keypoints. */
import { type Sighting, proportions } from "./geometry.ts";

/**
 * Bounds in widths of the box, wide enough for heads turned by 60 degrees and rolled by 45. On frontal heads BlazeFace
 * places the eyes 0.4 to 0.5 apart, and the mouth 0.4 to 0.5 below them.
 */
const MIN_EYE_DISTANCE = 0.1;
const MAX_EYE_DISTANCE = 0.75;
const MIN_MOUTH_DROP = 0.18;
const MAX_MOUTH_DROP = 0.8;
/** The nose lies above the mouth and below the eyes, or slightly above the eyes where the head is thrown back. */
const MIN_NOSE_DROP = -0.1;
const MAX_MOUTH_ASIDE = 0.45;
const MAX_SPILL = 0.25;

/** @returns Whether a head can have a sighting's keypoints; false where one is NaN or missing. */
export function isPlausible(sighting: Sighting): boolean {
  const { eyeDistance, mouthDrop, noseDrop, mouthAside, spill } = proportions(sighting);
  return (
    eyeDistance >= MIN_EYE_DISTANCE &&
    eyeDistance <= MAX_EYE_DISTANCE &&
    mouthDrop >= MIN_MOUTH_DROP &&
    mouthDrop <= MAX_MOUTH_DROP &&
    noseDrop >= MIN_NOSE_DROP &&
    noseDrop <= mouthDrop &&
    mouthAside <= MAX_MOUTH_ASIDE &&
    spill <= MAX_SPILL
  );
}
