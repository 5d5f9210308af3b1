import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EmotionCamError, type EmotionCamErrorCode, ERRORS } from "../../src/errors.ts";
import { Life } from "../../src/recovery.ts";

const CODES = Object.keys(ERRORS) as EmotionCamErrorCode[];

/** @returns The wait after each of several failures in a row, milliseconds. */
function waitsOf(code: EmotionCamErrorCode, failures: number): number[] {
  const life = new Life();
  return Array.from({ length: failures }, () => {
    life.begin();
    return life.fail(code, 0);
  });
}

describe("waits", () => {
  test("double up to a limit", () => {
    expect(waitsOf("camera-missing", 5)).toEqual([1000, 2000, 4000, 5000, 5000]);
    expect(waitsOf("worker-crash", 9)).toEqual([250, 500, 1000, 2000, 4000, 8000, 16_000, 30_000, 30_000]);
    expect(waitsOf("model-corrupt", 6)).toEqual([5000, 10_000, 20_000, 40_000, 60_000, 60_000]);
    expect(waitsOf("camera-lost", 5000).at(-1)).toBe(5000);
  });

  test("are infinite where only a person can help", () => {
    expect(waitsOf("camera-denied", 2)).toEqual([Infinity, Infinity]);
  });

  test.each(CODES)("%s is recoverable exactly where it is tried again", (code) => {
    expect(Number.isFinite(new Life().fail(code, 0))).toBe(new EmotionCamError(code, "").recoverable);
  });
});

describe("a life", () => {
  test("goes through its states", () => {
    const life = new Life();
    expect(life.state).toBe("trying");
    life.thrive(0);
    expect(life.state).toBe("well");
    life.fail("worker-crash", 1);
    expect(life.state).toBe("waiting");
    life.begin();
    expect(life.state).toBe("trying");
    life.end();
    expect(life.state).toBe("over");
  });

  test("that is over stays over", () => {
    const life = new Life();
    life.end();
    life.begin();
    life.thrive(0);
    expect(life.fail("worker-crash", 1)).toBe(Infinity);
    expect(life.state).toBe("over");
  });

  test("forgets its failures after ten seconds of work, and not before", () => {
    const life = new Life();
    for (let nowMs = 0; nowMs < 8000; nowMs += 2000) {
      life.thrive(nowMs);
      life.fail("worker-crash", nowMs + 1000);
      life.begin();
    }
    expect(life.failures).toBe(4);
    life.thrive(10_000);
    life.thrive(19_000);
    expect(life.fail("worker-crash", 20_000)).toBe(250);
    expect(life.failures).toBe(1);
  });

  test("never gives up and never tries too often, whatever fails", () => {
    const codes = CODES.filter((code) => new EmotionCamError(code, "").recoverable);
    const step = fc.record({ code: fc.constantFrom(...codes), wellMs: fc.integer({ min: 0, max: 9999 }) });
    fc.assert(
      fc.property(fc.array(step, { minLength: 20, maxLength: 60 }), (steps) => {
        const life = new Life();
        let nowMs = 0;
        for (const [index, { code, wellMs }] of steps.entries()) {
          life.begin();
          if (wellMs > 0) life.thrive(nowMs);
          nowMs += wellMs;
          const waitMs = life.fail(code, nowMs);
          expect(waitMs).toBeGreaterThanOrEqual(250);
          expect(waitMs).toBeLessThanOrEqual(60_000);
          // A thing that never works for long is soon tried at most once in five seconds.
          if (index >= 10) expect(waitMs).toBeGreaterThanOrEqual(5000);
          nowMs += waitMs;
        }
      }),
    );
  });
});
