/**
 * The squares in which faces that are known already are looked for: around where each is expected, at the size at
 * which BlazeFace is at its best.
 */
import type { Box } from "../types.ts";
import { squareAround } from "./geometry.ts";
import type { Square } from "./stages.ts";

/** A face's share of its square. From 0.35 to 0.45 BlazeFace's keypoints are the steadiest. */
export const BEST_SHARE = 0.4;

/** Where faces differ most from what is none: measured 0.88 and more for heads here, 0.67 at most for other things. */
const DOUBTING_SHARE = 0.28;

/** For a face that the look before missed: it may have moved. */
const WIDE_SHARE = 0.2;

/** Faces that take these shares of another's square and lie wholly within it need no look of their own. */
const LEAST_SHARE = 0.15;
const MOST_SHARE = 0.6;

/** A face to look for. */
export interface Followed {
  readonly id: number;
  /** Where it is expected, frame pixels. */
  readonly box: Box;
  readonly confirmed: boolean;
  readonly missed: boolean;
  /** When it was last looked for. */
  readonly lookedMs: number;
}

/** A look at one or more known faces. */
export interface FollowLook {
  readonly square: Square;
  readonly ids: readonly number[];
}

/**
 * The fewest looks that reach all the faces, the most pressing first: newcomers, which wait to be confirmed, then
 * whoever waited longest.
 */
export function followLooks(faces: readonly Followed[]): readonly FollowLook[] {
  const waiting = [...faces].sort(
    (a, b) => Number(a.confirmed) - Number(b.confirmed) || a.lookedMs - b.lookedMs || a.id - b.id,
  );
  const looks: FollowLook[] = [];
  const reached = new Set<number>();
  for (const face of waiting) {
    if (reached.has(face.id)) continue;
    const square = squareAround(face.box, shareOf(face));
    const ids = waiting.filter((other) => !reached.has(other.id) && (other === face || isReached(other, square)));
    for (const { id } of ids) reached.add(id);
    looks.push({ square, ids: ids.map(({ id }) => id) });
  }
  return looks;
}

/** The square in which a newly seen face is looked at again before it is believed. */
export function verifySquare(box: Box): Square {
  return squareAround(box, DOUBTING_SHARE);
}

/** Whether a look at a square would see a face in a box, had it one. */
export function isReached({ box }: { readonly box: Box }, square: Square): boolean {
  const share = Math.max(box.width, box.height) / square.side;
  const reach = square.side / 2;
  return (
    share >= LEAST_SHARE &&
    share <= MOST_SHARE &&
    box.x >= square.centerX - reach &&
    box.y >= square.centerY - reach &&
    box.x + box.width <= square.centerX + reach &&
    box.y + box.height <= square.centerY + reach
  );
}

function shareOf(face: Followed): number {
  if (face.missed) return WIDE_SHARE;
  return face.confirmed ? BEST_SHARE : DOUBTING_SHARE;
}
