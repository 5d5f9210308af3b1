import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  boxArea,
  boxAsFraction,
  boxAt,
  boxCenter,
  boxSize,
  eyesSquare,
  intersectionOverUnion,
  isSound,
  letterboxSquare,
  pointAsFraction,
  pointInFrame,
  pointInSquare,
  proportions,
  sightingInFrame,
  squareAround,
} from "../../src/pipeline/geometry.ts";
import { keypointsOf } from "./made-world.ts";

const coordinate = fc.double({ min: -2000, max: 2000, noNaN: true });
const extent = fc.double({ min: 1, max: 2000, noNaN: true });
const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
const square = fc.record({ centerX: coordinate, centerY: coordinate, side: extent, roll: angle });
const box = fc.record({ x: coordinate, y: coordinate, width: extent, height: extent });
const frame = { width: 640, height: 480 };

describe("squares", () => {
  test("pointInFrame is the inverse of pointInSquare", () => {
    fc.assert(
      fc.property(square, coordinate, coordinate, (within, x, y) => {
        const back = pointInFrame(pointInSquare({ x, y }, within), within);
        expect(Math.hypot(back.x - x, back.y - y)).toBeLessThan(1e-6);
      }),
    );
  });

  test("roll is clockwise: it moves the middle of the right edge down", () => {
    const within = { centerX: 100, centerY: 100, side: 20, roll: Math.PI / 2 };
    const at = pointInFrame({ x: 1, y: 0.5 }, within);
    expect(at.x).toBeCloseTo(100);
    expect(at.y).toBeCloseTo(110);
  });

  test("the letterbox square holds the frame and touches its edges along the longer side", () => {
    fc.assert(
      fc.property(extent, extent, (width, height) => {
        const whole = letterboxSquare({ width, height });
        const topLeft = pointInSquare({ x: 0, y: 0 }, whole);
        const bottomRight = pointInSquare({ x: width, y: height }, whole);
        expect(Math.min(topLeft.x, topLeft.y)).toBeCloseTo(0, 9);
        expect(Math.max(bottomRight.x, bottomRight.y)).toBeCloseTo(1, 9);
      }),
    );
  });

  test("a box takes the given share of the square around it", () => {
    fc.assert(
      fc.property(box, fc.double({ min: 0.1, max: 1, noNaN: true }), (around, share) => {
        const within = squareAround(around, share);
        expect(Math.max(around.width, around.height) / within.side).toBeCloseTo(share, 9);
      }),
    );
  });

  test("a detection's box keeps its centre relative to its keypoints under roll", () => {
    fc.assert(
      fc.property(square, (within) => {
        const detection = {
          box: { x: 0.2, y: 0.4, width: 0.2, height: 0.2 },
          keypoints: [{ x: 0.3, y: 0.5 }],
          score: 0.7,
        };
        const seen = sightingInFrame(detection, within);
        expect(seen.box.x + seen.box.width / 2).toBeCloseTo(seen.keypoints[0]?.x ?? 0, 6);
        expect(seen.box.y + seen.box.height / 2).toBeCloseTo(seen.keypoints[0]?.y ?? 0, 6);
        expect(seen.box.width).toBeCloseTo(0.2 * within.side, 6);
      }),
    );
  });
});

describe("eyesSquare", () => {
  const crop = { imageLeftEye: { x: 0.31, y: 0.38 }, imageRightEye: { x: 0.69, y: 0.4 } };
  const head = fc.record({
    centerX: fc.double({ min: 0, max: 640, noNaN: true }),
    centerY: fc.double({ min: 0, max: 480, noNaN: true }),
    width: fc.double({ min: 10, max: 400, noNaN: true }),
    roll: fc.double({ min: -1, max: 1, noNaN: true }),
  });
  const seen = (face: { centerX: number; centerY: number; width: number; roll?: number }) => ({
    box: { x: face.centerX - face.width / 2, y: face.centerY - face.width / 2, width: face.width, height: face.width },
    keypoints: keypointsOf(face),
  });

  test("puts the eyes exactly into their places", () => {
    fc.assert(
      fc.property(head, (face) => {
        const within = eyesSquare(seen(face), crop);
        const left = pointInSquare(keypointsOf(face)[0] ?? { x: 0, y: 0 }, within);
        const right = pointInSquare(keypointsOf(face)[1] ?? { x: 0, y: 0 }, within);
        expect(left.x).toBeCloseTo(crop.imageLeftEye.x, 6);
        expect(left.y).toBeCloseTo(crop.imageLeftEye.y, 6);
        expect(right.x).toBeCloseTo(crop.imageRightEye.x, 6);
        expect(right.y).toBeCloseTo(crop.imageRightEye.y, 6);
      }),
    );
  });

  test("the square of a profile still holds the head", () => {
    const face = seen({ centerX: 300, centerY: 200, width: 100 });
    const profile = {
      ...face,
      keypoints: face.keypoints.map((point) => ({ x: 300 + (point.x - 300) / 10, y: point.y })),
    };
    expect(eyesSquare(profile, crop).side).toBeGreaterThanOrEqual(75);
  });

  test("is finite for any keypoints", () => {
    const wild = fc.double();
    fc.assert(
      fc.property(fc.array(fc.record({ x: wild, y: wild }), { maxLength: 6 }), (keypoints) => {
        const finite = keypoints.filter(({ x, y }) => Math.abs(x) < 1e6 && Math.abs(y) < 1e6);
        const within = eyesSquare({ box: { x: 1, y: 2, width: 30, height: 40 }, keypoints: finite }, crop);
        expect(Number.isFinite(within.centerX + within.centerY + within.roll)).toBe(true);
        expect(within.side).toBeGreaterThan(0);
      }),
    );
  });
});

