import { EmotionCamError } from "../errors.ts";
import type { Picture, Square } from "../pipeline/stages.ts";

/** A frame as it comes from the camera, a clip or a picture. */
export type Frame = VideoFrame | ImageBitmap;

type Context = OffscreenCanvasRenderingContext2D;

/**
 * Turns any frame into a picture by canvases, which are kept from frame to frame; `planes.ts` does it in less time for
 * what most cameras give.
 *
 * A frame is drawn once onto a canvas of its own size and cut from there: a camera's frame is converted from YUV each
 * time that it is drawn. Measured with a 640x480 I420 frame, one letterbox and three faces, Chromium without a GPU,
 * in turn in one run (fastest of 40): 4.7 ms cut from the frame itself, 0.8 ms from the canvas.
 *
 * Squares that shrink are cut from a copy halved once or more, by which the cut itself stays under a factor of two:
 * canvases filter no more than the four nearest pixels, so that a direct cut by five would leave out most pixels. The
 * canvas's own `imageSmoothingQuality` does the same in one browser and nothing in others; here it took 1.4 ms where
 * halving took 0.7 ms.
 */
export class Pixels {
  readonly #squares = new Map<number, Context>();
  /** The frame, then its halves; those from `#fresh` on are of an earlier frame. */
  readonly #levels: Context[] = [];
  #fresh = 0;

  /** Reads a frame. The picture is valid until the next call, whether the frame is closed or not. */
  read(frame: Frame): Picture {
    const width = "displayWidth" in frame ? frame.displayWidth : frame.width;
    const height = "displayHeight" in frame ? frame.displayHeight : frame.height;
    this.#draw(0, frame, width, height);
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
    // Frame pixels to the square's: the centre to the middle, turned back by the roll, scaled.
    const cos = Math.cos(roll) * scale;
    const sin = Math.sin(roll) * scale;
    const x = size / 2 - (cos * centerX + sin * centerY);
    const y = size / 2 - (cos * centerY - sin * centerX);
    context.setTransform(cos, -sin, sin, cos, x, y);
    context.drawImage(level.canvas, 0, 0, width, height);
    return context.getImageData(0, 0, size, size).data;
  }

  /** The frame, halved so many times as far as there is something left to halve. */
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
    let context = this.#levels[index];
    if (context?.canvas.width !== width || context.canvas.height !== height) {
      context = openContext(width, height);
      this.#levels[index] = context;
    }
    context.drawImage(image, 0, 0, width, height);
  }
}

/**
 * Without alpha, what is not drawn upon is black.
 *
 * @throws EmotionCamError `unsupported-browser` where workers have no canvas: only frames with planes can be read there.
 */
function openContext(width: number, height: number): Context {
  if (typeof OffscreenCanvas === "undefined")
    throw new EmotionCamError(
      "unsupported-browser",
      "This browser has no OffscreenCanvas in workers, with which this source is read. Open the page in a current " +
        "Chrome, Edge, Firefox or Safari.",
    );
  return new OffscreenCanvas(width, height).getContext("2d", { alpha: false, willReadFrequently: true })!;
}
