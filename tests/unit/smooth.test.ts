import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Smoothed, Smoother, halfLifeMs } from "../../src/pipeline/smooth.ts";
import { LABELS, type Label } from "../../src/types.ts";
import { HAPPY, SAD, normal, seeded } from "./made-world.ts";

const FRAME_MS = 1000 / 15;
/** The element's default. */
const SMOOTHING = 0.5;

/** A network's answer under camera noise: noise on the logits, about as much as a still face has. */
function noisy(scores: readonly number[], deviation: number, random: () => number): number[] {
  const raised = scores.map((score) => score * Math.exp(deviation * normal(random)));
  const sum = raised.reduce((total, score) => total + score, 0);
  return raised.map((score) => score / sum);
}

function labelChanges(scores: readonly number[], deviation: number, seconds: number, seed: number): number {
  const random = seeded(seed);
  const smoother = new Smoother(0.5);
  let label = smoother.step(noisy(scores, deviation, random), 0, SMOOTHING).label;
  let changes = 0;
  for (let frame = 0; frame < seconds * 15; frame++) {
    const next = smoother.step(noisy(scores, deviation, random), FRAME_MS, SMOOTHING).label;
    if (next !== label) changes += 1;
    label = next;
  }
  return changes;
}

/** Milliseconds from a change to the frame that says it, certain. Each answer is the mean of two, as in the pipeline. */
function delayOf(from: readonly number[], to: readonly number[], label: Label, seed: number): number {
  const random = seeded(seed);
  const smoother = new Smoother(0.4);
  for (let frame = 0; frame < 30; frame++) smoother.step(noisy(from, 0.4, random), FRAME_MS, SMOOTHING);
  let last = noisy(to, 0.4, random);
  let answer = last;
  for (let elapsedMs = FRAME_MS; elapsedMs < 2000; elapsedMs += FRAME_MS) {
    const shown = smoother.step(answer, FRAME_MS, SMOOTHING);
    if (shown.label === label && shown.certain) return elapsedMs;
    const next = noisy(to, 0.4, random);
    answer = next.map((score, index) => (score + last[index]!) / 2);
    last = next;
  }
  return Number.POSITIVE_INFINITY;
}

const wild = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 1e300, 5e-324));

describe("Smoother", () => {
  test("the first answer is shown as it is", () => {
    const { label, confidence, certain } = new Smoother(0.5).step(SAD, 0, 1);
    expect(label).toBe("sad");
    expect(confidence).toBeCloseTo(0.88, 6);
    expect(certain).toBe(true);
  });

  test("nothing is certain before the first valid answer", () => {
    const smoothed = new Smoother(0).step([Number.NaN, 0, 0, 0, 0, 0, 0], 0, SMOOTHING);
    expect(smoothed.certain).toBe(false);
    expect(smoothed.label).toBe("neutral");
  });

  test("scores sum to 1 and stay in 0..1 for any answers and any steps", () => {
    const answers = fc.array(
      fc.record({
        scores: fc.array(wild, { minLength: 0, maxLength: 8 }),
        stepMs: fc.double({ min: 0, max: 5000, noNaN: true }),
        smoothing: fc.double({ min: -1, max: 2 }),
      }),
      { minLength: 1, maxLength: 20 },
    );
    fc.assert(
      fc.property(answers, (steps) => {
        const smoother = new Smoother(0.5);
        for (const { scores, stepMs, smoothing } of steps) {
          const smoothed = smoother.step(scores, stepMs, smoothing);
          const values = LABELS.map((label) => smoothed.scores[label]);
          expect(values.reduce((sum, value) => sum + value, 0)).toBeCloseTo(1, 9);
          expect(Math.min(...values)).toBeGreaterThanOrEqual(0);
          expect(smoothed.confidence).toBe(smoothed.scores[smoothed.label]);
        }
      }),
    );
  });

  test("an invalid answer changes no score", () => {
    const smoother = new Smoother(0.5);
    const before = smoother.step(HAPPY, 0, SMOOTHING);
    const after = smoother.step([Number.NaN, 1, 1, 1, 1, 1, 1], 100, SMOOTHING);
    expect(after).toEqual(before);
  });

  test("converges to its input, from one side", () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        fc.double({ min: 10, max: 500, noNaN: true }),
        (smoothing, stepMs) => {
          const smoother = new Smoother(0.5);
          smoother.step(HAPPY, 0, smoothing);
          let last = 0;
          for (let elapsed = 0; elapsed < 5000; elapsed += stepMs) {
            const { sad } = smoother.step(SAD, stepMs, smoothing).scores;
            expect(sad).toBeGreaterThanOrEqual(last - 1e-12);
            expect(sad).toBeLessThanOrEqual(0.88 + 1e-9);
            last = sad;
          }
          expect(last).toBeGreaterThan(0.87);
        },
      ),
      { numRuns: 30 },
    );
  });

  test("two half steps equal one whole step", () => {
    const [one, two] = [new Smoother(0.5), new Smoother(0.5)];
    one.step(HAPPY, 0, SMOOTHING);
    two.step(HAPPY, 0, SMOOTHING);
    two.step(SAD, 50, SMOOTHING);
    expect(two.step(SAD, 50, SMOOTHING).scores.sad).toBeCloseTo(one.step(SAD, 100, SMOOTHING).scores.sad, 9);
  });

  test("after the documented half-life an old score has half its weight", () => {
    expect(halfLifeMs(0)).toBe(0);
    expect(halfLifeMs(Number.NaN)).toBe(0);
    expect(halfLifeMs(9)).toBe(halfLifeMs(1));
    const smoother = new Smoother(0.5);
    smoother.step(HAPPY, 0, SMOOTHING);
    expect(smoother.step(SAD, halfLifeMs(SMOOTHING), SMOOTHING).scores.happy).toBeCloseTo((0.88 + 0.02) / 2, 9);
  });
});

