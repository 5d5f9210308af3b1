import { beforeAll, describe, expect, test } from "vitest";
import "../commands/reach/page.ts";

/** A small part of each measurement of `npm run reach`, with the one head whose picture is free. */
const ASTRONAUT = {
  url: new URL("../fixtures/astronaut.jpg", import.meta.url).href,
  face: { x: 174.5, y: 73.6, width: 104, height: 104 },
};

/** A few hundred frames take seconds on an idle core; a shared machine may take ten times as long. */
const HANG_MS = 240_000;

/** Looks are assumed to take no time, so that a busy machine gives the results of a fast one. */
const FAR = { range: "far", pace: "adaptive", machine: "fast" } as const;

beforeAll(() => window.reach.open("int8", [ASTRONAUT]), HANG_MS);

describe("reach", () => {
  test(
    "faces are found within half a second in their place, and small ones only at the range far",
    async () => {
      expect(await window.reach.recall(32, 10, FAR)).toBeGreaterThanOrEqual(0.9);
      expect(await window.reach.recall(60, 4, FAR)).toBe(1);
      expect(await window.reach.recall(32, 2, { ...FAR, range: "near" })).toBe(0);
    },
    HANG_MS,
  );

  test(
    "discs with two dots and waving hands are not taken for faces",
    async () => {
      for (const kind of ["shapes", "hands"]) {
        expect((await window.reach.faceless(kind, 6, 1, FAR)).faces, kind).toBe(0);
      }
    },
    HANG_MS,
  );

  test(
    "a still face stays within 1 % of its width",
    async () => {
      expect(await window.reach.jitter(60, FAR)).toBeLessThanOrEqual(0.01);
    },
    HANG_MS,
  );

  test(
    "four people who cross keep their ids",
    async () => {
      const { right, all } = await window.reach.crossing(502, FAR);
      expect(all).toBeGreaterThan(100);
      expect(right / all).toBeGreaterThanOrEqual(0.95);
    },
    HANG_MS,
  );
});
