import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ShownFrame, judge } from "../commands/look/smoothness.ts";
import { Damper } from "../../src/view/damper.ts";

const FRAME_MS = 1000 / 60;

/** The frames of marks that ease to a face, which moves at a speed; an answer comes with every so many frames. */
function followed(speed: number, every: number, count: number, side: number): ShownFrame[] {
  const damper = new Damper(500);
  return Array.from({ length: count }, (_, frame) => {
    const answer = Math.floor(frame / every);
    const goal = 500 + side * speed * every * answer;
    damper.step(goal, FRAME_MS);
    return { timeMs: frame * FRAME_MS, x: Math.round(damper.value), goal, answer };
  });
}

describe("the judge of the marks", () => {
  const runs = fc.tuple(fc.integer({ min: 6, max: 20 }), fc.integer({ min: 1, max: 3 }), fc.constantFrom(1, -1));

  test("finds that eased marks move in each frame and never back", () => {
    fc.assert(
      fc.property(runs, ([speed, every, side]) => {
        const { moving, moved, backPx, framesPerSecond, answersPerSecond } = judge(followed(speed, every, 121, side));
        expect(moving).toBeGreaterThan(121 - 4 * every);
        expect([moved, backPx]).toEqual([moving, 0]);
        expect(framesPerSecond).toBeCloseTo(60, 6);
        expect(answersPerSecond).toBeCloseTo(60 / every, 0);
      }),
    );
  });

  test("finds marks that move with the answers only, and one step back", () => {
    fc.assert(
      fc.property(runs, fc.integer({ min: 2, max: 9 }), ([speed, every, side], back) => {
        const frames = followed(speed, every, 121, side);
        const jumpy = frames.map((frame) => ({ ...frame, x: frame.goal }));
        const { moving, moved } = judge(jumpy);
        // Marks that lie at their goal have not far to go, so only the frames with an answer count: all moved.
        expect(moved).toBe(moving);
        const late = frames.map((frame, index) => ({ ...frame, x: frames[index - (index % (2 * every))]!.x }));
        const stood = judge(late);
        expect(stood.moved).toBeLessThan(0.8 * stood.moving);
        const bent = frames.map((frame, index) =>
          index === 60 ? { ...frame, x: frames[59]!.x - side * back } : frame,
        );
        expect(judge(bent).backPx).toBe(back);
      }),
    );
  });

  test("says nothing of a person who stands still", () => {
    expect(judge(followed(0, 2, 60, 1))).toMatchObject({ moving: 0, moved: 0, backPx: 0 });
  });
});
