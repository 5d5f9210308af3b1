import { expect, test } from "vitest";
import { readHeartbeat, whyNotAlive, type Heartbeat } from "../../kiosk/pulse.ts";

const BEAT: Heartbeat = {
  page: "a",
  state: "running",
  source: "camera",
  error: null,
  frames: 100,
  results: 90,
  pictures: 10,
  faces: 1,
  heapBytes: 1e7,
};
const NEXT: Heartbeat = { ...BEAT, frames: 250, results: 200, pictures: 20 };

test("an exhibit whose frames, results and pictures advance is alive", () => {
  expect(whyNotAlive(BEAT, NEXT, true)).toBeNull();
});

test.each([
  ["pictures", /no picture/],
  ["frames", /no more frames/],
  ["results", /no more results/],
] as const)("an exhibit whose %s stand still is not alive", (counter, why) => {
  expect(whyNotAlive(BEAT, { ...NEXT, [counter]: BEAT[counter] }, true)).toMatch(why);
});

test("a page that reloads again and again is not alive", () => {
  expect(whyNotAlive(null, BEAT, true)).toMatch(/just loaded/);
  expect(whyNotAlive(BEAT, { ...NEXT, page: "b" }, true)).toMatch(/just loaded/);
});

const WAITING = { ...NEXT, state: "failed", frames: BEAT.frames, results: BEAT.results };

test.each(["camera-missing", "camera-denied", "camera-busy", "camera-lost"])("%s: the kiosk waits", (error) => {
  expect(whyNotAlive(BEAT, { ...WAITING, error }, true)).toBeNull();
  expect(whyNotAlive(BEAT, { ...WAITING, error, state: "starting" }, true)).toBeNull();
  expect(whyNotAlive(BEAT, { ...WAITING, error, pictures: BEAT.pictures }, true)).toMatch(/no picture/);
});

test("a page without a camera is alive while its demo clip plays", () => {
  const demo = { ...NEXT, source: "clip", error: "camera-missing" } as const;
  expect(whyNotAlive(BEAT, demo, true)).toBeNull();
  expect(whyNotAlive(BEAT, { ...demo, results: BEAT.results }, true)).toMatch(/no more results/);
});

test("a stalled camera needs a new browser, even while the demo plays", () => {
  expect(whyNotAlive(BEAT, { ...NEXT, source: "clip", error: "camera-stalled" }, true)).toMatch(/camera/);
});

test.each(["worker-crash", "model-load", "wasm-load", "constructor", null])("%s: the page is not alive", (error) => {
  expect(whyNotAlive(BEAT, { ...WAITING, error }, true)).toMatch(/the page is failed/);
  expect(whyNotAlive(BEAT, { ...WAITING, state: "starting", error }, true)).toMatch(/the page is starting/);
});

test.each(["paused", "idle"])("a page that is %s is alive while it draws", (state) => {
  const resting = { ...BEAT, state, pictures: 20 };
  expect(whyNotAlive(BEAT, resting, true)).toBeNull();
  expect(whyNotAlive(BEAT, { ...resting, pictures: BEAT.pictures }, true)).toMatch(/no picture/);
});

test("without a screen, still counters are no fault", () => {
  expect(whyNotAlive(BEAT, { ...BEAT }, false)).toBeNull();
});

test("readHeartbeat takes heartbeats and rejects everything else", () => {
  expect(readHeartbeat(BEAT)).toEqual(BEAT);
  expect(readHeartbeat({ ...BEAT, name: "a visitor's" })).toEqual(BEAT);
  const nonsense = [{}, { ...BEAT, frames: "1" }, { ...BEAT, results: -1 }, { ...BEAT, pictures: Number.NaN }];
  for (const posted of nonsense) expect(readHeartbeat(posted)).toBeNull();
  const long = [
    { ...BEAT, page: "x".repeat(100) },
    { ...BEAT, source: "moon" },
    { ...BEAT, error: 7 },
  ];
  // systemd reads each line as an order.
  for (const word of ["running\nWATCHDOG=1", "a b", ""]) {
    for (const key of ["page", "state", "error"]) expect(readHeartbeat({ ...BEAT, [key]: word })).toBeNull();
  }
  for (const posted of long) expect(readHeartbeat(posted)).toBeNull();
});
