import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { capacityOf, sentenceOf, type CostSample } from "../../src/bench/capacity.ts";
import { median, percentilesOf, quantile } from "../../src/bench/percentiles.ts";
import { Recorder, figuresOf } from "../../src/bench/recorder.ts";
import { problemsOf, type BenchReport } from "../../src/bench/report.ts";
import { isCoarse, timerResolutionMs } from "../../src/bench/timer.ts";
import type { Face, StageTimings } from "../../src/types.ts";

describe("percentiles", () => {
  test("equal NumPy's on known samples", () => {
    // numpy.percentile(range(1, 101), [50, 95, 99]) and of [15, 20, 35, 40, 50].
    const hundred = Array.from({ length: 100 }, (_, index) => index + 1);
    expect(percentilesOf(hundred)).toEqual({ p50: 50.5, p95: 95.05, p99: 99.01 });
    expect(quantile([40, 15, 50, 35, 20], 0.4)).toBeCloseTo(29, 12);
    expect(quantile([40, 15, 50, 35, 20], 0.3)).toBeCloseTo(23, 12);
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
  });

  test("sort by number, and do not modify the samples", () => {
    const samples = [10, 9, 100, 1];
    expect(quantile(samples, 1)).toBe(100);
    expect(samples).toEqual([10, 9, 100, 1]);
  });

  test("are 0 without samples, and the sample itself for one sample", () => {
    expect(percentilesOf([])).toEqual({ p50: 0, p95: 0, p99: 0 });
    expect(median([])).toBeNaN();
    expect(percentilesOf([7])).toEqual({ p50: 7, p95: 7, p99: 7 });
  });

  test("lie within the samples, and increase with the share", () => {
    const samples = fc.array(fc.double({ noNaN: true, min: 0, max: 1e6 }), { minLength: 1 });
    fc.assert(
      fc.property(samples, fc.double({ min: 0, max: 1, noNaN: true }), (values, share) => {
        const found = quantile(values, share);
        expect(found).toBeGreaterThanOrEqual(Math.min(...values));
        expect(found).toBeLessThanOrEqual(Math.max(...values));
        expect(found).toBeLessThanOrEqual(quantile(values, Math.min(1, share + 0.1)));
      }),
    );
  });
});

describe("timer resolution", () => {
  test.each([0.005, 0.1, 1, 16.6])("is found for a clock with steps of %d ms", (stepMs) => {
    let calls = 0;
    const clock = () => 1234 + Math.floor(calls++ / 7) * stepMs;
    expect(timerResolutionMs(clock)).toBeCloseTo(stepMs, 3);
  });

  test("0.1 ms, as browsers give, is fine enough; 1 ms is too coarse", () => {
    expect(isCoarse(0.1)).toBe(false);
    expect(isCoarse(1)).toBe(true);
  });
});

const FAST: StageTimings = { grab: 0.5, detect: 2, crop: 0.25, classify: 0.75, post: 0.5, total: 4 };

function samples(count: number, faces: number, timings = FAST): CostSample[] {
  return Array.from({ length: count }, () => ({ faces, timings }));
}

