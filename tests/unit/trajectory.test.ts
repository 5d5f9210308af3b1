import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { correctTrajectory, predictCenter, startTrajectory } from "../../src/pipeline/trajectory.ts";

const speed = fc.double({ min: -500, max: 500, noNaN: true });
const stepMs = fc.double({ min: 5, max: 400, noNaN: true });

describe("correctTrajectory", () => {
  test("learns a constant velocity, whatever the step: no lag remains", () => {
    fc.assert(
      fc.property(speed, speed, stepMs, (velocityX, velocityY, step) => {
        const trajectory = startTrajectory({ x: 10, y: 20 });
        let timeMs = 0;
        for (; timeMs < 4000; timeMs += step) {
          const seconds = (timeMs + step) / 1000;
          correctTrajectory(trajectory, { x: 10 + velocityX * seconds, y: 20 + velocityY * seconds }, step);
        }
        expect(trajectory.velocityX).toBeCloseTo(velocityX, 3);
        expect(trajectory.velocityY).toBeCloseTo(velocityY, 3);
        expect(trajectory.x).toBeCloseTo(10 + (velocityX * timeMs) / 1000, 3);
      }),
    );
  });

  test("a still point stays where it is", () => {
    const trajectory = startTrajectory({ x: 3, y: 4 });
    for (let frame = 0; frame < 20; frame++) correctTrajectory(trajectory, { x: 3, y: 4 }, 66);
    expect(trajectory).toEqual({ x: 3, y: 4, velocityX: 0, velocityY: 0 });
  });

  test("a step of no time changes nothing", () => {
    const trajectory = startTrajectory({ x: 3, y: 4 });
    for (const step of [0, -5, Number.NaN]) correctTrajectory(trajectory, { x: 90, y: 90 }, step);
    expect(trajectory).toEqual({ x: 3, y: 4, velocityX: 0, velocityY: 0 });
  });
});

describe("predictCenter", () => {
  const walking = { x: 100, y: 50, velocityX: 80, velocityY: 0 };

  test("goes on at first as fast as before, and slower with each moment", () => {
    expect(predictCenter(walking, 0)).toEqual({ x: 100, y: 50 });
    expect(predictCenter(walking, 10).x).toBeCloseTo(100.8, 2);
    let last = { x: 100, by: Number.POSITIVE_INFINITY };
    for (let unseenMs = 100; unseenMs < 5000; unseenMs += 100) {
      const { x } = predictCenter(walking, unseenMs);
      expect(x - last.x).toBeGreaterThan(0);
      expect(x - last.x).toBeLessThan(last.by);
      last = { x, by: x - last.x };
    }
  });
});
