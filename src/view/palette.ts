import type { Face, Label } from "../types.ts";

/** The order in which the expressions are always shown: from the bright ones to the dark. */
export const SHOWN_ORDER: readonly Label[] = ["happy", "surprised", "neutral", "sad", "fearful", "disgusted", "angry"];

/** The colour in which an expression is drawn: a custom property, so that themes and pages may set it. */
export function colourOf(label: Label): string {
  return `var(--emotion-cam-${label})`;
}

/** The colour of what is not sure enough to be named. */
export const UNSURE_COLOUR = "var(--emotion-cam-unsure)";

/** @returns The face that takes the most of the picture; undefined where there is none. */
export function largest(faces: readonly Face[]): Face | undefined {
  const area = ({ box }: Face) => box.width * box.height;
  return faces.reduce<Face | undefined>((best, face) => (best && area(best) >= area(face) ? best : face), undefined);
}
