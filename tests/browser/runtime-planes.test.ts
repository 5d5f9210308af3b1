import { describe, expect, test } from "vitest";
import { Pixels } from "../../src/runtime/pixels.ts";
import { Planes } from "../../src/runtime/planes.ts";

/** A frame of soft waves of light and colour, as a camera gives it. */
function wavyFrame(
  format: "I420" | "NV12",
  width: number,
  height: number,
  colorSpace: VideoColorSpaceInit,
): VideoFrame {
  const colour = { width: (width + 1) >> 1, height: (height + 1) >> 1 };
  const count = colour.width * colour.height;
  const bytes = new Uint8Array(width * height + 2 * count);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) bytes[y * width + x] = 120 + 70 * Math.sin(x / 23) * Math.cos(y / 17);
  for (let y = 0; y < colour.height; y++) {
    for (let x = 0; x < colour.width; x++) {
      const at = y * colour.width + x;
      const [u, v] = [128 + 40 * Math.sin(x / 31), 128 + 40 * Math.cos(y / 29)];
      bytes[width * height + (format === "I420" ? at : 2 * at)] = u;
      bytes[width * height + (format === "I420" ? count + at : 2 * at + 1)] = v;
    }
  }
  return new VideoFrame(bytes, { format, codedWidth: width, codedHeight: height, timestamp: 0, colorSpace });
}

const LIMITED_601 = { matrix: "smpte170m", primaries: "smpte170m", transfer: "smpte170m", fullRange: false } as const;
const LIMITED_709 = { matrix: "bt709", primaries: "bt709", transfer: "bt709", fullRange: false } as const;
const FULL_601 = { ...LIMITED_601, fullRange: true } as const;

const SQUARES = [
  { name: "the letterboxed frame", square: { centerX: 320, centerY: 240, side: 640, roll: 0 }, size: 128 },
  { name: "a face", square: { centerX: 300, centerY: 200, side: 130, roll: 0.3 }, size: 48 },
  { name: "an enlarged face", square: { centerX: 200, centerY: 300, side: 30, roll: -1.2 }, size: 48 },
  { name: "a face at the edge", square: { centerX: 630, centerY: 30, side: 150, roll: 2 }, size: 64 },
];

/** Levels that two cuts differ by: on average, and the share of pixels by more than 12. */
function difference(one: Uint8ClampedArray, other: Uint8ClampedArray): { mean: number; far: number } {
  let sum = 0;
  let far = 0;
  one.forEach((level, index) => {
    const by = Math.abs(level - other[index]!);
    sum += by;
    if (by > 12) far++;
  });
  return { mean: sum / one.length, far: far / one.length };
}

describe.each(["I420", "NV12"] as const)("%s planes", (format) => {
  for (const { name, square, size } of SQUARES) {
    test(`cut ${name} as the canvas does`, async () => {
      const frame = wavyFrame(format, 640, 480, LIMITED_601);
      const expected = new Pixels().read(frame).cut(square, size).slice();
      const picture = await new Planes().read(frame);
      frame.close();
      expect([picture?.width, picture?.height]).toEqual([640, 480]);
      const { mean, far } = difference(picture!.cut(square, size), expected);
      expect(mean).toBeLessThan(1.5);
      // Where the frame ends in the square, the canvas softens the edge.
      expect(far).toBeLessThan(0.03);
    });
  }
});

test.each([LIMITED_601, LIMITED_709, FULL_601])("colours of $matrix, full range: $fullRange", async (colorSpace) => {
  const frame = wavyFrame("I420", 640, 480, colorSpace);
  const square = { centerX: 320, centerY: 240, side: 200, roll: 0 };
  const expected = new Pixels().read(frame).cut(square, 100).slice();
  const picture = await new Planes().read(frame);
  frame.close();
  expect(difference(picture!.cut(square, 100), expected).mean).toBeLessThan(3);
});

test("odd sizes, and frames of another size after them", async () => {
  const planes = new Planes();
  for (const [width, height] of [
    [333, 251],
    [640, 480],
    [90, 121],
  ] as const) {
    const frame = wavyFrame("I420", width, height, LIMITED_601);
    const square = { centerX: width / 2, centerY: height / 2, side: Math.max(width, height), roll: 0 };
    const expected = new Pixels().read(frame).cut(square, 64).slice();
    const picture = await planes.read(frame);
    frame.close();
    expect(difference(picture!.cut(square, 64), expected).mean).toBeLessThan(3);
  }
});

test("what has no planes is left to the canvas", async () => {
  const canvas = new OffscreenCanvas(64, 48);
  canvas.getContext("2d")!.fillRect(0, 0, 64, 48);
  const frame = new VideoFrame(canvas, { timestamp: 0 });
  const bitmap = await createImageBitmap(canvas);
  expect(await new Planes().read(frame)).toBeNull();
  expect(await new Planes().read(bitmap)).toBeNull();
  frame.close();
});
