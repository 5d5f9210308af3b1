/** Clips for Chromium's fake camera: people in front of a plain wall, with the noise of a webcam. */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser } from "playwright";

const PORTRAIT = fileURLToPath(new URL("../../fixtures/astronaut.jpg", import.meta.url));

/** The camera repeats a clip at 30 frames a second: each takes three seconds. */
const FRAMES = 90;

/** The people of a clip: centre of each one's face, as a share of the frame's width; width of the face in pixels. */
interface Scene {
  readonly faces: readonly number[];
  readonly facePx: number;
  /** A person moves this far to both sides in three seconds, pixels. Somebody who stands still sways by 2 or so. */
  readonly swayPx: number;
}

/** The scenes, each of 640x480 pixels. */
export const SCENES = {
  still: { faces: [0.5], facePx: 110, swayPx: 2 },
  moving: { faces: [0.5], facePx: 110, swayPx: 120 },
  nobody: { faces: [], facePx: 0, swayPx: 0 },
  four: { faces: [0.14, 0.38, 0.62, 0.86], facePx: 70, swayPx: 2 },
} as const satisfies Record<string, Scene>;

export type SceneName = keyof typeof SCENES;

/**
 * Write a clip of a scene: JPEG pictures one after the other.
 *
 * @param path The file to write.
 */
export async function writeScene(browser: Browser, name: SceneName, path: string): Promise<void> {
  const url = `data:image/jpeg;base64,${readFileSync(PORTRAIT).toString("base64")}`;
  const page = await browser.newPage();
  try {
    const pictures = await page.evaluate(drawScene, { url, frames: FRAMES, scene: SCENES[name] });
    writeFileSync(path, Buffer.concat(pictures.map((picture) => Buffer.from(picture, "base64"))));
  } finally {
    await page.close();
  }
}

/** Draw the frames as JPEG in base64. Runs in the page, so it may use no outer names. */
async function drawScene({ url, frames, scene }: { url: string; frames: number; scene: Scene }) {
  const portrait = new Image();
  portrait.src = url;
  await portrait.decode();
  const canvas = document.createElement("canvas");
  const [width, height] = [640, 480];
  Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  // Head and shoulders in the portrait, and the middle and width of its face there, pixels.
  const head = { x: 112, y: 10, width: 226, height: 300 };
  const face = { x: 225, width: 95 };
  // Sums of three equally distributed numbers, with a standard deviation of 2. The seed is fixed (Numerical Recipes' LCG).
  const noise = new Float32Array(2 * width * height);
  let seed = 1;
  for (let at = 0; at < 3 * noise.length; at++) {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    noise[at % noise.length]! += 4 * (seed / 2 ** 32 - 0.5);
  }
  const pictures: string[] = [];
  for (let frame = 0; frame < frames; frame++) {
    context.fillStyle = "#8a8f98";
    context.fillRect(0, 0, width, height);
    const sway = scene.swayPx * Math.sin((2 * Math.PI * frame) / frames);
    const scale = scene.facePx / face.width;
    for (const middle of scene.faces) {
      const x = middle * width + sway - (face.x - head.x) * scale;
      const y = 0.45 * height - 0.4 * head.height * scale;
      context.drawImage(
        portrait,
        ...[head.x, head.y, head.width, head.height],
        ...[x, y, head.width * scale, head.height * scale],
      );
    }
    const image = context.getImageData(0, 0, width, height);
    // A prime step, so that no two frames share a row of noise.
    const start = (frame * 34_583) % (width * height);
    for (let at = 0; at < width * height; at++) {
      for (let channel = 0; channel < 3; channel++) image.data[4 * at + channel]! += noise[start + at]!;
    }
    context.putImageData(image, 0, 0);
    pictures.push(canvas.toDataURL("image/jpeg", 0.9).split(",")[1]!);
  }
  return pictures;
}
