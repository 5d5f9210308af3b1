import { describe, expect, test } from "vitest";
import { randomNumbers } from "../int8/networks.ts";
import { peopleComingAndGoing } from "../soak/people.ts";
import { plot } from "../soak/plot.ts";
import { type Made, summaryOf } from "../soak/summary.ts";
import { type Sample, trendOf } from "../soak/trend.ts";

const HOUR = 60;

/** An hour's samples, one a minute. */
const line = (value: (minute: number) => number): readonly Sample[] =>
  Array.from({ length: HOUR }, (_, minute) => ({ hours: minute / HOUR, value: value(minute) }));

function noise(seed: number): () => number {
  const random = randomNumbers(seed);
  return () => random(2001) / 1000 - 1;
}

describe("a trend", () => {
  test("noise about a level is flat, with any seed", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const next = noise(seed);
      expect(
        trendOf(
          line(() => 100 + 10 * next()),
          1,
        ).verdict,
      ).toBe("flat");
    }
  });

  test("a leak under the same noise rises, with the right slope", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const next = noise(seed);
      const trend = trendOf(
        line((minute) => 100 + minute / 2 + 5 * next()),
        1,
      );
      expect(trend.verdict).toBe("rises");
      expect(trend.slopePerHour).toBeGreaterThan(20);
      expect(trend.slopePerHour).toBeLessThan(40);
    }
  });

  test("one more tensor an hour counts as a rise where no rise is allowed", () => {
    expect(
      trendOf(
        line((minute) => 2 + Math.floor(minute / 20)),
        0,
      ).verdict,
    ).toBe("rises");
    expect(
      trendOf(
        line(() => 2),
        0,
      ).verdict,
    ).toBe("flat");
  });

  test("a rise in the first minutes, a fall and a single peak are no leaks", () => {
    expect(
      trendOf(
        line((minute) => Math.min(minute, 8)),
        0,
        9 / HOUR,
      ).verdict,
    ).toBe("flat");
    expect(
      trendOf(
        line((minute) => 100 - minute),
        0,
      ).verdict,
    ).toBe("flat");
    expect(
      trendOf(
        line((minute) => (minute === 59 ? 1000 : 5)),
        0,
      ).verdict,
    ).toBe("flat");
  });

  test("a few samples give no trend", () => {
    expect(trendOf(line((minute) => minute).slice(0, 7), 0).verdict).toBe("too short");
    expect(
      trendOf(
        line((minute) => minute),
        0,
        0.9,
      ).verdict,
    ).toBe("too short");
    expect(trendOf([], 0).verdict).toBe("too short");
  });
});

const leaking = { name: "heap <&>", unit: "MB", samples: line((minute) => minute) };
const resting = { name: "tensors", unit: "", samples: line(() => 2) };
const linesOf = (...lines: readonly (typeof leaking)[]) =>
  lines.map((each) => ({ ...each, trend: trendOf(each.samples, 0) }));
const made = (name: string, seconds: number, recovered = true): Made => ({
  name,
  hours: 0,
  seconds,
  errors: ["worker-crash"],
  recovered,
});
const soaked = (lines: ReturnType<typeof linesOf>, faults: readonly Made[], failure?: unknown) =>
  summaryOf({ about: "Soak", lines, faults, strays: [], progress: { faces: 9, people: 2, loads: 1 }, failure });

describe("the report", () => {
  test("passes if nothing rises and every fault was recovered from", () => {
    const { text, faults } = soaked(linesOf(resting), [made("worker", 1), made("worker", 3), made("worker", 20)]);
    expect(faults).toEqual([]);
    expect(text).toContain("| worker | 3 | 3.0 | 20.0 | worker-crash |");
    expect(text).toContain("Passed.");
  });

  test("fails, and names each reason", () => {
    expect(soaked(linesOf(leaking, resting), []).faults).toEqual(["heap <&> rises"]);
    expect(soaked(linesOf(resting), [made("clock", 120, false)]).faults).toEqual(["not recovered from: clock"]);
    expect(soaked(linesOf(resting), [], new Error("gone")).faults).toEqual(["ended early: gone"]);
    expect(soaked(linesOf({ ...resting, samples: [] }), []).faults).toEqual(["tensors could not be read"]);
  });

  test("the picture has a line for each value, marks those that rise, and is valid XML", () => {
    const picture = plot("An hour", linesOf(leaking, resting), [0.1, 0.2]);
    expect(picture).toContain("heap &#60;&#38;&#62;");
    expect(picture.match(/: rises</g)).toHaveLength(1);
    expect(picture.match(/: flat</g)).toHaveLength(1);
    expect(picture).not.toMatch(/NaN|undefined|Infinity/);
  });
});

test("people come and go: the same for the same seed, a few at most, sometimes nobody", () => {
  const size = { width: 640, height: 480 };
  const frames = peopleComingAndGoing(3, size, 60);
  expect(frames).toHaveLength(1800);
  expect(frames).toEqual(peopleComingAndGoing(3, size, 60));
  expect(frames).not.toEqual(peopleComingAndGoing(4, size, 60));
  const counts = new Set(frames.map((people) => people.length));
  expect(counts.has(0) && counts.has(1)).toBe(true);
  expect(Math.max(...counts)).toBeLessThanOrEqual(6);
});
