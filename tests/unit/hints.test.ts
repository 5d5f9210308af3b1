/** The hints that the pipeline gives where no expression can be told, and a picture that counts as one. */
import { describe, expect, test } from "vitest";
import { pointInSquare } from "../../src/pipeline/geometry.ts";
import { createPipeline } from "../../src/pipeline/pipeline.ts";
import type { Detection, Square } from "../../src/pipeline/stages.ts";
import type { FrameOptions, FrameResult } from "../../src/types.ts";
import { HAPPY, type MadeFace, keypointsOf, makeWorld } from "./made-world.ts";

const FRAME_MS = 1000 / 15;
const OPTIONS: FrameOptions = { maxFaces: 4, minScore: 0.5, smoothing: 0.5, range: "far", pace: "adaptive" };
/** The side of a square that holds the whole frame, pixels. */
const WHOLE = 640;

/**
 * Watch a face that fills the frame or is cut by its edge. As BlazeFace does, the detector sees it only from farther away
 * than the frame, and scores it low.
 *
 * @param moves Whether the picture changes from frame to frame.
 */
async function watchCutFace(somebody: MadeFace, range: FrameOptions["range"], moves = true): Promise<FrameResult[]> {
  let lookedAt: Square = { centerX: 0, centerY: 0, side: 1, roll: 0 };
  let frame = 0;
  const picture = {
    width: 640,
    height: 480,
    cut: (square: Square, size: number) => {
      if (size === 128) lookedAt = square;
      return new Uint8ClampedArray(size * size * 4).fill(moves && frame % 2 === 0 ? 90 : 120);
    },
  };
  const detect = (): Detection[] => {
    if (lookedAt.side <= WHOLE) return [];
    const share = somebody.width / lookedAt.side;
    const center = pointInSquare({ x: somebody.centerX, y: somebody.centerY }, lookedAt);
    const box = { x: center.x - share / 2, y: center.y - share / 2, width: share, height: share };
    const keypoints = keypointsOf(somebody).map((point) => pointInSquare(point, lookedAt));
    return [{ box, keypoints, score: 0.45 }];
  };
  const { classifier } = makeWorld([]);
  const pipeline = createPipeline({ detector: { inputSize: 128, detect }, classifier, clock: () => 0 });
  const results: FrameResult[] = [];
  for (; frame < 90; frame++) results.push(await pipeline.process(picture, frame * FRAME_MS, { ...OPTIONS, range }));
  return results;
}

const CUT: readonly (readonly [string, MadeFace])[] = [
  ["half a face at the left edge", { centerX: 0, centerY: 240, width: 300 }],
  ["half a face at the right edge", { centerX: 640, centerY: 240, width: 300 }],
  ["half a face at the top edge", { centerX: 320, centerY: 0, width: 300 }],
  ["half a face at the bottom edge", { centerX: 320, centerY: 480, width: 300 }],
  ["a face of 1.46 frame widths", { centerX: 320, centerY: 240, width: 1.46 * 640 }],
];

describe("somebody who is too near", () => {
  test.each(CUT)("%s is asked to step back within two seconds", async (_, somebody) => {
    for (const range of ["near", "far"] as const) {
      const results = await watchCutFace(somebody, range);
      const first = results.findIndex(({ hint }) => hint === "step-back");
      expect(first, range).toBeGreaterThan(0);
      expect(first * FRAME_MS, range).toBeLessThanOrEqual(2000);
      // The hint stays while they do.
      expect(results.slice(first).every(({ hint }) => hint === "step-back")).toBe(true);
    }
  });

  test("a poster of a face that is cut by the edge is asked for a few seconds only: nothing moves there", async () => {
    const results = await watchCutFace(CUT[0]![1], "far", false);
    expect(results.slice(75).some(({ hint }) => hint !== undefined)).toBe(false);
  });

  test("a face that lies within the frame gets no hint", async () => {
    const results = await watchCutFace({ centerX: 320, centerY: 240, width: 200 }, "far");
    expect(results.every(({ hint }) => hint === undefined)).toBe(true);
  });
});

