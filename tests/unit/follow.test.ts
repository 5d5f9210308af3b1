import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type FollowTarget, followLooks, isReached, verifySquare } from "../../src/pipeline/follow.ts";

const box = fc
  .tuple(
    fc.double({ min: 0, max: 600, noNaN: true }),
    fc.double({ min: 0, max: 440, noNaN: true }),
    fc.double({ min: 15, max: 300, noNaN: true }),
  )
  .map(([x, y, width]) => ({ x, y, width, height: width }));

const faces = fc
  .array(
    fc.record({
      box,
      confirmed: fc.boolean(),
      missed: fc.boolean(),
      doubted: fc.boolean(),
      lookedMs: fc.integer({ min: 0, max: 1000 }),
    }),
    { maxLength: 10 },
  )
  .map((list): FollowTarget[] => list.map((face, index) => ({ id: index + 1, ...face })));

describe("followLooks", () => {
  test("reaches every target once, at a scale at which the detector finds it", () => {
    fc.assert(
      fc.property(faces, (followed) => {
        const looks = followLooks(followed);
        const reached = looks.flatMap(({ ids }) => ids);
        expect([...reached].sort((a, b) => a - b)).toEqual(followed.map(({ id }) => id));
        for (const { square, ids } of looks) {
          for (const id of ids) {
            const face = followed.find((candidate) => candidate.id === id);
            const share = (face?.box.width ?? 0) / square.side;
            expect(share).toBeGreaterThanOrEqual(0.15);
            expect(share).toBeLessThanOrEqual(0.6 + 1e-9);
          }
        }
      }),
    );
  });

  test("one look reaches two faces that are close together", () => {
    const together = [100, 150].map((x, index) => ({
      id: index + 1,
      box: { x, y: 100, width: 60, height: 60 },
      confirmed: true,
      missed: false,
      doubted: false,
      lookedMs: 0,
    }));
    expect(followLooks(together.map((face) => ({ ...face, missed: face.id === 1 })))).toHaveLength(1);
    expect(followLooks(together.map((face) => ({ ...face, box: { ...face.box, x: face.box.x * 3 } })))).toHaveLength(2);
  });

  test("unconfirmed tracks come first, then those that waited longest", () => {
    const at = (id: number, x: number, confirmed: boolean, lookedMs: number): FollowTarget => ({
      id,
      box: { x, y: 100, width: 40, height: 40 },
      confirmed,
      missed: false,
      doubted: false,
      lookedMs,
    });
    const looks = followLooks([at(1, 0, true, 500), at(2, 200, true, 100), at(3, 400, false, 900)]);
    expect(looks.map(({ ids }) => ids[0])).toEqual([3, 2, 1]);
  });
});

describe("verifySquare", () => {
  test("contains the face", () => {
    fc.assert(fc.property(box, (around) => isReached({ box: around }, verifySquare(around))));
  });
});

describe("isReached", () => {
  const face = { box: { x: 100, y: 100, width: 40, height: 40 } };
  test("is false where the face is cut, too small or too large", () => {
    expect(isReached(face, { centerX: 120, centerY: 120, side: 100, roll: 0 })).toBe(true);
    expect(isReached(face, { centerX: 180, centerY: 120, side: 100, roll: 0 })).toBe(false);
    expect(isReached(face, { centerX: 120, centerY: 120, side: 400, roll: 0 })).toBe(false);
    expect(isReached(face, { centerX: 120, centerY: 120, side: 50, roll: 0 })).toBe(false);
  });
});