describe("boxes", () => {
  test("intersection over union is symmetric, 1 for a box with itself, and in 0..1", () => {
    fc.assert(
      fc.property(box, box, (a, b) => {
        const share = intersectionOverUnion(a, b);
        expect(share).toBeGreaterThanOrEqual(0);
        expect(share).toBeLessThanOrEqual(1 + 1e-12);
        expect(share).toBeCloseTo(intersectionOverUnion(b, a), 12);
        expect(intersectionOverUnion(a, a)).toBeCloseTo(1, 9);
      }),
    );
  });

  test("two boxes that share half of each have an intersection over union of a third", () => {
    expect(
      intersectionOverUnion({ x: 0, y: 0, width: 10, height: 10 }, { x: 5, y: 0, width: 10, height: 10 }),
    ).toBeCloseTo(1 / 3);
  });

  test("an empty box or one with NaN overlaps nothing", () => {
    const whole = { x: 0, y: 0, width: 10, height: 10 };
    expect(intersectionOverUnion({ ...whole, width: 0 }, whole)).toBe(0);
    expect(intersectionOverUnion({ ...whole, x: Number.NaN }, whole)).toBe(0);
  });

  test("a box that is moved to a point has it as its centre, and keeps its size", () => {
    fc.assert(
      fc.property(box, coordinate, coordinate, (whole, x, y) => {
        const moved = boxAt({ x, y }, whole);
        const center = boxCenter(moved);
        expect(Math.hypot(center.x - x, center.y - y)).toBeLessThan(1e-9);
        expect(boxArea(moved)).toBe(boxArea(whole));
        expect(boxSize(moved) ** 2).toBeCloseTo(boxArea(whole), 6);
      }),
    );
  });

  test("places become fractions of the frame", () => {
    expect(pointAsFraction({ x: 320, y: 120 }, frame)).toEqual({ x: 0.5, y: 0.25 });
    expect(boxAsFraction({ x: 64, y: 48, width: 128, height: 240 }, frame)).toEqual({
      x: 0.1,
      y: 0.1,
      width: 0.2,
      height: 0.5,
    });
  });
});

describe("isSound", () => {
  const sound = {
    box: { x: 0, y: 0, width: 1, height: 1 },
    keypoints: keypointsOf({ centerX: 0, centerY: 0, width: 1 }),
    score: 1,
  };
  test("rejects sightings with numbers that are not finite, an empty box or a missing keypoint", () => {
    expect(isSound(sound)).toBe(true);
    expect(isSound({ ...sound, score: Number.NaN })).toBe(false);
    expect(isSound({ ...sound, box: { ...sound.box, width: 0 } })).toBe(false);
    expect(isSound({ ...sound, box: { ...sound.box, x: Number.POSITIVE_INFINITY } })).toBe(false);
    expect(isSound({ ...sound, keypoints: sound.keypoints.slice(1) })).toBe(false);
    expect(isSound({ ...sound, keypoints: sound.keypoints.map(() => ({ x: Number.NaN, y: 0 })) })).toBe(false);
  });
});

describe("proportions", () => {
  test("do not depend on a face's place, size and roll", () => {
    fc.assert(
      fc.property(coordinate, coordinate, fc.double({ min: 10, max: 400, noNaN: true }), angle, (x, y, width, roll) => {
        const box = { x: x - width / 2, y: y - width / 2, width, height: width };
        const built = proportions({ box, keypoints: keypointsOf({ centerX: x, centerY: y, width, roll }) });
        expect(built.eyeDistance).toBeCloseTo(0.44, 6);
        expect(built.mouthDrop).toBeCloseTo(0.43, 6);
        expect(built.noseDrop).toBeCloseTo(0.2, 6);
        expect(built.mouthAside).toBeCloseTo(0, 6);
      }),
    );
  });
});