describe("capacity", () => {
  test("follows from a fixed cost and a cost for each face, up to the source's rate", () => {
    const slow = { grab: 5, detect: 20, crop: 2, classify: 8, post: 5, total: 40 };
    // 30 ms and 10 for each face: three faces take 60 ms (16.7 a second), four 70 (14.3).
    expect(capacityOf(samples(50, 1, slow), { presentedFps: 30, answeredFps: 30 })).toEqual({
      faces: 3,
      fps: expect.closeTo(1000 / 60, 9),
    });
    expect(capacityOf(samples(50, 1), { presentedFps: 30, answeredFps: 30 })).toEqual({ faces: 8, fps: 30 });
  });

  test("divides the cost of two faces by two", () => {
    const two = { grab: 5, detect: 20, crop: 4, classify: 16, post: 5, total: 50 };
    const one = { grab: 5, detect: 20, crop: 2, classify: 8, post: 5, total: 40 };
    const pace = { presentedFps: 60, answeredFps: 60 };
    expect(capacityOf(samples(50, 2, two), pace)).toEqual(capacityOf(samples(50, 1, one), pace));
  });

  test("gives one face at the rate that remains on a very slow machine", () => {
    const crawl = { grab: 50, detect: 200, crop: 20, classify: 180, post: 50, total: 500 };
    expect(capacityOf(samples(5, 1, crawl), { presentedFps: 30, answeredFps: 30 })).toEqual({ faces: 1, fps: 2 });
  });

  test("includes time outside the stages when frames are dropped", () => {
    // Answers come every 100 ms although a frame takes 4 ms: the page is the bottleneck, not the networks.
    const found = capacityOf(samples(50, 1), { presentedFps: 30, answeredFps: 10 });
    expect(found).toEqual({ faces: 1, fps: expect.closeTo(10, 9) });
  });

  test("is told in one sentence", () => {
    expect(sentenceOf({ faces: 4, fps: 29.97 })).toBe("This machine can follow 4 faces at 29 frames a second.");
    expect(sentenceOf({ faces: 1, fps: 2.04 })).toBe("This machine can follow 1 face at 2 frames a second.");
    expect(capacityOf(samples(9, 0), { presentedFps: 30, answeredFps: 30 })).toBeNull();
    expect(sentenceOf(null)).toContain("No face was seen");
  });
});

const FACE = {} as Face;

/** Record an answer every `everyMs`, the first 400 ms after the start. The source presents `presented` frames for each. */
function record(count: number, everyMs: number, presented = 1): Recorder {
  const recorder = new Recorder(1000);
  for (let index = 0; index < count; index++) {
    const event = { faces: [FACE], timings: FAST, presentedFrames: 5 + index * presented, pageMs: 0.5 };
    recorder.take(event, 1400 + index * everyMs);
  }
  return recorder;
}

describe("recorder", () => {
  test("discards the warm-up: 30 frames and one second", () => {
    const recorder = record(100, 40);
    expect(recorder.firstResultMs).toBe(400);
    // The 31st frame is 1.2 s after the first.
    expect(recorder.frames).toHaveLength(70);
    expect(recorder.frames[0]?.arrivedMs).toBe(1400 + 30 * 40);
    // At 200 frames a second, the one second takes longer than the 30 frames.
    expect(record(1000, 5).frames).toHaveLength(800);
  });

  test("limits the warm-up of a slow machine to five seconds", () => {
    expect(record(20, 1000).frames).toHaveLength(15);
  });

  test("computes rate, dropped frames and mean", () => {
    const figures = figuresOf(record(131, 100, 3).frames);
    // The warm-up takes 30 frames, because at 10 frames a second they last longer than a second.
    expect(figures).toMatchObject({ frames: 100, seconds: 10, fps: 10, dropped: 200, faces: 1, workerMsPerFrame: 4 });
    expect(figures.stages.detect).toEqual({ p50: 2, p95: 2, p99: 2 });
    expect(figures.rates).toEqual({ presentedFps: 30, answeredFps: 10 });
  });

  test("tells how long the two threads are busy in a second", () => {
    // 10 frames a second: 4 ms each in the worker, half a millisecond on the page.
    const { busyMsPerSecond } = figuresOf(record(131, 100).frames);
    expect(busyMsPerSecond.worker).toBeCloseTo(40, 9);
    expect(busyMsPerSecond.page).toBeCloseTo(5, 9);
  });

  test("counts no negative drops when the source restarts its count", () => {
    const frames = record(60, 50).frames.map((frame, index) =>
      index === 20 ? { ...frame, presentedFrames: 0 } : frame,
    );
    const restarted = [...frames.slice(0, 20), ...frames.slice(20).map((frame) => ({ ...frame, presentedFrames: 1 }))];
    expect(figuresOf(restarted).dropped).toBe(0);
  });

  test("rejects too few frames", () => {
    expect(() => figuresOf(record(20, 10).frames)).toThrow(/0 frames were answered.*\?bench=30/);
    expect(() => figuresOf(record(31, 40).frames)).toThrow(/1 frames were answered/);
  });
});

