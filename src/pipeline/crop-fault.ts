/**
 * Tells squares in which the classifier has nothing to read: too dark, the mouth hidden, or a drawing. The limits are
 * quantiles of the 3579 validation faces of FER2013, measured in November 2026; the places are relative to the eyes.
 */
import type { CropGeometry } from "./stages.ts";

/** Why no expression can be told from a square. */
export type CropFault = "dark" | "mouth-hidden" | "drawn";

/** Least mean luma, of 255, between forehead and chin. Of the faces 0.1 % are below 37; a face in 12 % light has 17. */
const DARK_LUMA = 26;

/**
 * The deviation of luma around the mouth, as a share of that around the eyes. Of the faces 0.2 % are below 0.28; with a
 * plain rectangle over nose and mouth 99 % are below 0.12, under noise of 4 levels.
 */
const LEAST_MOUTH_CONTRAST = 0.28;

/**
 * A pixel is flat where the gradient is below this share of the square's deviation. Of real faces 0.1 % have more flat
 * pixels than 0.46, and of smileys drawn with a few lines none has less than 0.69.
 */
const FLAT_GRADIENT = 0.14;
const DRAWN_SHARE = 0.55;

/** A square with less deviation of luma than this holds no face at all: nothing can be told of it. */
const LEAST_DEVIATION = 2;

/** A rectangle, in eye distances from the middle of the eyes. */
interface Window {
  readonly aside: number;
  readonly top: number;
  readonly bottom: number;
}

const EYES: Window = { aside: 1.03, top: -0.34, bottom: 0.34 };
const MOUTH: Window = { aside: 0.57, top: 0.69, bottom: 1.5 };
const FACE: Window = { aside: 0.97, top: -0.75, bottom: 1.25 };

/** A rectangle in whole pixels of the square, at least one pixel inside it; right and bottom are beyond its last ones. */
interface Bounds {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Judges the squares of one classifier. A judgement allocates nothing. */
export class CropJudge {
  readonly #size: number;
  readonly #eyes: Bounds;
  readonly #mouth: Bounds;
  readonly #face: Bounds;
  /** Luma, each a mean of 2x2 pixels: half of the noise is gone. */
  readonly #luma: Float32Array;
  /** Mean and deviation of the rectangle that was measured last. */
  #mean = 0;
  #deviation = 0;

  /** @param size Side of the squares, pixels. */
  constructor(size: number, crop: CropGeometry) {
    this.#size = size;
    this.#eyes = boundsOf(EYES, size, crop);
    this.#mouth = boundsOf(MOUTH, size, crop);
    this.#face = boundsOf(FACE, size, crop);
    this.#luma = new Float32Array(size * size);
  }

  /**
   * @param rgba RGBA bytes of a square from `offset` on, row by row.
   * @returns `null` where the square is fit to be read.
   */
  judge(rgba: Uint8ClampedArray, offset: number): CropFault | null {
    this.#read(rgba, offset);
    this.#measure(this.#face);
    const contrast = this.#deviation;
    if (!(contrast >= LEAST_DEVIATION)) return null;
    if (this.#mean < DARK_LUMA) return "dark";
    this.#measure(this.#eyes);
    const eyeContrast = this.#deviation;
    this.#measure(this.#mouth);
    if (this.#deviation < LEAST_MOUTH_CONTRAST * eyeContrast) return "mouth-hidden";
    return this.#flatShare(FLAT_GRADIENT * contrast) > DRAWN_SHARE ? "drawn" : null;
  }

  #read(rgba: Uint8ClampedArray, offset: number): void {
    const size = this.#size;
    for (let row = 0; row < size; row++) {
      const below = row < size - 1 ? 4 * size : 0;
      for (let column = 0; column < size; column++) {
        const at = offset + 4 * (row * size + column);
        const right = column < size - 1 ? 4 : 0;
        // Green stands for luma, as in the motion map.
        this.#luma[row * size + column] =
          (rgba[at + 1]! + rgba[at + right + 1]! + rgba[at + below + 1]! + rgba[at + below + right + 1]!) / 4;
      }
    }
  }

  /** Measure the mean and the deviation of luma in a rectangle. */
  #measure({ left, right, top, bottom }: Bounds): void {
    let sum = 0;
    let squares = 0;
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const luma = this.#luma[row * this.#size + column]!;
        sum += luma;
        squares += luma * luma;
      }
    }
    const count = (right - left) * (bottom - top);
    this.#mean = sum / count;
    this.#deviation = Math.sqrt(Math.max(0, squares / count - this.#mean * this.#mean));
  }

  /** @returns The share of the face's pixels with a gradient below a limit. */
  #flatShare(limit: number): number {
    const size = this.#size;
    const { left, right, top, bottom } = this.#face;
    let flat = 0;
    for (let row = top; row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const at = row * size + column;
        const down = this.#luma[at + size]! - this.#luma[at - size]!;
        const across = this.#luma[at + 1]! - this.#luma[at - 1]!;
        if (down * down + across * across < limit * limit) flat += 1;
      }
    }
    return flat / ((right - left) * (bottom - top));
  }
}

function boundsOf({ aside, top, bottom }: Window, size: number, crop: CropGeometry): Bounds {
  const { imageLeftEye: left, imageRightEye: right } = crop;
  const distance = Math.hypot(right.x - left.x, right.y - left.y) * size;
  const x = ((left.x + right.x) / 2) * size;
  const y = ((left.y + right.y) / 2) * size;
  const inside = (at: number): number => Math.min(Math.max(Math.round(at), 1), size - 1);
  return {
    left: inside(x - aside * distance),
    right: inside(x + aside * distance),
    top: inside(y + top * distance),
    bottom: inside(y + bottom * distance),
  };
}
