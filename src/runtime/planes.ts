import type { Picture, Square } from "../pipeline/stages.ts";

type Bytes = Uint8Array<ArrayBuffer>;

/** Rows of bytes without gaps: a frame's luma, or one of its two differences of colour. */
interface Plane {
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
}

/** A frame's three planes, or their halves. */
type Level = readonly [luma: Plane, blue: Plane, red: Plane];

/** From YUV to RGB, for differences of colour that were brought down by 128. */
interface Colours {
  /** Black's luma. */
  readonly black: number;
  readonly luma: number;
  readonly redOfV: number;
  readonly greenOfU: number;
  readonly greenOfV: number;
  readonly blueOfU: number;
}

/** The weights of red and blue in luma are ITU-R BT.601's or BT.709's; limited range has 219 steps of luma and 224 of colour where full range has 255. */
function coloursOf([red, blue]: readonly [red: number, blue: number], fullRange: boolean): Colours {
  const green = 1 - red - blue;
  const chroma = fullRange ? 1 : 255 / 224;
  return {
    black: fullRange ? 0 : 16,
    luma: fullRange ? 1 : 255 / 219,
    redOfV: 2 * (1 - red) * chroma,
    greenOfU: ((-2 * blue * (1 - blue)) / green) * chroma,
    greenOfV: ((-2 * red * (1 - red)) / green) * chroma,
    blueOfU: 2 * (1 - blue) * chroma,
  };
}

const BT601 = [0.299, 0.114] as const;
const BT709 = [0.2126, 0.0722] as const;

/**
 * From a point of the frame as it is shown to one of its planes, which may be turned, mirrored and of another size:
 * x' = xx * x + xy * y + x0, y' = yx * x + yy * y + y0; pixels.
 */
interface View {
  readonly xx: number;
  readonly xy: number;
  readonly x0: number;
  readonly yx: number;
  readonly yy: number;
  readonly y0: number;
}

/**
 * Cuts squares straight out of a frame's bytes, by plain arithmetic and without a canvas: a camera's YUV planes are
 * copied as they are, and only the few pixels of the squares are converted. Measured with the fake camera, one letterbox
 * and one face, Chromium without a GPU, in turn in one run (`tests/commands/bench-camera.ts`): a quarter of what
 * drawing the frame onto a canvas and cutting from there takes, or less. And Chromium keeps each frame that is drawn onto a canvas, until
 * hundreds of megabytes are full of them: the same command tells.
 *
 * Pixels of other kinds (a picture's, a film's of 10 bits) are first made into planes.
 *
 * Squares that shrink are cut from planes halved once or more, as in `pixels.ts`, and for the same reason.
 */
export class Planes {
  #buffer: Bytes = new Uint8Array(0);
  /** What pixels of other kinds are made into. */
  #made: Bytes = new Uint8Array(0);
  #view: View = { xx: 1, xy: 0, x0: 0, yx: 0, yy: 1, y0: 0 };
  /** The frame, then its halves; those from `#fresh` on are of an earlier frame. */
  readonly #levels: Level[] = [];
  #fresh = 0;
  #colours = coloursOf(BT601, false);
  readonly #squares = new Map<number, Uint8ClampedArray>();

  /**
   * Reads a frame. The picture is valid until the next call, whether the frame is closed or not.
   *
   * @returns `null` where only a canvas can read it: an `ImageBitmap`, and what the browser does not make into RGB.
   */
  async read(frame: VideoFrame | ImageBitmap): Promise<Picture | null> {
    if (!("codedWidth" in frame) || frame.visibleRect === null) return null;
    const { width, height } = frame.visibleRect;
    const level = isPlanar(frame) ? await this.#copy(frame, width, height) : await this.#convert(frame, width, height);
    if (level === null) return null;
    this.#levels[0] = level;
    this.#fresh = 1;
    this.#view = viewOf(frame, width, height);
    return {
      width: frame.displayWidth,
      height: frame.displayHeight,
      cut: (square, size) => this.#cut(square, size),
    };
  }

