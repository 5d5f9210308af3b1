/**
 * Chooses where to search for new faces. BlazeFace finds a face that takes an eighth of its square or more, so it is run
 * on the whole frame and on overlapping tiles of it, a few in each frame. Pure: time is an argument, and the same history
 * gives the same tiles.
 */
import type { Box } from "../types.ts";
import { type Size, overlapArea } from "./geometry.ts";
import type { MotionMap } from "./motion-map.ts";
import type { Square } from "./stages.ts";

/** One size of tile, in shares of the frame's longer side: a camera of more pixels finds the same people. */
interface Scale {
  readonly side: number;
  /** Overlap of neighbours: a little more than the largest face that only this scale finds, so that one tile holds all of it. */
  readonly overlap: number;
}

/**
 * The scales for live frames. Faces of 0.13 of a tile and more are found, and most faces of 0.11. In a frame of 640x480
 * the whole frame finds faces from 85 pixels up, tiles of 320 from 42 up, tiles of 216 from 24 up; there are 19 tiles.
 */
const SCALES: readonly Scale[] = [
  { side: 1, overlap: 0 },
  { side: 0.5, overlap: 0.15 },
  { side: 0.3375, overlap: 0.08 },
];

/**
 * The scales for a still picture, where time does not matter: faces from 14 of 640 pixels up, with more overlap. The
 * first scale leaves room around the picture, for a face that fills it.
 */
const STILL_SCALES: readonly Scale[] = [
  { side: 1.7, overlap: 0 },
  { side: 1, overlap: 0 },
  { side: 0.6, overlap: 0.3 },
  { side: 0.35, overlap: 0.17 },
  { side: 0.2, overlap: 0.1 },
];

/** All tiles are looked at once in so long: with two looks to confirm it, a face is found within half a second. */
const COVER_MS = 400;

/** A tile in which nothing moved since the last look is looked at this seldom, … */
const STILL_MS = 1500;
/** … and this seldom once nothing has moved in it for so long: somebody who is there moves now and then. */
const QUIET_EVERY_MS = 4000;
const QUIET_AFTER_MS = 5000;

/** The least time between two looks at a tile, whatever moves in it. */
const REST_MS = 250;

/**
 * The extent of a person around a known face: so many face sizes to each side, above and below. Motion there does not
 * make a tile urgent; somebody who stands right behind waits for the tile's regular turn.
 */
const PERSON = { side: 1, above: 0.7, below: 3 };

/** A tile that waited for so long comes before all tiles that waited less. */
const OVERDUE_MS = 420;

/** Factors by which a tile is more urgent: where something moved, … */
const MOVED_WEIGHT = 4;
/** … where a face was seen lately, … */
const SEEN_WEIGHT = 2;
/** … and at head height, which is this upper share of the frame. */
const HEAD_HEIGHT_WEIGHT = 1.5;
const HEAD_HEIGHT = 0.6;

/** The time that "lately" lasts. */
const SEEN_MS = 5000;

/** Earlier than any frame, and finite, so that a waiting time can be computed. */
const NEVER_MS = -1e12;

/** Looks that are due at the first frame: the whole of it and two tiles, because somebody may be there already. */
const FIRST_DUE = 3;

/** The most looks that may be due, also after a pause. */
const MAX_DUE = 8;

interface Tile {
  readonly square: Square;
  readonly box: Box;
  readonly weight: number;
  lookedMs: number;
  seenMs: number;
}

/** @returns The squares in which a still picture is searched, the largest first; in its pixels. */
export function sweepSquares(frame: Size): readonly Square[] {
  return squaresOf(frame, STILL_SCALES);
}

/** Keeps the order of searching looks for one stream of frames. */
export class Search {
  #tiles: Tile[] = [];
  #due = 0;

  /**
   * Start anew, for another stream or another frame size.
   *
   * @param frame Size of the frames to come.
   */
  reset(frame: Size): void {
    this.#tiles = squaresOf(frame, SCALES).map((square) => tileOf(square, frame));
    this.#due = FIRST_DUE;
  }

  /** The number of tiles. */
  get tileCount(): number {
    return this.#tiles.length;
  }

