/**
 * Show that the marks follow a moving person smoothly: 60 times a second, between the camera's 30 answers.
 *
 *   npm run look:follow -- [--out DIR] [--seconds N]
 *
 * A fake camera shows a person who walks to and fro. The command reads the marks' place in each animation frame of the
 * kiosk page. While two answers in a row moved to the same side, the marks must move in each frame and never back; it fails
 * where they do not. With --out it writes `follow.png`: twelve pictures of the screen, one after the other, in a second run,
 * because taking pictures slows the page.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Browser, type Page, chromium } from "playwright";
import { createServer } from "../../../kiosk/server.ts";
import { CHROMIUM_ARGS, chromiumPath } from "../../chromium.ts";
import { quantile } from "../../../src/bench/percentiles.ts";
import { writeClip } from "../../pages/camera-clip.ts";
import { InputError, runCommand } from "../shared/input-error.ts";
import { type ShownFrame, judge } from "./smoothness.ts";

const SIZE = { width: 640, height: 480 };
/** Side of the portrait in the frame, pixels, and how far it moves to both sides. */
const FIGURE = { side: 540, top: 50, left: 60, sway: 130 };
/** Frames of the camera's clip, at 30 a second: there and back takes three seconds. */
const FRAMES = 90;
const VIEWPORT = { width: 1280, height: 720 };
/** Limit for loading the networks on a busy machine, and the time until everything has settled. */
const PATIENCE_MS = 120_000;
const SETTLE_MS = 2000;

/** The marks' last pixel is one of rounding. */
const BACK_PX = 1;
/** A screen that is drawn late may miss a step; more than this share is not smooth. */
const LEAST_SMOOTH = 0.95;

const PICTURES = 12;
const COLUMNS = 4;