describe("a face that never moves", () => {
  const SOMEBODY: MadeFace = { centerX: 320, centerY: 240, width: 160, scores: HAPPY };

  /**
   * Watch a face five times a second.
   *
   * @param levelAt How much brighter its square is in a frame, of 255.
   * @returns Whether it is certain, by the second.
   */
  async function watch(levelAt: (frame: number) => number): Promise<(second: number) => boolean> {
    const world = makeWorld([SOMEBODY]);
    let frame = 0;
    const picture = {
      ...world.picture,
      cut: (square: Square, size: number) => {
        const rgba = world.picture.cut(square, size);
        if (size === 48) for (let at = 4; at < rgba.length - 4; at++) rgba[at]! += levelAt(frame);
        return rgba;
      },
    };
    const { detector, classifier } = world;
    const pipeline = createPipeline({ detector, classifier, clock: () => 0 });
    const certain: boolean[] = [];
    for (; frame < 5 * 70; frame++) {
      const { faces } = await pipeline.process(picture, frame * 200, { ...OPTIONS, range: "near" });
      certain.push(faces[0]?.certain ?? false);
    }
    return (second) => certain[5 * second]!;
  }

  test("for a minute, before a camera with its noise, is a picture, whose expression is not told", async () => {
    const isCertain = await watch((frame) => frame % 2);
    expect([2, 30, 58].map(isCertain)).toEqual([true, true, true]);
    expect([62, 69].map(isCertain)).toEqual([false, false]);
  });

  test("and moves once a minute is somebody", async () => {
    const isCertain = await watch((frame) => (frame % 2) + (frame > 250 ? 12 : 0));
    expect([2, 30, 58, 62, 69].map(isCertain)).toEqual([true, true, true, true, true]);
  });

  test("in a source without noise is certain: the source is a picture itself, which somebody chose", async () => {
    const isCertain = await watch(() => 0);
    expect([2, 30, 58, 62, 69].map(isCertain)).toEqual([true, true, true, true, true]);
  });
});

/** The tones of a face's square, of 48 pixels a side. */
type Tone = (x: number, y: number) => number;

const isDot = (x: number, y: number): boolean =>
  [15, 33].some((eye) => Math.hypot(x - eye, y - 19) < 3) || Math.hypot(x - 24, y - 38) < 4;
const SHADED: Tone = (x, y) => (isDot(x, y) ? 30 : 170) + 40 * Math.sin(x / 3) * Math.cos(y / 4);
const DRAWN: Tone = (x, y) => (isDot(x, y) ? 30 : 170);
const MASKED: Tone = (x, y) => (y < 27 ? SHADED(x, y) : 190);
const DARK: Tone = (x, y) => 0.12 * SHADED(x, y);

/** Watch a happy face of some score, and such a square, for three seconds. */
async function watchTone(tone: Tone, score: number): Promise<readonly FrameResult[]> {
  const world = makeWorld([{ centerX: 320, centerY: 200, width: 130, scores: HAPPY }]);
  const picture = {
    ...world.picture,
    cut: (square: Square, size: number) => {
      const rgba = world.picture.cut(square, size);
      if (size !== 48) return rgba;
      for (let at = 1; at < size * size - 1; at++)
        rgba.fill(tone(at % size, Math.floor(at / size)), 4 * at, 4 * at + 3);
      return rgba;
    },
  };
  const detect = async (rgba: Uint8ClampedArray, minScore: number) =>
    (await world.detector.detect(rgba, minScore)).map((each) => ({ ...each, score }));
  const detector = { inputSize: 128, detect };
  const pipeline = createPipeline({ detector, classifier: world.classifier, clock: () => 0 });
  const results: FrameResult[] = [];
  for (let frame = 0; frame < 45; frame++) results.push(await pipeline.process(picture, frame * FRAME_MS, OPTIONS));
  return results;
}

describe("a face of fair scores", () => {
  test("gets a word within a second and a half where its square has a face's texture", async () => {
    const results = await watchTone(SHADED, 0.75);
    const first = results.findIndex(({ faces }) => faces.length > 0);
    expect(first).toBeGreaterThanOrEqual(10);
    expect(first * FRAME_MS).toBeLessThanOrEqual(1500);
    expect(results.at(-1)!.faces[0]).toMatchObject({ label: "happy", certain: true });
  });

  test("is nobody where its square is a drawing: a disc with two dots", async () => {
    expect((await watchTone(DRAWN, 0.75)).every(({ faces }) => faces.length === 0)).toBe(true);
  });
});

describe("a face whose square cannot be read", () => {
  const told = (results: readonly FrameResult[]) => ({
    shown: results.some(({ faces }) => faces.length > 0),
    certain: results.some(({ faces }) => faces.some(({ certain }) => certain)),
    hint: results.at(-1)!.hint,
  });

  test("is shown without a word; too little light is said", async () => {
    expect(told(await watchTone(SHADED, 0.95))).toEqual({ shown: true, certain: true, hint: undefined });
    expect(told(await watchTone(MASKED, 0.95))).toEqual({ shown: true, certain: false, hint: undefined });
    expect(told(await watchTone(DARK, 0.95))).toEqual({ shown: true, certain: false, hint: "too-dark" });
  });

  test("may not be seen at all in the dark, which is said too", async () => {
    const { classifier, detector } = makeWorld([]);
    const pipeline = createPipeline({ detector, classifier, clock: () => 0 });
    const hintAt = async (level: number, frame: number) => {
      const cut = (_: Square, size: number) => new Uint8ClampedArray(size * size * 4).fill(level);
      return (await pipeline.process({ width: 640, height: 480, cut }, frame * FRAME_MS, OPTIONS)).hint;
    };
    for (let frame = 0; frame < 30; frame++) await hintAt(12, frame);
    expect(await hintAt(12, 30)).toBe("too-dark");
    for (let frame = 31; frame < 60; frame++) await hintAt(120, frame);
    expect(await hintAt(120, 60)).toBeUndefined();
  });
});
