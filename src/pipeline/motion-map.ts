import type { Box, Point } from "../types.ts";
import { type Size, letterboxSquare } from "./geometry.ts";
import type { Picture } from "./stages.ts";

/** Side of the square that the frame is cut into, pixels. */
const CUT_SIZE = 64;
/** Cells along each side; each is 2x2 pixels of the cut. In a frame of 640 pixels a cell is 20 wide, less than a small face. */
const CELLS = 32;

/** A cell has changed when its luma differs by more than this, of 255. A webcam's noise in dim light makes 2 to 3. */
const CHANGE = 8;

/**
 * A cut of the film changes this share of the frame's cells by more than so many levels, and leaves the two pictures with
 * a correlation below the limit. In the demo clip cuts change 0.75 and more and correlate by 0.15 at most; the camera's
 * fastest pan changes 0.36 from frame to frame, and correlates by 0.85. Light that is switched on or off changes all
 * cells, and the correlation stays high.
 */
const CUT_CHANGE = 16;
const CUT_SHARE = 0.6;
const CUT_CORRELATION = 0.35;

/** A frame is dark where this share of its cells is below so many levels of luma. */
const DARK_LUMA = 24;
const DARK_SHARE = 0.98;

/**
 * Records when each cell of a coarse grid over the frame last changed by more than camera noise, and tells cuts and
 * darkness.
 */
export class MotionMap {
  readonly #luma = new Float32Array(CELLS * CELLS).fill(Number.NaN);
  readonly #changedMs = new Float64Array(CELLS * CELLS).fill(Number.NEGATIVE_INFINITY);
  #frame: Size = { width: 0, height: 0 };
  #movedMs = Number.NEGATIVE_INFINITY;
  #isCut = false;
  #isDark = false;

  /** When any cell changed last. In the first frame all of them count as changed. */
  get movedMs(): number {
    return this.#movedMs;
  }

  /** True where most of the picture differs from the frame before: the film was cut, or the camera moved. */
  get isCut(): boolean {
    return this.#isCut;
  }

  /** True where hardly anything in the frame is bright enough to be seen. */
  get isDark(): boolean {
    return this.#isDark;
  }

  /** Start anew: with the next frame every cell counts as changed. */
  reset(): void {
    this.#luma.fill(Number.NaN);
  }

  /** Compare a frame with the frames before. */
  watch(picture: Picture, timeMs: number): void {
    this.#frame = { width: picture.width, height: picture.height };
    const rgba = picture.cut(letterboxSquare(this.#frame), CUT_SIZE);
    const marginX = marginOf(this.#frame.width, this.#frame.height);
    const marginY = marginOf(this.#frame.height, this.#frame.width);
    let cells = 0;
    let changed = 0;
    let dark = 0;
    // Sums for the correlation of this frame (a) with the one before (b).
    let sumA = 0;
    let sumB = 0;
    let sumAA = 0;
    let sumBB = 0;
    let sumAB = 0;
    for (let row = 0; row < CELLS; row++) {
      for (let column = 0; column < CELLS; column++) {
        const cell = row * CELLS + column;
        const luma = cellLuma(rgba, row, column);
        if (row >= marginY && row < CELLS - marginY && column >= marginX && column < CELLS - marginX) {
          const before = this.#luma[cell]!;
          cells += 1;
          if (luma < DARK_LUMA) dark += 1;
          if (Math.abs(luma - before) > CUT_CHANGE) changed += 1;
          sumA += luma;
          sumB += before;
          sumAA += luma * luma;
          sumBB += before * before;
          sumAB += luma * before;
        }
        // A cell keeps the luma of its last change, so that many small changes add up to one.
        if (Math.abs(luma - this.#luma[cell]!) <= CHANGE) continue;
        this.#luma[cell] = luma;
        this.#changedMs[cell] = timeMs;
        this.#movedMs = timeMs;
      }
    }
    this.#isDark = dark >= DARK_SHARE * cells;
    const spread = Math.sqrt((cells * sumAA - sumA * sumA) * (cells * sumBB - sumB * sumB));
    const together = cells * sumAB - sumA * sumB;
    // A plain picture correlates with none. In the first frame the sums are NaN, and nothing is a cut.
    this.#isCut = changed > CUT_SHARE * cells && !(together >= CUT_CORRELATION * spread && spread > 0);
  }

  /**
   * Ask whether any cell of a box changed after a time.
   *
   * @param box Frame pixels; beyond the frame its nearest cells are asked.
   * @param explained Boxes in which changes do not count.
   */
  since(box: Box, timeMs: number, explained: readonly Box[] = []): boolean {
    const { left, right, top, bottom } = this.#cellsOf(box);
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        if (!(this.#changedMs[row * CELLS + column]! > timeMs)) continue;
        if (explained.length === 0) return true;
        const { x, y } = this.#middleOf(row, column);
        if (!explained.some((known) => holds(known, x, y))) return true;
      }
    }
    return false;
  }

  /**
   * Count the cells of a box that changed after a time.
   *
   * @param box Frame pixels; beyond the frame its nearest cells count.
   * @returns A share of its cells, 0..1.
   */
  shareSince(box: Box, timeMs: number): number {
    const { left, right, top, bottom } = this.#cellsOf(box);
    let changed = 0;
    for (let row = top; row <= bottom; row++)
      for (let column = left; column <= right; column++)
        if (this.#changedMs[row * CELLS + column]! > timeMs) changed += 1;
    return changed / ((right - left + 1) * (bottom - top + 1));
  }

  /** @returns The cells that a box touches; the last ones included. */
  #cellsOf(box: Box) {
    const { width, height } = this.#frame;
    const side = Math.max(width, height);
    const cell = side / CELLS;
    return {
      left: clampCell((box.x + (side - width) / 2) / cell),
      right: clampCell((box.x + box.width + (side - width) / 2) / cell),
      top: clampCell((box.y + (side - height) / 2) / cell),
      bottom: clampCell((box.y + box.height + (side - height) / 2) / cell),
    };
  }

  /** @returns The middle of a cell, frame pixels. */
  #middleOf(row: number, column: number): Point {
    const { width, height } = this.#frame;
    const side = Math.max(width, height);
    const cell = side / CELLS;
    return { x: (column + 0.5) * cell - (side - width) / 2, y: (row + 0.5) * cell - (side - height) / 2 };
  }
}

function holds(box: Box, x: number, y: number): boolean {
  return x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;
}

/** @returns The cells of a letterboxed frame's margin on one side, where a side is so long and the other one so long. */
function marginOf(side: number, other: number): number {
  return side < other ? Math.ceil(((1 - side / other) / 2) * CELLS) : 0;
}

function clampCell(cell: number): number {
  return Math.min(Math.max(Math.floor(cell), 0), CELLS - 1);
}

/** Green stands for luma: it is the largest part of it, and a webcam's least noisy channel. */
function cellLuma(rgba: Uint8ClampedArray, row: number, column: number): number {
  const at = (2 * row * CUT_SIZE + 2 * column) * 4 + 1;
  const below = at + CUT_SIZE * 4;
  return (rgba[at]! + rgba[at + 4]! + rgba[below]! + rgba[below + 4]!) / 4;
}
