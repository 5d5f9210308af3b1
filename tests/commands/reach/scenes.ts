/** Scenes with people at known places, drawn frame by frame. Runs in the page. */
import type { Box } from "../../../src/types.ts";
import type { Random } from "../../seeded.ts";

export const WIDTH = 640;
export const HEIGHT = 480;
export const FRAMES_PER_SECOND = 15;

/** A photograph with one face. */
export interface HeadSource {
  readonly url: string;
  /** The face's box in pixels of the photograph, as BlazeFace gives it on a close look. */
  readonly face: Box;
}

/** A head with its shoulders, cut out with soft edges. */
export interface Head {
  /** The full size, then half of it, and so on, to draw small heads without aliasing. */
  readonly levels: readonly OffscreenCanvas[];
  /** The face's box, in pixels of the first level. */
  readonly face: Box;
}

/** A person in a scene. */
export interface Person {
  readonly picture: OffscreenCanvas;
  /** The middle of the face, pixels of the picture. */
  readonly middle: { readonly x: number; readonly y: number };
  /** The width of the face, pixels of the frame. */
  readonly width: number;
  /** @returns The middle of the face at a time, pixels of the frame. */
  at(seconds: number): { readonly x: number; readonly y: number };
}

/** Erase everything but the head with its hair, and the shoulders. */
function keepFigure(context: OffscreenCanvasRenderingContext2D, face: Box, scale: number): void {
  const width = face.width * scale;
  const x = (face.x + face.width / 2) * scale;
  const y = (face.y + face.height / 2) * scale;
  context.filter = `blur(${width / 50}px)`;
  context.globalCompositeOperation = "destination-in";
  context.beginPath();
  context.ellipse(x, y - 0.15 * width, 0.75 * width, 1.0 * width, 0, 0, 2 * Math.PI);
  context.roundRect(x - 1.4 * width, y + 0.75 * width, 2.8 * width, 2 * width, 0.6 * width);
  context.fill();
}

/** The cut-out's reach from the middle of the face, in face widths: hair above, shoulders beside and below. */
const REACH = { left: 1.5, top: 1.25, right: 1.5, bottom: 1.75 };

/** Load a photograph and cut the head out of it. */
export async function cutHead({ url, face }: HeadSource): Promise<Head> {
  const bitmap = await createImageBitmap(await (await fetch(url)).blob());
  const centerX = face.x + face.width / 2;
  const centerY = face.y + face.height / 2;
  const left = Math.max(0, Math.round(centerX - REACH.left * face.width));
  const top = Math.max(0, Math.round(centerY - REACH.top * face.width));
  const right = Math.min(bitmap.width, Math.round(centerX + REACH.right * face.width));
  const bottom = Math.min(bitmap.height, Math.round(centerY + REACH.bottom * face.width));
  const canvas = new OffscreenCanvas(right - left, bottom - top);
  const context = contextOf(canvas);
  context.drawImage(bitmap, -left, -top);
  feather(context, canvas.width, canvas.height);
  const levels = [canvas];
  for (let level = canvas; level.width > 40;) {
    const half = new OffscreenCanvas(level.width >> 1, level.height >> 1);
    contextOf(half).drawImage(level, 0, 0, half.width, half.height);
    levels.push(half);
    level = half;
  }
  return { levels, face: { ...face, x: face.x - left, y: face.y - top } };
}

/** Fade the edges, so that the cut-out has no square outline; the bottom edge less, because shoulders go on. */
function feather(context: OffscreenCanvasRenderingContext2D, width: number, height: number): void {
  context.globalCompositeOperation = "destination-in";
  for (const [x, y, from, to] of [
    [width, 0, 0.12, 0.88],
    [0, height, 0.06, 0.95],
  ] as const) {
    const fade = context.createLinearGradient(0, 0, x, y);
    fade.addColorStop(0, "transparent");
    fade.addColorStop(from, "black");
    fade.addColorStop(to, "black");
    fade.addColorStop(1, "transparent");
    context.fillStyle = fade;
    context.fillRect(0, 0, width, height);
  }
}

/**
 * Make a person of a head.
 *
 * @param width The width of the face, pixels of the frame.
 * @param brightness 1 is as photographed.
 * @param at The middle of the face at a time in seconds, pixels of the frame.
 * @param outline `card`: with the photograph's background. `figure`: head and shoulders only, which hide a person behind
 * them no longer than a real person does.
 */
