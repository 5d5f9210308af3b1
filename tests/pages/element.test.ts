import { afterEach, describe, expect, test } from "vitest";
import { intersectionOverUnion } from "../../src/pipeline/geometry.ts";
import type { Face } from "../../src/types.ts";
import { FACE_PLACE } from "./camera-clip.ts";
import { ALLOW_CAMERA, FAKE_CAMERA, type Visit, personOnCamera, visit } from "./visit.ts";

/** The limit for hundreds of frames on a busy machine. */
const LONG_MS = 240_000;

const camera = personOnCamera();
let here: Visit | undefined;

afterEach(async () => {
  await here?.close();
  here = undefined;
});

/** Start the page's element. @returns Its events up to a number of frames, or of frames with a face. */
function watch(page: Visit["page"], enough: { frames: number } | { sightings: number }) {
  return page.evaluate(async (wanted) => {
    await customElements.whenDefined("emotion-cam");
    const element = document.querySelector("emotion-cam")!;
    const seen: (readonly Face[])[] = [];
    const changes: string[] = [];
    let count = 0;
    element.addEventListener("emotion-change", ({ label }) => changes.push(label));
    element.addEventListener("emotion-presence", (event) => (count = event.count));
    const done = new Promise<void>((resolve) => {
      element.addEventListener("emotion-frame", ({ faces }) => {
        seen.push(faces);
        if ("frames" in wanted && seen.length === wanted.frames) resolve();
        if ("sightings" in wanted && seen.filter((them) => them.length > 0).length === wanted.sightings) resolve();
      });
    });
    const runtime = await element.start();
    await done;
    return { seen, changes, count, runtime, state: element.getAttribute("state") };
  }, enough);
}

describe("the tag on the served page", { timeout: LONG_MS }, () => {
  test("finds the face in its place and names its expression; nothing leaves the origin", async () => {
    here = await visit("embed.html", camera.flags);
    const { seen, changes, count, runtime, state } = await watch(here.page, { sightings: 40 });
    expect(state).toBe("running");
    expect(runtime).toMatchObject({ backend: "wasm" });
    expect(runtime.classifier.sha256).toMatch(/^[0-9a-f]{64}$/);
    for (const faces of seen) {
      expect(faces.length).toBeLessThanOrEqual(1);
      for (const { box, scores } of faces) {
        expect(intersectionOverUnion(box, FACE_PLACE)).toBeGreaterThanOrEqual(0.6);
        expect(Object.values(scores).reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 3);
      }
    }
    // Once found, the face is followed: one id, and hardly a frame without it.
    const followed = seen.slice(seen.findIndex((faces) => faces.length === 1));
    expect(followed.length).toBeLessThan(50);
    expect(new Set(seen.flatMap((faces) => faces.map(({ id }) => id))).size).toBe(1);
    expect(count).toBe(1);
    expect(changes.at(-1)).toBe("happy");
    expect(here.asked).toContain("/models/edge/contract.json");
    expect(here.strangers).toEqual([]);
    expect(here.complaints).toEqual([]);
  });

  test("a moving shape is not a face", async () => {
    here = await visit("embed.html", [FAKE_CAMERA, ALLOW_CAMERA]);
    const { seen, changes } = await watch(here.page, { frames: 200 });
    expect(seen.flat()).toEqual([]);
    expect(changes).toEqual([]);
    expect(here.strangers).toEqual([]);
    expect(here.complaints).toEqual([]);
  });
});
