import { EmotionCamError } from "../errors.ts";
import type { Picture, Square } from "../pipeline/stages.ts";
import type { Rotation } from "../types.ts";

/** A frame of a camera, a video or a picture. */
export type Frame = VideoFrame | ImageBitmap;

type Context = OffscreenCanvasRenderingContext2D;

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

  /**
   * Read a frame. The picture is valid until the next call, also after the frame is closed.
   *
   * @param rotation How far the picture is turned against the frame.
   * @throws EmotionCamError `unsupported-browser` where workers have no canvas.
   */
  read(frame: Frame, rotation: Rotation = 0): Picture {
    const across = "displayWidth" in frame ? frame.displayWidth : frame.width;
    const down = "displayHeight" in frame ? frame.displayHeight : frame.height;
    const [width, height] = rotation % 180 === 0 ? [across, down] : [down, across];
    const context = this.#open(0, width, height);
    // Turn around the middle.
    context.setTransform(1, 0, 0, 1, width / 2, height / 2);
    context.rotate((rotation * Math.PI) / 180);
    context.drawImage(frame, -across / 2, -down / 2, across, down);
    context.resetTransform();
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
      this.#draw(this.#fresh, previous.canvas, Math.round(width * factor), Math.round(height * factor));
    }
    return this.#levels[index]!;
  }

  #draw(index: number, image: CanvasImageSource, width: number, height: number): void {
    this.#open(index, width, height).drawImage(image, 0, 0, width, height);
  }

  /** @returns The canvas of a level, in the wished size. */
  #open(index: number, width: number, height: number): Context {
    let context = this.#levels[index];
    if (context?.canvas.width !== width || context.canvas.height !== height) {
      context = openContext(width, height);
      this.#levels[index] = context;
    }
    return context;
  }
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