const PERCENTILES = { p50: 1, p95: 2, p99: 3 };
const NETWORK = { name: "edge", sha256: "ab".repeat(32), bytes: 700_000 };
const REPORT: BenchReport = {
  schema: 1,
  when: "2026-11-22T10:00:00.000Z",
  commit: "0123abc",
  environment: {
    userAgent: "Chromium",
    cores: 2,
    isolated: true,
    simd: "relaxed",
    variant: "relaxed",
    timerResolutionMs: 0.005,
    threads: 1,
  },
  source: { kind: "clip", width: 640, height: 480 },
  engine: "int8",
  model: NETWORK,
  frames: 300,
  seconds: 10,
  fps: 30,
  firstResultMs: 500,
  stages: {
    grab: PERCENTILES,
    detect: PERCENTILES,
    crop: PERCENTILES,
    classify: PERCENTILES,
    post: PERCENTILES,
    total: PERCENTILES,
  },
  cpuMsPerFrame: 4,
  memory: { jsHeapMB: 20, wasmMB: 16 },
  dropped: 0,
  pace: "measure",
  range: "near",
  cpuFrom: "stages",
  busyMsPerSecond: { page: 15, worker: 120 },
  faces: 1,
  capacity: { faces: 8, fps: 30 },
  sentence: "This machine can follow 8 faces at 30 frames a second.",
  detector: NETWORK,
  others: [],
};

/** Fields that every report must have; fields may be added, none removed. */
const CONTRACT = [
  "schema when commit environment source engine model frames seconds fps firstResultMs stages cpuMsPerFrame memory dropped",
  "environment.userAgent environment.cores environment.isolated environment.simd environment.variant",
  "environment.timerResolutionMs source.kind source.width source.height model.name model.sha256 model.bytes",
  "stages.grab.p50 stages.detect.p95 stages.crop.p99 stages.classify.p50 stages.post.p95 stages.total.p99",
  "memory.wasmMB busyMsPerSecond.page busyMsPerSecond.worker",
].flatMap((line) => line.split(" "));

function without(path: string): unknown {
  // Copy through JSON, so that no two fields share an object.
  const copy = JSON.parse(JSON.stringify(REPORT)) as Record<string, unknown>;
  const names = path.split(".");
  const last = names.pop()!;
  const parent = names.reduce((value, name) => value[name] as Record<string, unknown>, copy);
  delete parent[last];
  return copy;
}

describe("the report's schema", () => {
  test("accepts a complete report, with or without the other engine's", () => {
    expect(problemsOf(REPORT)).toEqual([]);
    expect(problemsOf(JSON.parse(JSON.stringify({ ...REPORT, others: [{ ...REPORT, engine: "float" }] })))).toEqual([]);
    expect(problemsOf({ ...REPORT, capacity: null, memory: { jsHeapMB: null, wasmMB: 0 } })).toEqual([]);
  });

  test.each(CONTRACT)("reports a missing %s", (path) => {
    const problems = problemsOf(without(path));
    expect(problems.length).toBeGreaterThan(0);
    expect(problems[0]).toMatch(new RegExp(`^${path.replaceAll(".", "\\.")} is`));
  });

  test("names each problem", () => {
    expect(problemsOf(null)).toContain("the report is not an object");
    expect(problemsOf({ ...REPORT, fps: NaN })).toEqual(["fps is not a number from 0 up"]);
    expect(problemsOf({ ...REPORT, engine: "gpu" })).toEqual(["engine is none of int8, float"]);
    expect(problemsOf({ ...REPORT, when: "yesterday" })).toEqual(["when is not a UTC time"]);
    expect(problemsOf({ ...REPORT, others: [{ ...REPORT, frames: -1 }] })).toEqual([
      "others.0.frames is not a whole number from 0 up",
    ]);
  });
});
