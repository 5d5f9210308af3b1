/** The page that `npm run reach` drives: the shipped engine and pipeline on made scenes. */
import { createPipeline } from "../../../src/pipeline/pipeline.ts";
import { intersectionOverUnion } from "../../../src/pipeline/geometry.ts";
import type { Classifier } from "../../../src/pipeline/stages.ts";
import { type LoadedEngine, loadEngine } from "../../../src/runtime/engine.ts";
import { Pixels } from "../../../src/runtime/pixels.ts";
import type { Box, Face, FrameOptions, FrameResult, Range, RuntimeInfo } from "../../../src/types.ts";
import {
  Camera,
  FACELESS,
  FRAMES_PER_SECOND,
  HEIGHT,
  type Head,
  type HeadSource,
  type Person,
  type Random,
  WIDTH,
  castPerson,
  cutHead,
  faceBox,
  room,
  seeded,
} from "./scenes.ts";

/** A face is found where its box overlaps the true one by this much (intersection over union). */
const FOUND_IOU = 0.4;
/** The scene stands empty for so many frames before somebody comes. */
const EMPTY_FRAMES = 4;
/** Half a second: the frames at 0, 67 … 467 ms. */
const HALF_SECOND_FRAMES = 8;

export interface Settings {
  readonly range: Range;
  readonly pace: FrameOptions["pace"];
  /** `fast`: the pipeline is told that looks cost nothing, so that it has as many as it wants on any machine. */
  readonly machine: "this" | "fast";
}

export interface Cost {
  /** Milliseconds from a frame's pixels to its faces, in the median and the mean. */
  readonly medianMs: number;
  readonly meanMs: number;
  /** Looks of the detector a frame, in the mean: what the cost is whatever else the machine does. */
  readonly looks: number;
}

declare global {
  interface Window {
    reach: {
      open(engine: "int8" | "float", heads: readonly HeadSource[]): Promise<RuntimeInfo>;
      recall(width: number, scenes: number, settings: Settings): Promise<number>;
      faceless(kind: string, seconds: number, seed: number, settings: Settings): Promise<number>;
      facelessKinds(): readonly string[];
      jitter(width: number, settings: Settings): Promise<number>;
      crossings(scenes: number, settings: Settings): Promise<number>;
      cost(settings: Settings): Promise<Cost>;
    };
  }
}

let loaded: LoadedEngine;
let heads: readonly Head[] = [];
const pixels = new Pixels();

/** Expressions are not what is measured here: all faces look neutral, at no cost. */
const UNREAD: Classifier = {
  inputSize: 48,
  crop: { imageLeftEye: { x: 0.3, y: 0.4 }, imageRightEye: { x: 0.7, y: 0.4 } },
  minConfidence: 0.5,
  classify: (_squares, count) => new Float32Array(count * 7).fill(1 / 7),
};

/** A scene being watched, frame by frame, as fast as it can be computed; its own time is that of the camera. */
class Watched {
  readonly #camera: Camera;
  readonly #pipeline;
  readonly #options: FrameOptions;
  /** Looks of the detector so far. */
  looks = 0;
  /** What the latest frame took. */
  tookMs = 0;
  #frame = 0;

  constructor(random: Random, { range, pace, machine }: Settings) {
    this.#camera = new Camera(random);
    this.#options = { maxFaces: 8, minScore: 0.5, smoothing: 0.5, range, pace };
    this.#pipeline = createPipeline({
      detector: {
        inputSize: loaded.engine.detector.inputSize,
        detect: (rgba, minScore) => {
          this.looks += 1;
          return loaded.engine.detector.detect(rgba, minScore);
        },
      },
      classifier: UNREAD,
      clock: machine === "fast" ? () => 0 : () => performance.now(),
    });
  }

  /** How far the scene has come. */
  get seconds(): number {
    return this.#frame / FRAMES_PER_SECOND;
  }

  async next(background: ReturnType<typeof room>, people: readonly Person[]): Promise<FrameResult> {
    const bitmap = this.#camera.shoot(background, people, this.seconds);
    const startMs = performance.now();
    try {
      return await this.#pipeline.process(pixels.read(bitmap), 1000 * this.seconds, this.#options);
    } finally {
      this.tookMs = performance.now() - startMs;
      bitmap.close();
      this.#frame += 1;
    }
  }
}

function inPixels({ box }: Face): Box {
  return { x: box.x * WIDTH, y: box.y * HEIGHT, width: box.width * WIDTH, height: box.height * HEIGHT };
}

function finds(result: FrameResult, truth: Box): Face | undefined {
  return result.faces.find((face) => intersectionOverUnion(inPixels(face), truth) >= FOUND_IOU);
}

/** Somebody of the given size at a random place, wholly in the frame, walking or swaying a little. */
function somebody(random: Random, head: Head, width: number): Person {
  const margin = 0.6 * width;
  const x = margin + (WIDTH - 2 * margin) * random();
  const y = margin + (HEIGHT - 2 * margin) * random();
  const speed = 0.6 * random() - 0.3;
  const pace = 1 + random();
  const at = (seconds: number): { x: number; y: number } => ({
    x: Math.min(Math.max(x + speed * width * seconds, margin), WIDTH - margin),
    y: y + 0.03 * width * Math.sin(2 * Math.PI * pace * seconds),
  });
  return castPerson(head, width, random() < 0.5, 0.6 + 0.8 * random(), at);
}

