import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { EmotionLog, type EmotionLogEntry } from "../../src/emotion-log.ts";
import { EmotionFrameEvent } from "../../src/events.ts";
import { LABELS, type Face, type Label } from "../../src/types.ts";

const TIMINGS = { grab: 0, detect: 0, crop: 0, classify: 0, post: 0, total: 0 };

let camera: EventTarget;

beforeEach(() => {
  vi.useFakeTimers({ now: Date.UTC(2026, 0, 2, 3, 4, 5) });
  camera = new EventTarget();
});

afterEach(() => void vi.useRealTimers());

function face(id: number, label: Label | null): Face {
  return { id, label: label ?? "neutral", certain: label !== null, keypoints: [{ x: 1, y: 1 }] } as unknown as Face;
}

function show(timeMs: number, faces: readonly Face[], source = 0): void {
  camera.dispatchEvent(new EmotionFrameEvent({ timeMs, faces, timings: TIMINGS, detected: true }, 1, source));
}

function see(...shown: readonly (Label | null)[]): void {
  seeFrom(0, ...shown);
}

function seeFrom(source: number, ...shown: readonly (Label | null)[]): void {
  show(
    0,
    shown.map((label, id) => face(id, label)),
    source,
  );
}

/** @returns The entry of frames that show faces with these numbers at these seconds. */
function logged(...frames: readonly (readonly [seconds: number, ...ids: readonly number[]])[]): EmotionLogEntry {
  const log = new EmotionLog(camera);
  for (const [seconds, ...ids] of frames)
    show(
      seconds * 1000,
      ids.map((id) => face(id, "happy")),
    );
  log.stop();
  return log.entries[0]!;
}

describe("an entry", () => {
  test("counts faces by expression, and says their shares", () => {
    const log = new EmotionLog(camera, { intervalS: 10 });
    const told: EmotionLogEntry[] = [];
    log.addEventListener("emotion-log", ({ entry }) => told.push(entry));
    see("happy", "sad");
    see("happy", null, "happy");
    see();
    vi.advanceTimersByTime(9_999);
    expect(log.entries).toEqual([]);
    vi.advanceTimersByTime(1);
    const none = { angry: 0, disgusted: 0, fearful: 0, happy: 0, neutral: 0, sad: 0, surprised: 0 };
    expect(log.entries).toEqual([
      {
        ...{ from: "2026-01-02T03:04:05.000Z", to: "2026-01-02T03:04:15.000Z" },
        ...{ frames: 3, mostFaces: 3, unsure: 1 },
        counts: { ...none, happy: 3, sad: 1 },
        shares: { ...none, happy: 0.75, sad: 0.25 },
        seconds: none,
        ...{ unsureS: 0, presentS: 0, watchedS: 0, visits: 3 },
      },
    ]);
    expect(told).toEqual(log.entries);
    log.stop();
  });

  test("holds no pictures, no places and nobody's number, whatever the faces carry", () => {
    const log = new EmotionLog(camera);
    see("happy");
    log.stop();
    expect(Object.keys(log.entries[0]!).sort()).toEqual(
      [
        ...["from", "to", "frames", "mostFaces", "counts", "unsure", "shares"],
        ...["seconds", "unsureS", "presentS", "watchedS", "visits"],
      ].sort(),
    );
    expect(Object.keys(log.entries[0]!.counts)).toEqual([...LABELS]);
  });

  test("is about one source: another one begins another entry", () => {
    const log = new EmotionLog(camera);
    seeFrom(1, "happy");
    seeFrom(1, "happy");
    vi.advanceTimersByTime(5000);
    seeFrom(2, "sad");
    vi.advanceTimersByTime(55_000);
    expect(log.entries.map(({ frames, counts }) => [frames, counts.happy, counts.sad])).toEqual([
      [2, 2, 0],
      [1, 0, 1],
    ]);
    expect(log.entries[0]!.to).toBe(log.entries[1]!.from);
    log.stop();
  });

  test("shares sum to 1, or to 0 where nothing was certain", () => {
    fc.assert(
      fc.property(
        fc.array(fc.array(fc.constantFrom(...LABELS, null), { maxLength: 5 }), { minLength: 1 }),
        (frames) => {
          const log = new EmotionLog(camera);
          for (const frame of frames) see(...frame);
          log.stop();
          const [entry] = log.entries;
          const sum = LABELS.reduce((total, label) => total + entry!.shares[label], 0);
          expect(sum).toBeCloseTo(frames.flat().some((label) => label !== null) ? 1 : 0, 9);
          const counted = LABELS.reduce((total, label) => total + entry!.counts[label], entry!.unsure);
          expect(counted).toBe(frames.flat().length);
        },
      ),
    );
  });

  test("none for an interval without a frame: a page that was hidden is no page where nobody was", () => {
    const log = new EmotionLog(camera, { intervalS: 10 });
    vi.advanceTimersByTime(30_000);
    see("sad");
    vi.advanceTimersByTime(10_000);
    expect(log.entries.map(({ from }) => from)).toEqual(["2026-01-02T03:04:35.000Z"]);
    log.stop();
  });
});

