import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type WeighedSighting, isSameFace, merge } from "../../src/pipeline/merge.ts";
import { keypointsOf } from "./made-world.ts";

function sighting(centerX: number, centerY: number, width: number, trust = 0, score = 0.9): WeighedSighting {
  return {
    box: { x: centerX - width / 2, y: centerY - width / 2, width, height: width },
    keypoints: keypointsOf({ centerX, centerY, width }),
    score,
    trust,
  };
}

const heap = fc.array(
  fc
    .tuple(
      fc.double({ min: 0, max: 640, noNaN: true }),
      fc.double({ min: 0, max: 480, noNaN: true }),
      fc.double({ min: 20, max: 200, noNaN: true }),
      fc.double({ min: -0.4, max: 0, noNaN: true }),
    )
    .map(([x, y, width, trust]) => sighting(x, y, width, trust)),
  { maxLength: 12 },
);

describe("merge", () => {
  test("keeps exactly one sighting of each face", () => {
    fc.assert(
      fc.property(heap, (sightings) => {
        const kept = merge(sightings);
        kept.forEach((a, index) => {
          for (const b of kept.slice(index + 1)) expect(isSameFace(a, b)).toBe(false);
        });
        for (const one of sightings) {
          expect(kept.includes(one) || kept.some((other) => isSameFace(other, one))).toBe(true);
        }
        expect(merge(kept)).toEqual(kept);
      }),
    );
  });

  test("two tiles that see one face give the sighting of the more trusted look", () => {
    const near = sighting(200, 200, 50, -0.02, 0.8);
    const far = sighting(204, 203, 56, -0.25, 0.95);
    expect(merge([far, near])).toEqual([near]);
  });

  test("the whole face is kept where another tile cuts it", () => {
    const whole = sighting(200, 200, 80, -0.1);
    const cut = sighting(182, 200, 40, -0.2);
    expect(merge([cut, whole])).toEqual([whole]);
  });

  test("two faces side by side stay two", () => {
    expect(merge([sighting(200, 200, 50), sighting(245, 200, 50)])).toHaveLength(2);
  });
});