window.reach = {
  async open(engine, sources) {
    loaded = await loadEngine({ assetBase: new URL("/", location.href).href, engine, model: "seed" }, () => {});
    heads = await Promise.all(sources.map(cutHead));
    return loaded.runtime;
  },

  /** The share of people who, having come, are found within half a second. */
  async recall(width, scenes, settings) {
    let found = 0;
    for (let scene = 0; scene < scenes; scene++) {
      const random = seeded(1000 * width + scene);
      const watched = new Watched(random, settings);
      const background = room(random);
      const person = somebody(random, heads[scene % heads.length]!, width);
      for (let frame = 0; frame < EMPTY_FRAMES; frame++) await watched.next(background, []);
      for (let frame = 0; frame < HALF_SECOND_FRAMES; frame++) {
        const truth = faceBox(person, watched.seconds);
        if (!finds(await watched.next(background, [person]), truth)) continue;
        found += 1;
        break;
      }
    }
    return found / scenes;
  },

  facelessKinds: () => Object.keys(FACELESS),

  /** How many faces were reported, by their ids, where there is none. */
  async faceless(kind, seconds, seed, settings) {
    const random = seeded(seed);
    const watched = new Watched(random, settings);
    const background = FACELESS[kind]!(random);
    const ids = new Set<number>();
    while (watched.seconds < seconds) for (const { id } of (await watched.next(background, [])).faces) ids.add(id);
    return ids.size;
  },

  /** The largest deviation of a still face's box, of its left, top and width, as a share of its width. */
  async jitter(width, settings) {
    const deviations: number[] = [];
    for (const [index, head] of heads.entries()) {
      const random = seeded(77 + index);
      const watched = new Watched(random, settings);
      const background = room(random);
      const place = { x: 0.3 * WIDTH + 200 * random(), y: 0.4 * HEIGHT + 60 * random() };
      const person = castPerson(head, width, false, 1, () => place);
      const boxes: Box[] = [];
      for (let frame = 0; frame < 60; frame++) {
        const face = finds(await watched.next(background, [person]), faceBox(person, 0));
        if (face && frame >= 20) boxes.push(inPixels(face));
      }
      if (boxes.length < 30) continue;
      for (const side of ["x", "y", "width"] as const)
        deviations.push(deviation(boxes.map((box) => box[side])) / width);
    }
    return deviations.length > 0 ? Math.max(...deviations) : Number.NaN;
  },

  /** Of all sightings of four people who cross each other, the share under the id that each had first. */
  async crossings(scenes, settings) {
    let right = 0;
    let all = 0;
    for (let scene = 0; scene < scenes; scene++) {
      const random = seeded(500 + scene);
      const watched = new Watched(random, settings);
      const background = room(random);
      const people = [0, 1, 2, 3].map((index) => walker(random, heads[index % heads.length]!, index));
      const idOf = new Map<Person, number>();
      while (watched.seconds < 6) {
        const now = watched.seconds;
        const result = await watched.next(background, people);
        for (const person of people) {
          const face = finds(result, faceBox(person, now));
          const { x } = person.at(now);
          if (x < person.width / 2 || x > WIDTH - person.width / 2) continue;
          if (!face || people.some((other) => other !== person && isHidden(person, other, now))) continue;
          if (!idOf.has(person)) idOf.set(person, face.id);
          all += 1;
          if (idOf.get(person) === face.id) right += 1;
        }
      }
    }
    return right / all;
  },

  /** What detection costs a frame while one person stands in view. */
  async cost(settings) {
    const random = seeded(3);
    const watched = new Watched(random, settings);
    const background = room(random);
    const person = somebody(random, heads[0]!, 120);
    const times: number[] = [];
    for (let frame = 0; frame < 30; frame++) await watched.next(background, [person]);
    const looksBefore = watched.looks;
    for (let frame = 0; frame < 90; frame++) {
      await watched.next(background, [person]);
      times.push(watched.tookMs);
    }
    times.sort((a, b) => a - b);
    return {
      medianMs: times[times.length >> 1]!,
      meanMs: times.reduce((sum, ms) => sum + ms, 0) / times.length,
      looks: (watched.looks - looksBefore) / times.length,
    };
  },
};

/** Walks through the frame at walking pace, two from each side, before or behind the others. */
function walker(random: Random, head: Head, index: number): Person {
  const width = 46 + 14 * index + 8 * random();
  const fromLeft = index % 2 === 0;
  const ahead = 30 + 130 * (index >> 1) + 30 * random();
  const speed = 95 + 20 * random();
  // Heads of people are at about the height of the camera, whatever their distance.
  const y = HEIGHT * (0.37 + 0.06 * random());
  const at = (seconds: number): { x: number; y: number } => {
    const along = ahead + speed * seconds;
    return { x: fromLeft ? along : WIDTH - along, y };
  };
  return castPerson(head, width, random() < 0.5, 0.8 + 0.4 * random(), at, "figure");
}

function isHidden(person: Person, other: Person, seconds: number): boolean {
  const [a, b] = [person.at(seconds), other.at(seconds)];
  return Math.hypot(a.x - b.x, a.y - b.y) < 0.8 * Math.max(person.width, other.width);
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
