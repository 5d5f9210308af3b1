import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Pipeline, createPipeline } from "../../src/pipeline/pipeline.ts";
import type { Face, FrameOptions, FrameResult, Prior } from "../../src/types.ts";
import { HAPPY, type MadeFace, type MadeWorld, SAD, makeWorld, normal, seeded } from "./made-world.ts";

const FRAME_MS = 1000 / 15;
const OPTIONS: FrameOptions = { maxFaces: 4, minScore: 0.5, smoothing: 0.5, range: "near", pace: "measure" };

/** A clock that advances by a millisecond with each reading. */
function ticking(): () => number {
  let ms = 0;
  return () => ms++;
}

function pipelineOf(world: MadeWorld): Pipeline {
  return createPipeline({ detector: world.detector, classifier: world.classifier, clock: ticking() });
}

async function run(
  pipeline: Pipeline,
  world: MadeWorld,
  frames: number,
  startMs = 0,
  options = OPTIONS,
): Promise<FrameResult[]> {
  const results: FrameResult[] = [];
  for (let frame = 0; frame < frames; frame++) {
    results.push(await pipeline.process(world.picture, startMs + frame * FRAME_MS, options));
  }
  return results;
}

function only(result: FrameResult | undefined): Face {
  expect(result?.faces).toHaveLength(1);
  const face = result?.faces[0];
  if (!face) throw new Error("no face in the result");
  return face;
}

const ADA: MadeFace = { centerX: 320, centerY: 240, width: 160, scores: HAPPY };
const BO: MadeFace = { centerX: 130, centerY: 200, width: 130, scores: SAD };

describe("process", () => {
  test("finds a face in its place, in fractions of the frame, with its expression from the start", async () => {
    const world = makeWorld([ADA]);
    const results = await run(pipelineOf(world), world, 2);
    expect(results[0]?.faces).toHaveLength(0);
    const face = only(results[1]);
    expect(face.box.x).toBeCloseTo((320 - 80) / 640, 6);
    expect(face.box.y).toBeCloseTo((240 - 80) / 480, 6);
    expect(face.box.width).toBeCloseTo(160 / 640, 6);
    expect(face.box.height).toBeCloseTo(160 / 480, 6);
    expect(face.keypoints).toHaveLength(6);
    expect(face.keypoints[0]?.x).toBeCloseTo((320 - 0.22 * 160) / 640, 6);
    expect(face.label).toBe("happy");
    expect(face.certain).toBe(true);
    expect(Object.values(face.scores).reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 6);
  });

  test("each face keeps its own expression, the largest first", async () => {
    const world = makeWorld([BO, ADA]);
    const [result] = (await run(pipelineOf(world), world, 6)).slice(-1);
    expect(result?.faces.map(({ label }) => label)).toEqual(["happy", "sad"]);
  });

  test("shows at most maxFaces, and one for invalid numbers", async () => {
    for (const [maxFaces, shown] of [
      [1, 1],
      [2, 2],
      [0, 1],
      [-3, 1],
      [Number.NaN, 1],
      [Number.POSITIVE_INFINITY, 2],
    ] as const) {
      const world = makeWorld([ADA, BO]);
      const results = await run(pipelineOf(world), world, 4, 0, { ...OPTIONS, maxFaces });
      expect(results.at(-1)?.faces).toHaveLength(shown);
    }
  });

  test("returns the time that it was given and the timings of its stages", async () => {
    const world = makeWorld([ADA]);
    const { timeMs, timings, detected } = (await run(pipelineOf(world), world, 4, 500)).at(-1) ?? {};
    expect(timeMs).toBeCloseTo(500 + 3 * FRAME_MS, 9);
    expect(detected).toBe(true);
    expect(timings?.grab).toBe(0);
    const { detect = 0, crop = 0, classify = 0, post = 0, total = 0 } = timings ?? {};
    expect(Math.min(detect, crop, classify, post)).toBeGreaterThan(0);
    expect(detect + crop + classify + post).toBe(total);
  });

  test("the classifier is asked for the prior of the frame's options", async () => {
    const world = makeWorld([ADA]);
    const asked: unknown[] = [];
    const classify = (squares: Uint8ClampedArray, count: number, prior?: Prior) => {
      asked.push(prior);
      return world.classifier.classify(squares, count);
    };
    const { detector, classifier } = world;
    const pipeline = createPipeline({ detector, classifier: { ...classifier, classify }, clock: ticking() });
    await run(pipeline, world, 5);
    await run(pipeline, world, 1, 500, { ...OPTIONS, prior: "training" });
    expect(new Set(asked.slice(0, -1))).toEqual(new Set([undefined]));
    expect(asked.at(-1)).toBe("training");
  });

  test("the same frames give the same results", async () => {
    const answers = [1, 2].map(async () => {
      const world = makeWorld([ADA, BO]);
      const random = seeded(9);
      world.tremble = () => 0.01 * normal(random);
      return run(pipelineOf(world), world, 30, 0, { ...OPTIONS, pace: "adaptive" });
    });
    const [first, second] = await Promise.all(answers);
    expect(second).toEqual(first);
  });

  test("a face that leaves is gone within 400 ms, and the next one has another id", async () => {
    const world = makeWorld([ADA]);
    const pipeline = pipelineOf(world);
    const before = only((await run(pipeline, world, 5)).at(-1)).id;
    world.faces = [];
    expect((await run(pipeline, world, 6, 400)).at(-1)?.faces).toHaveLength(0);
    await run(pipeline, world, 20, 800);
    world.faces = [ADA];
    expect(only((await run(pipeline, world, 3, 2400)).at(-1)).id).not.toBe(before);
  });
});

