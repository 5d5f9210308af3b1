import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isPlausible } from "../../src/pipeline/doubt.ts";
import type { Point } from "../../src/types.ts";
import { keypointsOf } from "./made-world.ts";

const WIDTH = 80;
const box = { x: 200 - WIDTH / 2, y: 200 - WIDTH / 2, width: WIDTH, height: WIDTH };

/** A frontal head whose keypoints are each moved by a function of its place, relative to the head's centre. */
function head(roll: number, move: (point: Point, index: number) => Point = (point) => point) {
  const keypoints = keypointsOf({ centerX: 0, centerY: 0, width: WIDTH, roll }).map((point, index) => {
    const moved = move(point, index);
    return { x: 200 + moved.x, y: 200 + moved.y };
  });
  return { box, keypoints, score: 0.9 };
}

describe("isPlausible", () => {
  test("accepts heads that are rolled by 45 degrees, turned until the eyes are half as far apart, and jittering", () => {
    fc.assert(
      fc.property(
        fc.double({ min: -0.78, max: 0.78, noNaN: true }),
        fc.double({ min: 0.5, max: 1, noNaN: true }),
        fc.array(fc.double({ min: -2, max: 2, noNaN: true }), { minLength: 12, maxLength: 12 }),
        (roll, turned, tremble) => {
          const narrowed = keypointsOf({ centerX: 0, centerY: 0, width: WIDTH }).map(({ x, y }, index) => {
            const at = { x: turned * x + (tremble[index] ?? 0), y: y + (tremble[index + 6] ?? 0) };
            return {
              x: 200 + Math.cos(roll) * at.x - Math.sin(roll) * at.y,
              y: 200 + Math.sin(roll) * at.x + Math.cos(roll) * at.y,
            };
          });
          expect(isPlausible({ box, keypoints: narrowed, score: 0.9 })).toBe(true);
        },
      ),
    );
  });

  test("rejects a mouth above the eyes", () => {
    expect(isPlausible(head(0, ({ x, y }) => ({ x, y: -y })))).toBe(false);
  });

  test("rejects keypoints in one place, too far apart, beside each other, NaN or missing", () => {
    expect(isPlausible(head(0, () => ({ x: 0, y: 0 })))).toBe(false);
    expect(isPlausible(head(0, ({ x, y }) => ({ x: 2.5 * x, y: 2.5 * y })))).toBe(false);
    expect(isPlausible(head(0, ({ x, y }, index) => (index === 3 ? { x: x + 45, y } : { x, y })))).toBe(false);
    expect(isPlausible(head(0, ({ x, y }, index) => (index === 2 ? { x, y: y + 40 } : { x, y })))).toBe(false);
    expect(isPlausible(head(0, () => ({ x: Number.NaN, y: 0 })))).toBe(false);
    expect(isPlausible({ box, keypoints: [], score: 1 })).toBe(false);
  });

  test("rejects keypoints outside the box", () => {
    expect(isPlausible(head(0, ({ x, y }) => ({ x: x + 60, y })))).toBe(false);
  });
});
