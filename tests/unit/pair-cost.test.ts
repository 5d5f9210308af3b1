import { expect, test } from "vitest";
import { pairCost } from "../../src/pipeline/pair-cost.ts";
import type { Track } from "../../src/pipeline/track.ts";
import { startTrajectory } from "../../src/pipeline/trajectory.ts";
import { keypointsOf } from "./made-world.ts";

function sighting(centerX: number, width = 80, score = 0.9) {
  const box = { x: centerX - width / 2, y: 200 - width / 2, width, height: width };
  return { box, keypoints: keypointsOf({ centerX, centerY: 200, width }), score };
}

const EXPECTED = { x: 200, y: 200 };
const TRACK: Track = {
  ...sighting(EXPECTED.x),
  id: 1,
  confirmed: true,
  missedSinceMs: null,
  doubtedSinceMs: null,
  seenMs: 0,
  trajectory: startTrajectory(EXPECTED),
};

test("the same place and size cost nothing, and more the farther and the more different a sighting is", () => {
  const cost = (centerX: number, width?: number) => pairCost(TRACK, EXPECTED, sighting(centerX, width), 66, 0.5);
  expect(cost(200)).toBeCloseTo(0, 9);
  expect(cost(210)).toBeGreaterThan(cost(205));
  expect(cost(200, 100)).toBeGreaterThan(cost(200, 90));
  expect(cost(240)).toBeLessThan(1);
});

test("what is too far away, too large or too small is another face", () => {
  for (const [centerX, width] of [
    [290, 80],
    [200, 150],
    [200, 42],
  ] as const)
    expect(pairCost(TRACK, EXPECTED, sighting(centerX, width), 66, 0.5)).toBeNaN();
});

test("a face that was not seen for a while may be found farther away", () => {
  expect(pairCost(TRACK, EXPECTED, sighting(290), 1000, 0.5)).toBeLessThan(1);
});

test("a confirmed track wins over an unconfirmed one", () => {
  const unconfirmed = { ...TRACK, confirmed: false };
  expect(pairCost(unconfirmed, EXPECTED, sighting(205), 66, 0.5)).toBeGreaterThan(
    pairCost(TRACK, EXPECTED, sighting(205), 66, 0.5),
  );
});

test("a weak sighting pairs only where a face is seen, in its place", () => {
  expect(pairCost(TRACK, EXPECTED, sighting(205, 80, 0.4), 66, 0.5)).toBeLessThan(1);
  expect(pairCost(TRACK, EXPECTED, sighting(235, 80, 0.9), 66, 0.5)).toBeLessThan(1);
  expect(pairCost(TRACK, EXPECTED, sighting(235, 80, 0.4), 66, 0.5)).toBeNaN();
  expect(pairCost({ ...TRACK, missedSinceMs: 10 }, EXPECTED, sighting(205, 80, 0.4), 66, 0.5)).toBeNaN();
});
