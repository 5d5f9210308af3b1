import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright";
import type { Box } from "../../src/types.ts";

const PORTRAIT = fileURLToPath(new URL("../fixtures/astronaut.jpg", import.meta.url));

/** Where the face is in the portrait, from brow to chin and from ear to ear, in its pixels. */
const FACE = { x: 178, y: 80, width: 95, height: 98 };

/** The portrait is laid over the camera's frame this much enlarged and this far moved: the face is 142 px wide. */
const SCALE = 1.5;
const SHIFT = { x: -17, y: 0 };
const WIDTH = 640;
const HEIGHT = 480;

/** The frames differ a little, as a camera's do: each is moved by so many pixels. */
const SWAY_PX = [0, 1, 2, 3, 2, 1, 0, -1, -2, -1] as const;

/** Where the face is in the camera's frame, give or take the sway, in its fractions. */
export const FACE_PLACE: Box = {
  x: (FACE.x * SCALE + SHIFT.x) / WIDTH,
  y: (FACE.y * SCALE + SHIFT.y) / HEIGHT,
  width: (FACE.width * SCALE) / WIDTH,
  height: (FACE.height * SCALE) / HEIGHT,
};

/** Writes a clip for Chromium's fake camera, which plays it over and over: JPEG pictures one after the other. */
export async function writeCameraClip(browser: Browser, path: string): Promise<void> {
  const page = await browser.newPage();
  const url = `data:image/jpeg;base64,${readFileSync(PORTRAIT).toString("base64")}`;
  const pictures = await page.evaluate(
    async ({ url, scale, shift, width, height, sways }) => {
      const portrait = new Image();
      portrait.src = url;
      await portrait.decode();
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width, height });
      const context = canvas.getContext("2d")!;
      return sways.map((sway) => {
        const side = portrait.width * scale;
        context.drawImage(portrait, shift.x + sway, shift.y, side, side);
        return canvas.toDataURL("image/jpeg", 0.9).split(",")[1]!;
      });
    },
    { url, scale: SCALE, shift: SHIFT, width: WIDTH, height: HEIGHT, sways: SWAY_PX },
  );
  await page.close();
  writeFileSync(path, Buffer.concat(pictures.map((picture) => Buffer.from(picture, "base64"))));
}

/** Intersection over union of two boxes, 0..1. */
export function overlap(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  const shared = Math.max(0, width) * Math.max(0, height);
  return shared / (a.width * a.height + b.width * b.height - shared);
}
