/**
 * A simulated world of faces for the pipeline's tests: a picture, a detector and a classifier that behave like the real
 * ones, without pixels and networks.
 */
import type { Classifier, Detection, Detector, Picture, Square } from "../../src/pipeline/stages.ts";
import type { Point } from "../../src/types.ts";
import { pointInSquare } from "../../src/pipeline/geometry.ts";

/** A head, in frame pixels; `scores` is the classifier's answer for it. */
export interface MadeFace {
  readonly centerX: number;
  readonly centerY: number;
  readonly width: number;
  readonly roll?: number;
  readonly scores?: readonly number[];
}

export const HAPPY = [0.02, 0.02, 0.02, 0.88, 0.02, 0.02, 0.02];
export const SAD = [0.02, 0.02, 0.02, 0.02, 0.02, 0.88, 0.02];

/** Eyes, nose, mouth and ears relative to a face's centre, in face widths. */
const FRONTAL: readonly Point[] = [
  { x: -0.22, y: -0.15 },
  { x: 0.22, y: -0.15 },
  { x: 0, y: 0.05 },
  { x: 0, y: 0.28 },
  { x: -0.48, y: -0.05 },
  { x: 0.48, y: -0.05 },
];

export function keypointsOf(face: MadeFace): Point[] {
  const cos = Math.cos(face.roll ?? 0);
  const sin = Math.sin(face.roll ?? 0);
  return FRONTAL.map(({ x, y }) => ({
    x: face.centerX + face.width * (cos * x - sin * y),
    y: face.centerY + face.width * (sin * x + cos * y),
  }));
}

export interface MadeWorld {
  faces: readonly MadeFace[];
  readonly picture: Picture;
  readonly detector: Detector;
  readonly classifier: Classifier;
  /** Squares that the detector was run on; the tests clear the list. */
  readonly looks: Square[];
  /** The number of faces classified so far. */
  classified: number;
  /** Returns the error of one coordinate of a detection, in shares of its width. */
  tremble: () => number;
}

const DETECTOR_SIZE = 128;
const CLASSIFIER_SIZE = 48;
/** A face is found where its share of the square lies in this range, as measured on the short-range network. */
const LEAST_SHARE = 0.15;
const MOST_SHARE = 0.8;

export function makeWorld(faces: readonly MadeFace[], width = 640, height = 480): MadeWorld {
  const pixels = new Map<number, Uint8ClampedArray>();
  const cuts: Square[] = [];
  let lookedAt: Square = { centerX: 0, centerY: 0, side: 1, roll: 0 };
  let cropped: Square[] = [];
  const world: MadeWorld = {
    faces,
    looks: cuts,
    classified: 0,
    tremble: () => 0,
    picture: {
      width,
      height,
      cut(square, size) {
        if (size === DETECTOR_SIZE) lookedAt = square;
        if (size === CLASSIFIER_SIZE) cropped.push(square);
        const rgba = pixels.get(size) ?? new Uint8ClampedArray(size * size * 4);
        pixels.set(size, rgba);
        // A crop's gray depends on the expression, so that a change is visible; the first row's ends are the face's index.
        const seen = size === CLASSIFIER_SIZE ? nearestTo(square) : undefined;
        rgba.fill(seen ? 40 + 25 * indexOfTop(seen.scores ?? HAPPY) : 0);
        if (seen) rgba[0] = rgba[4 * (size - 1)] = world.faces.indexOf(seen);
        return rgba;
      },
    },
    detector: {
      inputSize: DETECTOR_SIZE,
      detect(_rgba, minScore) {
        cuts.push(lookedAt);
        return minScore > 1 ? [] : world.faces.flatMap((face) => detection(face, lookedAt));
      },
    },
    classifier: {
      inputSize: CLASSIFIER_SIZE,
      crop: { imageLeftEye: { x: 0.3, y: 0.4 }, imageRightEye: { x: 0.7, y: 0.4 } },
      minConfidence: 0.5,
      smallestFacePx: 28,
      classify(squares, count) {
        world.classified += count;
        const answers = new Float32Array(count * 7);
        for (let index = 0; index < count; index++) {
          const face = world.faces[squares[index * CLASSIFIER_SIZE * CLASSIFIER_SIZE * 4] ?? 0];
          answers.set(face?.scores ?? HAPPY, index * 7);
        }
        cropped = [];
        return answers;
      },
    },
  };

  function nearestTo(square: Square): MadeFace | undefined {
    const distance = (face: MadeFace): number =>
      Math.hypot(face.centerX - square.centerX, face.centerY - square.centerY);
    return [...world.faces].sort((a, b) => distance(a) - distance(b))[0];
  }

  function detection(face: MadeFace, square: Square): Detection[] {
    const share = face.width / square.side;
    const center = pointInSquare({ x: face.centerX, y: face.centerY }, square);
    const edge = 0.35 * share;
    const inside = Math.min(center.x, center.y, 1 - center.x, 1 - center.y) >= edge;
    if (!inside || share < LEAST_SHARE || share > MOST_SHARE) return [];
    const off = (): number => world.tremble() * share;
    const [x, y] = [center.x + off(), center.y + off()];
    return [
      {
        box: { x: x - share / 2, y: y - share / 2, width: share, height: share },
        keypoints: keypointsOf(face).map((point) => {
          const at = pointInSquare(point, square);
          return { x: at.x + off(), y: at.y + off() };
        }),
        score: 0.9,
      },
    ];
  }
  return world;
}

function indexOfTop(scores: readonly number[]): number {
  return scores.indexOf(Math.max(...scores));
}

export { normal, seeded } from "../seeded.ts";