/** Keep the marks' place in each animation frame in the page. Runs there: no outer names, no named inner functions. */
function watchMarks(): void {
  const shown: ShownFrame[] = [];
  let goal = NaN;
  let answer = 0;
  addEventListener("emotion-frame", (event) => {
    const { faces } = event as unknown as { faces: readonly { box: { x: number; width: number } }[] };
    if (faces.length !== 1) return;
    const { x, width } = faces[0]!.box;
    // The kiosk's picture is mirrored and fills the screen's width.
    goal = (1 - x - width) * innerWidth;
    answer += 1;
  });
  const watch = {
    look(timeMs: number): void {
      const marks = document.querySelector("emotion-cam")?.shadowRoot?.querySelector<SVGElement>(".corners");
      const x = Number(/translate\(([-\d.]+)px/.exec(marks?.style.transform ?? "")?.[1] ?? NaN);
      if (Number.isFinite(x) && Number.isFinite(goal)) shown.push({ timeMs, x, goal, answer });
      requestAnimationFrame((nextMs) => watch.look(nextMs));
    },
  };
  requestAnimationFrame((timeMs) => watch.look(timeMs));
  Object.assign(globalThis, { shownFrames: shown });
}

declare const shownFrames: ShownFrame[];

async function openKiosk(browser: Browser, url: string): Promise<Page> {
  const page = await browser.newPage({ viewport: VIEWPORT });
  await page.addInitScript(watchMarks);
  await page.goto(url, { timeout: PATIENCE_MS });
  await page.locator("emotion-cam .corners").waitFor({ state: "attached", timeout: PATIENCE_MS });
  await page.waitForTimeout(SETTLE_MS);
  return page;
}

async function record(browser: Browser, url: string, seconds: number): Promise<readonly ShownFrame[]> {
  const page = await openKiosk(browser, url);
  await page.evaluate(() => void (shownFrames.length = 0));
  await page.waitForTimeout(1000 * seconds);
  const frames = await page.evaluate(() => shownFrames);
  await page.close();
  return frames;
}

/** Take pictures of the screen one after the other, as the browser shows them, in one picture. */
async function takeStrip(browser: Browser, url: string, path: string): Promise<void> {
  const page = await openKiosk(browser, url);
  const session = await page.context().newCDPSession(page);
  const pictures: { readonly data: string; readonly timeMs: number }[] = [];
  const enough = new Promise<void>((resolve) => {
    session.on("Page.screencastFrame", ({ data, metadata, sessionId }) => {
      pictures.push({ data, timeMs: 1000 * (metadata.timestamp ?? 0) });
      if (pictures.length === PICTURES) resolve();
      void session.send("Page.screencastFrameAck", { sessionId }).catch(() => {});
    });
  });
  await session.send("Page.startScreencast", { format: "jpeg", quality: 90, ...{ maxWidth: 480, maxHeight: 270 } });
  await enough;
  await session.send("Page.stopScreencast");
  await page.close();
  const painter = await browser.newPage();
  // They come in any order.
  const inOrder = pictures.slice(0, PICTURES).toSorted((a, b) => a.timeMs - b.timeMs);
  const png = await painter.evaluate(drawStrip, { pictures: inOrder, columns: COLUMNS });
  writeFileSync(path, Buffer.from(png, "base64"));
  await painter.close();
}

/** Draw pictures side by side, each with its time. Runs in the page, so it may use no outer names. */
async function drawStrip(wish: { pictures: { data: string; timeMs: number }[]; columns: number }): Promise<string> {
  const images = await Promise.all(
    wish.pictures.map(async ({ data }) => {
      const image = new Image();
      image.src = `data:image/jpeg;base64,${data}`;
      await image.decode();
      return image;
    }),
  );
  const { width, height } = images[0]!;
  const canvas = document.createElement("canvas");
  canvas.width = width * wish.columns;
  canvas.height = height * Math.ceil(images.length / wish.columns);
  const context = canvas.getContext("2d")!;
  context.font = "20px sans-serif";
  context.fillStyle = "#fff";
  for (const [index, image] of images.entries()) {
    const [x, y] = [width * (index % wish.columns), height * Math.floor(index / wish.columns)];
    context.drawImage(image, x, y);
    context.fillText(`${(wish.pictures[index]!.timeMs - wish.pictures[0]!.timeMs).toFixed(0)} ms`, x + 8, y + 24);
  }
  return canvas.toDataURL("image/png").split(",")[1]!;
}

async function follow(): Promise<void> {
  const { values } = parseArgs({ options: { out: { type: "string" }, seconds: { type: "string", default: "6" } } });
  const seconds = Number(values.seconds);
  if (!(seconds >= 1)) throw new InputError(`--seconds ${values.seconds} is not a number from 1 upwards.`);
  const folder = mkdtempSync(join(tmpdir(), "emotion-cam-follow-"));
  const clip = join(folder, "camera.mjpeg");
  const camera = ["--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${clip}`];
  const server = await createServer({ port: 0 });
  const browser = await chromium.launch({
    executablePath: chromiumPath(),
    args: [...CHROMIUM_ARGS, ...camera, "--use-fake-ui-for-media-stream"],
  });
  try {
    const swayed = (frame: number) => FIGURE.left + FIGURE.sway * Math.sin((2 * Math.PI * frame) / FRAMES);
    const figures = Array.from({ length: FRAMES }, (_, frame) => [
      { x: swayed(frame), y: FIGURE.top, side: FIGURE.side },
    ]);
    await writeClip(browser, clip, SIZE, figures);
    const frames = await record(browser, server.url, seconds);
    if (frames.length < 2) throw new Error("The page showed no marks.");
    const found = judge(frames);
    const stepsMs = frames.slice(1).map(({ timeMs }, index) => timeMs - frames[index]!.timeMs);
    console.log(
      `${found.framesPerSecond.toFixed(1)} animation frames a second (95 % of them within ` +
        `${quantile(stepsMs, 0.95).toFixed(1)} ms), ${found.answersPerSecond.toFixed(1)} answers a second`,
    );
    console.log(`the marks moved in ${found.moved} of ${found.moving} frames in which the person moved`);
    console.log(`the farthest step back: ${found.backPx.toFixed(0)} px`);
    if (values.out !== undefined) {
      mkdirSync(values.out, { recursive: true });
      const path = join(values.out, "follow.png");
      await takeStrip(browser, server.url, path);
      console.log(path);
    }
    if (found.moving === 0) throw new Error("The person did not move: nothing was measured.");
    if (found.backPx > BACK_PX) throw new Error("The marks jumped back.");
    if (found.moved < LEAST_SMOOTH * found.moving) throw new Error("The marks stood still between answers.");
  } finally {
    await browser.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

await runCommand(follow);
