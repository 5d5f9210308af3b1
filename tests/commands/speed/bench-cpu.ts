/** `npm run bench -- --cpu`: the CPU time of all the browser's processes, over that of only showing the camera. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { Page } from "playwright";
import { createServer, type SiteServer } from "../../../kiosk/server.ts";
import { median } from "../../../src/bench/percentiles.ts";
import { InputError } from "../shared/input-error.ts";
import { BenchBrowser, type CpuUse } from "./bench-browser.ts";
import { printParts, traceParts } from "./bench-parts.ts";
import { SCENES, type SceneName, writeScene } from "./bench-scenes.ts";

const VIEWPORT = { width: 1280, height: 720 };
/** After the first answer, caches fill, the quality ladder settles, and after 5 s without motion the search rests. */
const SETTLE_MS = 7000;
/** A machine that shows fewer frames a second is busy with other work. */
const LEAST_FPS = 28;
/** Limit for loading the networks on a busy machine. */
const PATIENCE_MS = 120_000;

/** A page that shows the camera as the element does, and nothing else. */
const SHOWN_PATH = "/only-shown.html";
const SHOWN = `<!doctype html><style>
html { background: #000 } body { margin: 0; overflow: hidden }
video { width: 100vw; height: 100vh; object-fit: cover; transform: scaleX(-1) }
</style><video muted playsinline></video><script>
navigator.mediaDevices.getUserMedia({ video: { width: 640, height: 480 } }).then((stream) => {
  const video = document.querySelector("video");
  video.srcObject = stream;
  return video.play();
});
</script>`;

interface Case {
  readonly name: string;
  readonly scene: SceneName;
  /** Flags of the kiosk page; `null` for the page that only shows the camera. */
  readonly flags: string | null;
}

const CASES: readonly Case[] = [
  { name: "shown", scene: "still", flags: null },
  { name: "full", scene: "still", flags: "" },
  { name: "boxes", scene: "still", flags: "overlay=boxes" },
  { name: "minimal", scene: "still", flags: "overlay=minimal" },
  { name: "emoji", scene: "still", flags: "overlay=emoji" },
  { name: "none", scene: "still", flags: "overlay=none" },
  { name: "moving", scene: "moving", flags: "" },
  { name: "nobody", scene: "nobody", flags: "" },
  { name: "four", scene: "four", flags: "" },
  { name: "full at 15", scene: "still", flags: "max-fps=15" },
  { name: "full at 10", scene: "still", flags: "max-fps=10" },
];

/** Options of the command. */
export interface CpuOptions {
  readonly seconds: number;
  readonly rounds: number;
  /** Names of cases; all without any. The case `shown` is always measured. */
  readonly only: readonly string[];
  /** The `dist` folders of the builds to compare. */
  readonly sites: readonly string[];
  /** True where each case is traced too, in the last round. */
  readonly parts: boolean;
}

/** The figures of one case; times are medians over the rounds. */
export interface CpuRow {
  readonly name: string;
  /** Frames answered a second; for `shown`, frames shown. */
  readonly fps: number;
  /** Faces in a frame, the mean. */
  readonly faces: number;
  /** CPU time of all the browser's processes, per cent of one core. */
  readonly cpuPercent: number;
  readonly cpuMsPerFrame: number;
  /** The main thread of the page's process. */
  readonly mainMsPerFrame: number;
  readonly workerMsPerFrame: number;
  /** `cpuPercent` over that of `shown`, in all builds. */
  readonly ratio: number;
  /** `cpuMsPerFrame` by kind of process and thread, the busiest first. */
  readonly parts: readonly { readonly name: string; readonly msPerFrame: number }[];
}

export interface CpuReport {
  readonly schema: 1;
  readonly when: string;
  /** The commit that was built. */
  readonly commit: string;
  readonly environment: {
    readonly processor: string;
    readonly cores: number;
    readonly browser: string;
    readonly loadAverage: number;
  };
  readonly rows: readonly CpuRow[];
  /** The other builds, measured in turn with the first. */
  readonly others: readonly { readonly commit: string; readonly rows: readonly CpuRow[] }[];
}

/** One round of one case. */
interface Sample extends CpuUse {
  readonly frames: number;
  readonly faces: number;
  readonly wallMs: number;
}

/** Counts of the page since the measurement began. */
interface Counts {
  readonly frames: number;
  readonly faces: number;
}

