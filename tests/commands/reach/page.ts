/** The page that `npm run reach` drives: the shipped engine and pipeline on made scenes. */
import { createPipeline } from "../../../src/pipeline/pipeline.ts";
import { intersectionOverUnion } from "../../../src/pipeline/geometry.ts";
import type { Classifier } from "../../../src/pipeline/stages.ts";
import type { LoadedEngine } from "../../../src/runtime/engine.ts";
import { loadEngine } from "../../../src/runtime/load-engine.ts";
import { Pixels } from "../../../src/runtime/pixels.ts";
import type { Box, Face, FrameOptions, FrameResult, Range, RuntimeInfo } from "../../../src/types.ts";
import { type FacelessFrames, faceless, recall, somebody } from "./arrivals.ts";
import {
  type Background,
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
import { type WholeFrame, type WholeNetwork, openWhole } from "./whole-frame.ts";

/** A face is somebody's where its box overlaps the true one by this much (intersection over union). */
const SAME_IOU = 0.4;

export interface Settings {
  readonly range: Range;
  readonly pace: FrameOptions["pace"];
  /** `fast`: the pipeline is told that looks cost nothing, so that it has as many as it wants on any machine. */
  readonly machine: "this" | "fast";
}

/** Milliseconds from a frame's pixels to its faces. */
export interface FrameCost {
  readonly nearMs: number;
  readonly farMs: number;
}

/** One person in view, seen by both ranges in turn. */
export interface Costs {
  readonly times: readonly FrameCost[];
  /** Looks of the detector in all of these frames: what the cost is whatever else the machine does. */
  readonly nearLooks: number;
  readonly farLooks: number;
}

/** Different faces, by their ids, reported where there is none. */
export interface FalseFaces extends FacelessFrames {
  readonly faces: number;
}

/** How many sightings there were, and how many of them under the right id. */
export interface Sightings {
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

/** Expressions are not what is measured here: all faces look neutral, at no cost. */
const UNREAD: Classifier = {
  inputSize: 48,
  crop: { imageLeftEye: { x: 0.3, y: 0.4 }, imageRightEye: { x: 0.7, y: 0.4 } },
  minConfidence: 0.5,
  smallestFacePx: 0,
  classify: (_squares, count) => new Float32Array(count * 7).fill(1 / 7),
};

/** Frames being watched, as fast as it can be computed; their own time is that of the camera. */
class Watched {
  readonly #pipeline;
  readonly #options: FrameOptions;
  /** Looks of the detector so far. */
  looks = 0;
  /** What the latest frame took. */
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
      classifier: UNREAD,
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

/** A made scene, frame by frame. */
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

  /** How far it has come. */
  get seconds(): number {
    return this.#frame / FRAMES_PER_SECOND;
  }

  /** Shows the next frame to each of them. @returns What the first saw. */
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
    loaded = await loadEngine({ assetBase: new URL("/", location.href).href, engine, model: "seed" }, () => {});
    heads = await Promise.all(sources.map(cutHead));
    return loaded.runtime;
  },

  /** The share of people who, having come, are found within half a second. */
  recall: (width, scenes, settings) =>
    recall(width, scenes, heads, () => {
      const watched = new Watched(settings);
      return async (bitmap, timeMs) => (await watched.look(bitmap, timeMs)).faces.map(inPixels);
    }),

  facelessKinds: () => Object.keys(FACELESS),

  /** How many faces were reported, by their ids, where there is none; and in how many frames. */
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

  /** The largest deviation of a still face's box, of its left, top and width, as a share of its width. */
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
      // Of somebody who is not seen there is nothing to say, and no figure must look as if there were.
      if (boxes.length < 30) return Number.NaN;
      for (const side of ["x", "y", "width"] as const)
        deviations.push(deviation(boxes.map((box) => box[side])) / width);
    }
    return Math.max(...deviations);
  },

  /** Of all sightings of four people who cross each other, those under the id that each had first. */
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

  /** What detection costs a frame while one person stands in view, the two ranges in turn. */
  async cost(seed, frames, settings) {
    const random = seeded(seed);
    const scene = new Scene(random, room, () => [
      // Without a photograph's background, which would move with them as no room does.
      somebody(random, heads[seed % heads.length]!, 120, "figure"),
    ]);
    const near = new Watched({ ...settings, range: "near" });
    const far = new Watched({ ...settings, range: "far" });
    for (let frame = 0; frame < 30; frame++) await scene.show(near, far);
    const before = { near: near.looks, far: far.looks };
    const times: FrameCost[] = [];
    for (let frame = 0; frame < frames; frame++) {
      // Each is first as often as the other: whoever is second finds the pixels in the caches.
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
