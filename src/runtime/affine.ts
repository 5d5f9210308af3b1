/** Affine maps of the plane: pure arithmetic. */

/** An affine map: x' = xx * x + xy * y + x0, y' = yx * x + yy * y + y0; pixels, y points down. */
export interface Affine {
  readonly xx: number;
  readonly xy: number;
  readonly x0: number;
  readonly yx: number;
  readonly yy: number;
  readonly y0: number;
}

/** The map that changes nothing. */
export const SAME: Affine = { xx: 1, xy: 0, x0: 0, yx: 0, yy: 1, y0: 0 };

/** @returns The map that applies `first`, then `next`. */
export function chain(first: Affine, next: Affine): Affine {
  return {
    xx: next.xx * first.xx + next.xy * first.yx,
    xy: next.xx * first.xy + next.xy * first.yy,
    x0: next.xx * first.x0 + next.xy * first.y0 + next.x0,
    yx: next.yx * first.xx + next.yy * first.yx,
    yy: next.yx * first.xy + next.yy * first.yy,
    y0: next.yx * first.x0 + next.yy * first.y0 + next.y0,
  };
}

/**
 * Turn a picture clockwise.
 *
 * @param degrees A multiple of 90.
 * @param width Of the picture before the turn, pixels.
 * @param height Of the picture before the turn, pixels.
 * @returns The map from a point of the picture to its place in the turned picture.
 */
export function turned(degrees: number, width: number, height: number): Affine {
  switch (((degrees % 360) + 360) % 360) {
    case 90:
      return { xx: 0, xy: -1, x0: height, yx: 1, yy: 0, y0: 0 };
    case 180:
      return { xx: -1, xy: 0, x0: width, yx: 0, yy: -1, y0: height };
    case 270:
      return { xx: 0, xy: 1, x0: 0, yx: -1, yy: 0, y0: width };
    default:
      return SAME;
  }
}

/**
 * Undo {@link turned}.
 *
 * @returns The map from a point of the turned picture to its place in the picture.
 */
export function undoTurn(degrees: number, width: number, height: number): Affine {
  return degrees % 180 === 0 ? turned(-degrees, width, height) : turned(-degrees, height, width);
}