  /** Note that a face was seen: the tiles that it touches are more urgent for a while. */
  saw(box: Box, timeMs: number): void {
    for (const tile of this.#tiles) if (overlapArea(tile.box, box) > 0) tile.seenMs = timeMs;
  }

  /** Let time pass: looks become due. */
  pass(stepMs: number): void {
    const looks = (Math.max(0, stepMs) * this.#tiles.length) / COVER_MS;
    this.#due = Math.min(this.#due + looks, MAX_DUE);
  }

  /**
   * Choose the squares to look at now.
   *
   * @param most How many looks the frame may have.
   * @param followed Expected boxes of known faces, frame pixels: a tile that one fills is skipped.
   * @param motion Where something moved, or `null` where every tile counts as moved.
   * @returns At most as many as are due, the most urgent first.
   */
  next(timeMs: number, most: number, followed: readonly Box[], motion: MotionMap | null): readonly Square[] {
    const count = Math.min(Math.floor(this.#due), Math.max(0, Math.floor(most)));
    if (count === 0) return [];
    const explained = followed.map(surroundings);
    const urgencies = this.#tiles
      .filter((tile) => !followed.some((box) => fills(box, tile.box)))
      .map((tile) => ({ tile, urgency: urgency(tile, timeMs, motion, explained) }))
      .filter((entry) => entry.urgency > 0)
      // Sorting is stable: of equal tiles the larger and earlier one comes first.
      .sort((a, b) => b.urgency - a.urgency)
      .slice(0, count);
    this.#due -= urgencies.length;
    for (const { tile } of urgencies) tile.lookedMs = timeMs;
    return urgencies.map(({ tile }) => tile.square);
  }
}

/** Added to the urgency of overdue tiles: more than any weighed wait, which still orders the overdue tiles. */
const OVERDUE = 1e15;

/** @returns A tile's waiting time, weighed by how likely a new face is there; 0 where a look would show nothing new. */
function urgency(tile: Tile, timeMs: number, motion: MotionMap | null, explained: readonly Box[]): number {
  const waitedMs = timeMs - tile.lookedMs;
  if (waitedMs < REST_MS) return 0;
  const hasMoved = motion === null || motion.since(tile.box, tile.lookedMs, explained);
  const wasSeen = timeMs - tile.seenMs < SEEN_MS;
  if (!hasMoved && waitedMs < STILL_MS) return 0;
  if (!hasMoved && waitedMs < QUIET_EVERY_MS && !wasSeen && isQuiet(tile, timeMs, motion, explained)) return 0;
  const moved = hasMoved ? MOVED_WEIGHT : 1;
  const seen = wasSeen ? SEEN_WEIGHT : 1;
  const overdue = waitedMs >= OVERDUE_MS ? OVERDUE : 0;
  return overdue + waitedMs * tile.weight * moved * seen;
}

function isQuiet(tile: Tile, timeMs: number, motion: MotionMap, explained: readonly Box[]): boolean {
  return !motion.since(tile.box, timeMs - QUIET_AFTER_MS, explained);
}

/** @returns The part of the frame that the person with this face takes up. */
function surroundings({ x, y, width, height }: Box): Box {
  return {
    x: x - PERSON.side * width,
    y: y - PERSON.above * height,
    width: (1 + 2 * PERSON.side) * width,
    height: (1 + PERSON.above + PERSON.below) * height,
  };
}

/** @returns Whether a face fills a tile, so that no other has room in it. */
function fills(box: Box, tile: Box): boolean {
  return overlapArea(box, tile) > 0.6 * tile.width * tile.height;
}

function squaresOf(frame: Size, scales: readonly Scale[]): readonly Square[] {
  const longer = Math.max(frame.width, frame.height);
  return scales.flatMap(({ side, overlap }) => {
    const rows = centers(frame.height, side * longer, overlap * longer);
    const columns = centers(frame.width, side * longer, overlap * longer);
    return rows.flatMap((centerY) =>
      columns.map((centerX): Square => ({ centerX, centerY, side: side * longer, roll: 0 })),
    );
  });
}

/** @returns The centres of the fewest squares that cover an extent, evenly spread, with at least the given overlap. */
function centers(extent: number, side: number, overlap: number): readonly number[] {
  const room = extent - side;
  if (room <= 0) return [extent / 2];
  const gaps = Math.ceil(room / (side - overlap));
  return Array.from({ length: gaps + 1 }, (_, index) => side / 2 + (room * index) / gaps);
}

function tileOf(square: Square, frame: Size): Tile {
  const { centerX, centerY, side } = square;
  const isHigh = centerY < HEAD_HEIGHT * frame.height;
  return {
    square,
    box: { x: centerX - side / 2, y: centerY - side / 2, width: side, height: side },
    weight: isHigh ? HEAD_HEIGHT_WEIGHT : 1,
    lookedMs: NEVER_MS,
    seenMs: Number.NEGATIVE_INFINITY,
  };
}
