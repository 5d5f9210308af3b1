import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { steadyShare } from "../../src/pipeline/steady.ts";
import { normal, seeded } from "./made-world.ts";

describe("steadyShare", () => {
  test("never overshoots and never goes back, for any steps", () => {
    const steps = fc.array(fc.double({ min: 0, max: 2000, noNaN: true }), { maxLength: 60 });
    fc.assert(
      fc.property(steps, fc.double({ min: 0, max: 50, noNaN: true }), (stepsMs, start) => {
        let distance = start;
        for (const stepMs of stepsMs) {
          const share = steadyShare(distance, stepMs);
          expect(share).toBeGreaterThanOrEqual(0);
          expect(share).toBeLessThanOrEqual(1);
          expect(distance * (1 - share)).toBeLessThanOrEqual(distance);
          distance *= 1 - share;
        }
      }),
    );
  });

  test("converges: after a second less than 0.5 % of a face width is left", () => {
    fc.assert(
      fc.property(fc.integer({ min: 5, max: 60 }), fc.double({ min: 0.001, max: 5, noNaN: true }), (rate, start) => {
        let distance = start;
        for (let frame = 0; frame < rate; frame++) distance *= 1 - steadyShare(distance, 1000 / rate);
        expect(distance).toBeLessThan(0.005);
      }),
    );
  });

  test("the jitter of a still face is less than half of the detector's", () => {
    const random = seeded(1);
    let shown = 0;
    const seen: number[] = [];
    const steadied: number[] = [];
    for (let frame = 0; frame < 2000; frame++) {
      const at = 0.015 * normal(random);
      shown += steadyShare(Math.abs(at - shown), 1000 / 15) * (at - shown);
      seen.push(at);
      steadied.push(shown);
    }
    const deviation = (values: number[]): number =>
      Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0) / 2000);
    expect(deviation(steadied)).toBeLessThan(0.5 * deviation(seen));
  });

  test("lags by less than a tenth of a face width behind a face that moves one width a second", () => {
    let shown = 0;
    let lag = 0;
    for (let frame = 1; frame <= 30; frame++) {
      const at = frame / 15;
      shown += steadyShare(Math.abs(at - shown), 1000 / 15) * (at - shown);
      lag = at - shown;
    }
    expect(lag).toBeLessThan(0.1);
  });
});
