import { afterEach, beforeEach, expect, test } from "vitest";
import { cdp } from "vitest/browser";
import type { Face, FrameResult } from "../../src/types.ts";
import { Drawing, type DrawnScene } from "../../src/view/drawing.ts";
import { styles } from "../../src/view/styles.ts";
import { ENGLISH } from "../../src/view/words.ts";

/** Results that a test draws, at 30 a second: one in two animation frames. */
const RESULTS = 60;
const RESULT_MS = 1000 / 30;

interface Cost {
  readonly layouts: number;
  readonly styles: number;
  /** Frames in which the page painted anything; a mark that the compositor moves is not painted. */
  readonly paints: number;
  /** Animation frames that the drawing asked for. */
  readonly steps: number;
}

/** The part of Chromium's DevTools protocol that the tests use. */
interface Session {
  send(method: "Performance.enable" | "Tracing.end"): Promise<unknown>;
  send(method: "Performance.getMetrics"): Promise<{ readonly metrics: readonly { name: string; value: number }[] }>;
  send(method: "Tracing.start", options: { categories: string; transferMode: "ReportEvents" }): Promise<unknown>;
  on(event: "Tracing.dataCollected", listener: (data: { value: readonly { name: string }[] }) => void): void;
  on(event: "Tracing.tracingComplete", listener: () => void): void;
}

const session = cdp() as unknown as Session;

/** Listeners stay, because the session of the tests' runner cannot remove them. */
let paints = 0;
let endTrace = () => {};
session.on("Tracing.dataCollected", ({ value }) => (paints += value.filter(({ name }) => name === "Paint").length));
session.on("Tracing.tracingComplete", () => endTrace());

let host: HTMLElement;
let drawing: Drawing;
let scene: DrawnScene;

beforeEach(() => {
  host = document.createElement("div");
  host.setAttribute("state", "running");
  host.style.cssText = "position: fixed; inset: 0 auto auto 0; width: 640px; height: 480px; container-type: size";
  const root = host.attachShadow({ mode: "open" });
  root.adoptedStyleSheets = styles.map(({ styleSheet }) => styleSheet!);
  root.innerHTML = '<div class="stage"><video></video></div><div class="overlay"></div><div class="strip"></div>';
  document.body.append(host);
  drawing = new Drawing(root);
  scene = {
    ...{ picture: root.querySelector("video")!, frameWidth: 640, frameHeight: 480, mirror: true },
    ...{ style: "full", privacy: "show", words: ENGLISH },
  };
});

afterEach(() => {
  drawing.dispose();
  host.remove();
});

/** A result with one face; `jitter` is -1..1, and differs from frame to frame as a camera's noise makes it. */
function resultAt(index: number, x: number, jitter: number): FrameResult {
  const happy = 0.8 + 0.005 * jitter;
  const rest = (1 - happy) / 6;
  const face: Face = {
    id: 1,
    // A quarter of a pixel.
    box: { x: x + (0.25 * jitter) / 640, y: 0.3 + (0.25 * jitter) / 480, width: 0.2, height: 0.25 },
    keypoints: [],
    score: 0.9,
    scores: { angry: rest, disgusted: rest, fearful: rest, happy, neutral: rest, sad: rest, surprised: rest },
    label: "happy",
    confidence: happy,
    certain: true,
  };
  const timings = { grab: 0, detect: 0, crop: 0, classify: 0, post: 0, total: 0 };
  return { timeMs: 1000 + RESULT_MS * index, faces: [face], detected: true, timings };
}

const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));

async function counters(): Promise<{ readonly layouts: number; readonly styles: number }> {
  // Enabled each time: on a busy machine the counters were off once after they had been enabled.
  await session.send("Performance.enable");
  const { metrics } = await session.send("Performance.getMetrics");
  const of = (name: string) => metrics.find((metric) => metric.name === name)!.value;
  return { layouts: of("LayoutCount"), styles: of("RecalcStyleCount") };
}

/** Draw results, and count what the browser does for them. */
async function costOf(results: readonly FrameResult[]): Promise<Cost> {
  paints = 0;
  await session.send("Tracing.start", { categories: "-*,devtools.timeline", transferMode: "ReportEvents" });
  const ask = globalThis.requestAnimationFrame;
  let steps = 0;
  const before = await counters();
  for (const result of results) {
    globalThis.requestAnimationFrame = (callback) => (steps++, ask(callback));
    drawing.show(result, scene);
    await new Promise((resolve) => ask(resolve));
    await new Promise((resolve) => ask(resolve));
    globalThis.requestAnimationFrame = ask;
  }
  const after = await counters();
  const ended = new Promise<void>((resolve) => (endTrace = resolve));
  await session.send("Tracing.end");
  await ended;
  return { layouts: after.layouts - before.layouts, styles: after.styles - before.styles, paints, steps };
}

/** Draw results until nothing is new: the first ones lay everything out, and transitions run. */
async function warmUp(): Promise<void> {
  for (let index = 0; index < 10; index++) {
    drawing.show(resultAt(index, 0.3, 0), scene);
    await frame();
    await frame();
  }
  await Promise.all(host.shadowRoot!.getAnimations().map(({ finished }) => finished));
}

/** The ribbon of the last minute moves on four times a second. Each time costs one or two paints; three are allowed. */
const MOST_OF_RIBBON = 3 * Math.ceil((RESULTS * RESULT_MS) / 250);

test("a person who stands still costs no layout and no animation frame, and only the ribbon is painted", async () => {
  await warmUp();
  // Alternating, and with a period that is prime to the strip's.
  const results = Array.from({ length: RESULTS }, (_, index) => resultAt(10 + index, 0.3, Math.sin(2.3 * index)));
  const { layouts, styles, paints, steps } = await costOf(results);
  expect(layouts).toBe(0);
  expect(steps).toBe(0);
  expect(styles).toBeLessThanOrEqual(MOST_OF_RIBBON);
  expect(paints).toBeLessThanOrEqual(MOST_OF_RIBBON);
});

test("a person who moves costs a change of transforms in each animation frame, and no layout; marks are not painted", async () => {
  await warmUp();
  const results = Array.from({ length: RESULTS }, (_, index) => resultAt(10 + index, 0.3 + 0.004 * index, 0));
  const { layouts, styles, paints, steps } = await costOf(results);
  expect(layouts).toBe(0);
  expect(steps).toBeGreaterThan(0);
  expect(styles).toBeLessThanOrEqual(steps + MOST_OF_RIBBON);
  expect(paints).toBeLessThanOrEqual(MOST_OF_RIBBON);
});
