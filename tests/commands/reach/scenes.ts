/** Made scenes: moving pictures with heads at known places, and moving pictures without any. Runs in the page. */
import type { Box } from "../../../src/types.ts";

export const WIDTH = 640;
export const HEIGHT = 480;
export const FRAMES_PER_SECOND = 15;

/** A photograph, and where its one face is, in its pixels: BlazeFace's own box, looked at from nearby. */
export interface HeadSource {
  readonly url: string;
  readonly face: Box;
}

/** A head with its shoulders, cut out softly. */
export interface Head {
  /** From the full size down by halves, so that it can be drawn small without aliasing. */
  readonly levels: readonly OffscreenCanvas[];
  /** The face's box, in pixels of the first level. */
  readonly face: Box;
}

/** Somebody in a scene. */
export interface Person {
  readonly picture: OffscreenCanvas;
  /** Where in the picture the face's middle is, pixels. */
  readonly middle: { readonly x: number; readonly y: number };
  /** The face's width, pixels of the frame. */
  readonly width: number;
  /** Where the face's middle is, pixels of the frame. */
  at(seconds: number): { readonly x: number; readonly y: number };
}

/** Leaves of a picture the head, hair included, and the shoulders. */
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

export type Random = () => number;

/** Mulberry32: random numbers in 0..1 that are the same in every run. */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** The cut-out reaches so far from the face's middle, in face widths: hair above, shoulders beside and below. */
const REACH = { left: 1.5, top: 1.25, right: 1.5, bottom: 1.75 };

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

/** Fades the cut-out's edges, so that no square frame betrays it; the bottom one less, shoulders go on. */
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
 * Makes somebody of a head.
 *
 * @param width The face's width, pixels of the frame.
 * @param brightness 1 is as photographed.
 * @param outline `card`: with the photograph's surroundings. `figure`: head and shoulders alone, so that whoever passes
 * behind is hidden no longer than behind a real person.
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

/** The frame's face box of a person. */
export function faceBox(person: Person, seconds: number): Box {
  const { x, y } = person.at(seconds);
  return { x: x - person.width / 2, y: y - person.width / 2, width: person.width, height: person.width };
}

export type Background = (context: OffscreenCanvasRenderingContext2D, seconds: number) => void;

/** A room: a wall's gradient and furniture of random colours. */
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

/** Draws frames of one scene, one after the other. */
export class Camera {
  readonly #context = contextOf(new OffscreenCanvas(WIDTH, HEIGHT));
  readonly #noise: OffscreenCanvas;
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
    this.#noise = grain(random);
  }

  /** @returns The frame `seconds` into the scene, for the caller to close. */
  shoot(background: Background, people: readonly Person[], seconds: number): ImageBitmap {
    const context = this.#context;
    background(context, seconds);
    // The farther ones first: the nearer hide them.
    for (const person of [...people].sort((a, b) => a.width - b.width)) {
      const { x, y } = person.at(seconds);
      context.drawImage(person.picture, x - person.middle.x, y - person.middle.y);
    }
    const { width, height } = this.#noise;
    context.drawImage(this.#noise, -(width - WIDTH) * this.#random(), -(height - HEIGHT) * this.#random());
    return context.canvas.transferToImageBitmap();
  }
}

/** Gray grains of a webcam by indoor light: a deviation of about 4 of 255. */
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

/** @param kind Which of the face-free pictures, counted from 0. */
export function facelessSeed(kind: number, scene: number): number {
  return 1_000_000 * kind + scene;
}

/** Moving pictures in which there is no face, by name. */
export const FACELESS: Readonly<Record<string, (random: Random) => Background>> = {
  noise: blobs,
  textures: stripes,
  text: letters,
  shapes,
  hands,
  "fake camera": fakeCamera,
};

function blobs(random: Random): Background {
  const dots = Array.from({ length: 90 }, () => ({
    x: random(),
    y: random(),
    radius: 6 + 90 * random() ** 2,
    hue: 360 * random(),
    light: 10 + 80 * random(),
    speed: 0.2 * random() - 0.1,
  }));
  return (context, seconds) => {
    context.fillStyle = "#666";
    context.fillRect(0, 0, WIDTH, HEIGHT);
    for (const { x, y, radius, hue, light, speed } of dots) {
      const at = ((((x + speed * seconds) % 1) + 1) % 1) * WIDTH;
      const glow = context.createRadialGradient(at, y * HEIGHT, 0, at, y * HEIGHT, radius);
      glow.addColorStop(0, `hsl(${hue} 40% ${light}% / 0.9)`);
      glow.addColorStop(1, `hsl(${hue} 40% ${light}% / 0)`);
      context.fillStyle = glow;
      context.fillRect(at - radius, y * HEIGHT - radius, 2 * radius, 2 * radius);
    }
  };
}

/** Checked and striped cloth that sways. */
function stripes(random: Random): Background {
  const cloths = Array.from({ length: 6 }, () => ({
    hue: 360 * random(),
    pitch: 6 + 40 * random(),
    turn: Math.PI * random(),
    sway: random(),
    checked: random() < 0.6,
  }));
  return (context, seconds) => {
    cloths.forEach(({ hue, pitch, turn, sway, checked }, index) => {
      context.save();
      context.beginPath();
      context.rect((index % 3) * (WIDTH / 3), index < 3 ? 0 : HEIGHT / 2, WIDTH / 3, HEIGHT / 2);
      context.clip();
      context.fillStyle = `hsl(${hue} 30% 75%)`;
      context.fillRect(0, 0, WIDTH, HEIGHT);
      context.translate(WIDTH / 2 + 20 * Math.sin(seconds * (1 + sway)), HEIGHT / 2);
      for (const angle of checked ? [turn, turn + Math.PI / 2] : [turn]) {
        context.save();
        context.rotate(angle + 0.1 * Math.sin(seconds * (0.5 + sway)));
        context.fillStyle = `hsl(${hue + 120} 45% 30% / 0.5)`;
        for (let x = -WIDTH; x < WIDTH; x += pitch) context.fillRect(x, -WIDTH, pitch / 2, 2 * WIDTH);
        context.restore();
      }
      context.restore();
    });
  };
}

