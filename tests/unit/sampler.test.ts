import { expect, test } from "vitest";
import { type Grid, Sampler } from "../../src/runtime/sampler.ts";
import { BT601, type YuvImage, yuvImage, yuvToRgb } from "../../src/runtime/yuv.ts";
import { seeded } from "../seeded.ts";

const SIZE = 16;
const TO_RGB = yuvToRgb(BT601, false);

function randomImage(width: number, height: number, random: () => number): YuvImage {
  const bytes = (count: number) => Uint8Array.from({ length: count }, () => Math.floor(256 * random()));
  const chroma = ((width + 1) >> 1) * ((height + 1) >> 1);
  return yuvImage(width, height, bytes(width * height), bytes(chroma), bytes(chroma));
}

/** Read one point as `Sampler` says, without its tables. @returns RGBA. */
function pointOf({ y: luma, u, v }: YuvImage, x: number, y: number): readonly number[] {
  const { width, height, bytes } = luma;
  if (x < -0.5 || y < -0.5 || x >= width - 0.5 || y >= height - 0.5) return [0, 0, 0, 255];
  const clamp = (value: number, last: number) => Math.max(0, Math.min(value, last));
  const at = (column: number, row: number) => bytes[clamp(row, height - 1) * width + clamp(column, width - 1)]!;
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const mix = (a: number, b: number, share: number) => a + (b - a) * share;
  const row = (number: number) => mix(at(left, number), at(left + 1, number), x - left);
  const light = TO_RGB.gain * (mix(row(top), row(top + 1), y - top) - TO_RGB.black);
  const nearest =
    clamp(Math.floor(y + 0.5) >> 1, u.height - 1) * u.width + clamp(Math.floor(x + 0.5) >> 1, u.width - 1);
  const [du, dv] = [u.bytes[nearest]! - 128, v.bytes[nearest]! - 128];
  return [
    light + TO_RGB.redOfV * dv,
    light + TO_RGB.greenOfU * du + TO_RGB.greenOfV * dv,
    light + TO_RGB.blueOfU * du,
    255,
  ];
}

test.each(["upright", "mirrored", "turned by a quarter", "rolled"])("a grid that is %s", (kind) => {
  const random = seeded(7);
  for (let trial = 0; trial < 60; trial++) {
    const [width, height] = [9 + (trial % 8), 7 + (trial % 5)];
    const image = randomImage(width, height, random);
    const step = 0.3 + 1.5 * random();
    const roll = kind === "rolled" ? 0.2 + random() : 0;
    const [cos, sin] = [step * Math.cos(roll), step * Math.sin(roll)];
    const [middleX, middleY] = [width * random(), height * random()];
    const grids: Record<string, Grid> = {
      upright: { middleX, middleY, rightX: step, rightY: 0, downX: 0, downY: step },
      mirrored: { middleX, middleY, rightX: -step, rightY: 0, downX: -0, downY: step },
      "turned by a quarter": { middleX, middleY, rightX: 0, rightY: step, downX: -step, downY: 0 },
      rolled: { middleX, middleY, rightX: cos, rightY: sin, downX: -sin, downY: cos },
    };
    const { rightX, rightY, downX, downY } = grids[kind]!;
    const rgba = new Sampler(SIZE).sample(image, grids[kind]!, TO_RGB);
    const half = (SIZE - 1) / 2;
    for (let row = 0; row < SIZE; row++) {
      for (let column = 0; column < SIZE; column++) {
        const x = middleX + rightX * (column - half) + downX * (row - half);
        const y = middleY + rightY * (column - half) + downY * (row - half);
        const wanted = pointOf(image, x, y);
        for (let channel = 0; channel < 4; channel++) {
          const byte = rgba[4 * (row * SIZE + column) + channel]!;
          // Clamped, and rounded: sums of many steps differ in their last bits.
          const exact = Math.max(0, Math.min(wanted[channel]!, 255));
          expect(Math.abs(byte - exact), `${trial}: ${column}, ${row}`).toBeLessThanOrEqual(0.5 + 1e-9);
        }
      }
    }
  }
});
