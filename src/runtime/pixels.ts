import { EmotionCamError } from "../errors.ts";
import type { Picture, Square } from "../pipeline/stages.ts";
import type { Rotation } from "../types.ts";
import { type Affine, turned } from "./affine.ts";

/** A frame of a camera, a video or a picture. */
export type Frame = VideoFrame | ImageBitmap;

type Context = OffscreenCanvasRenderingContext2D;

/** Pixels in a row of the drawing by which a canvas is checked. */
const CHECK_SIDE = 8;
/** Neither black, white nor gray, which a protection may give. */
const CHECK_RGBA = [200, 100, 50, 255] as const;
/** A colour profile or a weak protection may change a level by this much. */
const CHECK_TOLERANCE = 12;

/**
 * Reads frames of any kind through canvases, which are kept from frame to frame. `planes.ts` reads the formats of most
 * cameras in less time.
 *
 * A frame is drawn once onto a canvas of its own size, and squares are cut from that canvas: a camera's frame is
 * converted from YUV each time that it is drawn. Measured with a 640x480 I420 frame, one letterbox and three faces,
 * Chromium without a GPU, in turn in one run (fastest of 40): 4.7 ms cut from the frame itself, 0.8 ms from the canvas.
 *
 * Squares that shrink are cut from a copy that is halved once or more, so that the cut itself shrinks by less than two.
 * Canvases interpolate between the four nearest pixels only: a cut that shrinks by five would skip most pixels. The
 * canvas's `imageSmoothingQuality` has the same effect in one browser and none in others; here it took 1.4 ms, halving
 * 0.7 ms.
 */
export class Pixels {
  readonly #squares = new Map<number, Context>();
  /** The frame, then its halves; those from `#fresh` on are of an earlier frame. */
  readonly #levels: Context[] = [];
  #fresh = 0;
  #isTrusted = false;

  /**
   * Read a frame. The picture is valid until the next call, also after the frame is closed.
   *
   * @param rotation The picture is the frame turned by this.
   * @throws EmotionCamError `unsupported-browser` where workers have no canvas, or where it gives noise.
   */
  read(frame: Frame, rotation: Rotation = 0): Picture {
    if (!this.#isTrusted) checkReading(openContext(CHECK_SIDE, CHECK_SIDE));
    this.#isTrusted = true;
    const shownWidth = "displayWidth" in frame ? frame.displayWidth : frame.width;
    const shownHeight = "displayHeight" in frame ? frame.displayHeight : frame.height;
    const [width, height] = rotation % 180 === 0 ? [shownWidth, shownHeight] : [shownHeight, shownWidth];
    const context = this.#canvas(0, width, height);
    transform(context, turned(rotation, shownWidth, shownHeight));
    context.drawImage(frame, 0, 0, shownWidth, shownHeight);
    this.#fresh = 1;
    return { width, height, cut: (square, size) => this.#cut(square, size, width, height) };
  }

  #cut({ centerX, centerY, side, roll }: Square, size: number, width: number, height: number): Uint8ClampedArray {
    const scale = size / side;
    const level = this.#level(Math.max(0, Math.floor(Math.log2(1 / scale))), width, height);
    const context = this.#squares.get(size) ?? openContext(size, size);
    this.#squares.set(size, context);
    context.resetTransform();
    context.clearRect(0, 0, size, size);
    // From frame pixels to the square's: move its centre to the middle, undo the roll, scale.
    const cos = Math.cos(roll) * scale;
    const sin = Math.sin(roll) * scale;
    const x = size / 2 - (cos * centerX + sin * centerY);
    const y = size / 2 - (cos * centerY - sin * centerX);
    context.setTransform(cos, -sin, sin, cos, x, y);
    context.drawImage(level.canvas, 0, 0, width, height);
    return context.getImageData(0, 0, size, size).data;
  }

  /** @returns The frame, halved as often as wanted; fewer times where a side would become shorter than a pixel. */
  #level(wanted: number, width: number, height: number): Context {
    const most = Math.floor(Math.log2(Math.min(width, height)));
    const index = Math.max(0, Math.min(wanted, most));
    for (; this.#fresh <= index; this.#fresh++) {
      const factor = 2 ** -this.#fresh;
      const previous = this.#levels[this.#fresh - 1]!;
      const [levelWidth, levelHeight] = [Math.round(width * factor), Math.round(height * factor)];
      this.#canvas(this.#fresh, levelWidth, levelHeight).drawImage(previous.canvas, 0, 0, levelWidth, levelHeight);
    }
    return this.#levels[index]!;
  }

  /** @returns The canvas of a level, in that size. */
  #canvas(index: number, width: number, height: number): Context {
    let context = this.#levels[index];
    if (context?.canvas.width !== width || context.canvas.height !== height) {
      context = openContext(width, height);
      this.#levels[index] = context;
    }
    return context;
  }
}

function transform(context: Context, { xx, xy, x0, yx, yy, y0 }: Affine): void {
  context.setTransform(xx, yx, xy, yy, x0, y0);
}

/**
 * Check that a canvas gives the pixels that were drawn on it. Browsers that hide the machine from pages may give noise
 * in which no face is ever found. Weaker protections
 * change single levels by one, which harms nothing.
 *
 * @param context Of a canvas of at least {@link CHECK_SIDE} pixels a side; it is drawn on.
 * @throws EmotionCamError `unsupported-browser`.
 */
export function checkReading(context: Pick<Context, "fillStyle" | "fillRect" | "getImageData">): void {
  context.fillStyle = `rgb(${CHECK_RGBA.slice(0, 3).join(" ")})`;
  context.fillRect(0, 0, CHECK_SIDE, CHECK_SIDE);
  const { data } = context.getImageData(0, 0, CHECK_SIDE, CHECK_SIDE);
  if (data.every((level, at) => Math.abs(level - CHECK_RGBA[at % 4]!) <= CHECK_TOLERANCE)) return;
  throw new EmotionCamError(
    "unsupported-browser",
    "This browser gives noise in place of a canvas's pixels, as a protection against fingerprinting, so no face can " +
      "be found. Allow this page to read canvases (in Firefox beside the page's address, or turn off " +
      "privacy.resistFingerprinting in about:config), or open it in another browser.",
  );
}

/**
 * Open a canvas without alpha: pixels that are not drawn on are black.
 *
 * @throws EmotionCamError `unsupported-browser` where workers have no canvas: only `planes.ts` can read frames there.
 */
function openContext(width: number, height: number): Context {
  if (typeof OffscreenCanvas === "undefined")
    throw new EmotionCamError(
      "unsupported-browser",
      "This source can only be read through an OffscreenCanvas, which this browser does not have in workers. Open the " +
        "page in a current Chrome, Edge, Firefox or Safari.",
    );
  return new OffscreenCanvas(width, height).getContext("2d", { alpha: false, willReadFrequently: true })!;
}