/** A scrolling page of letters of many sizes. */
function letters(random: Random): Background {
  const lines = Array.from({ length: 30 }, () => ({
    text: Array.from({ length: 60 }, () => String.fromCharCode(33 + Math.floor(93 * random()))).join(""),
    size: 10 + 50 * random() ** 2,
    indent: 60 * random(),
    ink: `hsl(${360 * random()} 50% ${10 + 40 * random()}%)`,
  }));
  const pageHeight = lines.reduce((sum, line) => sum + 1.3 * line.size, 0);
  return (context, seconds) => {
    context.fillStyle = "#e8e4da";
    context.fillRect(0, 0, WIDTH, HEIGHT);
    let y = -((40 * seconds) % pageHeight);
    while (y < HEIGHT) {
      for (const { text, size, indent, ink } of lines) {
        context.font = `${size}px sans-serif`;
        context.fillStyle = ink;
        context.fillText(text, indent, (y += 1.3 * size));
      }
    }
  };
}

/** Boxes, discs and rings that move, some of skin's colour, some with two dots: sockets, buttons, phones. */
function shapes(random: Random): Background {
  const things = Array.from({ length: 24 }, () => ({
    x: random(),
    y: random(),
    speedX: 0.3 * random() - 0.15,
    speedY: 0.2 * random() - 0.1,
    size: 20 + 110 * random(),
    color: random() < 0.5 ? `hsl(${15 + 20 * random()} 45% ${35 + 40 * random()}%)` : `hsl(${360 * random()} 50% 50%)`,
    kind: Math.floor(4 * random()),
  }));
  const back = room(random);
  return (context, seconds) => {
    back(context, seconds);
    for (const { x, y, speedX, speedY, size, color, kind } of things) {
      const atX = ((((x + speedX * seconds) % 1) + 1) % 1) * WIDTH;
      const atY = ((((y + speedY * seconds) % 1) + 1) % 1) * HEIGHT;
      context.fillStyle = color;
      context.beginPath();
      if (kind === 0) context.rect(atX - size / 2, atY - size / 2, size, size);
      else context.ellipse(atX, atY, size / 2, (kind === 1 ? 0.65 : 0.5) * size, 0, 0, 2 * Math.PI);
      context.fill();
      if (kind !== 3) continue;
      context.fillStyle = "#222";
      for (const side of [-1, 1]) {
        context.beginPath();
        context.arc(atX + (side * size) / 5, atY, size / 14, 0, 2 * Math.PI);
        context.fill();
      }
    }
  };
}

/** Open hands that wave: a palm, four fingers and a thumb, with creases. */
function hands(random: Random): Background {
  const waving = Array.from({ length: 5 }, () => ({
    x: WIDTH * (0.1 + 0.8 * random()),
    y: HEIGHT * (0.2 + 0.6 * random()),
    size: 40 + 120 * random(),
    hue: 15 + 15 * random(),
    light: 35 + 40 * random(),
    pace: 1 + 3 * random(),
  }));
  const back = room(random);
  return (context, seconds) => {
    back(context, seconds);
    for (const { x, y, size, hue, light, pace } of waving) {
      context.save();
      context.translate(x + 40 * Math.sin(pace * seconds), y);
      context.rotate(0.4 * Math.sin(pace * seconds + 1));
      context.fillStyle = `hsl(${hue} 45% ${light}%)`;
      context.strokeStyle = `hsl(${hue} 45% ${light - 15}%)`;
      context.lineWidth = size / 40;
      context.beginPath();
      context.ellipse(0, 0, 0.3 * size, 0.35 * size, 0, 0, 2 * Math.PI);
      context.fill();
      for (let finger = 0; finger < 5; finger++) {
        const turn = finger < 4 ? -0.4 + 0.27 * finger : 1.2;
        context.save();
        context.rotate(turn);
        context.beginPath();
        context.roundRect(-0.06 * size, -0.8 * size, 0.12 * size, 0.6 * size, 0.06 * size);
        context.fill();
        context.stroke();
        context.restore();
      }
      for (const crease of [-0.1, 0.05]) {
        context.beginPath();
        context.arc(0, crease * size, 0.2 * size, 0.2, 2.6);
        context.stroke();
      }
      context.restore();
    }
  };
}

/** Chromium's fake camera: green, a disc that is eaten away, and the time. */
function fakeCamera(): Background {
  return (context, seconds) => {
    context.fillStyle = "#00a000";
    context.fillRect(0, 0, WIDTH, HEIGHT);
    context.fillStyle = "#a0a0a0";
    context.beginPath();
    context.moveTo(WIDTH / 2, HEIGHT / 2);
    context.arc(WIDTH / 2, HEIGHT / 2, 40, 0, 2 * Math.PI * (seconds % 1));
    context.fill();
    context.fillStyle = "black";
    context.font = "24px monospace";
    context.fillText(seconds.toFixed(3), 20 + ((60 * seconds) % 400), 60);
  };
}

function contextOf(canvas: OffscreenCanvas): OffscreenCanvasRenderingContext2D {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("The browser gives no 2D canvas.");
  context.imageSmoothingQuality = "high";
  return context;
}
