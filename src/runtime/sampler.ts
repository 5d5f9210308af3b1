import type { YuvImage, YuvToRgb } from "./yuv.ts";

/** A grid of points in an image: its middle, and the steps from one point to the next to the right and down; pixels. */
export interface Grid {
  readonly middleX: number;
  readonly middleY: number;
  readonly rightX: number;
  readonly rightY: number;
  readonly downX: number;
  readonly downY: number;
}

/** An opaque black pixel: its four bytes as a word. */
const BLACK = 0xff000000 | 0;

/** Samples images at square grids of one size: luma is bilinear, chroma is the nearest sample, and beyond them is black. */
export class Sampler {
  readonly #size: number;
  readonly #rgba: Uint8ClampedArray;
  readonly #pixels: Int32Array;
  /** For each column of an upright grid: the sample to the left, or -1 beyond the image; the step to the one to the right; … */
  readonly #lefts: Int32Array;
  readonly #rights: Int32Array;
  /** … the share of the latter; the chroma sample. */
  readonly #shares: Float64Array;
  readonly #chromas: Int32Array;

  /** @param size Points along each side of the grids. */
  constructor(size: number) {
    this.#size = size;
    this.#rgba = new Uint8ClampedArray(4 * size * size);
    this.#pixels = new Int32Array(this.#rgba.buffer);
    this.#lefts = new Int32Array(size);
    this.#rights = new Int32Array(size);
    this.#shares = new Float64Array(size);
    this.#chromas = new Int32Array(size);
  }

  /** @returns RGBA bytes, valid until the next call. */
  sample(image: YuvImage, grid: Grid, toRgb: YuvToRgb): Uint8ClampedArray {
    if (grid.rightY === 0 && grid.downX === 0) this.#sampleUpright(image, grid, toRgb);
    else this.#sampleTurned(image, grid, toRgb);
    return this.#rgba;
  }

  /** In an upright grid, a column's places are the same in each row: it takes two thirds of the time of a turned one. */
  #sampleUpright(image: YuvImage, { middleX, middleY, rightX, downY }: Grid, toRgb: YuvToRgb): void {
    const size = this.#size;
    const half = (size - 1) / 2;
    this.#findColumns(image, middleX - rightX * half, rightX);
    const { black, gain, redOfV, greenOfU, greenOfV, blueOfU } = toRgb;
    const { width, height, bytes } = image.y;
    const chromaHeight = image.u.height;
    const chromaWidth = image.u.width;
    const [us, vs] = [image.u.bytes, image.v.bytes];
    const [out, lefts, rights, shares, chromas] = [this.#rgba, this.#lefts, this.#rights, this.#shares, this.#chromas];
    for (let row = 0, to = 0; row < size; row++) {
      const y = middleY + downY * (row - half);
      if (y < -0.5 || y >= height - 0.5) {
        this.#pixels.fill(BLACK, row * size, (row + 1) * size);
        to += 4 * size;
        continue;
      }
      const top = y < 0 ? 0 : y | 0;
      const below = top < height - 1 ? width : 0;
      const down = y < 0 ? 0 : y - top;
      const start = top * width;
      const chromaStart = Math.min(((y + 0.5) | 0) >> 1, chromaHeight - 1) * chromaWidth;
      for (let column = 0; column < size; column++, to += 4) {
        const left = lefts[column]!;
        if (left < 0) {
          this.#pixels[to >> 2] = BLACK;
          continue;
        }
        const at = start + left;
        const right = rights[column]!;
        const across = shares[column]!;
        const upper = bytes[at]! + (bytes[at + right]! - bytes[at]!) * across;
        const lower = bytes[at + below]! + (bytes[at + below + right]! - bytes[at + below]!) * across;
        const light = gain * (upper + (lower - upper) * down - black);
        const nearest = chromaStart + chromas[column]!;
        const u = us[nearest]! - 128;
        const v = vs[nearest]! - 128;
        out[to] = light + redOfV * v;
        out[to + 1] = light + greenOfU * u + greenOfV * v;
        out[to + 2] = light + blueOfU * u;
        out[to + 3] = 255;
      }
    }
  }

  /** Find the columns' places, from `x` on, a step of `stepX` each. */
  #findColumns({ y: { width }, u }: YuvImage, x: number, stepX: number): void {
    for (let column = 0; column < this.#size; column++, x += stepX) {
      const left = x < 0 ? 0 : x | 0;
      this.#lefts[column] = x < -0.5 || x >= width - 0.5 ? -1 : left;
      this.#rights[column] = left < width - 1 ? 1 : 0;
      this.#shares[column] = x < 0 ? 0 : x - left;
      this.#chromas[column] = Math.min(((x + 0.5) | 0) >> 1, u.width - 1);
    }
  }

  #sampleTurned(image: YuvImage, { middleX, middleY, rightX, rightY, downX, downY }: Grid, toRgb: YuvToRgb): void {
    const size = this.#size;
    const half = (size - 1) / 2;
    const { black, gain, redOfV, greenOfU, greenOfV, blueOfU } = toRgb;
    const { width, height, bytes } = image.y;
    const { width: chromaWidth, height: chromaHeight } = image.u;
    const [us, vs] = [image.u.bytes, image.v.bytes];
    const out = this.#rgba;
    const lastX = width - 1;
    const lastY = height - 1;
    for (let row = 0, to = 0; row < size; row++) {
      let x = middleX - rightX * half + downX * (row - half);
      let y = middleY - rightY * half + downY * (row - half);
      for (let column = 0; column < size; column++, to += 4, x += rightX, y += rightY) {
        out[to + 3] = 255;
        if (x < -0.5 || y < -0.5 || x >= width - 0.5 || y >= height - 0.5) {
          out[to] = out[to + 1] = out[to + 2] = 0;
          continue;
        }
        const left = x < 0 ? 0 : x | 0;
        const top = y < 0 ? 0 : y | 0;
        const right = left < lastX ? 1 : 0;
        const below = top < lastY ? width : 0;
        const at = top * width + left;
        const across = x < 0 ? 0 : x - left;
        const upper = bytes[at]! + (bytes[at + right]! - bytes[at]!) * across;
        const lower = bytes[at + below]! + (bytes[at + below + right]! - bytes[at + below]!) * across;
        const light = gain * (upper + (lower - upper) * (y < 0 ? 0 : y - top) - black);
        // The nearest chroma sample is enough: the detail that eyes and networks see is in the luma.
        const chromaX = Math.min(((x + 0.5) | 0) >> 1, chromaWidth - 1);
        const chromaY = Math.min(((y + 0.5) | 0) >> 1, chromaHeight - 1);
        const nearest = chromaY * chromaWidth + chromaX;
        const u = us[nearest]! - 128;
        const v = vs[nearest]! - 128;
        out[to] = light + redOfV * v;
        out[to + 1] = light + greenOfU * u + greenOfV * v;
        out[to + 2] = light + blueOfU * u;
      }
    }
  }
}
