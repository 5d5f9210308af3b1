import { describe, expect, test } from "vitest";
import { sweep } from "../../src/pipeline/sweep.ts";
import { makeWorld } from "./made-world.ts";

describe("sweep", () => {
  test("finds large and small faces once each, the largest first, in pixels of the picture", async () => {
    const world = makeWorld([
      { centerX: 60, centerY: 400, width: 20 },
      { centerX: 500, centerY: 130, width: 34 },
      { centerX: 240, centerY: 200, width: 260 },
    ]);
    const faces = await sweep(world.picture, world.detector, 0.5);
    expect(faces).toHaveLength(3);
    expect(faces.map(({ box }) => Math.round(box.width))).toEqual([260, 34, 20]);
    const [largest] = faces;
    expect(largest?.box.x).toBeCloseTo(240 - 130, 6);
    expect(largest?.box.y).toBeCloseTo(200 - 130, 6);
    expect(largest?.keypoints).toHaveLength(6);
    expect(largest?.keypoints[3]?.y).toBeCloseTo(200 + 0.28 * 260, 6);
  });

  test("finds a face that fills the picture", async () => {
    const world = makeWorld([{ centerX: 100, centerY: 100, width: 190 }], 200, 200);
    expect(await sweep(world.picture, world.detector, 0.5)).toHaveLength(1);
  });

  test.each([
    { score: 0.9, faces: 1 },
    { score: 0.6, faces: 0 },
  ])("looks that score $score, where 0.5 is asked for, find $faces faces", async ({ score, faces }) => {
    const world = makeWorld([{ centerX: 240, centerY: 200, width: 100 }]);
    const detector = {
      inputSize: 128,
      detect: async (rgba: Uint8ClampedArray, minScore: number) =>
        (await world.detector.detect(rgba, minScore)).map((detection) => ({ ...detection, score })),
    };
    expect(await sweep(world.picture, detector, 0.5)).toHaveLength(faces);
  });

  test("an empty picture has no faces", async () => {
    const world = makeWorld([]);
    expect(await sweep(world.picture, world.detector, 0.5)).toEqual([]);
    expect(await sweep({ ...world.picture, width: 0 }, world.detector, 0.5)).toEqual([]);
  });
});
