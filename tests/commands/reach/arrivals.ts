/**
 * Two questions about a detector: is a person who enters an empty scene found within half a second, and is a face reported
 * where there is none? Every detector sees the same scenes.
 */
import type { Box } from "../../../src/types.ts";
import { type Random, seeded } from "../../seeded.ts";
import { FACELESS } from "./faceless.ts";
import {
  Camera,
  FRAMES_PER_SECOND,
  HEIGHT,
  type Head,
  type Person,
  WIDTH,
  castPerson,
  faceBox,
  room,
} from "./scenes.ts";

/** The largest ratio, either way, of a box's size to the face's: some libraries draw wider boxes than others. */
const MOST_SIZE_RATIO = 2;
/** The number of frames before somebody enters the scene. */
const EMPTY_FRAMES = 4;
/** Half a second: the frames at 0, 67, … 467 ms. */
const HALF_SECOND_FRAMES = 8;

/** Looks at one frame of a scene and returns the boxes of the faces, pixels of the frame. */
export type Look = (frame: ImageBitmap, timeMs: number) => Promise<readonly Box[]>;

/** Tell whether a box is the true face's: its middle lies on the face, and its size is similar. */
function isFound(box: Box, truth: Box): boolean {
  const aside = Math.abs(box.x + box.width / 2 - (truth.x + truth.width / 2));
  const above = Math.abs(box.y + box.height / 2 - (truth.y + truth.height / 2));
  const ratio = Math.sqrt((box.width * box.height) / (truth.width * truth.height));
  return (
    aside < truth.width / 2 && above < truth.height / 2 && Math.abs(Math.log2(ratio)) <= Math.log2(MOST_SIZE_RATIO)
  );
}

/**
 * Make a person at a random place, wholly in the frame, who walks or sways a little.
 *
 * @param width The width of the face, pixels of the frame.
 */
export function somebody(random: Random, head: Head, width: number, outline: "card" | "figure" = "card"): Person {
  const margin = 0.6 * width;
  const x = margin + (WIDTH - 2 * margin) * random();
  const y = margin + (HEIGHT - 2 * margin) * random();
  const speed = 0.6 * random() - 0.3;
  const pace = 1 + random();
  const at = (seconds: number): { x: number; y: number } => ({
    x: Math.min(Math.max(x + speed * width * seconds, margin), WIDTH - margin),
    y: y + 0.03 * width * Math.sin(2 * Math.PI * pace * seconds),
  });
  return castPerson(head, width, random() < 0.5, 0.6 + 0.8 * random(), at, outline);
}

/** Frames without a face. */
export interface FacelessFrames {
  /** In how many a face was reported. */
  readonly mistaken: number;
  readonly frames: number;
}

/**
 * Measure how many people are found.
 *
 * @param width The width of the faces, pixels of the frame.
 * @param begin Called for each scene. Returns a detector that knows nothing of earlier scenes.
 * @returns The share of people who are found within half a second, 0..1.
 */
export async function recall(
  width: number,
  scenes: number,
  heads: readonly Head[],
  begin: () => Look,
): Promise<number> {
  let found = 0;
  for (let scene = 0; scene < scenes; scene++) {
    const random = seeded(1000 * width + scene);
    const camera = new Camera(random);
    const background = room(random);
    const person = somebody(random, heads[scene % heads.length]!, width);
    const look = begin();
    for (let frame = 0; frame < EMPTY_FRAMES + HALF_SECOND_FRAMES; frame++) {
      const seconds = frame / FRAMES_PER_SECOND;
      const here = frame >= EMPTY_FRAMES;
      const bitmap = camera.shoot(background, here ? [person] : [], seconds);
      const boxes = await look(bitmap, 1000 * seconds);
      bitmap.close();
      if (!here || !boxes.some((box) => isFound(box, faceBox(person, seconds)))) continue;
      found += 1;
      break;
    }
  }
  return found / scenes;
}

/**
 * Show a moving picture without a face.
 *
 * @param kind A name in `FACELESS`.
 */
export async function faceless(kind: string, seconds: number, seed: number, look: Look): Promise<FacelessFrames> {
  const random = seeded(seed);
  const camera = new Camera(random);
  const background = FACELESS[kind]!(random);
  const frames = Math.round(seconds * FRAMES_PER_SECOND);
  let mistaken = 0;
  for (let frame = 0; frame < frames; frame++) {
    const bitmap = camera.shoot(background, [], frame / FRAMES_PER_SECOND);
    if ((await look(bitmap, (1000 * frame) / FRAMES_PER_SECOND)).length > 0) mistaken += 1;
    bitmap.close();
  }
  return { mistaken, frames };
}
