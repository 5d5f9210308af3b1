/** The page that `npm run reach` drives: the shipped engine and pipeline on made scenes. */
import { createPipeline } from "../../../src/pipeline/pipeline.ts";
import { intersectionOverUnion } from "../../../src/pipeline/geometry.ts";
import type { Classifier } from "../../../src/pipeline/stages.ts";
import type { LoadedEngine } from "../../../src/runtime/engine.ts";
import { startBackend } from "../../../src/runtime/backend.ts";
import { loadEngine } from "../../../src/runtime/load-engine.ts";
import { simdLevel } from "../../../src/runtime/simd.ts";
import { Pixels } from "../../../src/runtime/pixels.ts";
import type { Box, Face, FrameOptions, FrameResult, Range, RuntimeInfo } from "../../../src/types.ts";
import { type Random, seeded } from "../../seeded.ts";
import { type FacelessFrames, faceless, recall, somebody } from "./arrivals.ts";
import { FACELESS } from "./faceless.ts";
import {
  type Background,
  Camera,
  FRAMES_PER_SECOND,
  HEIGHT,
  type Head,
  type HeadSource,
  type Person,
  WIDTH,
  castPerson,
  cutHead,
  faceBox,
  room,
} from "./scenes.ts";
import { type WholeFrame, type WholeNetwork, openWhole } from "./whole-frame.ts";

/** The least intersection over union of a person's true box and the face that counts as theirs. */
const SAME_IOU = 0.4;

export interface Settings {
  readonly range: Range;
  readonly pace: FrameOptions["pace"];
  /** `fast` tells the pipeline that looks cost nothing, so that it takes as many as it wants on any machine. */
  readonly machine: "this" | "fast";
}

/** Milliseconds from a frame's pixels to its faces. */
export interface FrameCost {
  readonly nearMs: number;
  readonly farMs: number;
}

/** The cost of one person in view. */
export interface Costs {
  readonly times: readonly FrameCost[];
  /** The detector's looks in all of these frames. Other work on the machine does not change them. */
  readonly nearLooks: number;
  readonly farLooks: number;
}

/** Faces reported where there is none. */
export interface FalseFaces extends FacelessFrames {
  /** The number of different ids. */
  readonly faces: number;
}

/** Counts of how often people were seen. */
export interface Sightings {
  /** Under the id that the person had first. */
  readonly right: number;
  readonly all: number;
}

declare global {
  interface Window {
    reach: {
      open(engine: "int8" | "float", heads: readonly HeadSource[]): Promise<RuntimeInfo>;
      recall(width: number, scenes: number, settings: Settings): Promise<number>;
      faceless(kind: string, seconds: number, seed: number, settings: Settings): Promise<FalseFaces>;
      facelessKinds(): readonly string[];
      jitter(width: number, settings: Settings): Promise<number>;
      crossing(seed: number, settings: Settings): Promise<Sightings>;
      cost(seed: number, frames: number, settings: Omit<Settings, "range">): Promise<Costs>;
      openWhole(network: WholeNetwork): Promise<void>;
      whole(width: number, scenes: number): Promise<WholeFrame>;
    };
  }
}

let loaded: LoadedEngine;
let heads: readonly Head[] = [];
let measureWhole: Awaited<ReturnType<typeof openWhole>>;
const pixels = new Pixels();

/** Answers the same for each face at no cost: expressions are not measured here. */
const NO_CLASSIFIER: Classifier = {
  inputSize: 48,
  crop: { imageLeftEye: { x: 0.3, y: 0.4 }, imageRightEye: { x: 0.7, y: 0.4 } },
  minConfidence: 0.5,
  smallestFacePx: 0,
  classify: (_squares, count) => new Float32Array(count * 7).fill(1 / 7),
};