describe("seconds", () => {
  test("are those since the frame before, for each face that shows the expression", () => {
    const log = new EmotionLog(camera);
    show(1000, []);
    show(1100, [face(1, "happy"), face(2, "happy"), face(3, null)]);
    show(1350, [face(1, "sad")]);
    show(1400, []);
    log.stop();
    expect(log.entries[0]!.seconds).toMatchObject({ happy: 0.2, sad: 0.25, angry: 0 });
    expect(log.entries[0]).toMatchObject({ unsureS: 0.1, presentS: 0.35, watchedS: 0.4 });
  });

  test("are at most one a frame: while the camera was away nobody was seen", () => {
    const entry = logged([0, 1], [600, 1], [600.5, 1]);
    expect(entry).toMatchObject({ presentS: 1.5, watchedS: 1.5 });
    expect(entry.seconds.happy).toBe(1.5);
  });

  test("do not run backwards where a new source begins its clock anew", () => {
    expect(logged([50, 1], [0, 1], [0.25, 1]).presentS).toBe(0.25);
  });

  test("do not depend on frames a second", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), (rate) => {
        const times = Array.from({ length: 10 * rate + 1 }, (_, index) => [index / rate, 1] as const);
        expect(logged(...times).presentS).toBeCloseTo(10, 2);
      }),
    );
  });
});

describe("a visit", () => {
  test("begins when somebody comes, and goes on while the face is in view", () => {
    expect(logged([0], [1, 7], [2, 7], [3, 7, 8]).visits).toBe(2);
  });

  test("goes on where a face is found again within 5 s under a new number", () => {
    expect(logged([0, 1], [1], [5, 2], [6, 2]).visits).toBe(1);
  });

  test("is a new one after longer", () => {
    expect(logged([0, 1], [1], [6.5, 2]).visits).toBe(2);
  });

  test("counts two who come where one was lost as one who returns and one who is new", () => {
    expect(logged([0, 1], [1], [2, 2, 3]).visits).toBe(2);
  });

  test("is not counted again in the next interval", () => {
    const log = new EmotionLog(camera, { intervalS: 1 });
    show(0, [face(1, "sad")]);
    vi.advanceTimersByTime(1000);
    show(1000, [face(1, "sad")]);
    vi.advanceTimersByTime(1000);
    expect(log.entries.map(({ visits }) => visits)).toEqual([1, 0]);
    log.stop();
  });
});

describe("the log", () => {
  test("keeps the newest", () => {
    const log = new EmotionLog(camera, { intervalS: 1, keep: 3 });
    for (let second = 0; second < 5; second++) {
      see(LABELS[second]!);
      vi.advanceTimersByTime(1000);
    }
    expect(log.entries.map(({ counts }) => LABELS.find((label) => counts[label] > 0))).toEqual(LABELS.slice(2, 5));
    log.clear();
    expect(log.entries).toEqual([]);
    log.stop();
  });

  test("stops once, with what had begun, and then counts nothing", () => {
    const log = new EmotionLog(camera);
    see("happy");
    log.stop();
    log.stop();
    see("happy");
    vi.advanceTimersByTime(120_000);
    expect(log.entries.length).toBe(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("CSV: a row of names and a row an entry, all of the same length", () => {
    const log = new EmotionLog(camera, { intervalS: 10 });
    see("happy", "sad", "sad");
    vi.advanceTimersByTime(10_000);
    const rows = log.toCSV().split("\r\n");
    expect(rows.pop()).toBe("");
    const [names, ...values] = rows.map((row) => row.split(","));
    expect(values.length).toBe(1);
    const row = Object.fromEntries(names!.map((name, index) => [name, values[0]![index]]));
    expect(values[0]!.length).toBe(5 + 21 + 4);
    expect(row).toMatchObject({ from: "2026-01-02T03:04:05.000Z", frames: "1", most_faces: "3", unsure: "0" });
    expect(row).toMatchObject({ sad_count: "2", sad_share: "0.6667", happy_share: "0.3333", angry_count: "0" });
    expect(row).toMatchObject({ sad_s: "0.000", present_s: "0.000", visits: "3" });
    log.stop();
  });

  test("JSON: what was logged, and nothing of the element", () => {
    const log = new EmotionLog(camera, { intervalS: 10 });
    see("happy");
    log.stop();
    expect(JSON.parse(JSON.stringify(log))).toEqual({ schema: 1, intervalS: 10, entries: log.entries });
  });

  test.each([
    [{ intervalS: 0 }, /intervalS is 0\. Give seconds from 1 to 86400/],
    [{ intervalS: Number.NaN }, /intervalS is NaN/],
    [{ keep: 0.5 }, /keep is 0\.5/],
  ])("%o is refused", (options, message) => {
    expect(() => new EmotionLog(camera, options)).toThrow(RangeError);
    expect(() => new EmotionLog(camera, options)).toThrow(message);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("nothing to listen to is refused", () => {
    expect(() => new EmotionLog(null as never)).toThrow(/<emotion-cam>.*null/);
  });
});
