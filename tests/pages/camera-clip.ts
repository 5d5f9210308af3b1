import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright";
import type { Box } from "../../src/types.ts";

const PORTRAIT = fileURLToPath(new URL("../fixtures/astronaut.jpg", import.meta.url));

/** The portrait is a square of this side, pixels. */
export const PORTRAIT_PX = 512;

/** Frames drawn in one call: a minute's frames would not fit into one message. */
const FRAMES_AT_ONCE = 100;

/** The face in the portrait, from brow to chin and from ear to ear, pixels. */
const FACE = { x: 178, y: 80, width: 95, height: 98 };

/** How much the portrait is enlarged and moved in the camera's frame. The face is then 142 px wide. */
const SCALE = 1.5;
const SHIFT = { x: -17, y: 0 };
const WIDTH = 640;
const HEIGHT = 480;

/** How many pixels each frame is moved: a camera's frames differ a little too. */
const SWAY_PX = [0, 1, 2, 3, 2, 1, 0, -1, -2, -1] as const;

/** The face in the camera's frame without the sway, in fractions of the frame. */
export const FACE_PLACE: Box = {
  x: (FACE.x * SCALE + SHIFT.x) / WIDTH,
  y: (FACE.y * SCALE + SHIFT.y) / HEIGHT,
  width: (FACE.width * SCALE) / WIDTH,
  height: (FACE.height * SCALE) / HEIGHT,
};

/** A copy of the portrait in a frame: left, top and side of the square, pixels of the frame. */
export interface Figure {
  readonly x: number;
  readonly y: number;
  readonly side: number;
}

/** Write a clip of one person who sways, for Chromium's fake camera. */
export async function writeCameraClip(browser: Browser, path: string): Promise<void> {
  const frames = SWAY_PX.map((sway) => [{ x: SHIFT.x + sway, y: SHIFT.y, side: PORTRAIT_PX * SCALE }]);
  await writeClip(browser, path, { width: WIDTH, height: HEIGHT }, frames);
}

/**
 * Write a clip for Chromium's fake camera, which plays it in a loop at 30 frames a second: JPEG pictures one after the
 * other.
 *
 * @param frames The people in each frame. Later ones stand in front.
 */
export async function writeClip(
  browser: Browser,
  path: string,
  size: { readonly width: number; readonly height: number },
  frames: readonly (readonly Figure[])[],
): Promise<void> {
  const page = await browser.newPage();
  const url = `data:image/jpeg;base64,${readFileSync(PORTRAIT).toString("base64")}`;
  const file = openSync(path, "w");
  for (let at = 0; at < frames.length; at += FRAMES_AT_ONCE) {
    const pictures = await page.evaluate(drawFrames, { url, size, frames: frames.slice(at, at + FRAMES_AT_ONCE) });
    writeSync(file, Buffer.concat(pictures.map((picture) => Buffer.from(picture, "base64"))));
  }
  closeSync(file);
  await page.close();
}

/** Runs in the page, so it uses nothing outside itself. */
async function drawFrames(wish: {
  url: string;
  size: { width: number; height: number };
  frames: readonly (readonly Figure[])[];
}) {
  const portrait = new Image();
  portrait.src = wish.url;
  await portrait.decode();
  const canvas = document.createElement("canvas");
  Object.assign(canvas, wish.size);
  const context = canvas.getContext("2d")!;
  context.fillStyle = "#8a8f98";
  return wish.frames.map((figures) => {
    context.fillRect(0, 0, canvas.width, canvas.height);
    for (const { x, y, side } of figures) context.drawImage(portrait, x, y, side, side);
    return canvas.toDataURL("image/jpeg", 0.9).split(",")[1]!;
  });
}