/** A pipeline that watches frames as fast as it computes them. The frames carry the camera's times. */
class Watched {
  readonly #pipeline;
  readonly #options: FrameOptions;
  /** The number of looks that the detector took. */
  looks = 0;
  /** Milliseconds that the latest frame took. */
  tookMs = 0;

  constructor({ range, pace, machine }: Settings) {
    this.#options = { maxFaces: 8, minScore: 0.5, smoothing: 0.5, range, pace };
    this.#pipeline = createPipeline({
      detector: {
        inputSize: loaded.engine.detector.inputSize,
        detect: (rgba, minScore) => {
          this.looks += 1;
          return loaded.engine.detector.detect(rgba, minScore);
        },
      },
      classifier: NO_CLASSIFIER,
      clock: machine === "fast" ? () => 0 : () => performance.now(),
    });
  }

  async look(bitmap: ImageBitmap, timeMs: number): Promise<FrameResult> {
    const startMs = performance.now();
    const result = await this.#pipeline.process(pixels.read(bitmap), timeMs, this.#options);
    this.tookMs = performance.now() - startMs;
    return result;
  }
}

/** A scene that is shown frame by frame. */
class Scene {
  readonly #camera: Camera;
  readonly #background: Background;
  readonly people: readonly Person[];
  #frame = 0;

  constructor(random: Random, background: (random: Random) => Background, people: () => readonly Person[]) {
    this.#camera = new Camera(random);
    this.#background = background(random);
    this.people = people();
  }

  /** The time of the next frame. */
  get seconds(): number {
    return this.#frame / FRAMES_PER_SECOND;
  }

  /** Show the next frame to each pipeline. @returns The first one's result. */
  async show(...watching: readonly [Watched, ...Watched[]]): Promise<FrameResult> {
    const bitmap = this.#camera.shoot(this.#background, this.people, this.seconds);
    const [first, ...others] = watching;
    const result = await first.look(bitmap, 1000 * this.seconds);
    for (const other of others) await other.look(bitmap, 1000 * this.seconds);
    bitmap.close();
    this.#frame += 1;
    return result;
  }
}

function inPixels({ box }: Face): Box {
  return { x: box.x * WIDTH, y: box.y * HEIGHT, width: box.width * WIDTH, height: box.height * HEIGHT };
}

function finds(result: FrameResult, truth: Box): Face | undefined {
  return result.faces.find((face) => intersectionOverUnion(inPixels(face), truth) >= SAME_IOU);
}

