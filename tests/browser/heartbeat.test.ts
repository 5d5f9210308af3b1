import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { EmotionCamError } from "../../src/errors.ts";
import { EmotionErrorEvent, EmotionFrameEvent, EmotionPresenceEvent } from "../../src/events.ts";
import { startHeartbeat } from "../../src/pages/heartbeat.ts";

const TIMINGS = { grab: 0, detect: 0, crop: 0, classify: 0, post: 0, total: 0 };
const address = location.href;

let camera: HTMLElement;
let life: AbortController;
let reloads: number;
let posted: Record<string, unknown>[];

beforeEach(() => {
  vi.useFakeTimers();
  history.replaceState(null, "", "?kiosk&max-faces=4");
  camera = document.createElement("div");
  camera.setAttribute("state", "running");
  life = new AbortController();
  reloads = 0;
  posted = [];
  vi.stubGlobal("fetch", (path: string, { body }: { body: string }) => {
    posted.push({ path, ...(JSON.parse(body) as object) });
    return Promise.resolve(new Response(null, { status: 204 }));
  });
});

afterEach(() => {
  life.abort();
  vi.unstubAllGlobals();
  vi.useRealTimers();
  history.replaceState(null, "", address);
});

const start = () => startHeartbeat(camera, life.signal, () => reloads++);
const pass = (seconds: number) => vi.advanceTimersByTimeAsync(seconds * 1000);
const last = () => posted.at(-1)!;

function answer(presentedFrames: number): void {
  const result = { timeMs: 0, faces: [], timings: TIMINGS, detected: true };
  camera.dispatchEvent(new EmotionFrameEvent(result, presentedFrames));
}

function fail(code: "camera-missing" | "camera-stalled" | "camera-busy"): void {
  camera.dispatchEvent(new EmotionErrorEvent(new EmotionCamError(code, "made by the test")));
}

test("is silent outside the kiosk", async () => {
  history.replaceState(null, "", "?max-faces=4");
  start();
  answer(1);
  await pass(60);
  expect(posted).toEqual([]);
  expect(reloads).toBe(0);
});

test("posts its counters at once, and then every few seconds", async () => {
  start();
  expect(posted).toHaveLength(1);
  expect(last()).toMatchObject({ path: "/heartbeat", state: "running", source: "camera", error: null, results: 0 });
  answer(3);
  expect(last()).toMatchObject({ results: 1, frames: 3 });
  answer(5);
  camera.dispatchEvent(new EmotionPresenceEvent(2));
  await pass(5);
  expect(last()).toMatchObject({ results: 2, frames: 5, faces: 2 });
  expect(last()["pictures"]).toBeGreaterThan(0);
  expect(last()["page"]).toBe(posted[0]!["page"]);
});

test("tells the demo from the camera, and keeps the camera's error until the camera is back", async () => {
  start();
  fail("camera-missing");
  camera.toggleAttribute("demo", true);
  answer(1);
  await pass(5);
  expect(last()).toMatchObject({ source: "clip", error: "camera-missing" });
  camera.toggleAttribute("demo", false);
  answer(2);
  await pass(5);
  expect(last()).toMatchObject({ source: "camera", error: null });
});

test("keeps a stall when other camera errors follow", async () => {
  start();
  fail("camera-stalled");
  fail("camera-busy");
  await pass(5);
  expect(last()).toMatchObject({ error: "camera-stalled" });
});

test("reloads the page when results stop", async () => {
  start();
  answer(1);
  await pass(15);
  expect(reloads).toBe(0);
  await pass(15);
  expect(reloads).toBeGreaterThan(0);
});

test("reloads the page when no first result comes, but leaves a slow machine its time", async () => {
  start();
  await pass(95);
  expect(reloads).toBe(0);
  await pass(15);
  expect(reloads).toBeGreaterThan(0);
});

test("does not reload while results come, while the page rests, or while the camera fails", async () => {
  start();
  for (let second = 0; second < 60; second++) {
    answer(second);
    await pass(1);
  }
  camera.setAttribute("state", "paused");
  await pass(60);
  camera.setAttribute("state", "failed");
  fail("camera-missing");
  await pass(120);
  fail("camera-stalled");
  await pass(120);
  expect(reloads).toBe(0);
});

test("does not reload while the server is away", async () => {
  start();
  answer(1);
  vi.stubGlobal("fetch", () => Promise.reject(new TypeError("made by the test")));
  await pass(120);
  expect(reloads).toBe(0);
});

test("ends with its signal", async () => {
  start();
  life.abort();
  const before = posted.length;
  await pass(60);
  expect(posted).toHaveLength(before);
});
