/**
 * Where something moved, from a coarse luma of the whole frame: a few hundred cells, each with the time at which it
 * last changed by more than camera noise does.
 */
import type { Box } from "../types.ts";
import { type Size, letterboxSquare } from "./geometry.ts";
import type { Picture } from "./stages.ts";

/** The frame is cut into a square of so many pixels … */
const CUT_SIZE = 64;
/** … of which two by two make a cell: of 640 pixels 20, less than a small face. */
const CELLS = 32;

/** A cell changed when its luma moved by more than so many of 255. Noise of a webcam by dim light moves it by 2 to 3. */
const CHANGE = 8;

/** Keeps watch over one stream of frames. */
export class Motion {
  readonly #luma = new Float32Array(CELLS * CELLS).fill(Number.NaN);
  readonly #changedMs = new Float64Array(CELLS * CELLS).fill(Number.NEGATIVE_INFINITY);
  #frame: Size = { width: 0, height: 0 };

  /** Begins anew: at first everything has changed. */
  reset(): void {
    this.#luma.fill(Number.NaN);
  }

  /** Takes in a frame. */
  watch(picture: Picture, timeMs: number): void {
    this.#frame = { width: picture.width, height: picture.height };
    const rgba = picture.cut(letterboxSquare(this.#frame), CUT_SIZE);
    for (let row = 0; row < CELLS; row++) {
      for (let column = 0; column < CELLS; column++) {
        const cell = row * CELLS + column;
        const luma = cellLuma(rgba, row, column);
        // A cell keeps the luma that it last changed to, so that a slow change is seen too.
        if (Math.abs(luma - (this.#luma[cell] ?? 0)) <= CHANGE) continue;
        this.#luma[cell] = luma;
        this.#changedMs[cell] = timeMs;
      }
    }
  }

  /**
   * Whether anything changed within a box, in frame pixels, after a time.
   *
   * @param explained Boxes in which movement is no news.
   */
  since(box: Box, timeMs: number, explained: readonly Box[] = []): boolean {
    const { width, height } = this.#frame;
    const side = Math.max(width, height);
    const cell = side / CELLS;
    const left = bounded((box.x + (side - width) / 2) / cell);
    const right = bounded((box.x + box.width + (side - width) / 2) / cell);
    const top = bounded((box.y + (side - height) / 2) / cell);
    const bottom = bounded((box.y + box.height + (side - height) / 2) / cell);
    for (let row = top; row <= bottom; row++) {
      for (let column = left; column <= right; column++) {
        if (!((this.#changedMs[row * CELLS + column] ?? 0) > timeMs)) continue;
        const x = (column + 0.5) * cell - (side - width) / 2;
        const y = (row + 0.5) * cell - (side - height) / 2;
        if (!explained.some((known) => holds(known, x, y))) return true;
      }
    }
    return false;
  }
}

function holds(box: Box, x: number, y: number): boolean {
  return x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;
}

function bounded(cell: number): number {
  return Math.min(Math.max(Math.floor(cell), 0), CELLS - 1);
}

/** Green stands for luma: it is most of it, and a webcam's least noisy colour. */
function cellLuma(rgba: Uint8ClampedArray, row: number, column: number): number {
  const at = (2 * row * CUT_SIZE + 2 * column) * 4 + 1;
  const below = at + CUT_SIZE * 4;
  return ((rgba[at] ?? 0) + (rgba[at + 4] ?? 0) + (rgba[below] ?? 0) + (rgba[below + 4] ?? 0)) / 4;
}
