/**
 * Where to look for faces that nobody follows yet. BlazeFace finds a face that takes an eighth of its square or more,
 * so besides the whole frame it is shown overlapping tiles of it, a few each frame. Pure: time is an argument, and
 * frames with the same history get the same tiles.
 */
import type { Box } from "../types.ts";
import { type Size, overlapArea } from "./geometry.ts";
import type { Motion } from "./motion.ts";
import type { Square } from "./stages.ts";

/** A kind of tile, in shares of the frame's longer side: so a camera of more pixels is searched for the same people. */
interface Scale {
  readonly side: number;
  /** How far neighbours overlap: a little more than the largest face that only this scale finds, so one tile has all of it. */
  readonly overlap: number;
}

/**
 * Faces from 0.13 of a tile on are found; from 0.11 on, most. Of 640 pixels: the whole frame finds faces from 85
 * pixels on, tiles of 320 from 42 on, tiles of 216 from 24 on. 19 tiles for a frame of 4:3.
 */
const SCALES: readonly Scale[] = [
  { side: 1, overlap: 0 },
  { side: 0.5, overlap: 0.15 },
  { side: 0.3375, overlap: 0.08 },
];

/**
 * A still picture has all the time there is: faces from 14 of 640 pixels on, with more overlap; and with room around
 * it, for a face that fills it.
 */
const STILL_SCALES: readonly Scale[] = [
  { side: 1.7, overlap: 0 },
  { side: 1, overlap: 0 },
  { side: 0.6, overlap: 0.3 },
  { side: 0.35, overlap: 0.17 },
  { side: 0.2, overlap: 0.1 },
];

/** Everything is looked at once in so long, so that with two looks to confirm it a face is found in half a second. */
const COVER_MS = 400;

/** A tile in which nothing moved shows what it showed; so seldom it is looked at all the same. */
const STILL_MS = 1500;

/** No tile is looked at again sooner than this, whatever moves in it. */
const REST_MS = 250;

/**
 * What moves around a followed face is that person: so many face widths to each side, above, and below it. Somebody
 * who stands right behind waits for the tile's turn.
 */
const PERSON = { side: 1, above: 0.7, below: 3 };

/** A tile that waited for so long comes before those that did not, whatever is expected of them. */
const OVERDUE_MS = 420;

/** How much sooner a tile's turn comes where something moved, … */
const MOVED_WEIGHT = 4;
/** … where somebody was seen lately, … */
const SEEN_WEIGHT = 2;
/** … and at head height: in the frame's upper part. */
const HEAD_HEIGHT_WEIGHT = 1.5;
const HEAD_HEIGHT = 0.6;

/** How long a place counts as one where somebody was seen. */
const SEEN_MS = 5000;

/** Before any time that a stream of frames can have, and small enough to be weighed. */
const NEVER_MS = -1e12;

/** Looks due at the very first frame: the whole of it and two tiles, for somebody may be there already. */
const FIRST_DUE = 3;

/** The most looks that are made up for after a pause. */
const MOST_DUE = 8;

interface Tile {
  readonly square: Square;
  readonly box: Box;
  readonly weight: number;
  lookedMs: number;
  seenMs: number;
}

/** The squares in which a still picture is swept, from the whole of it to the smallest. */
export function sweepSquares(frame: Size): readonly Square[] {
  return squaresOf(frame, STILL_SCALES);
}

/** The order of looks at one stream of frames. */
export class Search {
  #tiles: Tile[] = [];
  #due = 0;

  /** Begins anew, as for another frame size. */
  reset(frame: Size): void {
    this.#tiles = squaresOf(frame, SCALES).map((square) => tileOf(square, frame));
    this.#due = FIRST_DUE;
  }

  /** How many tiles there are. */
  get tileCount(): number {
    return this.#tiles.length;
  }

  /** Marks where somebody is: these tiles' turns come sooner for a while. */
  saw(box: Box, timeMs: number): void {
    for (const tile of this.#tiles) if (overlapArea(tile.box, box) > 0) tile.seenMs = timeMs;
  }

  /** Lets time pass: looks fall due. */
  pass(stepMs: number): void {
    const looks = (Math.max(0, stepMs) * this.#tiles.length) / COVER_MS;
    this.#due = Math.min(this.#due + looks, MOST_DUE);
  }

  /**
   * The squares to look at now, at most as many as are due, the most urgent first.
   *
   * @param most How many looks can be afforded.
   * @param followed Boxes that are looked at anyway: what they fill needs no tile.
   * @param motion Where something moved, or `null` where nothing is to be skipped.
   */
  next(timeMs: number, most: number, followed: readonly Box[], motion: Motion | null): readonly Square[] {
    const count = Math.min(Math.floor(this.#due), Math.max(0, Math.floor(most)));
    if (count === 0) return [];
    const explained = followed.map(surroundings);
    const urgencies = this.#tiles
      .filter((tile) => !followed.some((box) => fills(box, tile.box)))
      .map((tile) => ({ tile, urgency: urgency(tile, timeMs, motion, explained) }))
      .filter((entry) => entry.urgency > 0)
      // Sorting is stable: of equals the larger and earlier tile comes first.
      .sort((a, b) => b.urgency - a.urgency)
      .slice(0, count);
    this.#due -= urgencies.length;
    for (const { tile } of urgencies) tile.lookedMs = timeMs;
    return urgencies.map(({ tile }) => tile.square);
  }
}

/** More than any wait weighed: of the overdue, too, those where more is to be expected come first. */
const OVERDUE = 1e15;

/** How long a tile has waited, weighed by what is to be expected there; 0 where a look would show what it showed. */
function urgency(tile: Tile, timeMs: number, motion: Motion | null, explained: readonly Box[]): number {
  const waitedMs = timeMs - tile.lookedMs;
  if (waitedMs < REST_MS) return 0;
  const hasMoved = motion === null || motion.since(tile.box, tile.lookedMs, explained);
  if (!hasMoved && waitedMs < STILL_MS) return 0;
  const moved = hasMoved ? MOVED_WEIGHT : 1;
  const seen = timeMs - tile.seenMs < SEEN_MS ? SEEN_WEIGHT : 1;
  const overdue = waitedMs >= OVERDUE_MS ? OVERDUE : 0;
  return overdue + waitedMs * tile.weight * moved * seen;
}

/** The part of the frame that somebody with this face takes up. */
function surroundings({ x, y, width, height }: Box): Box {
  return {
    x: x - PERSON.side * width,
    y: y - PERSON.above * height,
    width: (1 + 2 * PERSON.side) * width,
    height: (1 + PERSON.above + PERSON.below) * height,
  };
}

/** A face that fills a tile leaves no room in it for another. */
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

/** The centres of the fewest squares that cover an extent, evenly spread, each two overlapping as asked. */
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
