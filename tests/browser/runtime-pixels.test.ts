import { describe, expect, test } from "vitest";
import { Pixels } from "../../src/runtime/pixels.ts";

/** Make a frame whose pixels are a function of their place. */
async function paint(width: number, height: number, color: (x: number, y: number) => readonly number[]) {
  const image = new ImageData(width, height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) image.data.set([...color(x, y), 255], (y * width + x) * 4);
  }
  return createImageBitmap(image);
}

function pixel(rgba: Uint8ClampedArray, size: number, x: number, y: number): number[] {
  return [...rgba.subarray((y * size + x) * 4, (y * size + x) * 4 + 3)];
}

const QUADRANTS = (x: number, y: number) => [x < 100 ? 200 : 40, y < 60 ? 180 : 20, 90] as const;

describe("cut", () => {
  test("letterboxes the whole frame, with black above and below", async () => {
    const picture = new Pixels().read(await paint(200, 120, QUADRANTS));
    expect([picture.width, picture.height]).toEqual([200, 120]);
    const rgba = picture.cut({ centerX: 100, centerY: 60, side: 200, roll: 0 }, 50);
    expect(rgba).toHaveLength(50 * 50 * 4);
    expect(pixel(rgba, 50, 5, 3)).toEqual([0, 0, 0]);
    expect(pixel(rgba, 50, 5, 46)).toEqual([0, 0, 0]);
    expect(pixel(rgba, 50, 5, 15)).toEqual([200, 180, 90]);
    expect(pixel(rgba, 50, 45, 15)).toEqual([40, 180, 90]);
    expect(pixel(rgba, 50, 5, 35)).toEqual([200, 20, 90]);
  });

  test("turns a rolled face upright", async () => {
    // A face rolled clockwise by a quarter turn has the top of its head on the frame's right.
    const picture = new Pixels().read(await paint(200, 200, (x) => [x < 100 ? 10 : 250, 0, 0]));
    const rgba = picture.cut({ centerX: 100, centerY: 100, side: 100, roll: Math.PI / 2 }, 40);
    expect(pixel(rgba, 40, 20, 4)[0]).toBe(250);
    expect(pixel(rgba, 40, 20, 36)[0]).toBe(10);
  });

  test("is black beyond the frame's edge, also after another cut of the same size", async () => {
    const picture = new Pixels().read(await paint(64, 64, () => [255, 255, 255]));
    picture.cut({ centerX: 32, centerY: 32, side: 32, roll: 0 }, 32);
    const rgba = picture.cut({ centerX: 64, centerY: 32, side: 32, roll: 0 }, 32);
    expect(pixel(rgba, 32, 8, 16)).toEqual([255, 255, 255]);
    expect(pixel(rgba, 32, 24, 16)).toEqual([0, 0, 0]);
  });

  test.each([2, 3, 5, 7.3])("averages all pixels where it shrinks by %f", async (factor) => {
    // A fine checkerboard shrinks to a uniform gray; skipped pixels would make a coarse checkerboard.
    const picture = new Pixels().read(await paint(480, 480, (x, y) => ((x + y) % 2 ? [255, 255, 255] : [0, 0, 0])));
    const rgba = picture.cut({ centerX: 240, centerY: 240, side: 48 * factor, roll: 0 }, 48);
    const levels = Array.from({ length: 48 * 48 }, (_, i) => rgba[i * 4]!);
    expect(Math.min(...levels)).toBeGreaterThan(110);
    expect(Math.max(...levels)).toBeLessThan(145);
  });

  test("adapts to a frame of another size, and never shows an earlier frame", async () => {
    const pixels = new Pixels();
    const whole = { centerX: 100, centerY: 100, side: 200, roll: 0 };
    pixels.read(await paint(200, 200, () => [255, 0, 0])).cut(whole, 25);
    expect(pixel(pixels.read(await paint(200, 200, () => [0, 255, 0])).cut(whole, 25), 25, 12, 12)).toEqual([
      0, 255, 0,
    ]);
    const small = pixels.read(await paint(50, 30, () => [0, 0, 255]));
    expect([small.width, small.height]).toEqual([50, 30]);
    expect(pixel(small.cut({ centerX: 25, centerY: 15, side: 50, roll: 0 }, 25), 25, 12, 12)).toEqual([0, 0, 255]);
  });

  test("reads a camera's frame, and is valid after the frame is closed", async () => {
    const width = 64;
    const height = 48;
    const yuv = new Uint8Array(width * height * 1.5).fill(128);
    yuv.fill(235, 0, width * height);
    const frame = new VideoFrame(yuv, { format: "I420", codedWidth: width, codedHeight: height, timestamp: 0 });
    const picture = new Pixels().read(frame);
    frame.close();
    const [red] = pixel(picture.cut({ centerX: 32, centerY: 24, side: 32, roll: 0 }, 16), 16, 8, 8);
    expect(red).toBeGreaterThan(225);
  });
});
