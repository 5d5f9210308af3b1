/** `npm run bench -- --cost`: how the cost grows with faces, with the source's size and with the rate. */
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { BenchReport } from "../../../src/bench/report.ts";
import type { BenchBrowser } from "./bench-browser.ts";
import { runPage, type PageFlags, type Served } from "./bench-page.ts";

const PORTRAIT = join(dirname(fileURLToPath(import.meta.url)), "../../fixtures/astronaut.jpg");
const FACES = [1, 2, 4, 8] as const;
const SIZES = ["320x240", "640x480", "1280x720", "1920x1080"] as const;
const RATES = [5, 10, 15, 20, 30] as const;
const MOST_FACES = 8;
/** The browser plays the clip in a loop. */
const CLIP_SECONDS = 3;
/** The longest bar of the plot, characters. */
const BAR = 40;

/** Options of the command. */
interface CostOptions {
  readonly engine: string | undefined;
  readonly model: string | undefined;
  readonly seconds: number;
}

/** The figures of one setting; times are milliseconds a frame. */
export interface CostRow {
  readonly what: string;
  readonly value: string;
  readonly engine: string;
  readonly facesSeen: number;
  readonly fps: number;
  readonly grabMs: number;
  readonly detectMs: number;
  readonly classifyMs: number;
  readonly totalMs: number;
  readonly cpuMsPerFrame: number;
  /** Percent of one core. */
  readonly cpuPercent: number;
}

/** Measure and print. Rates run as the element does by default; otherwise no frame and no face is skipped. */
export async function measureCost(
  browser: BenchBrowser,
  url: string,
  options: CostOptions,
): Promise<readonly CostRow[]> {
  const rows: CostRow[] = [];
  const measure = async (what: string, value: string, flags: PageFlags, scene?: Scene) => {
    const clip = scene === undefined ? undefined : await makeClip(browser, scene);
    const all = { bench: String(options.seconds), engine: options.engine ?? "int8", model: options.model, ...flags };
    const source = clip === undefined ? {} : { src: clip.path.slice(1), "max-faces": String(MOST_FACES) };
    const row = rowOf(what, value, await runPage(browser, url, { ...source, ...all }, clip));
    rows.push(row);
    process.stderr.write(`${what} ${value}: ${row.totalMs.toFixed(2)} ms\n`);
  };
  for (const faces of FACES) await measure("faces", String(faces), {}, { width: 640, height: 480, faces });
  for (const size of SIZES) {
    const [width, height] = size.split("x").map(Number) as [number, number];
    await measure("source", size, {}, { width, height, faces: 1 });
  }
  // The head of the demo clip moves, so nothing is skipped because nothing changed.
  for (const rate of RATES) await measure("rate", `${rate} a second`, { "max-fps": String(rate), pace: "adaptive" });
  print(rows);
  return rows;
}

function rowOf(what: string, value: string, report: BenchReport): CostRow {
  const { stages, cpuMsPerFrame, fps, faces, engine } = report;
  return {
    what,
    value,
    engine,
    facesSeen: faces,
    fps,
    grabMs: stages.grab.p50,
    detectMs: stages.detect.p50,
    classifyMs: stages.crop.p50 + stages.classify.p50,
    totalMs: stages.total.p50,
    cpuMsPerFrame,
    cpuPercent: (cpuMsPerFrame * fps) / 10,
  };
}

function print(rows: readonly CostRow[]): void {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const heads = [
    "",
    "",
    "faces seen",
    "frames a second",
    "grab",
    "detect",
    "crop + classify",
    "total ms",
    "CPU ms",
    "CPU %",
  ];
  console.log(line(heads));
  console.log(line(heads.map((_, index) => (index < 2 ? "---" : "---:"))));
  for (const row of rows) {
    const { grabMs, detectMs, classifyMs, totalMs, cpuMsPerFrame } = row;
    const times = [grabMs, detectMs, classifyMs, totalMs, cpuMsPerFrame].map((timeMs) => timeMs.toFixed(2));
    console.log(
      line([row.what, row.value, String(row.facesSeen), row.fps.toFixed(1), ...times, row.cpuPercent.toFixed(0)]),
    );
  }
  plot(
    "worker's ms a frame",
    rows.filter(({ what }) => what !== "rate"),
    ({ totalMs }) => totalMs,
  );
  plot(
    "CPU, percent of one core",
    rows.filter(({ what }) => what === "rate"),
    ({ cpuPercent }) => cpuPercent,
  );
}

function plot(title: string, rows: readonly CostRow[], of: (row: CostRow) => number): void {
  const most = Math.max(...rows.map(of));
  console.log(`\n${title}`);
  for (const row of rows) {
    const bar = "█".repeat(Math.max(1, Math.round((of(row) / most) * BAR)));
    console.log(`${row.what.padEnd(7)} ${row.value.padStart(12)} ${bar} ${of(row).toFixed(1)}`);
  }
}

/** A still picture of people. */
interface Scene {
  readonly width: number;
  readonly height: number;
  readonly faces: number;
}

/** Make a clip of the scene. @throws Error if ffmpeg is missing or fails. */
async function makeClip(browser: BenchBrowser, scene: Scene): Promise<Served> {
  const folder = await mkdtemp(join(tmpdir(), "emotion-cam-bench-"));
  const [picture, clip] = [join(folder, "scene.jpg"), join(folder, "scene.webm")];
  try {
    await writeFile(picture, await drawScene(browser, scene));
    const encode = ["-c:v", "libvpx", "-b:v", "4M", "-deadline", "realtime", "-cpu-used", "8", "-pix_fmt", "yuv420p"];
    const still = ["-loop", "1", "-framerate", "30", "-i", picture, "-t", String(CLIP_SECONDS)];
    execFileSync("ffmpeg", ["-v", "error", ...still, ...encode, clip]);
    const { width, height, faces } = scene;
    const path = `/bench-scene-${width}x${height}-${faces}.webm`;
    return { path, body: await readFile(clip), contentType: "video/webm" };
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ENOENT") throw cause;
    throw new Error("--cost needs ffmpeg for its clips: sudo apt-get install ffmpeg", { cause });
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** Draw heads side by side on gray, equally large for 1 face and for 8, so that only their number changes. */
async function drawScene(browser: BenchBrowser, scene: Scene): Promise<Buffer> {
  const portrait = `data:image/jpeg;base64,${(await readFile(PORTRAIT)).toString("base64")}`;
  const page = await browser.browser.newPage();
  try {
    const drawn = await page.evaluate(
      async ({ width, height, faces, source }) => {
        const image = new Image();
        image.src = source;
        await image.decode();
        const canvas = document.createElement("canvas");
        canvas.width = width;
        canvas.height = height;
        const context = canvas.getContext("2d")!;
        context.fillStyle = "#5f6f66";
        context.fillRect(0, 0, width, height);
        // Four columns and two rows, each with the head and shoulders of the 512 px portrait.
        const tile = { width: width / 4, height: height / 2 };
        const head = { x: 132, y: 10, width: 180, height: (180 * tile.height) / tile.width };
        for (let index = 0; index < faces; index++) {
          const x = ((index + (faces === 1 ? 1 : 0)) % 4) * tile.width;
          const y = Math.floor(index / 4) * tile.height;
          context.drawImage(image, head.x, head.y, head.width, head.height, x, y, tile.width, tile.height);
        }
        return canvas.toDataURL("image/jpeg", 0.95);
      },
      { ...scene, source: portrait },
    );
    return Buffer.from(drawn.slice(drawn.indexOf(",") + 1), "base64");
  } finally {
    await page.close();
  }
}
