/**
 * The squares in which known faces are looked for: around the place where each is expected, at the scale at which
 * BlazeFace is at its best.
 */
import type { Box } from "../types.ts";
import { squareAround } from "./geometry.ts";
import type { Square } from "./stages.ts";

/** A face's share of its square. From 0.35 to 0.45 BlazeFace's keypoints are steadiest. */
export const BEST_SHARE = 0.4;

/** The share at which scores separate faces best from other things: heads scored 0.88 and more here, others 0.67 at most. */
const VERIFY_SHARE = 0.28;

/** The share for a face that the last look missed: it may have moved. */
const WIDE_SHARE = 0.2;

/** A face within another's square needs no look of its own where its share of that square lies in this range. */
const SHARED_SQUARE = { leastShare: 0.15, mostShare: 0.6 };

/** A track to look for. */
export interface FollowTarget {
  /** The track's. */
  readonly id: number;
  /** Where it is expected, frame pixels. */
  readonly box: Box;
  /** True where nothing is left to be verified: it is confirmed, and the last look saw enough. */
  readonly confirmed: boolean;
  /** True where the last look missed it. */
  readonly missed: boolean;
  /** True where the last looks saw too little to keep its expression certain: the next one decides. */
  readonly doubted: boolean;
  /** When it was last looked for. */
  readonly lookedMs: number;
}

/** A look for one or more tracks. */
export interface FollowLook {
  readonly square: Square;
  /** The numbers of the tracks that it reaches. */
  readonly ids: readonly number[];
}

/**
 * Plan few looks that reach all targets: greedily, each look takes along the targets that its square reaches.
 *
 * @returns The most urgent first: unconfirmed tracks, then those that waited longest.
 */
export function followLooks(targets: readonly FollowTarget[]): readonly FollowLook[] {
  const waiting = [...targets].sort(
    (a, b) => Number(a.confirmed) - Number(b.confirmed) || a.lookedMs - b.lookedMs || a.id - b.id,
  );
  const looks: FollowLook[] = [];
  const reached = new Set<number>();
  for (const target of waiting) {
    if (reached.has(target.id)) continue;
    const square = squareAround(target.box, shareOf(target));
    const ids = waiting
      .filter((other) => !reached.has(other.id) && (other === target || isReached(other, square)))
      .map(({ id }) => id);
    for (const id of ids) reached.add(id);
    looks.push({ square, ids });
  }
  return looks;
}

/**
 * Compute the square for the second look at a new face, which must confirm it.
 *
 * @param box Of the face, frame pixels.
 */
export function verifySquare(box: Box): Square {
  return squareAround(box, VERIFY_SHARE);
}

/** @returns Whether a look at a square sees a face in a box: it lies within, neither too small nor too large. */
export function isReached({ box }: { readonly box: Box }, square: Square): boolean {
  const share = Math.max(box.width, box.height) / square.side;
  const reach = square.side / 2;
  return (
    share >= SHARED_SQUARE.leastShare &&
    share <= SHARED_SQUARE.mostShare &&
    box.x >= square.centerX - reach &&
    box.y >= square.centerY - reach &&
    box.x + box.width <= square.centerX + reach &&
    box.y + box.height <= square.centerY + reach
  );
}

function shareOf({ missed, confirmed }: FollowTarget): number {
  if (missed) return WIDE_SHARE;
  return confirmed ? BEST_SHARE : VERIFY_SHARE;
}