describe("invalid input", () => {
  test("times that stand still, go back or are not finite are accepted", async () => {
    const world = makeWorld([ADA]);
    const pipeline = pipelineOf(world);
    for (const timeMs of [1000, 1060, 1060, 500, Number.NaN, 1120, Number.POSITIVE_INFINITY, 1180]) {
      const result = await pipeline.process(world.picture, timeMs, OPTIONS);
      for (const face of result.faces) expect(Number.isFinite(face.box.x + face.confidence)).toBe(true);
    }
    only(await pipeline.process(world.picture, 1240, OPTIONS));
  });

  test("a picture without pixels has no faces", async () => {
    const world = makeWorld([ADA]);
    const pipeline = pipelineOf(world);
    await run(pipeline, world, 3);
    for (const [width, height] of [
      [0, 0],
      [640, 0],
      [Number.NaN, 480],
    ] as const) {
      const result = await pipeline.process({ ...world.picture, width, height }, 300, OPTIONS);
      expect(result.faces).toEqual([]);
      expect(result.detected).toBe(false);
    }
  });

  test("invalid detections and scores never reach the result", async () => {
    const wild = fc.oneof(fc.double(), fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, -1, 1e30));
    const detection = fc.record({
      box: fc.record({ x: wild, y: wild, width: wild, height: wild }),
      keypoints: fc.array(fc.record({ x: wild, y: wild }), { maxLength: 7 }),
      score: wild,
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(detection, { maxLength: 40 }),
        fc.array(wild, { maxLength: 14 }),
        async (found, scores) => {
          const world = makeWorld([ADA]);
          const pipeline = createPipeline({
            detector: {
              inputSize: 128,
              detect: (rgba, minScore) => [...(world.detector.detect(rgba, minScore) as []), ...found],
            },
            classifier: { ...world.classifier, classify: () => Float32Array.from(scores) },
            clock: ticking(),
          });
          for (const { faces } of await run(pipeline, world, 4, 0, { ...OPTIONS, maxFaces: 99 })) {
            expect(faces.length).toBeLessThanOrEqual(16);
            for (const face of faces) {
              expect(Number.isFinite(face.box.x + face.box.y + face.box.width + face.box.height)).toBe(true);
              expect(Object.values(face.scores).reduce((sum, score) => sum + score, 0)).toBeCloseTo(1, 6);
            }
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test("a failing detector rejects that frame only", async () => {
    const world = makeWorld([ADA]);
    let failing = false;
    const pipeline = createPipeline({
      detector: {
        inputSize: 128,
        detect: (rgba, minScore) => {
          if (failing) throw new Error("out of memory");
          return world.detector.detect(rgba, minScore);
        },
      },
      classifier: world.classifier,
      clock: ticking(),
    });
    const { id } = only((await run(pipeline, world, 3)).at(-1));
    failing = true;
    await expect(pipeline.process(world.picture, 250, OPTIONS)).rejects.toThrow("out of memory");
    failing = false;
    expect(only(await pipeline.process(world.picture, 300, OPTIONS)).id).toBe(id);
  });
});

describe("classification", () => {
  const ADAPTIVE: FrameOptions = { ...OPTIONS, pace: "adaptive" };

  test("a face that hardly changes is classified a few times a second, and in every frame at the pace measure", async () => {
    const calm = makeWorld([ADA]);
    await run(pipelineOf(calm), calm, 31, 0, ADAPTIVE);
    expect(calm.classified).toBeLessThanOrEqual(6);
    expect(calm.classified).toBeGreaterThanOrEqual(3);
    const measured = makeWorld([ADA]);
    await run(pipelineOf(measured), measured, 31);
    expect(measured.classified).toBe(30);
  });

  test("a face that changes is classified at once", async () => {
    const world = makeWorld([ADA]);
    const pipeline = pipelineOf(world);
    await run(pipeline, world, 10, 0, ADAPTIVE);
    world.faces = [{ ...ADA, scores: SAD }];
    const results = await run(pipeline, world, 7, 10 * FRAME_MS, ADAPTIVE);
    expect(only(results.at(-1)).label).toBe("sad");
  });

  test("in a group, exactly those faces are classified that changed, or whose answer is half a second old", async () => {
    const FRAMES = 40;
    const group = [0.2, 0.5, 0.8].map((x): MadeFace => ({ centerX: x * 640, centerY: 240, width: 110 }));
    const changes = fc.array(fc.subarray(group.map((_, index) => index)), { minLength: FRAMES, maxLength: FRAMES });
    // Changes are rare in life, and a property without them would say nothing about old answers.
    const rare = fc.tuple(changes, fc.integer({ min: 1, max: 12 }));
    await fc.assert(
      fc.asyncProperty(rare, async ([wanted, every]) => {
        const world = makeWorld(group);
        const classified: number[] = [];
        const classify = (squares: Uint8ClampedArray, count: number) => {
          for (let square = 0; square < count; square++) classified.push(squares[4 * 48 * 48 * square]!);
          return world.classifier.classify(squares, count);
        };
        const { detector, classifier } = world;
        const pipeline = createPipeline({ detector, classifier: { ...classifier, classify }, clock: ticking() });
        await run(pipeline, world, 1, -FRAME_MS, ADAPTIVE);
        const answeredAt = group.map(() => Number.NEGATIVE_INFINITY);
        for (let frame = 0; frame < FRAMES; frame++) {
          const changed = frame % every === 0 ? wanted[frame]! : [];
          const turned = (face: MadeFace) => (face.scores === SAD ? HAPPY : SAD);
          world.faces = world.faces.map((face, at) =>
            changed.includes(at) ? { ...face, scores: turned(face) } : face,
          );
          const isDue = (at: number) => changed.includes(at) || (frame - answeredAt[at]!) * FRAME_MS >= 500;
          const due = group.map((_, at) => at).filter(isDue);
          for (const at of due) answeredAt[at] = frame;
          classified.length = 0;
          await run(pipeline, world, 1, frame * FRAME_MS, ADAPTIVE);
          expect(classified.toSorted()).toEqual(due);
        }
      }),
      { numRuns: 30 },
    );
  });

  test("every other look is at the mirror image, and a face that keeps still shows the mean; measure never does so", async () => {
    const world = makeWorld([ADA]);
    // One side of this face looks happy, the other one sad.
    const answers = { happy: [0, 0, 0, 0.8, 0.2, 0, 0], sad: [0, 0, 0, 0.4, 0.2, 0.4, 0] };
    const sides: number[] = [];
    const picture = {
      ...world.picture,
      cut: (...args: Parameters<typeof world.picture.cut>) => {
        const rgba = world.picture.cut(...args);
        if (args[1] === 48) rgba[4 * 47] = 9;
        return rgba;
      },
    };
    const classify = (squares: Uint8ClampedArray) => {
      const isMirrored = squares[0] === 9;
      sides.push(Number(isMirrored));
      return Float32Array.from(isMirrored ? answers.sad : answers.happy);
    };
    const show = async (options: FrameOptions) => {
      const classifier = { ...world.classifier, classify };
      const pipeline = createPipeline({ detector: world.detector, classifier, clock: ticking() });
      sides.length = 0;
      return only((await run(pipeline, { ...world, picture }, 45, 0, options)).at(-1));
    };
    const mean = await show(ADAPTIVE);
    expect(sides.length).toBeGreaterThan(3);
    expect(sides).toEqual(sides.map((_, index) => index % 2));
    expect(mean.scores.happy).toBeCloseTo(0.6, 2);
    expect((await show(OPTIONS)).scores.happy).toBeCloseTo(0.8, 6);
    expect(sides.every((side) => side === 0)).toBe(true);
  });

  test("the expression of a face below the contract's size is not certain", async () => {
    const world = makeWorld([{ centerX: 70, centerY: 60, width: 26 }], 160, 120);
    const face = only((await run(pipelineOf(world), world, 3)).at(-1));
    expect(face.certain).toBe(false);
    expect(face.confidence).toBeGreaterThan(0.5);
  });
});

describe("reset", () => {
  test("forgets all faces and uses no id again", async () => {
    const world = makeWorld([ADA]);
    const pipeline = pipelineOf(world);
    const before = only((await run(pipeline, world, 3)).at(-1)).id;
    pipeline.reset();
    const results = await run(pipeline, world, 2);
    expect(results[0]?.faces).toHaveLength(0);
    expect(only(results[1]).id).toBeGreaterThan(before);
  });

  test("happens with the first frame of another source, whatever its time is", async () => {
    for (const startMs of [0, 250]) {
      const world = makeWorld([ADA]);
      const pipeline = pipelineOf(world);
      const before = only((await run(pipeline, world, 4)).at(-1)).id;
      world.faces = [];
      for (const { faces } of await run(pipeline, world, 8, startMs, { ...OPTIONS, source: 1 }))
        expect(faces).toEqual([]);
      world.faces = [ADA];
      const back = await run(pipeline, world, 2, 800, { ...OPTIONS, source: 2 });
      expect(back[0]?.faces).toEqual([]);
      expect(only(back[1]).id).toBeGreaterThan(before);
    }
  });

  test("happens at another frame size and after a long gap", async () => {
    const world = makeWorld([ADA]);
    const pipeline = pipelineOf(world);
    const before = only((await run(pipeline, world, 3)).at(-1)).id;
    const larger = { ...world.picture, width: 1280, height: 960 };
    expect((await pipeline.process(larger, 250, OPTIONS)).faces).toHaveLength(0);
    expect((await pipeline.process(world.picture, 300, OPTIONS)).faces).toHaveLength(0);
    expect(only(await pipeline.process(world.picture, 350, OPTIONS)).id).toBeGreaterThan(before);
    expect((await pipeline.process(world.picture, 10_000, OPTIONS)).faces).toHaveLength(0);
  });
});
