import type { Picture, Square } from "../pipeline/stages.ts";
import type { Rotation } from "../types.ts";
import { type Affine, SAME, chain, undoTurn } from "./affine.ts";
import { type Grid, Sampler } from "./sampler.ts";
import {
  BT601,
  BT709,
  type Bytes,
  RGB_FORMATS,
  type YuvImage,
  halveImage,
  rgbToYuv,
  splitChroma,
  yuvImage,
  yuvToRgb,
} from "./yuv.ts";

/**
 * Cuts squares straight out of a frame's bytes, by plain arithmetic and without a canvas. A camera's YUV planes are
 * copied as they are, and only the few pixels of the squares are converted to RGB. Measured with the fake camera, one
 * letterbox and one face, Chromium without a GPU, in turn in one run (the command `bench-camera`): a third of the time
 * of drawing the frame onto a canvas and cutting from there. Chromium also keeps each frame that is drawn onto a canvas
 * in a cache of up to 500 MB.
 *
 * Frames in other formats (a picture, a video of 10 bits) are converted to YUV planes first.
 *
 * Squares that shrink are cut from planes halved once or more, as in `pixels.ts`, and for the same reason.
 */
export class Planes {
  /** The frame's bytes as the browser copies them. */
  #buffer: Bytes = new Uint8Array(0);
  /** Planes that are made here: of an RGB frame all three, of NV12 the chroma. */
  #made: Bytes = new Uint8Array(0);
  #toPlane: Affine = SAME;
  /** The frame, then its halves; those from `#fresh` on are of an earlier frame. */
  readonly #levels: YuvImage[] = [];
  #fresh = 0;
  #toRgb = yuvToRgb(BT601, false);
  /** By size of the squares. */
  readonly #samplers = new Map<number, Sampler>();

  /**
   * Read a frame. The picture is valid until the next call, also after the frame is closed.
   *
   * @param rotation A turn on top of the frame's own rotation; the picture is the turned frame.
   * @returns `null` where only a canvas can read it: an `ImageBitmap`, or a format that the browser does not convert
   * to RGB.
   */
  async read(frame: VideoFrame | ImageBitmap, rotation: Rotation = 0): Promise<Picture | null> {
    if (!("codedWidth" in frame) || frame.visibleRect === null) return null;
    const { width, height } = frame.visibleRect;
    const image = isYuv420(frame) ? await this.#copy(frame, width, height) : await this.#convert(frame, width, height);
    if (image === null) return null;
    this.#levels[0] = image;
    this.#fresh = 1;
    this.#toPlane = planeOfShown(frame, width, height, rotation);
    const upright = rotation % 180 === 0;
    return {
      width: upright ? frame.displayWidth : frame.displayHeight,
      height: upright ? frame.displayHeight : frame.displayWidth,
      cut: (square, size) => this.#cut(square, size),
    };
  }

