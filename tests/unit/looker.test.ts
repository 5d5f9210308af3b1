import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { intersectionOverUnion } from "../../src/pipeline/geometry.ts";
import { type Pipeline, createPipeline } from "../../src/pipeline/pipeline.ts";
import type { Detector, Picture } from "../../src/pipeline/stages.ts";
import type { Box, FrameOptions, FrameResult } from "../../src/types.ts";
import { type MadeFace, type MadeWorld, makeWorld, normal, seeded } from "./made-world.ts";

const FRAME_MS = 1000 / 15;
const FAR: FrameOptions = { maxFaces: 8, minScore: 0.5, smoothing: 0.5, range: "far", pace: "measure" };
const ADAPTIVE: FrameOptions = { ...FAR, pace: "adaptive" };

/** A pipeline on a machine where each look takes the given time. */
function pipelineOf(world: MadeWorld, lookMs = 0.5): Pipeline {
  let nowMs = 0;
  return createPipeline({
    detector: {
      inputSize: world.detector.inputSize,
      detect: (rgba, minScore) => {
        nowMs += lookMs;
        return world.detector.detect(rgba, minScore);
      },
    },
    classifier: world.classifier,
    clock: () => nowMs,
  });
}

interface Run {
  readonly results: readonly FrameResult[];
  /** Looks at each frame. */
  readonly looks: readonly number[];
}

async function run(
  pipeline: Pipeline,
  world: MadeWorld,
  frames: number,
  startMs: number,
  options: FrameOptions,
): Promise<Run> {
  const results: FrameResult[] = [];
  const looks: number[] = [];
  for (let frame = 0; frame < frames; frame++) {
    world.looks.length = 0;
    results.push(await pipeline.process(world.picture, startMs + frame * FRAME_MS, options));
    looks.push(world.looks.length);
  }
  return { results, looks };
}

function boxOf({ centerX, centerY, width }: MadeFace): Box {
  return { x: (centerX - width / 2) / 640, y: (centerY - width / 2) / 480, width: width / 640, height: width / 480 };
}

