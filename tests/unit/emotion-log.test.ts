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

function see(...shown: readonly (Label | null)[]): void {
  seeFrom(0, ...shown);
}

function seeFrom(source: number, ...shown: readonly (Label | null)[]): void {
  const faces = shown.map(
    (label, id) =>
      ({ id, label: label ?? "neutral", certain: label !== null, keypoints: [{ x: 1, y: 1 }] }) as unknown as Face,
  );
  camera.dispatchEvent(new EmotionFrameEvent({ timeMs: 0, faces, timings: TIMINGS, detected: true }, 1, source));
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
      ["from", "to", "frames", "mostFaces", "counts", "unsure", "shares"].sort(),
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
    expect(values[0]!.length).toBe(5 + 14);
    expect(row).toMatchObject({ from: "2026-01-02T03:04:05.000Z", frames: "1", most_faces: "3", unsure: "0" });
    expect(row).toMatchObject({ sad_count: "2", sad_share: "0.6667", happy_share: "0.3333", angry_count: "0" });
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