/**
 * Measure each case in turn, several rounds, and print a table for each build.
 *
 * @throws InputError where a case or a build does not exist.
 */
export async function measureCpu({ seconds, rounds, only, sites, parts }: CpuOptions): Promise<CpuReport> {
  const cases = chosen(only);
  for (const site of sites)
    if (!existsSync(join(site, "index.html")))
      throw new InputError(`${resolve(site)} holds no built site: index.html is missing. Run "npm run build" there.`);
  const folder = mkdtempSync(join(tmpdir(), "emotion-cam-cpu-"));
  const browsers = new Map<SceneName, BenchBrowser>();
  const servers: SiteServer[] = [];
  try {
    for (const site of sites) servers.push(await createServer({ site, port: 0 }));
    for (const scene of new Set(cases.map((each) => each.scene))) browsers.set(scene, await openCamera(scene, folder));
    const samples = servers.map(() => new Map<string, Sample[]>(cases.map(({ name }) => [name, []])));
    for (let round = 0; round < rounds; round++) {
      for (const each of cases) {
        for (const [index, server] of servers.entries()) {
          const tracing = parts && round === rounds - 1;
          const sample = await measure(browsers.get(each.scene)!, server.url, each, seconds, tracing);
          samples[index]!.get(each.name)!.push(sample);
          const percent = ((100 * sample.cpuMs) / sample.wallMs).toFixed(0);
          process.stderr.write(`round ${round + 1}, build ${index + 1}, ${each.name}: ${percent} % of a core\n`);
        }
      }
    }
    // Only to show the camera costs the same in each build.
    const base = median(samples.flatMap((own) => own.get("shown")!).map(percentOf));
    const builds = sites.map((site, index) => ({ commit: commitOf(site), rows: rowsOf(samples[index]!, base) }));
    for (const build of builds) print(build.commit, build.rows);
    const [first, ...others] = builds;
    const browser = [...browsers.values()][0]!.browser.version();
    return { schema: 1, when: new Date().toISOString(), ...first!, environment: environment(browser), others };
  } finally {
    for (const browser of browsers.values()) await browser.close();
    for (const server of servers) await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function chosen(only: readonly string[]): readonly Case[] {
  const unknown = only.find((name) => !CASES.some((each) => each.name === name));
  if (unknown !== undefined)
    throw new InputError(`--only ${unknown}: the cases are ${CASES.map(({ name }) => name).join(", ")}.`);
  return CASES.filter(({ name }) => only.length === 0 || name === "shown" || only.includes(name));
}

/** Start a browser whose camera shows a scene. */
async function openCamera(scene: SceneName, folder: string): Promise<BenchBrowser> {
  const clip = join(folder, `${scene}.mjpeg`);
  const painter = await BenchBrowser.launch();
  await writeScene(painter.browser, scene, clip).finally(() => painter.close());
  return BenchBrowser.launch([
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    `--use-file-for-fake-video-capture=${clip}`,
  ]);
}

async function measure(
  browser: BenchBrowser,
  url: string,
  each: Case,
  seconds: number,
  tracing: boolean,
): Promise<Sample> {
  const context = await browser.browser.newContext({ viewport: VIEWPORT });
  try {
    const page = await context.newPage();
    if (each.flags === null) await openShown(page, url);
    else await openElement(page, `${url}?${each.flags}`, SCENES[each.scene].faces.length);
    await page.waitForTimeout(SETTLE_MS);
    const before = await counts(page, each.flags === null);
    const startMs = performance.now();
    const { use } = await browser.watch(() => page.waitForTimeout(1000 * seconds));
    const wallMs = performance.now() - startMs;
    const after = await counts(page, each.flags === null);
    if (tracing) {
      const shown = await shownFrames(page);
      const traced = await traceParts(browser.browser, page, seconds);
      printParts(each.name, traced, (await shownFrames(page)) - shown);
    }
    return { ...use, wallMs, frames: after.frames - before.frames, faces: after.faces - before.faces };
  } finally {
    await context.close();
  }
}

async function openShown(page: Page, url: string): Promise<void> {
  await page.route(`**${SHOWN_PATH}`, (route) => route.fulfill({ contentType: "text/html", body: SHOWN }));
  await page.goto(new URL(SHOWN_PATH, url).href);
}

/** Open the kiosk page, and wait until it sees everybody. */
async function openElement(page: Page, address: string, faces: number): Promise<void> {
  await page.addInitScript(() => {
    const counted = { frames: 0, faces: 0, last: -1 };
    Object.assign(globalThis, { counted });
    addEventListener("emotion-frame", (event) => {
      counted.frames += 1;
      counted.last = (event as unknown as { faces: unknown[] }).faces.length;
      counted.faces += counted.last;
    });
  });
  await page.goto(address);
  const untilMs = performance.now() + PATIENCE_MS;
  while ((await page.evaluate(() => counted.last)) !== faces) {
    if (performance.now() > untilMs) throw new Error(`${address} did not see ${faces} faces in ${PATIENCE_MS} ms.`);
    await page.waitForTimeout(200);
  }
}

declare const counted: Counts & { readonly last: number };

async function counts(page: Page, isShown: boolean): Promise<Counts> {
  if (isShown) return { frames: await shownFrames(page), faces: 0 };
  return page.evaluate(() => ({ frames: counted.frames, faces: counted.faces }));
}

/** @returns The frames of the camera that the page has shown, answered or not. */
function shownFrames(page: Page): Promise<number> {
  return page.evaluate(() => {
    const root = document.querySelector("emotion-cam")?.shadowRoot ?? document;
    return root.querySelector("video")!.getVideoPlaybackQuality().totalVideoFrames;
  });
}

function percentOf({ cpuMs, wallMs }: Sample): number {
  return (100 * cpuMs) / wallMs;
}

/** @param base Per cent of a core that showing the camera takes. */
function rowsOf(samples: ReadonlyMap<string, readonly Sample[]>, base: number): readonly CpuRow[] {
  const percent = (of: readonly Sample[]) => median(of.map(percentOf));
  return [...samples].map(([name, own]) => {
    const perFrame = (of: (sample: Sample) => number) => median(own.map((sample) => of(sample) / sample.frames));
    const partNames = [...new Set(own.flatMap(({ parts }) => parts.map((part) => part.name)))];
    const part = (wanted: string) => perFrame(({ parts }) => parts.find((each) => each.name === wanted)?.cpuMs ?? 0);
    return {
      name,
      fps: median(own.map(({ frames, wallMs }) => (1000 * frames) / wallMs)),
      faces: perFrame(({ faces }) => faces),
      cpuPercent: percent(own),
      cpuMsPerFrame: perFrame(({ cpuMs }) => cpuMs),
      mainMsPerFrame: part("renderer: main"),
      workerMsPerFrame: part("renderer: DedicatedWorker"),
      ratio: percent(own) / base,
      parts: partNames
        .map((each) => ({ name: each, msPerFrame: part(each) }))
        .sort((a, b) => b.msPerFrame - a.msPerFrame),
    };
  });
}

/** @returns The commit of the checkout that a site lies in; the site's folder outside of one. */
function commitOf(site: string): string {
  const describe = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
  try {
    return execFileSync("git", describe, { cwd: site, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return resolve(site);
  }
}

function environment(browser: string): CpuReport["environment"] {
  const processor = cpus()[0]?.model.trim() ?? "unknown";
  return { processor, cores: cpus().length, browser: `Chromium ${browser}`, loadAverage: loadavg()[0]! };
}

function print(commit: string, rows: readonly CpuRow[]): void {
  const heads = ["", "faces", "frames a second", "CPU %", "times only shown", "CPU ms a frame", "main", "worker"];
  console.log(`\n${commit}`);
  console.log(`| ${heads.join(" | ")} |`);
  console.log(`| --- |${" ---: |".repeat(heads.length - 1)}`);
  for (const row of rows) {
    const times = [row.cpuMsPerFrame, row.mainMsPerFrame, row.workerMsPerFrame].map((timeMs) => timeMs.toFixed(2));
    const cells = [row.name, row.faces.toFixed(1), row.fps.toFixed(1), row.cpuPercent.toFixed(1), row.ratio.toFixed(2)];
    console.log(`| ${[...cells, ...times].join(" | ")} |`);
  }
  if (rows.some(({ name, fps }) => name === "shown" && fps < LEAST_FPS))
    console.log(
      `The machine is too busy to show ${LEAST_FPS} frames a second: the percentages and ratios mean nothing.`,
    );
}
