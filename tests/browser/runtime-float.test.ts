import { memory } from "@tensorflow/tfjs-core";
import { beforeAll, describe, expect, test } from "vitest";
import { intersectionOverUnion, letterboxSquare, sightingInFrame } from "../../src/pipeline/geometry.ts";
import { createPipeline } from "../../src/pipeline/pipeline.ts";
import type { LoadedEngine } from "../../src/runtime/engine.ts";
import { loadEngine } from "../../src/runtime/load-engine.ts";
import { Pixels } from "../../src/runtime/pixels.ts";
import type { Box, FrameOptions } from "../../src/types.ts";

const ASTRONAUT = new URL("../fixtures/astronaut.jpg", import.meta.url);
/** Measured by eye: from ear to ear, from the hairline to the chin; in pixels of the 512x512 picture. */
const FACE: Box = { x: 172, y: 72, width: 104, height: 116 };

/** 200 frames take five seconds on two idle cores; a shared machine may take ten times as long. */
const HANG_MS = 240_000;

const OPTIONS: FrameOptions = { maxFaces: 4, minScore: 0.5, smoothing: 0, range: "near", pace: "measure" };

let loaded: LoadedEngine;
let astronaut: ImageBitmap;

beforeAll(async () => {
  astronaut = await createImageBitmap(await (await fetch(ASTRONAUT)).blob());
  loaded = await loadEngine({ assetBase: `${location.origin}/`, engine: "float", model: "seed" }, () => {});
});

/** Crop the picture at (`x`, `y`) to a width and height, at a scale. */
async function scene(x: number, y: number, width: number, height: number, scale = 1): Promise<ImageBitmap> {
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d")!.drawImage(astronaut, -x * scale, -y * scale, 512 * scale, 512 * scale);
  return createImageBitmap(canvas);
}

async function find(bitmap: ImageBitmap) {
  const picture = new Pixels().read(bitmap);
  const square = letterboxSquare(picture);
  const { detector } = loaded.engine;
  const detections = await detector.detect(picture.cut(square, detector.inputSize), 0.5);
  return detections.map((detection) => sightingInFrame(detection, square));
}

test(
  "200 frames leave no tensor behind",
  async () => {
    const { detector, classifier } = loaded.engine;
    const pipeline = createPipeline({ detector, classifier, clock: () => performance.now() });
    const pixels = new Pixels();
    const faceless = await scene(300, 300, 200, 200);
    const before = memory().numTensors;
    let seen = 0;
    for (let frame = 0; frame < 200; frame++) {
      const picture = pixels.read(frame % 4 === 3 ? faceless : astronaut);
      const { faces } = await pipeline.process(picture, frame * 33, OPTIONS);
      seen += faces.length;
    }
    expect(memory().numTensors).toBe(before);
    expect(seen).toBeGreaterThan(50);
  },
  HANG_MS,
);

test("the runtime info names the engine and its networks", () => {
  expect(loaded.runtime).toMatchObject({
    engine: "float",
    backend: "wasm",
    variant: "tfjs",
    threads: 1,
    detector: { name: "blazeface", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    classifier: { name: "seed", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
  expect(loaded.runtime.wasmBytes).toBeGreaterThan(1e6);
});

describe("the detector", () => {
  test("finds the astronaut's face and nothing else", async () => {
    const faces = await find(astronaut);
    expect(faces).toHaveLength(1);
    const [face] = faces;
    expect(intersectionOverUnion(face!.box, FACE)).toBeGreaterThan(0.7);
    expect(face!.score).toBeGreaterThan(0.6);
    const [rightEye, leftEye, nose, mouth] = face!.keypoints;
    for (const [point, x, y] of [
      [rightEye, 200, 103],
      [leftEye, 249, 104],
      [nose, 224, 125],
      [mouth, 223, 146],
    ] as const) {
      expect(Math.hypot(point!.x - x, point!.y - y), `(${point!.x}, ${point!.y})`).toBeLessThan(14);
    }
  });

  test.each([
    ["wide", 641, 363, 0.9],
    ["high", 275, 487, 1.1],
    ["a narrow strip", 333, 199, 1],
    ["large", 1281, 961, 2.5],
  ])("finds the face in frames of odd sizes: %s", async (_, width, height, scale) => {
    const faces = await find(await scene(100, 30, width, height, scale));
    expect(faces).toHaveLength(1);
    const expected = {
      x: (FACE.x - 100) * scale,
      y: (FACE.y - 30) * scale,
      width: FACE.width * scale,
      height: FACE.height * scale,
    };
    expect(intersectionOverUnion(faces[0]!.box, expected)).toBeGreaterThan(0.6);
  });

  test("finds nothing in a picture without a face", async () => {
    expect(await find(await scene(300, 300, 200, 200))).toEqual([]);
  });

  test("leaves out faces below minScore", async () => {
    const picture = new Pixels().read(astronaut);
    const rgba = picture.cut(letterboxSquare(picture), 128);
    expect(await loaded.engine.detector.detect(rgba, 1)).toEqual([]);
  });
});

describe("the classifier", () => {
  test("returns probabilities that do not depend on the rest of the batch", async () => {
    const { classifier } = loaded.engine;
    const picture = new Pixels().read(astronaut);
    const bytes = 48 * 48 * 4;
    const squares = new Uint8ClampedArray(3 * bytes);
    [20, 0, -20].forEach((aside, i) => {
      squares.set(picture.cut({ centerX: 224 + aside, centerY: 130, side: 120, roll: 0 }, 48), i * bytes);
    });
    const batch = (await classifier.classify(squares, 3)).slice();
    expect(batch).toHaveLength(21);
    for (let face = 0; face < 3; face++) {
      const alone = await classifier.classify(squares.subarray(face * bytes, (face + 1) * bytes), 1);
      const row = batch.subarray(face * 7, face * 7 + 7);
      expect(row.reduce((sum, probability) => sum + probability, 0)).toBeCloseTo(1, 5);
      row.forEach((probability, i) => expect(probability).toBeCloseTo(alone[i]!, 4));
    }
  });
});
