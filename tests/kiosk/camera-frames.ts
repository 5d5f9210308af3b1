import { existsSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright";
import { createServer } from "../../kiosk/server.ts";
import { CHROMIUM_ARGS, chromiumPath } from "../chromium.ts";

/** The form in which a camera sends its pictures: JPEG files, or two bytes a pixel (YUYV, also called YUY2). */
export type PixelFormat = "MJPEG" | "YUYV";

/** A camera's picture, which is the demo clip from its beginning. */
export interface Show {
  readonly pixels: PixelFormat;
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  readonly framesPerSecond: number;
  readonly seconds: number;
}

/** A usual webcam. */
export const USUAL: Show = { pixels: "MJPEG", width: 640, height: 480, framesPerSecond: 15, seconds: 6 };

/**
 * Convert the demo clip into frames of a camera. The tests' browser decodes it.
 *
 * @param site The built site, which holds the clip.
 * @returns The frames, one after the other. JPEG files are what `--use-file-for-fake-video-capture` takes.
 */
export async function cameraFrames(site: string, show: Show = USUAL): Promise<Buffer> {
  if (!existsSync(join(site, "demo.webm"))) throw new Error(`There is no demo.webm in ${site}. Run "npm run build".`);
  const server = await createServer({ site, port: 0 });
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_ARGS] });
  try {
    const page = await browser.newPage();
    await page.goto(`${server.url}health`);
    const frames = await page.evaluate(drawFrames, show);
    return Buffer.concat(show.pixels === "YUYV" ? frames.map((rgba) => toYuyv(rgba)) : frames);
  } finally {
    await browser.close();
    await server.close();
  }
}

/**
 * Runs in the page, so it names no functions: the compiler's note of a name would not be there.
 *
 * @returns JPEG files; of YUYV the canvas's own RGBA.
 */
async function drawFrames({ pixels, width, height, framesPerSecond, seconds }: Show): Promise<Uint8Array[]> {
  const video = document.createElement("video");
  video.src = "/demo.webm";
  await new Promise((resolve, reject) => {
    video.addEventListener("loadeddata", resolve, { once: true });
    video.addEventListener("error", () => reject(new Error("The demo clip cannot be read.")), { once: true });
  });
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d")!;
  // A wide camera sees more beside the people, and does not make them wider.
  const scale = Math.min(width / video.videoWidth, height / video.videoHeight);
  const [drawnWidth, drawnHeight] = [video.videoWidth * scale, video.videoHeight * scale];
  const frames: Uint8Array[] = [];
  for (let index = 0; index < seconds * framesPerSecond; index++) {
    const seeked = new Promise((resolve) => video.addEventListener("seeked", resolve, { once: true }));
    video.currentTime = index / framesPerSecond;
    await seeked;
    context.drawImage(video, (width - drawnWidth) / 2, (height - drawnHeight) / 2, drawnWidth, drawnHeight);
    if (pixels === "YUYV") {
      frames.push(new Uint8Array(context.getImageData(0, 0, width, height).data.buffer));
    } else {
      const file = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.8 });
      frames.push(new Uint8Array(await file.arrayBuffer()));
    }
  }
  return frames;
}

/**
 * Convert to BT.601 with studio range, as webcams send it: two pixels share their colour.
 * https://www.itu.int/rec/R-REC-BT.601
 */
function toYuyv(rgba: Uint8Array): Buffer {
  const yuyv = Buffer.alloc(rgba.length / 2);
  for (let at = 0; at < rgba.length; at += 8) {
    const pair = rgba.subarray(at, at + 8);
    const [red, green, blue] = [0, 1, 2].map((colour) => (pair[colour]! + pair[colour + 4]!) / 2) as [
      number,
      number,
      number,
    ];
    const lumas = [0, 4].map((pixel) => luma(pair[pixel]!, pair[pixel + 1]!, pair[pixel + 2]!)) as [number, number];
    yuyv[at / 2] = 16 + 219 * lumas[0];
    yuyv[at / 2 + 1] = 128 + (224 * (blue / 255 - luma(red, green, blue))) / 1.772;
    yuyv[at / 2 + 2] = 16 + 219 * lumas[1];
    yuyv[at / 2 + 3] = 128 + (224 * (red / 255 - luma(red, green, blue))) / 1.402;
  }
  return yuyv;
}

const luma = (red: number, green: number, blue: number) => (0.299 * red + 0.587 * green + 0.114 * blue) / 255;
