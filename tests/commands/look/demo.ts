/**
 * Make the demo clip anew: `static/demo.webm`, and the record of what it shows, `tests/fixtures/demo-clip.json`.
 *
 *   npm run demo -- [--read] [--only 3.1,7.2]
 *
 * Reads each figure of Darwin's plates of 1872 with the shipped networks, tracking and smoothing, and prints what is shown.
 * The clip pans over figures that are read as the book says, at every size: one for each expression, then second ones until
 * the clip is long enough. It ends with the astronaut. A figure that is read otherwise is left out. `--read` prints the table
 * and writes nothing; `--only` reads these figures only. Needs ffmpeg.
 */
import { execFileSync } from "node:child_process";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { type Page, chromium } from "playwright";
import type { Label } from "../../../src/types.ts";
import { CHROMIUM_ARGS, chromiumPath } from "../../chromium.ts";
import { ASTRONAUT, type Figure, PLATES } from "../../fixtures/figures.ts";
import type { Shown } from "../../fixtures/watch-figures.ts";
import { InputError, runCommand } from "../shared/input-error.ts";
import type { Stop } from "./demo/page.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const CLIP = join(ROOT, "static/demo.webm");
const RECORD = join(ROOT, "tests/fixtures/demo-clip.json");
/** No server listens there: this file answers every request. */
const ORIGIN = "http://localhost";

const FPS = 25;
const SIZE = { width: 640, height: 480 };
/** The camera rests this long on a figure, and then glides this long to the next. */
const REST_S = 2.6;
const GLIDE_S = 1.2;
/** The order of the expressions in the clip; the astronaut, who smiles, is the last. */
const ORDER: readonly Label[] = ["happy", "sad", "neutral", "disgusted", "angry", "surprised", "fearful"];
/** Frames drawn in one call. */
const FRAMES_AT_ONCE = 25;
/** Kilobits a second: 30 s take about 500 KB. */
const BIT_RATE = 130;
const MOST_BYTES = 600_000;

const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

interface Reading {
  readonly figure: Figure;
  readonly shown: readonly Shown[];
}

async function openPage(page: Page): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, "tests/commands/look/demo/page.ts")],
    ...{ bundle: true, format: "esm", splitting: true, outdir: "/", write: false, logLevel: "warning" },
  });
  const scripts = new Map(outputFiles.map(({ path, contents }) => [path, Buffer.from(contents)]));
  page.on("pageerror", (error) => console.error(error));
  await page.route(`${ORIGIN}/**`, (route) => {
    const { pathname } = new URL(route.request().url());
    const headers = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
    if (pathname === "/") {
      return route.fulfill({
        contentType: "text/html",
        headers,
        body: `<script type="module" src="/page.js"></script>`,
      });
    }
    const body = scripts.get(pathname) ?? fileAt(pathname);
    if (body === null) return route.fulfill({ status: 404 });
    return route.fulfill({ contentType: TYPES[extname(pathname)] ?? "application/octet-stream", headers, body });
  });
  await page.goto(`${ORIGIN}/`);
  await page.waitForFunction(() => "demo" in window);
  await page.evaluate(() => window.demo.open());
}

function fileAt(pathname: string): Buffer | null {
  const path = pathname.startsWith("/fixtures/") ? join(ROOT, "tests", pathname) : join(ROOT, "dist", pathname);
  return existsSync(path) ? readFileSync(path) : null;
}

async function readFigures(page: Page, ids: readonly string[] | undefined): Promise<readonly Reading[]> {
  const readings: Reading[] = [];
  console.log(`${"figure".padEnd(12)}${"the book".padEnd(12)}shown at 120 px, 180 px`);
  const figures = PLATES.filter(({ id }) => ids === undefined || ids.includes(id));
  for (const figure of [...figures, ASTRONAUT]) {
    const shown = await page.evaluate((id) => window.demo.read(id), figure.id);
    readings.push({ figure, shown });
    const words = shown.map((word) => word.padEnd(12)).join("");
    console.log(
      `${figure.id.padEnd(12)}${figure.book.padEnd(12)}${words}${isClear({ figure, shown }) ? "" : "left out"}`,
    );
  }
  return readings;
}

function isClear({ figure, shown }: Reading): boolean {
  return shown.every((word) => word === figure.book);
}

/**
 * Choose the figures with the largest faces: one for each expression, then a second one for each until the clip is full.
 *
 * @returns The figures, the astronaut, and the first figure again, where the clip loops.
 */