  async #copy(frame: VideoFrame, width: number, height: number): Promise<Level> {
    this.#buffer = sized(this.#buffer, frame.allocationSize());
    const layout = await frame.copyTo(this.#buffer);
    const { matrix, fullRange } = frame.colorSpace;
    this.#colours = coloursOf(matrix === "bt709" ? BT709 : BT601, fullRange === true);
    return this.#open(frame.format === "NV12", layout, width, height);
  }

  async #convert(frame: VideoFrame, width: number, height: number): Promise<Level | null> {
    const format = PIXEL_FORMATS.find((each) => each === frame.format);
    const wish: VideoFrameCopyToOptions = format === undefined ? { format: "RGBA" } : {};
    try {
      // Older browsers know no wishes and copy a frame as it is: in another size, or not at all.
      if (frame.allocationSize(wish) !== width * height * 4) return null;
      this.#buffer = sized(this.#buffer, width * height * 4);
      await frame.copyTo(this.#buffer, wish);
    } catch {
      return null;
    }
    const colour = { width: (width + 1) >> 1, height: (height + 1) >> 1 };
    const [light, count] = [width * height, colour.width * colour.height];
    this.#made = sized(this.#made, light + 2 * count);
    const part = (from: number, to: number) => this.#made.subarray(from, to);
    const level: Level = [
      { width, height, bytes: part(0, light) },
      { ...colour, bytes: part(light, light + count) },
      { ...colour, bytes: part(light + count, light + 2 * count) },
    ];
    toPlanes(this.#buffer, format ?? "RGBA", level);
    this.#colours = coloursOf(BT601, true);
    return level;
  }

  #open(interleaved: boolean, layout: readonly PlaneLayout[], width: number, height: number): Level {
    const colour = { width: (width + 1) >> 1, height: (height + 1) >> 1 };
    const from = (plane: number, count: number) => {
      const { offset } = layout[plane]!;
      return this.#buffer.subarray(offset, offset + count);
    };
    const luma = { width, height, bytes: from(0, width * height) };
    const count = colour.width * colour.height;
    if (!interleaved) return [luma, { ...colour, bytes: from(1, count) }, { ...colour, bytes: from(2, count) }];
    const both = from(1, 2 * count);
    const blue = new Uint8Array(count);
    const red = new Uint8Array(count);
    for (let to = 0; to < count; to++) {
      blue[to] = both[2 * to]!;
      red[to] = both[2 * to + 1]!;
    }
    return [luma, { ...colour, bytes: blue }, { ...colour, bytes: red }];
  }

