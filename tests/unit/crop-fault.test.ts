import { describe, expect, test } from "vitest";
import { CropJudge } from "../../src/pipeline/crop-fault.ts";
import { normal, seeded } from "./made-world.ts";

const SIZE = 48;
const CROP = { imageLeftEye: { x: 0.318, y: 0.396 }, imageRightEye: { x: 0.682, y: 0.396 } };

type Shade = (x: number, y: number) => number;

/** A face: shaded skin, eyes with brows, a nose and an open mouth. Places are pixels of the square. */
const SHADED: Shade = (x, y) => {
  const skin = 150 - 1.6 * Math.abs(x - 22) - 0.9 * Math.abs(y - 22) + 8 * Math.sin(0.55 * x) * Math.cos(0.45 * y);
  const eye = [15.3, 32.7].some((at) => Math.hypot((x - at) / 1.6, y - 19) < 2.6) ? -70 : 0;
  const brow = [15.3, 32.7].some((at) => Math.abs(x - at) < 5 && Math.abs(y - 13) < 1.2) ? -50 : 0;
  const nose = Math.hypot(x - 24, (y - 29) / 1.5) < 2.5 ? -25 : 0;
  const mouth = Math.hypot((x - 24) / 2.5, y - 38) < 3 ? -60 : 0;
  return skin + eye + brow + nose + mouth;
};
const MASKED: Shade = (x, y) => (y >= 27 && x >= 6 && x < 42 ? 190 : SHADED(x, y));
const SMILEY: Shade = (x, y) => {
  const isEye = [15.3, 32.7].some((at) => Math.hypot(x - at, (y - 19) / 1.3) < 2.2);
  const isArc = Math.abs(Math.hypot(x - 24, y - 26) - 10) < 1.2 && y > 30;
  return isEye || isArc ? 0 : 205;
};

function judge(shade: Shade, noise = 0, light = 1) {
  const random = seeded(7);
  const rgba = new Uint8ClampedArray(4 * SIZE * SIZE);
  for (let at = 0; at < SIZE * SIZE; at++) {
    const level = light * shade(at % SIZE, Math.floor(at / SIZE)) + noise * normal(random);
    rgba.fill(level, 4 * at, 4 * at + 3);
  }
  return new CropJudge(SIZE, CROP).judge(rgba, 0);
}

describe("CropJudge", () => {
  test("a shaded face is fit to be read, also under noise and in half the light", () => {
    for (const noise of [0, 4, 10]) for (const light of [0.5, 1, 1.4]) expect(judge(SHADED, noise, light)).toBeNull();
  });

  test("a face with a plain surface over nose and mouth hides its expression, whatever the light", () => {
    for (const noise of [0, 4]) for (const light of [0.6, 1]) expect(judge(MASKED, noise, light)).toBe("mouth-hidden");
  });

  test("an eighth of the light is too dark, with the noise that comes with it", () => {
    expect(judge(SHADED, 10, 0.12)).toBe("dark");
    expect(judge(MASKED, 10, 0.12)).toBe("dark");
  });

  test("a face of two tones and a few lines is a drawing", () => {
    for (const noise of [0, 2]) expect(judge(SMILEY, noise)).toBe("drawn");
  });

  test("a square without any contrast is not judged", () => {
    expect(judge(() => 120, 1)).toBeNull();
  });
});
