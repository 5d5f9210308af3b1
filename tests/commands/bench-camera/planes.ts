/** One of a frame's planes, 8 bits a sample, rows without gaps. */
interface Plane {
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
}

/** A square of the frame, as `src/pipeline/stages.ts` has it. */
interface Square {
  readonly centerX: number;
  readonly centerY: number;
  readonly side: number;
  readonly roll: number;
}

/** Cuts squares out of a frame's YUV planes by plain arithmetic, without a canvas. */
export class Planes {
  #buffer = new Uint8Array(0);
  /** Y, U and V, then their halves. */
  readonly #levels: Plane[][] = [];
  #fresh = 0;

  /** @throws Error where the frame has no three planes of 8 bits. */
  async read(frame: VideoFrame): Promise<void> {
    if (frame.format !== "I420") throw new Error(`The camera's frames are ${frame.format}, not I420.`);
    const size = frame.allocationSize();
    if (this.#buffer.length !== size) this.#buffer = new Uint8Array(size);
    const layout = await frame.copyTo(this.#buffer);
    const { width, height } = frame.visibleRect!;
    const sizes = [width, width / 2, width / 2].map((planeWidth, index) => ({
      width: planeWidth,
      height: index === 0 ? height : height / 2,
    }));
    this.#levels[0] = sizes.map((plane, index) => {
      const { offset, stride } = layout[index]!;
      if (stride !== plane.width) throw new Error(`A row of ${plane.width} samples takes ${stride} bytes.`);
      return { ...plane, bytes: this.#buffer.subarray(offset, offset + plane.width * plane.height) };
    });
    this.#fresh = 1;
  }

  /** @returns RGBA bytes, `size` x `size`, black beyond the frame. */
  cut({ centerX, centerY, side, roll }: Square, size: number, out: Uint8ClampedArray): Uint8ClampedArray {
    const scale = side / size;
    const level = Math.max(0, Math.floor(Math.log2(scale)));
    const [luma, blue, red] = this.#level(level) as [Plane, Plane, Plane];
    const cos = (Math.cos(roll) * scale) / 2 ** level;
    const sin = (Math.sin(roll) * scale) / 2 ** level;
    const half = size / 2 - 0.5;
    const middleX = centerX / 2 ** level - 0.5;
    const middleY = centerY / 2 ** level - 0.5;
    for (let row = 0, to = 0; row < size; row++) {
      for (let column = 0; column < size; column++, to += 4) {
        const x = middleX + cos * (column - half) - sin * (row - half);
        const y = middleY + sin * (column - half) + cos * (row - half);
        if (x < 0 || y < 0 || x >= luma.width - 1 || y >= luma.height - 1) {
          out[to] = out[to + 1] = out[to + 2] = 0;
          out[to + 3] = 255;
          continue;
        }
        // BT.601, limited range, as cameras of up to 576 lines have it.
        const c = 1.164 * (bilinear(luma, x, y) - 16);
        const nearest = (y >> 1) * blue.width + (x >> 1);
        const u = blue.bytes[nearest]! - 128;
        const v = red.bytes[nearest]! - 128;
        out[to] = c + 1.596 * v;
        out[to + 1] = c - 0.391 * u - 0.813 * v;
        out[to + 2] = c + 2.018 * u;
        out[to + 3] = 255;
      }
    }
    return out;
  }

  #level(index: number): readonly Plane[] {
    for (; this.#fresh <= index; this.#fresh++) {
      const made = this.#levels[this.#fresh];
      this.#levels[this.#fresh] = this.#levels[this.#fresh - 1]!.map((plane, which) => halve(plane, made?.[which]));
    }
    return this.#levels[index]!;
  }
}

function bilinear({ bytes, width }: Plane, x: number, y: number): number {
  const column = x | 0;
  const row = y | 0;
  const at = row * width + column;
  const right = x - column;
  const top = bytes[at]! + (bytes[at + 1]! - bytes[at]!) * right;
  const bottom = bytes[at + width]! + (bytes[at + width + 1]! - bytes[at + width]!) * right;
  return top + (bottom - top) * (y - row);
}

function halve(plane: Plane, made: Plane | undefined): Plane {
  const width = plane.width >> 1;
  const height = plane.height >> 1;
  const bytes = made?.width === width && made.height === height ? made.bytes : new Uint8Array(width * height);
  const from = plane.bytes;
  for (let row = 0, to = 0; row < height; row++) {
    for (let at = row * 2 * plane.width, end = at + width * 2; at < end; at += 2, to++) {
      bytes[to] = (from[at]! + from[at + 1]! + from[at + plane.width]! + from[at + plane.width + 1]! + 2) >> 2;
    }
  }
  return { width, height, bytes };
}
