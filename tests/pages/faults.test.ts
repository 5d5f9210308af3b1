/** The faults of the soak, one at a time: each kills, freezes or withholds a real part of the browser or its server. */
import { setTimeout as sleep } from "node:timers/promises";
import type { CDPSession } from "playwright";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Exhibit } from "../soak/exhibit.ts";
import { FAULTS } from "../soak/faults.ts";
import { FAKE_CAMERA, browserWith, endVisits } from "./visit.ts";

const START_MS = 120_000;
/** A longer recovery counts as a hang. The soak measures the times. */
const RECOVERY_MS = 80_000;
const WELL_FRAMES = 3;
/** Each fault lasts for its shortest time. */
const shortest = () => 0;

let exhibit: Exhibit;

beforeAll(async () => {
  exhibit = await Exhibit.open({ seed: 5, fast: false, clipSeconds: 12 });
  await untilWell();
}, START_MS);

afterAll(async () => {
  await endVisits();
  await exhibit?.close();
});

/** Wait until frames of the camera are answered. @returns The codes that were reported meanwhile. */
async function untilWell(): Promise<Set<string>> {
  const codes = new Set<string>();
  let from: number | null = null;
  for (;;) {
    const { state, demo, frames, errors } = await exhibit.progress();
    for (const code of errors) codes.add(code);
    if (state !== "running" || demo) from = null;
    else if (from !== null && frames >= from + WELL_FRAMES) return codes;
    else from ??= frames;
    await sleep(100);
  }
}

beforeEach(async () => {
  await untilWell();
});

/** The beginning of each fault's name, and the codes that the page reports. */
test.each([
  ["camera unplugged", ["camera-lost"]],
  ["camera silent", ["camera-stalled"]],
  ["camera gone for", ["camera-lost", "camera-missing"]],
  ["permission taken away", ["camera-lost", "camera-denied"]],
  ["the camera's picture changes its size", []],
  ["worker starts while the server is gone", ["worker-crash"]],
  ["the browser's network process killed", ["worker-crash"]],
  ["the page's process frozen", []],
  ["element taken out", []],
] as const)("%s", { timeout: RECOVERY_MS }, async (name, codes) => {
  const fault = FAULTS.find((each) => each.name.startsWith(name))!;
  await fault.run(exhibit, shortest);
  const told = await untilWell();
  for (const code of codes) expect([...told]).toContain(code);
  if (codes.length === 0) expect([...told].filter((code) => code !== "camera-stalled")).toEqual([]);
});

test.each([
  ["a picture as the source", "src", "screenshot.jpg"],
  ["a veiled camera", "privacy", "blur"],
])("%s: drawn frames are not kept", { timeout: RECOVERY_MS }, async (_what, name, value) => {
  const memory = async () => (await exhibit.read()).rendererMemory!;
  const set = (wish: readonly [string, string]) =>
    exhibit.page.evaluate(([name, value]) => document.querySelector("emotion-cam")!.setAttribute(name, value), wish);
  const before = await memory();
  await set([name, value]);
  const { frames } = await exhibit.progress();
  while ((await exhibit.progress()).frames < frames + 250) await sleep(100);
  const grown = (await memory()) - before;
  await set([name, ""]);
  // A frame has 1 to 4 MB, and a few wait for the garbage collector.
  expect(grown).toBeLessThan(120);
});

/** Open a tab without Playwright, whose own tabs always count as visible and focused. */
async function openTab(session: CDPSession, url: string, origin: string) {
  const { browserContextId } = await session.send("Target.createBrowserContext");
  await session.send("Browser.grantPermissions", { permissions: ["videoCapture"], browserContextId, origin });
  const { targetId } = await session.send("Target.createTarget", { url, browserContextId });
  const { sessionId } = await session.send("Target.attachToTarget", { targetId, flatten: false });
  const answers = new Map<number, (value: unknown) => void>();
  session.on("Target.receivedMessageFromTarget", ({ message }) => {
    const { id, result } = JSON.parse(message) as { id: number; result?: { result: { value: unknown } } };
    // While the tab loads its page there is no result, and so no value.
    answers.get(id)?.(result?.result.value);
  });
  let asked = 0;
  const evaluate = (expression: string) =>
    new Promise<unknown>((resolve) => {
      const id = ++asked;
      answers.set(id, resolve);
      const message = JSON.stringify({ id, method: "Runtime.evaluate", params: { expression } });
      void session.send("Target.sendMessageToTarget", { sessionId, message });
    });
  const cover = () => session.send("Target.createTarget", { url: "about:blank", browserContextId });
  const show = () => session.send("Target.activateTarget", { targetId });
  return { evaluate, cover, show };
}

test("the tab is covered by another one and comes back", { timeout: RECOVERY_MS }, async () => {
  const browser = await browserWith([FAKE_CAMERA]);
  const session = await browser.newBrowserCDPSession();
  const tab = await openTab(session, exhibit.origin, exhibit.origin);
  const becomes = async (state: string) => {
    while ((await tab.evaluate(`document.querySelector("emotion-cam")?.getAttribute("state")`)) !== state) {
      await sleep(100);
    }
  };
  await becomes("running");
  await tab.evaluate(`frames = 0; addEventListener("emotion-frame", () => frames++); errors = [];
    addEventListener("emotion-error", ({ error }) => errors.push(error.code))`);
  await tab.cover();
  await becomes("paused");
  const before = (await tab.evaluate("frames")) as number;
  await sleep(4000);
  expect(await tab.evaluate("document.visibilityState")).toBe("hidden");
  // One frame may have been under way.
  expect(await tab.evaluate("frames")).toBeLessThanOrEqual(before + 1);
  await tab.show();
  await becomes("running");
  while (((await tab.evaluate("frames")) as number) < before + 5) await sleep(100);
  expect(await tab.evaluate("errors.join()")).toBe("");
  await session.detach();
});