  #cut({ centerX, centerY, side, roll }: Square, size: number): Uint8ClampedArray {
    const out = this.#squares.get(size) ?? new Uint8ClampedArray(size * size * 4);
    this.#squares.set(size, out);
    const scale = side / size;
    const { xx, xy, x0, yx, yy, y0 } = this.#view;
    const index = this.#levelFor(scale * Math.hypot(xx, yx));
    const [luma, blue, red] = this.#level(index);
    const { black, luma: gain, redOfV, greenOfU, greenOfV, blueOfU } = this.#colours;
    const perLevel = 2 ** -index;
    // Frame pixels' corners lie on whole numbers, samples in their middles: half a pixel is taken off.
    const cos = Math.cos(roll) * scale * perLevel;
    const sin = Math.sin(roll) * scale * perLevel;
    const [rightX, rightY] = [xx * cos + xy * sin, yx * cos + yy * sin];
    const [downX, downY] = [xy * cos - xx * sin, yy * cos - yx * sin];
    const middleX = (xx * centerX + xy * centerY + x0) * perLevel - 0.5;
    const middleY = (yx * centerX + yy * centerY + y0) * perLevel - 0.5;
    const half = (size - 1) / 2;
    const { width, height, bytes } = luma;
    const lastX = width - 1;
    const lastY = height - 1;
    const { width: colourWidth, height: colourHeight } = blue;
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
        // Of the colours the nearest sample will do: eyes and networks see light.
        const colourX = Math.min(((x + 0.5) | 0) >> 1, colourWidth - 1);
        const colourY = Math.min(((y + 0.5) | 0) >> 1, colourHeight - 1);
        const nearest = colourY * colourWidth + colourX;
        const u = blue.bytes[nearest]! - 128;
        const v = red.bytes[nearest]! - 128;
        out[to] = light + redOfV * v;
        out[to + 1] = light + greenOfU * u + greenOfV * v;
        out[to + 2] = light + blueOfU * u;
      }
    }
    return out;
  }

  /** How often to halve, so that the cut itself shrinks by less than two, as far as there is something left to halve. */
  #levelFor(scale: number): number {
    const { width, height } = this.#levels[0]![0];
    const most = Math.max(0, Math.floor(Math.log2(Math.min(width, height))) - 2);
    return Math.max(0, Math.min(Math.floor(Math.log2(scale)), most));
  }

  #level(index: number): Level {
    for (; this.#fresh <= index; this.#fresh++) {
      const [luma, blue, red] = this.#levels[this.#fresh - 1]!;
      const made = this.#levels[this.#fresh];
      this.#levels[this.#fresh] = [halve(luma, made?.[0]), halve(blue, made?.[1]), halve(red, made?.[2])];
    }
    return this.#levels[index]!;
  }
}

/** Cameras and clips give I420 or NV12. */
function isPlanar({ format }: VideoFrame): boolean {
  return format === "I420" || format === "NV12";
}

const PIXEL_FORMATS = ["RGBA", "RGBX", "BGRA", "BGRX"] as const;

/** @returns The same bytes where they are as many as wanted. */
function sized(bytes: Bytes, count: number): Bytes {
  return bytes.length === count ? bytes : new Uint8Array(count);
}

/**
 * How a frame is shown: turned clockwise by quarters, then mirrored, and stretched to its display size; its middle stays
 * its middle. https://www.w3.org/TR/webcodecs/#dom-videoframe-rotation
 *
 * @param width Of the planes, pixels.
 */
function viewOf(frame: VideoFrame, width: number, height: number): View {
  const { displayWidth, displayHeight } = frame;
  const { rotation = 0, flip = false } = frame as VideoFrame & { readonly rotation?: number; readonly flip?: boolean };
  const cos = Math.round(Math.cos((rotation * Math.PI) / 180));
  const sin = Math.round(Math.sin((rotation * Math.PI) / 180));
  const across = width / (sin === 0 ? displayWidth : displayHeight);
  const down = height / (sin === 0 ? displayHeight : displayWidth);
  const mirror = flip ? -1 : 1;
  const [xx, xy, yx, yy] = [mirror * cos * across, sin * across, -mirror * sin * down, cos * down];
  const x0 = (width - xx * displayWidth - xy * displayHeight) / 2;
  const y0 = (height - yx * displayWidth - yy * displayHeight) / 2;
  return { xx, xy, x0, yx, yy, y0 };
}

/**
 * Makes pixels into planes as JPEG's are (BT.601, full range): gray ones exactly. What is not opaque stands before black.
 *
 * @param bytes Four for a pixel, without gaps.
 */
