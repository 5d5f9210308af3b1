import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Damper } from "../../src/view/damper.ts";

const place = fc.double({ min: -4000, max: 4000, noNaN: true });
const stepMs = fc.double({ min: 0.1, max: 100, noNaN: true });

describe("the damper", () => {
  test("arrives at its goal and rests", () => {
    fc.assert(
      fc.property(place, place, stepMs, (from, goal, step) => {
        const damper = new Damper(from);
        for (let time = 0; time < 2000; time += step) damper.step(goal, step);
        expect(damper.value).toBe(goal);
        expect(damper.step(goal, step)).toBe(true);
      }),
    );
  });

  test("is within 5 % of the distance after 160 ms", () => {
    const damper = new Damper(0);
    damper.step(100, 160);
    expect(damper.value).toBeGreaterThan(95);
    expect(damper.value).toBeLessThan(100);
  });

  test("never overshoots a goal, however the goal jumps", () => {
    fc.assert(
      fc.property(place, fc.array(fc.tuple(place, stepMs), { minLength: 1, maxLength: 40 }), (from, moves) => {
        const damper = new Damper(from);
        for (const [goal, step] of moves) {
          const before = damper.value;
          damper.step(goal, step);
          const [low, high] = before < goal ? [-Infinity, goal] : [goal, Infinity];
          expect(damper.value).toBeGreaterThanOrEqual(low);
          expect(damper.value).toBeLessThanOrEqual(high);
        }
      }),
    );
  });

  test("never moves away from the goal when it starts at rest", () => {
    fc.assert(
      fc.property(place, place, fc.array(stepMs, { maxLength: 40 }), (from, goal, steps) => {
        const damper = new Damper(from);
        let away = Math.abs(from - goal);
        for (const step of steps) {
          damper.step(goal, step);
          expect(Math.abs(damper.value - goal)).toBeLessThanOrEqual(away + 1e-9);
          away = Math.abs(damper.value - goal);
        }
      }),
    );
  });

  test("moves as far in two half steps as in one whole step", () => {
    fc.assert(
      fc.property(place, place, fc.double({ min: 1, max: 60, noNaN: true }), (from, goal, step) => {
        const whole = new Damper(from);
        const halves = new Damper(from);
        whole.step(goal, step);
        halves.step(goal, step / 2);
        halves.step(goal, step / 2);
        expect(Math.abs(whole.value - halves.value)).toBeLessThan(0.06);
      }),
    );
  });
});
