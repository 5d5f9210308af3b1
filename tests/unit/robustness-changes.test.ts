import { describe, expect, it } from "vitest";
import { CHANGES } from "../commands/accuracy/robustness/changes.ts";
import { seeded } from "../seeded.ts";

const SIZE = 48;
/** A pattern that is brighter towards one side and has detail, like a lit face. */
const face = Uint8Array.from({ length: SIZE * SIZE }, (_, i) => {
  const [x, y] = [i % SIZE, Math.floor(i / SIZE)];
  return 60 + 2 * x + y + 15 * Math.sin(1.7 * x) * Math.sin(1.3 * y);
});
const flat = new Uint8Array(SIZE * SIZE).fill(90);

function apply(name: string, gray: Uint8Array, strength: number): Uint8Array {
  const change = CHANGES.find((candidate) => candidate.name === name);
  return change!.apply!(gray, SIZE, strength, seeded(5));
}

function distance(one: Uint8Array, other: Uint8Array): number {
  return one.reduce((sum, level, i) => sum + Math.abs(level - other[i]!), 0) / one.length;
}

function deviation(gray: Uint8Array): number {
  const mean = gray.reduce((sum, level) => sum + level, 0) / gray.length;
  return Math.sqrt(gray.reduce((sum, level) => sum + (level - mean) ** 2, 0) / gray.length);
}

describe("changes of a face", () => {
  it.each(CHANGES.filter(({ apply }) => apply).map(({ name, strengths }) => [name, strengths] as const))(
    "%s changes more with its strength, the same way each time, and leaves its input alone",
    (name, strengths) => {
      const before = face.slice();
      const distances = strengths.map((strength) => distance(apply(name, face, strength), face));
      expect(distances[0]).toBeGreaterThan(0);
      expect(distances[1]).toBeGreaterThan(distances[0]!);
      expect(distances[2]).toBeGreaterThan(distances[1]!);
      expect(apply(name, face, strengths[1])).toEqual(apply(name, face, strengths[1]));
      expect(apply(name, face, strengths[1])).toHaveLength(face.length);
      expect(face).toEqual(before);
    },
  );

  it.each(["blur", "roll", "scale", "shift"])(
    "%s leaves a flat picture flat: nothing leaks in from outside",
    (name) => {
      expect(apply(name, flat, name === "scale" ? 0.3 : 2)).toEqual(flat);
    },
  );

  it.each(["roll", "scale", "shift"])("%s by 0 leaves the face as it is", (name) => {
    expect(apply(name, face, 0)).toEqual(face);
  });

  it("noise has the stated standard deviation", () => {
    expect(deviation(apply("noise", flat, 16))).toBeCloseTo(16, -0.5);
  });

  it("occlusion hides one square of the stated side", () => {
    const hidden = apply("occlusion", flat, 18).filter((level) => level === 128);
    expect(hidden).toHaveLength(18 * 18);
  });

  it("contrast scales gray levels about the middle", () => {
    expect(Math.abs(deviation(apply("contrast", face, 0.4)) / deviation(face) - 0.4)).toBeLessThan(0.02);
  });
});