  /** Copy a frame of I420 or NV12. Without a layout `copyTo` leaves no gaps between rows. */
  async #copy(frame: VideoFrame, width: number, height: number): Promise<YuvImage> {
    this.#buffer = sized(this.#buffer, frame.allocationSize());
    const layout = await frame.copyTo(this.#buffer);
    const { matrix, fullRange } = frame.colorSpace;
    this.#toRgb = yuvToRgb(matrix === "bt709" ? BT709 : BT601, fullRange === true);
    const count = ((width + 1) >> 1) * ((height + 1) >> 1);
    const plane = (index: number, bytes: number) => {
      const { offset } = layout[index]!;
      return this.#buffer.subarray(offset, offset + bytes);
    };
    const y = plane(0, width * height);
    if (frame.format !== "NV12") return yuvImage(width, height, y, plane(1, count), plane(2, count));
    this.#made = sized(this.#made, 2 * count);
    splitChroma(plane(1, 2 * count), count, this.#made);
    return yuvImage(width, height, y, this.#made.subarray(0, count), this.#made.subarray(count));
  }

  /** Convert a frame of another format, through RGB. */
  async #convert(frame: VideoFrame, width: number, height: number): Promise<YuvImage | null> {
    const format = RGB_FORMATS.find((each) => each === frame.format);
    const wish: VideoFrameCopyToOptions = format === undefined ? { format: "RGBA" } : {};
    if (format === undefined && !converts(frame, wish, width * height * 4)) return null;
    this.#buffer = sized(this.#buffer, frame.allocationSize(wish));
    await frame.copyTo(this.#buffer, wish);
    const light = width * height;
    const count = ((width + 1) >> 1) * ((height + 1) >> 1);
    this.#made = sized(this.#made, light + 2 * count);
    const image = yuvImage(
      width,
      height,
      this.#made.subarray(0, light),
      this.#made.subarray(light, light + count),
      this.#made.subarray(light + count),
    );
    rgbToYuv(this.#buffer, format ?? "RGBA", image);
    this.#toRgb = yuvToRgb(BT601, true);
    return image;
  }

  /** Cut as {@link Picture.cut} says. */
  #cut({ centerX, centerY, side, roll }: Square, size: number): Uint8ClampedArray {
    const sampler = this.#samplers.get(size) ?? new Sampler(size);
    this.#samplers.set(size, sampler);
    const scale = side / size;
    const { xx, xy, x0, yx, yy, y0 } = this.#toPlane;
    const index = this.#levelFor(scale * Math.hypot(xx, yx));
    const perLevel = 2 ** -index;
    const cos = Math.cos(roll) * scale * perLevel;
    const sin = Math.sin(roll) * scale * perLevel;
    const grid: Grid = {
      // Pixels' corners lie at whole numbers and samples at their centres, so half a pixel is subtracted.
      middleX: (xx * centerX + xy * centerY + x0) * perLevel - 0.5,
      middleY: (yx * centerX + yy * centerY + y0) * perLevel - 0.5,
      rightX: xx * cos + xy * sin,
      rightY: yx * cos + yy * sin,
      downX: xy * cos - xx * sin,
      downY: yy * cos - yx * sin,
    };
    return sampler.sample(this.#level(index), grid, this.#toRgb);
  }

  /**
   * @param scale Pixels of the frame's planes for one pixel of the square.
   * @returns How often to halve, so that the cut itself shrinks by less than two; fewer times where the planes end.
   */
  #levelFor(scale: number): number {
    const { width, height } = this.#levels[0]!.y;
    const most = Math.max(0, Math.floor(Math.log2(Math.min(width, height))) - 2);
    return Math.max(0, Math.min(Math.floor(Math.log2(scale)), most));
  }

  #level(index: number): YuvImage {
    for (; this.#fresh <= index; this.#fresh++)
      this.#levels[this.#fresh] = halveImage(this.#levels[this.#fresh - 1]!, this.#levels[this.#fresh]);
    return this.#levels[index]!;
  }
}

/** The formats of most cameras and videos. */
function isYuv420({ format }: VideoFrame): boolean {
  return format === "I420" || format === "NV12";
}

/**
 * Ask whether `copyTo` converts the format. Browsers of before spring 2024 do not: they throw, or ignore the wish and
 * give another size.
 *
 * @param bytes The size of the frame in the wished format.
 */
function converts(frame: VideoFrame, wish: VideoFrameCopyToOptions, bytes: number): boolean {
  try {
    return frame.allocationSize(wish) === bytes;
  } catch {
    return false;
  }
}

/** @returns The same bytes where their number fits, else new ones. */
function sized(bytes: Bytes, count: number): Bytes {
  return bytes.length === count ? bytes : new Uint8Array(count);
}

/**
 * Compute where a point of the picture lies in the planes. The planes are rotated clockwise by quarter turns, then
 * mirrored, then stretched to the display size (https://www.w3.org/TR/webcodecs/#dom-videoframe-rotation), then turned.
 *
 * @param width Of the planes, pixels.
 * @param height Of the planes, pixels.
 * @param turn The last of these turns, clockwise.
 */
function planeOfShown(frame: VideoFrame, width: number, height: number, turn: Rotation): Affine {
  const { displayWidth, displayHeight } = frame;
  const { rotation = 0, flip = false } = frame as VideoFrame & { readonly rotation?: number; readonly flip?: boolean };
  const unturn = undoTurn(turn, displayWidth, displayHeight);
  const unflip = flip ? { ...SAME, xx: -1, x0: displayWidth } : SAME;
  const [turnedWidth, turnedHeight] = rotation % 180 === 0 ? [width, height] : [height, width];
  const unstretch = { ...SAME, xx: turnedWidth / displayWidth, yy: turnedHeight / displayHeight };
  const unrotate = undoTurn(rotation, width, height);
  return [unflip, unstretch, unrotate].reduce(chain, unturn);
}
