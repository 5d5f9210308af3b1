import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LUMA_BLOCKS, blockLuma, isSameLuma } from "../../src/pipeline/luma.ts";
import { normal, seeded } from "./made-world.ts";

const SIZE = 48;

function luma(rgba: Uint8ClampedArray, size = SIZE, offset = 0): Float32Array {
  return blockLuma(rgba, offset, size, new Float32Array(LUMA_BLOCKS * LUMA_BLOCKS));
}

function picture(gray: (x: number, y: number) => number): Uint8ClampedArray {
  const rgba = new Uint8ClampedArray(SIZE * SIZE * 4);
  for (let at = 0; at < SIZE * SIZE; at++) rgba.fill(gray(at % SIZE, Math.floor(at / SIZE)), at * 4, at * 4 + 4);
  return rgba;
}

describe("blockLuma", () => {
  test("a uniform gray gives that gray in each block, at any size", () => {
    fc.assert(
      fc.property(fc.integer({ min: LUMA_BLOCKS, max: 60 }), fc.integer({ min: 0, max: 255 }), (size, gray) => {
        for (const mean of luma(new Uint8ClampedArray(size * size * 4).fill(gray), size))
          expect(mean).toBeCloseTo(gray, 2);
      }),
      { numRuns: 30 },
    );
  });

  test("weighs the channels as BT.601 does", () => {
    const green = new Uint8ClampedArray(SIZE * SIZE * 4).map((_, at) => (at % 4 === 1 ? 200 : 0));
    expect(luma(green)[0]).toBeCloseTo(117.4, 1);
  });

  test("reads the square at the offset", () => {
    const two = new Uint8ClampedArray(2 * SIZE * SIZE * 4).fill(50, 0, SIZE * SIZE * 4);
    expect(luma(two)[3]).toBeCloseTo(50, 3);
    expect(luma(two, SIZE, SIZE * SIZE * 4)[3]).toBe(0);
  });
});

describe("isSameLuma", () => {
  const shaded = picture((x, y) => 60 + 2 * x + y);

  test("is true under camera noise", () => {
    const random = seeded(5);
    for (let frame = 0; frame < 50; frame++) {
      const noisy = picture((x, y) => 60 + 2 * x + y + 6 * normal(random));
      expect(isSameLuma(luma(shaded), luma(noisy))).toBe(true);
    }
  });

  test("is false where a mouth opens", () => {
    const open = picture((x, y) => 60 + 2 * x + y - (Math.abs(x - 24) < 5 && Math.abs(y - 37) < 4 ? 40 : 0));
    expect(isSameLuma(luma(shaded), luma(open))).toBe(false);
  });

  test("is false before the first crop", () => {
    expect(isSameLuma(luma(shaded), new Float32Array(LUMA_BLOCKS * LUMA_BLOCKS).fill(Number.NaN))).toBe(false);
  });
});
