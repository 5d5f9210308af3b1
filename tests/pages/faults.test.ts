/** The soak's faults, one at a time: each kills, freezes or withholds a real part of the browser or its server. */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { Exhibit } from "../soak/exhibit.ts";
import { FAULTS } from "../soak/faults.ts";

const START_MS = 120_000;
/** A hang is a failure; how fast it is, the soak tells. */
const RECOVERY_MS = 80_000;
const WELL_FRAMES = 3;
/** Each fault lasts as short as it may. */
const shortest = () => 0;

let exhibit: Exhibit;

beforeAll(async () => {
  exhibit = await Exhibit.open({ seed: 5, fast: false, clipSeconds: 12 });
  await untilWell();
}, START_MS);

afterAll(async () => {
  await exhibit?.close();
});

/** Waits until the camera's frames are answered. @returns The codes that were told of meanwhile. */
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

/** Each fault's beginning of its name, and what the page tells of. */
test.each([
  ["camera unplugged", ["camera-lost"]],
  ["camera silent", ["camera-stalled"]],
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