function toPlanes(bytes: Bytes, format: (typeof PIXEL_FORMATS)[number], [luma, blue, red]: Level): void {
  const { width, height } = luma;
  // Signed, because such numbers stay whole ones in the browser's compiler.
  const pixels = new Int32Array(bytes.buffer, 0, width * height);
  const [redShift, blueShift] = format.startsWith("BGR") ? [16, 0] : [0, 16];
  const opaque = format.endsWith("X") ? -1 : 0;
  // Red's and blue's share in one product: its upper half is 77 red + 29 blue.
  const shares = redShift === 0 ? (77 << 16) | 29 : (29 << 16) | 77;
  const light = luma.bytes;
  for (let at = 0; at < pixels.length; at++) {
    const pixel = pixels[at]!;
    const level = ((Math.imul(pixel & 0xff00ff, shares) >>> 16) + 150 * ((pixel >> 8) & 0xff) + 128) >> 8;
    const alpha = (pixel >> 24) | opaque;
    light[at] = alpha === -1 ? level : (level * (alpha & 0xff)) / 255;
  }
  for (let row = 0, to = 0; row < height; row += 2) {
    for (let at = row * width, end = at + width; at < end; at += 2, to++) {
      const pixel = pixels[at]!;
      const [r, g, b] = [(pixel >> redShift) & 0xff, (pixel >> 8) & 0xff, (pixel >> blueShift) & 0xff];
      const alpha = ((pixel >> 24) | opaque) & 0xff;
      // Half of blue's and of red's distance from gray, which of a full colour is one too many.
      blue.bytes[to] = Math.min(255, 128 + (((128 * b - 85 * g - 43 * r) * alpha) >> 16));
      red.bytes[to] = Math.min(255, 128 + (((128 * r - 107 * g - 21 * b) * alpha) >> 16));
    }
  }
}

/** @param made Of an earlier frame; its bytes are used again where they fit. */
function halve({ width, height, bytes }: Plane, made: Plane | undefined): Plane {
  const halfWidth = width >> 1;
  const halfHeight = height >> 1;
  const count = halfWidth * halfHeight;
  const out = made?.bytes.length === count ? made.bytes : new Uint8Array(count);
  if (width % 8 === 0 && bytes.byteOffset % 4 === 0) halveWords(width >> 2, halfHeight, bytes, out);
  else halveBytes(width, halfHeight, bytes, out);
  return { width: halfWidth, height: halfHeight, bytes: out };
}

function halveBytes(width: number, halfHeight: number, bytes: Uint8Array, out: Uint8Array): void {
  const halfWidth = width >> 1;
  for (let row = 0, to = 0; row < halfHeight; row++) {
    for (let at = row * 2 * width, end = at + halfWidth * 2; at < end; at += 2, to++) {
      out[to] = (bytes[at]! + bytes[at + 1]! + bytes[at + width]! + bytes[at + width + 1]! + 2) >> 2;
    }
  }
}

/** Every other byte of a word; the sums of four bytes fit between them. */
const EVEN_BYTES = 0x00ff00ff;
/** Half of four, in both places: sums are rounded. */
const HALVES = 0x00020002;

/**
 * The same, four bytes of a row at a time. Of a frame of 1920x1080, whose halving is most of what a look costs, measured
 * in turn: 0.56 ms for the luma where single bytes take 1.28 ms.
 *
 * @param width Words of a row, an even number.
 */
function halveWords(width: number, halfHeight: number, bytes: Uint8Array, out: Uint8Array): void {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, 2 * width * halfHeight);
  const to = new Uint32Array(out.buffer, out.byteOffset, out.length >> 2);
  for (let row = 0, at = 0, count = 0; row < halfHeight; row++, at += width) {
    for (const end = at + width; at < end; at += 2, count++) {
      const left = halfWord(words[at]!, words[at + width]!);
      to[count] = left | (halfWord(words[at + 1]!, words[at + width + 1]!) << 16);
    }
  }
}

/** Two bytes: the means of four by two. Browsers' WebAssembly is little-endian wherever it runs, and so are these. */
function halfWord(upper: number, lower: number): number {
  const sums =
    (upper & EVEN_BYTES) + ((upper >>> 8) & EVEN_BYTES) + (lower & EVEN_BYTES) + ((lower >>> 8) & EVEN_BYTES) + HALVES;
  const means = sums >>> 2;
  return (means & 0xff) | ((means >>> 8) & 0xff00);
}
