import { existsSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright";
import { createServer } from "../../kiosk/server.ts";
import { CHROMIUM_ARGS, chromiumPath } from "../chromium.ts";

/** A webcam's usual size, px. */
const WIDTH = 640;
const HEIGHT = 480;
const FRAMES_PER_SECOND = 15;
const SECONDS = 6;

/**
 * Convert the demo clip for `--use-file-for-fake-video-capture`. The tests' browser decodes it.
 *
 * @param site The built site, which holds the clip.
 * @returns The frames as JPEG files, one after the other.
 */
export async function cameraFrames(site: string): Promise<Buffer> {
  if (!existsSync(join(site, "demo.webm"))) throw new Error(`There is no demo.webm in ${site}. Run "npm run build".`);
  const server = await createServer({ site, port: 0 });
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_ARGS] });
  try {
    const page = await browser.newPage();
    await page.goto(`${server.url}health`);
    const frames = await page.evaluate(drawFrames, {
      width: WIDTH,
      height: HEIGHT,
      count: SECONDS * FRAMES_PER_SECOND,
      stepSeconds: 1 / FRAMES_PER_SECOND,
    });
    return Buffer.concat(frames.map((frame) => Buffer.from(frame, "base64")));
  } finally {
    await browser.close();
    await server.close();
  }
}

/** Runs in the page, so it names no functions: the compiler's note of a name would not be there. */
async function drawFrames(wish: { width: number; height: number; count: number; stepSeconds: number }) {
  const video = document.createElement("video");
  video.src = "/demo.webm";
  await new Promise((resolve, reject) => {
    video.addEventListener("loadeddata", resolve, { once: true });
    video.addEventListener("error", () => reject(new Error("The demo clip cannot be read.")), { once: true });
  });
  const canvas = new OffscreenCanvas(wish.width, wish.height);
  const context = canvas.getContext("2d")!;
  const frames: string[] = [];
  for (let index = 0; index < wish.count; index++) {
    const seeked = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    video.currentTime = index * wish.stepSeconds;
    await seeked;
    context.drawImage(video, 0, 0, wish.width, wish.height);
    const bytes = new Uint8Array(
      await (await canvas.convertToBlob({ type: "image/jpeg", quality: 0.8 })).arrayBuffer(),
    );
    frames.push(btoa(String.fromCharCode(...bytes)));
  }
  return frames;
}