function planStops(readings: readonly Reading[]): readonly Stop[] {
  const clear = readings.filter(isClear).map(({ figure }) => figure);
  if (!clear.includes(ASTRONAUT)) throw new InputError("The astronaut is not read as happy. The clip ends with her.");
  const plates = clear.filter((figure) => figure !== ASTRONAUT).sort((a, b) => b.face.width - a.face.width);
  const nth = (n: number) => ORDER.flatMap((label) => plates.filter(({ book }) => book === label)[n] ?? []);
  const chosen = [...nth(0), ...nth(1), ...nth(2)].slice(0, ORDER.length);
  const missing = ORDER.filter((label) => !chosen.some(({ book }) => book === label));
  if (missing.length > 0) console.log(`No figure is read as ${missing.join(" or ")}: the clip does not show it.`);
  return [...chosen, ASTRONAUT, chosen[0]!].map(({ id }, i) => ({
    figure: id,
    fromS: i * (REST_S + GLIDE_S),
    toS: i * (REST_S + GLIDE_S) + REST_S,
  }));
}

/** Draw the frames into a file of JPEG pictures, one after the other. */
async function drawFrames(page: Page, stops: readonly Stop[], seconds: number, path: string): Promise<void> {
  const frames = Math.round(seconds * FPS);
  for (let at = 0; at < frames; at += FRAMES_AT_ONCE) {
    const times = Array.from({ length: Math.min(FRAMES_AT_ONCE, frames - at) }, (_, i) => (at + i) / FPS);
    const drawn = await page.evaluate(([plan, when]) => window.demo.frames(plan, when), [stops, times] as const);
    appendFileSync(path, Buffer.concat(drawn.map((frame) => Buffer.from(frame, "base64"))));
  }
}

/** Encode the frames in two passes: one pass alone exceeds the bit rate by half. */
function encode(frames: string, folder: string): void {
  const input = ["-y", "-loglevel", "error", "-f", "mjpeg", "-framerate", String(FPS), "-i", frames, "-an"];
  const codec = ["-c:v", "libvpx-vp9", "-b:v", `${BIT_RATE}k`, "-g", "125", "-pix_fmt", "yuv420p", "-row-mt", "1"];
  const speed = ["-deadline", "good", "-cpu-used", "3", "-auto-alt-ref", "1", "-lag-in-frames", "25"];
  const exact = ["-map_metadata", "-1", "-fflags", "+bitexact", "-flags:v", "+bitexact"];
  const pass = (number: 1 | 2, output: readonly string[]) => {
    const log = ["-pass", String(number), "-passlogfile", join(folder, "pass")];
    execFileSync("ffmpeg", [...input, ...codec, ...speed, ...exact, ...log, ...output], { stdio: "inherit" });
  };
  try {
    pass(1, ["-f", "null", "-"]);
    pass(2, [CLIP]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    throw new InputError("ffmpeg cannot be started. Install it: apt-get install ffmpeg");
  }
  const { size } = statSync(CLIP);
  if (size > MOST_BYTES) throw new InputError(`${CLIP} has ${size} bytes, over ${MOST_BYTES}. Lower BIT_RATE.`);
}

function writeRecord(stops: readonly Stop[], seconds: number): void {
  const books = new Map([...PLATES, ASTRONAUT].map(({ id, book }) => [id, book]));
  const record = {
    clip: { file: "demo.webm", ...SIZE, fps: FPS, seconds },
    stops: stops.map((stop) => ({ ...stop, shows: books.get(stop.figure)! })),
  };
  writeFileSync(RECORD, `${JSON.stringify(record, null, 2)}\n`);
}

async function demo(): Promise<void> {
  const { values } = parseArgs({ options: { read: { type: "boolean" }, only: { type: "string" } } });
  const folder = mkdtempSync(join(tmpdir(), "emotion-cam-demo-"));
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_ARGS] });
  try {
    const page = await browser.newPage();
    await openPage(page);
    const stops = planStops(await readFigures(page, values.only?.split(",")));
    if (values.read) return;
    const seconds = stops.at(-1)!.fromS;
    const frames = join(folder, "frames.mjpeg");
    await drawFrames(page, stops, seconds, frames);
    encode(frames, folder);
    writeRecord(stops.slice(0, -1), seconds);
    console.log(`${CLIP}: ${(statSync(CLIP).size / 1000).toFixed(0)} KB, ${seconds.toFixed(1)} s`);
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

await runCommand(demo);
