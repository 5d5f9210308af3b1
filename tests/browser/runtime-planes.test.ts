import { describe, expect, test } from "vitest";
import { Pixels } from "../../src/runtime/pixels.ts";
import { Planes } from "../../src/runtime/planes.ts";

/** Make a frame of smooth waves of luma and chroma, in a camera's format. */
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

/** Compare two cuts: the mean difference, and the share of bytes that differ by more than 12. */
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
      // The canvas softens the frame's edge within the square.
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

test("frames of odd sizes, one after the other", async () => {
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

/** A square that is off the frame's centre, so that rotating or mirroring the frame changes it. */
const PATCH = { centerX: 200, centerY: 150, side: 160, roll: 0.2 };

async function expectAsCanvas(frame: VideoFrame, square = PATCH): Promise<void> {
  const expected = new Pixels().read(frame);
  const picture = await new Planes().read(frame);
  expect([picture?.width, picture?.height]).toEqual([expected.width, expected.height]);
  const { mean, far } = difference(picture!.cut(square, 64), expected.cut(square, 64));
  frame.close();
  expect(mean).toBeLessThan(2);
  expect(far).toBeLessThan(0.03);
}

describe.each([0, 90, 180, 270] as const)("frames rotated by %i degrees", (rotation) => {
  test.each([false, true])("mirrored: %s", async (flip) => {
    const upright = wavyFrame("I420", 640, 480, LIMITED_601);
    const frame = new VideoFrame(upright, { rotation, flip } as VideoFrameInit);
    upright.close();
    expect(frame.displayWidth).toBe(rotation % 180 === 0 ? 640 : 480);
    await expectAsCanvas(frame);
  });
});

test("a visible part of the planes, displayed larger", async () => {
  const whole = wavyFrame("I420", 640, 480, LIMITED_601);
  const visibleRect = { x: 100, y: 60, width: 320, height: 240 };
  const frame = new VideoFrame(whole, { visibleRect, displayWidth: 480, displayHeight: 360 });
  whole.close();
  await expectAsCanvas(frame);
});

/** Make smooth waves of colour, as RGBA or BGRA bytes. */
function wavyPixels(width: number, height: number, alpha: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(width * height * 4);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      bytes[at] = 128 + 100 * Math.sin(x / 31);
      bytes[at + 1] = 128 + 80 * Math.sin(x / 23) * Math.cos(y / 17);
      bytes[at + 2] = 128 + 100 * Math.cos(y / 37);
      bytes[at + 3] = alpha;
    }
  }
  return bytes;
}

test.each([
  ["RGBA", 255],
  ["RGBA", 100],
  ["RGBX", 0],
  ["BGRA", 255],
  ["BGRX", 0],
] as const)("RGB pixels: %s, alpha %i", async (format, alpha) => {
  const [width, height] = [401, 301];
  const bytes = wavyPixels(width, height, alpha);
  await expectAsCanvas(new VideoFrame(bytes, { format, codedWidth: width, codedHeight: height, timestamp: 0 }));
});

test.each(["I422", "I444"] as const)("planes of other kinds: %s", async (format) => {
  const [width, height] = [400, 300];
  const light = new Uint8Array(width * height).map((_, at) => 128 + 80 * Math.sin((at % width) / 23));
  const colour = new Uint8Array((format === "I422" ? 1 : 2) * light.length).fill(140);
  const bytes = new Uint8Array([...light, ...colour]);
  const init = { format, codedWidth: width, codedHeight: height, timestamp: 0, colorSpace: LIMITED_601 };
  await expectAsCanvas(new VideoFrame(bytes, init));
});

test("a canvas", async () => {
  const canvas = new OffscreenCanvas(400, 300);
  const context = canvas.getContext("2d")!;
  context.putImageData(new ImageData(new Uint8ClampedArray(wavyPixels(400, 300, 255)), 400, 300), 0, 0);
  await expectAsCanvas(new VideoFrame(canvas, { timestamp: 0 }));
});

test("ImageBitmaps are left to the canvas, and so are formats that the browser does not convert to RGB", async () => {
  const canvas = new OffscreenCanvas(64, 48);
  canvas.getContext("2d")!.fillRect(0, 0, 64, 48);
  expect(await new Planes().read(await createImageBitmap(canvas))).toBeNull();
  const frame = new VideoFrame(new Uint8Array(64 * 48 * 3), {
    format: "I444",
    codedWidth: 64,
    codedHeight: 48,
    timestamp: 0,
  });
  const older = new Proxy(frame, {
    get: (target, name) =>
      name === "allocationSize" ? () => target.allocationSize() : (Reflect.get(target, name, target) as unknown),
  });
  expect(await new Planes().read(older)).toBeNull();
  frame.close();
});
