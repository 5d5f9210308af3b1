import { type Sighting, boxArea, intersectionOverUnion, overlapArea } from "./geometry.ts";

/** Two boxes are of one face where their intersection over union is larger than this, … */
const SAME_FACE_IOU = 0.3;
/** … or where more than this share of the smaller box lies within the other: a look that cuts a face boxes a part of it. */
const SAME_FACE_WITHIN = 0.6;

/** A sighting, weighed by the scale of its look. */
export interface WeighedSighting extends Sighting {
  /** 0 where the look was at the scale at which the detector is at its best, and lower elsewhere. */
  readonly trust: number;
}

/**
 * Reduce the sightings of several looks at one frame to one for each face: the most trusted one (non-maximum
 * suppression by trust).
 *
 * @returns The most trusted first.
 */
export function merge(sightings: readonly WeighedSighting[]): readonly WeighedSighting[] {
  const kept: WeighedSighting[] = [];
  // Sorting is stable: of equal sightings the earlier look's is kept.
  for (const sighting of [...sightings].sort((a, b) => b.trust - a.trust || b.score - a.score)) {
    if (!kept.some((other) => isSameFace(other, sighting))) kept.push(sighting);
  }
  return kept;
}

/** @returns Whether two sightings in one frame are of the same face. */
export function isSameFace(a: Pick<Sighting, "box">, b: Pick<Sighting, "box">): boolean {
  if (intersectionOverUnion(a.box, b.box) > SAME_FACE_IOU) return true;
  const smaller = Math.min(boxArea(a.box), boxArea(b.box));
  return overlapArea(a.box, b.box) > SAME_FACE_WITHIN * smaller;
}
