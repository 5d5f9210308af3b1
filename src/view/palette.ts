import type { Face, Label } from "../types.ts";

/** The fixed order of the expressions on screen, from pleasant to unpleasant. */
export const SHOWN_ORDER: readonly Label[] = ["happy", "surprised", "neutral", "sad", "fearful", "disgusted", "angry"];

/** @returns The CSS colour of an expression: a custom property, which themes and pages may set. */
export function colourOf(label: Label): string {
  return `var(--emotion-cam-${label})`;
}

/** The CSS colour of a face whose expression is too uncertain to be named. */
export const UNSURE_COLOUR = "var(--emotion-cam-unsure)";

/** @returns The face with the largest box; undefined if there is none. */
export function largest(faces: readonly Face[]): Face | undefined {
  const area = ({ box }: Face) => box.width * box.height;
  return faces.reduce<Face | undefined>((best, face) => (best && area(best) >= area(face) ? best : face), undefined);
}
