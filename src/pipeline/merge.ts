import { type Sighting, intersectionOverUnion, overlapArea } from "./geometry.ts";

/** Two boxes that share so much of their union are one face, … */
const SAME_FACE_IOU = 0.3;
/** … and so are two of which the smaller lies this much within the other: a look that cuts a face boxes a part of it. */
const SAME_FACE_WITHIN = 0.6;

/** A sighting, and how much its look's scale makes it worth. */
export interface WeighedSighting extends Sighting {
  /** Higher where the look was closer to the scale at which the detector is at its best. */
  readonly trust: number;
}

/**
 * One sighting for each face, of all that several looks at one frame saw: the most trusted one stands for the others.
 *
 * @returns The most trusted first.
 */
export function merge(sightings: readonly WeighedSighting[]): readonly WeighedSighting[] {
  const kept: WeighedSighting[] = [];
  // Sorting is stable: of equals the earlier look's stands.
  for (const sighting of [...sightings].sort((a, b) => b.trust - a.trust || b.score - a.score)) {
    if (!kept.some((other) => isSameFace(other, sighting))) kept.push(sighting);
  }
  return kept;
}

/** Whether two sightings are of one face. */
export function isSameFace(a: Pick<Sighting, "box">, b: Pick<Sighting, "box">): boolean {
  if (intersectionOverUnion(a.box, b.box) > SAME_FACE_IOU) return true;
  const smaller = Math.min(a.box.width * a.box.height, b.box.width * b.box.height);
  return overlapArea(a.box, b.box) > SAME_FACE_WITHIN * smaller;
}
