import { type Random, normal } from "../../../seeded.ts";

/** Changes that a face can suffer on its way to the classifier, each at three strengths. Pure. */

/** The gray levels of a square, row by row. */
export type Gray = Uint8Array;

/** Returns a changed copy. `size` is the side in pixels, `strength` one of the change's `strengths`. */
type Apply = (gray: Gray, size: number, strength: number, random: Random) => Gray;

/** One kind of change. */
export interface Change {
  readonly name: string;
  /** The unit of the strengths. */
  readonly unit: string;
  readonly strengths: readonly [number, number, number];
  /** `null` if a browser's encoder does it, see `robustness.ts`. */
  readonly apply: Apply | null;
}

const MIDDLE = 128;

function byte(level: number): number {
  return Math.max(0, Math.min(255, Math.round(level)));
}

function eitherWay(amount: number, random: Random): number {
  return random() < 0.5 ? -amount : amount;
}

/** @returns The gray level at a place between pixels (bilinear). Outside, the border continues. */
function levelAt(gray: Gray, size: number, x: number, y: number): number {
  const inside = (value: number) => Math.max(0, Math.min(size - 1, value));
  const [left, top] = [Math.floor(inside(x)), Math.floor(inside(y))];
  const [right, bottom] = [Math.min(size - 1, left + 1), Math.min(size - 1, top + 1)];
  const [across, down] = [inside(x) - left, inside(y) - top];
  const row = (line: number) => gray[line * size + left]! * (1 - across) + gray[line * size + right]! * across;
  return row(top) * (1 - down) + row(bottom) * down;
}

/** Move pixels. @param source Gives the place that a pixel is read from; both places are relative to the middle. */
function warp(gray: Gray, size: number, source: (x: number, y: number) => readonly [number, number]): Gray {
  const middle = (size - 1) / 2;
  return Uint8Array.from(gray, (_, i) => {
    const [x, y] = source((i % size) - middle, Math.floor(i / size) - middle);
    return byte(levelAt(gray, size, x + middle, y + middle));
  });
}

function roll(gray: Gray, size: number, degrees: number, random: Random): Gray {
  const angle = (eitherWay(degrees, random) * Math.PI) / 180;
  const [cos, sin] = [Math.cos(angle), Math.sin(angle)];
  return warp(gray, size, (x, y) => [cos * x + sin * y, cos * y - sin * x]);
}

function scale(gray: Gray, size: number, share: number, random: Random): Gray {
  const factor = 1 + eitherWay(share, random);
  return warp(gray, size, (x, y) => [x / factor, y / factor]);
}

function shift(gray: Gray, size: number, pixels: number, random: Random): Gray {
  const angle = 2 * Math.PI * random();
  const [right, down] = [pixels * Math.cos(angle), pixels * Math.sin(angle)];
  return warp(gray, size, (x, y) => [x - right, y - down]);
}

/** @returns The weights of a Gaussian filter, out to three standard deviations. They sum to 1. */
function gaussian(deviation: number): readonly number[] {
  const reach = Math.ceil(3 * deviation);
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-((i - reach) ** 2) / (2 * deviation ** 2)));
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

function blur(gray: Gray, size: number, deviation: number): Gray {
  const weights = gaussian(deviation);
  const reach = (weights.length - 1) / 2;
  const inside = (value: number) => Math.max(0, Math.min(size - 1, value));
  const along = (from: ArrayLike<number>, index: (x: number, y: number, step: number) => number) =>
    Float64Array.from(gray, (_, i) =>
      weights.reduce((sum, weight, k) => sum + weight * from[index(i % size, Math.floor(i / size), k - reach)]!, 0),
    );
  const across = along(gray, (x, y, step) => y * size + inside(x + step));
  return Uint8Array.from(
    along(across, (x, y, step) => inside(y + step) * size + x),
    byte,
  );
}

/** Cover a part of the face with a gray square, as a hand, a cup or a microphone does. */
function occlude(gray: Gray, size: number, side: number, random: Random): Gray {
  const [left, top] = [random(), random()].map((share) => Math.floor(share * (size - side + 1))) as [number, number];
  const hides = (at: number, from: number) => at >= from && at < from + side;
  return gray.map((level, i) => (hides(i % size, left) && hides(Math.floor(i / size), top) ? MIDDLE : level));
}

/** The third strength of each change is the worst in which a person still recognises a face. */
export const CHANGES: readonly Change[] = [
  {
    name: "brightness",
    unit: "levels",
    strengths: [32, 64, 96],
    apply: (gray, _size, levels, random) => {
      const offset = eitherWay(levels, random);
      return gray.map((level) => byte(level + offset));
    },
  },
  {
    name: "contrast",
    unit: "of it left",
    strengths: [0.6, 0.4, 0.2],
    apply: (gray, _size, left) => gray.map((level) => byte(MIDDLE + left * (level - MIDDLE))),
  },
  { name: "blur", unit: "px deviation", strengths: [0.7, 1.2, 2], apply: blur },
  {
    name: "noise",
    unit: "levels deviation",
    strengths: [8, 16, 32],
    apply: (gray, _size, deviation, random) => gray.map((level) => byte(level + deviation * normal(random))),
  },
  { name: "JPEG", unit: "quality", strengths: [50, 25, 10], apply: null },
  { name: "roll", unit: "degrees", strengths: [8, 16, 24], apply: roll },
  { name: "scale", unit: "larger or smaller", strengths: [0.1, 0.2, 0.3], apply: scale },
  { name: "shift", unit: "px", strengths: [2, 4, 7], apply: shift },
  { name: "occlusion", unit: "px square", strengths: [12, 18, 24], apply: occlude },
];