const somewhere = fc
  .tuple(
    fc.double({ min: 34, max: 220, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.double({ min: 0, max: 1, noNaN: true }),
  )
  .map(([width, x, y]): MadeFace => ({
    width,
    centerX: width / 2 + x * (640 - width),
    centerY: width / 2 + y * (480 - width),
  }));

describe("far", () => {
  test("finds a new face within half a second, once and in its place", async () => {
    await fc.assert(
      fc.asyncProperty(somewhere, fc.integer({ min: 0, max: 20 }), async (face, empty) => {
        const world = makeWorld([]);
        const pipeline = pipelineOf(world);
        await run(pipeline, world, empty, 0, FAR);
        world.faces = [face];
        const { results } = await run(pipeline, world, 9, empty * FRAME_MS, FAR);
        const last = results.at(-1)?.faces ?? [];
        expect(last).toHaveLength(1);
        expect(intersectionOverUnion(last[0]?.box ?? boxOf({ ...face, width: 0 }), boxOf(face))).toBeGreaterThan(0.9);
      }),
      { numRuns: 60 },
    );
  });

  test("near does not find small faces", async () => {
    const world = makeWorld([{ centerX: 300, centerY: 200, width: 60 }]);
    const { results } = await run(pipelineOf(world), world, 20, 0, { ...FAR, range: "near" });
    expect(results.at(-1)?.faces).toHaveLength(0);
  });

  test("gives each known face a look of its own in every frame", async () => {
    const face = { centerX: 200, centerY: 150, width: 50 };
    const world = makeWorld([face]);
    const pipeline = pipelineOf(world);
    await run(pipeline, world, 12, 0, FAR);
    for (let frame = 12; frame < 30; frame++) {
      world.faces = [{ ...face, centerX: 200 + 4 * (frame - 12) }];
      await run(pipeline, world, 1, frame * FRAME_MS, FAR);
      expect(
        world.looks.some(
          ({ side, centerX }) => Math.abs(side - 125) < 25 && Math.abs(centerX - 200 - 4 * (frame - 12)) < 25,
        ),
      ).toBe(true);
    }
  });

  test("keeps the ids of two people who cross", async () => {
    const random = seeded(21);
    const world = makeWorld([]);
    world.tremble = () => 0.015 * normal(random);
    const pipeline = pipelineOf(world);
    const ids = new Set<number>();
    for (let frame = 0; frame < 60; frame++) {
      const along = 6 * frame;
      world.faces = [
        { centerX: 80 + along, centerY: 160, width: 45 },
        { centerX: 560 - along, centerY: 230, width: 60 },
      ];
      const { results } = await run(pipeline, world, 1, frame * FRAME_MS, FAR);
      for (const { id } of results[0]?.faces ?? []) ids.add(id);
    }
    expect(ids.size).toBe(2);
  });

  test("finds a face again that jumped to another place", async () => {
    const world = makeWorld([{ centerX: 150, centerY: 150, width: 50 }]);
    const pipeline = pipelineOf(world);
    await run(pipeline, world, 12, 0, FAR);
    world.faces = [{ centerX: 450, centerY: 300, width: 50 }];
    const { results } = await run(pipeline, world, 12, 12 * FRAME_MS, FAR);
    const faces = results.at(-1)?.faces ?? [];
    expect(faces).toHaveLength(1);
    expect(faces[0]?.box.x).toBeCloseTo(425 / 640, 2);
  });
});

describe("the number of looks", () => {
  const CROWD = [100, 220, 340, 460].map((x): MadeFace => ({ centerX: x, centerY: 150, width: 44 }));

  test("is small on a slow machine, which still finds and follows a face", async () => {
    const world = makeWorld([{ centerX: 200, centerY: 150, width: 60 }]);
    const pipeline = pipelineOf(world, 10);
    const { results, looks } = await run(pipeline, world, 60, 0, ADAPTIVE);
    expect(Math.max(...looks.slice(15))).toBeLessThanOrEqual(3);
    expect(results.at(-1)?.faces).toHaveLength(1);
  });

  test("is enough to follow four faces on a very slow machine", async () => {
    const world = makeWorld(CROWD);
    const pipeline = pipelineOf(world, 14);
    await run(pipeline, world, 120, 0, ADAPTIVE);
    const { results } = await run(pipeline, world, 60, 120 * FRAME_MS, ADAPTIVE);
    const ids = results.map(({ faces }) => faces.map(({ id }) => id).sort((a, b) => a - b));
    expect(new Set(ids.map(String)).size).toBe(1);
    expect(ids[0]).toHaveLength(4);
  });

  test("is lower where nothing moves, except at the pace measure", async () => {
    const still = makeWorld([]);
    const pipeline = pipelineOf(still);
    await run(pipeline, still, 30, 0, ADAPTIVE);
    const spared = await run(pipeline, still, 45, 30 * FRAME_MS, ADAPTIVE);
    const measured = makeWorld([]);
    const full = await run(pipelineOf(measured), measured, 45, 0, FAR);
    const sum = (looks: readonly number[]): number => looks.reduce((total, count) => total + count, 0);
    expect(sum(full.looks)).toBeGreaterThan(2.5 * sum(spared.looks));
    expect(sum(spared.looks)).toBeGreaterThanOrEqual(19);
  });

  test("near never shows a face that it can see only closely", async () => {
    const world = makeWorld([{ centerX: 300, centerY: 200, width: 100 }]);
    const seen = world.detector;
    // Like the network: a small share of the square scores low, a large one high.
    const pipeline = createPipeline({
      detector: {
        inputSize: seen.inputSize,
        detect: async (rgba, minScore) =>
          (await seen.detect(rgba, minScore))
            .map((found) => ({ ...found, score: found.box.width < 0.2 ? 0.25 : 0.9 }))
            .filter((found) => found.score >= minScore),
      },
      classifier: world.classifier,
      clock: () => 0,
    });
    const { results } = await run(pipeline, world, 60, 0, { ...FAR, range: "near" });
    expect(results.every(({ faces }) => faces.length === 0)).toBe(true);
  });

  test("near takes one look a frame once all faces are known", async () => {
    const world = makeWorld([{ centerX: 200, centerY: 200, width: 150 }]);
    const pipeline = pipelineOf(world);
    await run(pipeline, world, 10, 0, { ...FAR, range: "near" });
    const { looks } = await run(pipeline, world, 30, 10 * FRAME_MS, { ...FAR, range: "near" });
    expect(new Set(looks)).toEqual(new Set([1]));
  });
});

describe("where nothing moves", () => {
  /** The world's picture, as the motion map sees it: a pattern on each face, so that faces move something. */
  function inMotion(world: MadeWorld): Picture {
    const { picture } = world;
    return {
      ...picture,
      cut(square, size) {
        const rgba = picture.cut(square, size);
        if (size !== 64) return rgba;
        rgba.fill(90);
        for (const { centerX, centerY, width } of world.faces) {
          const scale = size / square.side;
          const top = Math.round(size / 2 + (centerY - width / 2 - square.centerY) * scale);
          const left = Math.round(size / 2 + (centerX - width / 2 - square.centerX) * scale);
          const end = Math.round(size / 2 + (centerX + width / 2 - square.centerX) * scale);
          for (let row = top; row < top + width * scale; row++)
            for (let at = left; at < end; at++)
              rgba.fill(
                ((7 * (row - top) + 5 * (at - left)) % 11) * 16,
                (row * size + at) * 4,
                (row * size + at) * 4 + 4,
              );
        }
        return rgba;
      },
    };
  }

  test("a face that comes into a quiet frame is found within half a second, although quiet frames are 200 ms apart", async () => {
    for (const width of [40, 80, 160]) {
      const world = makeWorld([]);
      const seen = inMotion(world);
      const pipeline = pipelineOf(world);
      let quiet = false;
      const quietly = async (fromMs: number, toMs: number) => {
        for (let ms = fromMs; ms <= toMs; ms += 200)
          quiet = (await pipeline.process(seen, ms, ADAPTIVE)).quiet === true;
      };
      await quietly(0, 20_000);
      expect(quiet).toBe(true);
      world.looks.length = 0;
      await quietly(20_200, 28_000);
      // In eight seconds nineteen tiles twice, and six looks from farther away.
      expect(world.looks.length).toBeLessThanOrEqual(2 * 19 + 6);
      // Comes in right after a quiet frame.
      world.faces = [{ centerX: 420, centerY: 300, width }];
      let found = false;
      for (let ms = 28_200; ms <= 28_500; ms += 1000 / 30) {
        const result = await pipeline.process(seen, ms, ADAPTIVE);
        expect(result.quiet).toBeUndefined();
        found = result.faces.length === 1;
      }
      expect(found, `${width} px`).toBe(true);
    }
  });

  test("a face that stands still is looked at ten times a second, one that moves in each frame", async () => {
    const world = makeWorld([{ centerX: 200, centerY: 200, width: 110 }]);
    const seen = inMotion(world);
    const pipeline = pipelineOf(world);
    const looksAtFace = async (fromMs: number, pxPerFrame: number) => {
      let looks = 0;
      for (let frame = 0; frame < 60; frame++) {
        const [face] = world.faces;
        // To the right for a second, and back.
        world.faces = [{ ...face!, centerX: face!.centerX + (frame < 30 ? pxPerFrame : -pxPerFrame) }];
        world.looks.length = 0;
        const { faces } = await pipeline.process(seen, fromMs + (frame * 1000) / 30, ADAPTIVE);
        expect(faces).toHaveLength(1);
        // A known face takes two fifths of its own square; the search has no square of that size.
        looks += world.looks.filter(({ side }) => Math.abs(side - 110 / 0.4) < 20).length;
      }
      return looks;
    };
    for (let frame = 0; frame < 30; frame++) await pipeline.process(seen, (frame * 1000) / 30, ADAPTIVE);
    expect(await looksAtFace(1000, 0)).toBeLessThanOrEqual(21);
    expect(await looksAtFace(3000, 10)).toBeGreaterThanOrEqual(55);
  });

  test("a look at somebody who moves does not move the box of a face that stands still", async () => {
    // The other's square cuts it, so it has looks of its own.
    const still: MadeFace = { centerX: 280, centerY: 240, width: 60 };
    const world = makeWorld([still]);
    const { detector } = world;
    // A box is off where the face takes another share of the square than in a look of its own.
    const detect: Detector["detect"] = async (rgba, minScore) =>
      (await detector.detect(rgba, minScore)).map((found) => {
        const { x, width } = found.box;
        return Math.abs(width - 0.4) < 0.05 ? found : { ...found, box: { ...found.box, x: x + 0.1 * width } };
      });
    const pipeline = createPipeline({ ...world, detector: { ...detector, detect }, clock: () => 0 });
    const seen = inMotion(world);
    for (let frame = 0; frame < 120; frame++) {
      const centerX = 396 + 6 * Math.sin(frame / 2);
      world.faces = [still, { centerX, centerY: 240, width: 110 }];
      const { faces } = await pipeline.process(seen, (frame * 1000) / 30, ADAPTIVE);
      if (frame < 60) continue;
      const face = faces.find(({ box }) => box.width < 0.13)!;
      expect(Math.abs((face.box.x + face.box.width / 2) * 640 - 280)).toBeLessThan(1);
    }
  });

  test("near looks a few times a second", async () => {
    const world = makeWorld([{ centerX: 300, centerY: 200, width: 150 }]);
    const pipeline = pipelineOf(world);
    await run(pipeline, world, 30, 0, { ...ADAPTIVE, range: "near" });
    const { looks, results } = await run(pipeline, world, 30, 30 * FRAME_MS, { ...ADAPTIVE, range: "near" });
    expect(looks.reduce((sum, count) => sum + count, 0)).toBeLessThanOrEqual(9);
    expect(results.every(({ faces }) => faces.length === 1)).toBe(true);
  });
});

describe("false faces", () => {
  test("a face that only one scale sees is never shown", async () => {
    const world = makeWorld([{ centerX: 300, centerY: 200, width: 60 }]);
    const seen = world.detector;
    // A pattern that looks like a face at a small share of the square only.
    const pipeline = createPipeline({
      detector: {
        inputSize: seen.inputSize,
        detect: async (rgba, minScore) => (await seen.detect(rgba, minScore)).filter(({ box }) => box.width < 0.22),
      },
      classifier: world.classifier,
      clock: () => 0,
    });
    const { results } = await run(pipeline, world, 60, 0, FAR);
    expect(results.every(({ faces }) => faces.length === 0)).toBe(true);
  });

  test("a face that scores low in closer looks is never shown", async () => {
    const world = makeWorld([{ centerX: 300, centerY: 200, width: 60 }]);
    const seen = world.detector;
    const pipeline = createPipeline({
      detector: {
        inputSize: seen.inputSize,
        detect: async (rgba, minScore) =>
          (await seen.detect(rgba, minScore)).map((found) => ({ ...found, score: 0.65 })),
      },
      classifier: world.classifier,
      clock: () => 0,
    });
    const { results } = await run(pipeline, world, 90, 0, FAR);
    expect(results.every(({ faces }) => faces.length === 0)).toBe(true);
  });

  test("a known face may score lower for half a second", async () => {
    const world = makeWorld([{ centerX: 300, centerY: 200, width: 60 }]);
    const seen = world.detector;
    let score = 0.9;
    const pipeline = createPipeline({
      detector: {
        inputSize: seen.inputSize,
        detect: async (rgba, minScore) =>
          (await seen.detect(rgba, minScore))
            .map((found) => ({ ...found, score }))
            .filter((found) => found.score >= minScore),
      },
      classifier: world.classifier,
      clock: () => 0,
    });
    await run(pipeline, world, 12, 0, FAR);
    score = 0.35;
    const { results } = await run(pipeline, world, 7, 12 * FRAME_MS, FAR);
    expect(results.every(({ faces }) => faces.length === 1)).toBe(true);
  });
});