export function castPerson(
  head: Head,
  width: number,
  mirrored: boolean,
  brightness: number,
  at: Person["at"],
  outline: "card" | "figure" = "card",
): Person {
  const scale = width / head.face.width;
  const full = head.levels[0]!;
  const level = Math.min(head.levels.length - 1, Math.max(0, Math.floor(Math.log2(1 / scale))));
  const picture = new OffscreenCanvas(Math.ceil(full.width * scale), Math.ceil(full.height * scale));
  const context = contextOf(picture);
  context.filter = `brightness(${brightness})`;
  if (mirrored) context.setTransform(-1, 0, 0, 1, picture.width, 0);
  context.drawImage(head.levels[level]!, 0, 0, full.width * scale, full.height * scale);
  if (outline === "figure") keepFigure(context, head.face, scale);
  const x = (head.face.x + head.face.width / 2) * scale;
  const y = (head.face.y + head.face.height / 2) * scale;
  return { picture, middle: { x: mirrored ? picture.width - x : x, y }, width, at };
}

/** @returns The true box of a person's face, pixels of the frame. */
export function faceBox(person: Person, seconds: number): Box {
  const { x, y } = person.at(seconds);
  return { x: x - person.width / 2, y: y - person.width / 2, width: person.width, height: person.width };
}

/** Draws a background at a time in seconds. */
export type Background = (context: OffscreenCanvasRenderingContext2D, seconds: number) => void;

/** Make a room: a wall with a gradient, and furniture of random colours. */
export function room(random: Random): Background {
  const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
  const context = contextOf(canvas);
  const wall = context.createLinearGradient(0, 0, WIDTH * random(), HEIGHT);
  wall.addColorStop(0, `hsl(${360 * random()} 25% ${15 + 65 * random()}%)`);
  wall.addColorStop(1, `hsl(${360 * random()} 25% ${15 + 65 * random()}%)`);
  context.fillStyle = wall;
  context.fillRect(0, 0, WIDTH, HEIGHT);
  for (let piece = 0; piece < 25; piece++) {
    context.fillStyle = `hsl(${360 * random()} 35% ${10 + 80 * random()}% / 0.6)`;
    context.fillRect(WIDTH * random() - 40, HEIGHT * random() - 40, 200 * random(), 160 * random());
  }
  return (into) => into.drawImage(canvas, 0, 0);
}

/** Draws the frames of one scene, one after the other. */
export class Camera {
  readonly #context = contextOf(new OffscreenCanvas(WIDTH, HEIGHT));
  readonly #noise: OffscreenCanvas;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
    this.#noise = grain(random);
  }

  /** @returns The frame `seconds` into the scene. The caller closes it. */
  shoot(background: Background, people: readonly Person[], seconds: number): ImageBitmap {
    const context = this.#context;
    background(context, seconds);
    // Distant people first: nearer ones hide them.
    for (const person of [...people].sort((a, b) => a.width - b.width)) {
      const { x, y } = person.at(seconds);
      context.drawImage(person.picture, x - person.middle.x, y - person.middle.y);
    }
    const { width, height } = this.#noise;
    context.drawImage(this.#noise, -(width - WIDTH) * this.#random(), -(height - HEIGHT) * this.#random());
    return context.canvas.transferToImageBitmap();
  }
}

/** Make the noise of a webcam indoors: a standard deviation of about 4 of 255. */
function grain(random: Random): OffscreenCanvas {
  const canvas = new OffscreenCanvas(WIDTH + 100, HEIGHT + 100);
  const context = contextOf(canvas);
  const grains = context.createImageData(canvas.width, canvas.height);
  for (let at = 0; at < grains.data.length; at += 4) {
    const dark = random() < 0.5;
    grains.data.fill(dark ? 0 : 255, at, at + 3);
    grains.data[at + 3] = 12 * random();
  }
  context.putImageData(grains, 0, 0);
  return canvas;
}

/** @throws Error if the browser gives no 2D context. */
function contextOf(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("The browser gives no 2D context for a canvas.");
  context.imageSmoothingQuality = "high";
  return context;
}