describe("the label", () => {
  const faces: readonly (readonly [string, readonly number[], number])[] = [
    ["clear", [0.02, 0.02, 0.02, 0.7, 0.2, 0.02, 0.02], 0.5],
    ["close", [0.03, 0.02, 0.02, 0.42, 0.45, 0.04, 0.02], 0.4],
    ["tied", [0.03, 0.02, 0.02, 0.435, 0.435, 0.04, 0.02], 0.3],
    ["tied three ways", [0.3, 0.02, 0.02, 0.02, 0.31, 0.31, 0.02], 0.4],
  ];
  for (const [name, scores, deviation] of faces) {
    test(`a still face whose scores are ${name} changes its label at most once a minute`, () => {
      let changes = 0;
      for (let seed = 1; seed <= 5; seed++) changes += labelChanges(scores, deviation, 120, seed);
      expect(changes / 10).toBeLessThanOrEqual(1);
    });
  }

  test("a true change is shown within 400 ms at 15 frames a second", () => {
    const from = [0.05, 0.02, 0.02, 0.6, 0.25, 0.04, 0.02];
    const to = [0.05, 0.02, 0.02, 0.04, 0.25, 0.6, 0.02];
    for (let seed = 1; seed <= 50; seed++) {
      const random = seeded(seed);
      const smoother = new Smoother(0.5);
      for (let frame = 0; frame < 30; frame++) smoother.step(noisy(from, 0.4, random), FRAME_MS, SMOOTHING);
      let elapsedMs = 0;
      let shown: Smoothed;
      do {
        shown = smoother.step(noisy(to, 0.4, random), FRAME_MS, SMOOTHING);
        elapsedMs += FRAME_MS;
      } while (shown.label !== "sad" && elapsedMs < 2000);
      expect(elapsedMs).toBeLessThanOrEqual(400.5);
    }
  });

  test("half a second of a rare expression is said within 400 ms", () => {
    const still = [0.03, 0.02, 0.02, 0.03, 0.82, 0.06, 0.02];
    for (const rare of ["angry", "disgusted", "fearful", "sad", "surprised"] as const) {
      const made = LABELS.map((label) => (label === rare ? 0.65 : label === "neutral" ? 0.23 : 0.024));
      let late = 0;
      for (let seed = 1; seed <= 100; seed++) late += Number(delayOf(still, made, rare, seed) > 400.5);
      expect(late).toBeLessThanOrEqual(5);
    }
  });

  test("a shown label's smoothed score is the highest when it changes", () => {
    const [random, smoother] = [seeded(1), new Smoother(0.5)];
    const tied = [0.3, 0.02, 0.02, 0.02, 0.31, 0.31, 0.02];
    let label = smoother.step(tied, 0, SMOOTHING).label;
    let changes = 0;
    for (let frame = 0; frame < 9000; frame++) {
      const shown = smoother.step(noisy(tied, 1, random), FRAME_MS, SMOOTHING);
      if (shown.label !== label) {
        changes += 1;
        expect(shown.confidence).toBe(Math.max(...LABELS.map((each) => shown.scores[each])));
      }
      label = shown.label;
    }
    expect(changes).toBeGreaterThan(0);
  });

  test("one answer alone never changes the label, however slowly frames come", () => {
    for (const stepMs of [20, FRAME_MS, 200, 2000]) {
      const smoother = new Smoother(0.5);
      smoother.step([0, 0, 0, 0, 1, 0, 0], 0, SMOOTHING);
      expect(smoother.step([0, 0, 0, 1, 0, 0, 0], stepMs, SMOOTHING).label).toBe("neutral");
    }
  });

  test("a flicker of one frame is not shown", () => {
    const smoother = new Smoother(0.5);
    for (let frame = 0; frame < 10; frame++) smoother.step(HAPPY, FRAME_MS, SMOOTHING);
    expect(smoother.step(SAD, FRAME_MS, SMOOTHING).label).toBe("happy");
    for (let frame = 0; frame < 10; frame++) expect(smoother.step(HAPPY, FRAME_MS, SMOOTHING).label).toBe("happy");
  });

  test("is certain from the threshold up, and then down to a little below it", () => {
    const smoother = new Smoother(0.5);
    const sure = (happy: number) =>
      smoother.step([(1 - happy) / 2, (1 - happy) / 2, 0, happy, 0, 0, 0], 100, 0).certain;
    expect(sure(0.48)).toBe(false);
    expect(sure(0.52)).toBe(true);
    expect(sure(0.48)).toBe(true);
    expect(sure(0.43)).toBe(false);
    expect(sure(0.48)).toBe(false);
  });
});