window.reach = {
  async open(engine, sources) {
    const assetBase = new URL("/", location.href).href;
    // Other networks are measured in this page too, by tfjs's own kernels.
    await startBackend(assetBase, simdLevel(), "float");
    loaded = await loadEngine({ assetBase, engine, model: "seed" }, () => {});
    heads = await Promise.all(sources.map(cutHead));
    return loaded.runtime;
  },

  /** @returns The share of people who are found within half a second, 0..1. */
  recall: (width, scenes, settings) =>
    recall(width, scenes, heads, () => {
      const watched = new Watched(settings);
      return async (bitmap, timeMs) => (await watched.look(bitmap, timeMs)).faces.map(inPixels);
    }),

  facelessKinds: () => Object.keys(FACELESS),

  async faceless(kind, seconds, seed, settings) {
    const watched = new Watched(settings);
    const ids = new Set<number>();
    const frames = await faceless(kind, seconds, seed, async (bitmap, timeMs) => {
      const { faces } = await watched.look(bitmap, timeMs);
      for (const { id } of faces) ids.add(id);
      return faces.map(inPixels);
    });
    return { ...frames, faces: ids.size };
  },

  /** @returns The largest standard deviation of a still face's left, top and width, as a share of its width. */
  async jitter(width, settings) {
    const deviations: number[] = [];
    for (const [index, head] of heads.entries()) {
      const random = seeded(77 + index);
      const scene = new Scene(random, room, () => {
        const place = { x: 0.3 * WIDTH + 200 * random(), y: 0.4 * HEIGHT + 60 * random() };
        return [castPerson(head, width, false, 1, () => place)];
      });
      const watched = new Watched(settings);
      const boxes: Box[] = [];
      for (let frame = 0; frame < 120; frame++) {
        const face = finds(await scene.show(watched), faceBox(scene.people[0]!, 0));
        if (face && frame >= 20) boxes.push(inPixels(face));
      }
      // A face that is not seen has no jitter. NaN keeps it from passing for a good figure.
      if (boxes.length < 30) return Number.NaN;
      for (const side of ["x", "y", "width"] as const)
        deviations.push(deviation(boxes.map((box) => box[side])) / width);
    }
    return Math.max(...deviations);
  },

  /** Let four people cross each other for six seconds. */
  async crossing(seed, settings) {
    const random = seeded(seed);
    const scene = new Scene(random, room, () =>
      [0, 1, 2, 3].map((index) => walker(random, heads[(seed + index) % heads.length]!, index)),
    );
    const watched = new Watched(settings);
    const idOf = new Map<Person, number>();
    let right = 0;
    let all = 0;
    while (scene.seconds < 6) {
      const now = scene.seconds;
      const result = await scene.show(watched);
      for (const person of scene.people) {
        const face = finds(result, faceBox(person, now));
        const { x } = person.at(now);
        if (x < person.width / 2 || x > WIDTH - person.width / 2) continue;
        if (!face || scene.people.some((other) => other !== person && isHidden(person, other, now))) continue;
        if (!idOf.has(person)) idOf.set(person, face.id);
        all += 1;
        if (idOf.get(person) === face.id) right += 1;
      }
    }
    return { right, all };
  },

  /** Measure detection while one person stands in view, with both ranges in turn. */
  async cost(seed, frames, settings) {
    const random = seeded(seed);
    const scene = new Scene(random, room, () => [
      // Without the photograph's background, which would move with the person as no room does.
      somebody(random, heads[seed % heads.length]!, 120, "figure"),
    ]);
    const near = new Watched({ ...settings, range: "near" });
    const far = new Watched({ ...settings, range: "far" });
    for (let frame = 0; frame < 30; frame++) await scene.show(near, far);
    const before = { near: near.looks, far: far.looks };
    const times: FrameCost[] = [];
    for (let frame = 0; frame < frames; frame++) {
      // Each range goes first as often as the other: the second one finds the pixels in the caches.
      if (frame % 2 === 0) await scene.show(near, far);
      else await scene.show(far, near);
      times.push({ nearMs: near.tookMs, farMs: far.tookMs });
    }
    return { times, nearLooks: near.looks - before.near, farLooks: far.looks - before.far };
  },

  async openWhole(network) {
    measureWhole = await openWhole(network);
  },

  whole: (width, scenes) => measureWhole(width, scenes, heads),
};

/** Make a person who walks through the frame, two from each side, before or behind the others. */
function walker(random: Random, head: Head, index: number): Person {
  const width = 46 + 14 * index + 8 * random();
  const fromLeft = index % 2 === 0;
  const ahead = 30 + 130 * (index >> 1) + 30 * random();
  const speed = 95 + 20 * random();
  // Heads are at about the height of the camera at any distance.
  const y = HEIGHT * (0.37 + 0.06 * random());
  const at = (seconds: number): { x: number; y: number } => {
    const along = ahead + speed * seconds;
    return { x: fromLeft ? along : WIDTH - along, y };
  };
  return castPerson(head, width, random() < 0.5, 0.8 + 0.4 * random(), at, "figure");
}

/** Tell whether another person hides this one, or nearly. */
function isHidden(person: Person, other: Person, seconds: number): boolean {
  const [a, b] = [person.at(seconds), other.at(seconds)];
  return Math.hypot(a.x - b.x, a.y - b.y) < 0.8 * Math.max(person.width, other.width);
}

function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}
