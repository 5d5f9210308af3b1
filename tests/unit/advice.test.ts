import { describe, expect, test } from "vitest";
import { Advice } from "../../src/pipeline/advice.ts";

describe("Advice", () => {
  test("is given after a second of the same reason, and stays for a second", () => {
    const advice = new Advice();
    for (let timeMs = 0; timeMs < 1000; timeMs += 100) {
      advice.note("step-back", timeMs);
      expect(advice.at(timeMs)).toBeUndefined();
    }
    advice.note("step-back", 1000);
    expect(advice.at(1000)).toBe("step-back");
    expect(advice.at(1900)).toBe("step-back");
    expect(advice.at(2000)).toBeUndefined();
  });

  test("a reason that comes and goes is none", () => {
    const advice = new Advice();
    for (let timeMs = 0; timeMs < 20_000; timeMs += 900) {
      advice.note("too-dark", timeMs);
      expect(advice.at(timeMs)).toBeUndefined();
    }
  });

  test("darkness comes first: nobody can step back from it", () => {
    const advice = new Advice();
    for (let timeMs = 0; timeMs <= 1200; timeMs += 100) {
      advice.note("step-back", timeMs);
      advice.note("too-dark", timeMs);
    }
    expect(advice.at(1200)).toBe("too-dark");
    advice.reset();
    expect(advice.at(1200)).toBeUndefined();
  });
});
