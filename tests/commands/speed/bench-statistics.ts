/**
 * Measure what a kiosk's statistics cost: the file of a full year, fsyncs, the page of charts, and the exhibit's frames
 * while the charts of that year are loaded from its server.
 *
 *   npm run bench:statistics -- [--rounds N] [--seconds N] [--disk-minutes N] [--json FILE]
 *
 * The year is a full museum's: 600 minutes a day, a sum each minute. The server and the process that keeps the statistics
 * are those of `npm start -- --statistics`; the exhibit shows a person on a fake camera. In turn, for `--seconds` each,
 * nobody loads charts; their files and figures are asked for, as from a desk with a browser of its own; a second browser on
 * this machine draws them. With `--disk-minutes` strace counts the server's fsyncs while the exhibit posts its minutes.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Browser, type BrowserContext, type Page, chromium } from "playwright";
import { eachExpression, type Posted } from "../../../kiosk/statistics-span.ts";
import { Store } from "../../../kiosk/store.ts";
import { median, quantile } from "../../../src/bench/percentiles.ts";
import { CHROMIUM_ARGS, chromiumPath } from "../../chromium.ts";
import { InputError, runCommand } from "../shared/input-error.ts";
import { writeJson } from "../shared/write-json.ts";
import { writeScene } from "./bench-scenes.ts";

const SERVER = fileURLToPath(new URL("../../../dist/kiosk/server.mjs", import.meta.url));
const DAYS = 365;
const OPENS = 8;
const MINUTES_A_DAY = 600;
const DAY_MS = 86_400_000;
const VIEWPORT = { width: 1280, height: 720 };
/** For the networks' start, and until the quality ladder has settled. */
const SETTLE_MS = 5000;
const PATIENCE_MS = 120_000;

declare global {
  // oxlint-disable-next-line no-var
  var benchFrames: { readonly drawn: number[]; readonly answered: number[] };
}

/** Loads the charts, once. @returns Time until the first chart was drawn, ms; null where nobody draws. */
type Load = () => Promise<number | null>;

interface Row {
  readonly name: string;
  readonly loads: number;
  /** Between two pictures of the exhibit, ms. */
  readonly drawnMs: { readonly median: number; readonly p95: number };
  /** Between two answers of its networks, ms. */
  readonly answeredMs: { readonly median: number; readonly p95: number };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      rounds: { type: "string", default: "4" },
      seconds: { type: "string", default: "10" },
      "disk-minutes": { type: "string", default: "0" },
      json: { type: "string" },
    },
  });
  const [rounds, seconds, diskMinutes] = [values.rounds, values.seconds, values["disk-minutes"]].map(Number) as [
    number,
    number,
    number,
  ];
  if (!(rounds >= 1 && seconds >= 1 && diskMinutes >= 0))
    throw new InputError("--rounds and --seconds are numbers from 1, --disk-minutes is a number");
  const folder = mkdtempSync(join(tmpdir(), "emotion-statistics-"));
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_ARGS] });
  try {
    const clip = join(folder, "camera.mjpeg");
    await writeScene(browser, "still", clip);
    const year = writeYear(join(folder, "emotion-cam"));
    console.log(
      `A year of ${year.minutes} minutes has ${year.megabytes} MB; 400 days around the clock would have ` +
        `${Math.round((year.megabytes / year.minutes) * 400 * 1440)} MB.`,
    );
    const exhibit = await chromium.launch({
      executablePath: chromiumPath(),
      args: [...CHROMIUM_ARGS, ...cameraOf(clip)],
    });
    try {
      const disk = diskMinutes > 0 ? await countFsyncs(folder, exhibit, diskMinutes) : null;
      const shown = await measureFrames(folder, exhibit, browser, rounds, seconds * 1000);
      const environment = { processor: cpus()[0]?.model, cores: cpus().length, loadAverage: loadavg()[0] };
      writeJson(values.json, { schema: 1, when: new Date().toISOString(), environment, year, disk, ...shown });
    } finally {
      await exhibit.close();
    }
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true });
  }
}

function cameraOf(clip: string): readonly string[] {
  return [
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    `--use-file-for-fake-video-capture=${clip}`,
  ];
}

function writeYear(folder: string): { readonly minutes: number; readonly megabytes: number } {
  mkdirSync(folder);
  const store = new Store(folder, { least: 10, clock: () => "rtc" });
  store.addAll(minutesOfYear());
  const minutes = store.counts().spans;
  store.close();
  return { minutes, megabytes: round(statSync(join(folder, "statistics.db")).size / 1e6) };
}

function* minutesOfYear(): Generator<Posted> {
  let index = 0;
  for (let day = DAYS - 1; day >= 0; day--) {
    const opensMs = new Date(Date.now() - day * DAY_MS).setHours(OPENS, 0, 0, 0);
    for (let minute = 0; minute < MINUTES_A_DAY; minute++) {
      index += 1;
      const fromMs = opensMs + minute * 60_000;
      const amounts = { visits: 10 + (index % 13), mostFaces: 1 + (index % 5), presentMs: 41_234, unsureMs: 3210 };
      const expressionMs = eachExpression((label) => 5000 + ((index * label.length * 37) % 9000));
      const span = { fromMs, toMs: fromMs + 60_000, ...amounts, watchedMs: 59_987, expressionMs };
      yield { page: "00000000-0000-4000-8000-000000000000", index, span };
    }
  }
}

/** Start what `npm start -- --statistics` starts, under another command where one is given. */
async function startServer(
  folder: string,
  under: readonly string[] = [],
): Promise<{ child: ChildProcess; url: string }> {
  const [command, ...words] = [...under, process.execPath, SERVER, "--no-open", "--statistics"];
  const child = spawn(command!, words, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PORT: "0", XDG_DATA_HOME: folder },
  });
  let said = "";
  await new Promise<void>((resolve, reject) => {
    child.stdout!.on("data", (text) => {
      said += text;
      if (said.includes("statistics.html")) resolve();
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`The server ended with ${code}.`)));
  });
  return { child, url: said.split("\n")[0]! };
}

async function stop(child: ChildProcess, pid = child.pid!): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  process.kill(pid, "SIGTERM");
  await ended;
}

/** Open the exhibit and wait until it has seen somebody. */
async function openExhibit(browser: Browser, url: string): Promise<Page> {
  const page = await (await browser.newContext({ viewport: VIEWPORT })).newPage();
  // Text, because the compiler's note of a function's name would not be there.
  await page.addInitScript(`
    globalThis.benchFrames = { drawn: [], answered: [] };
    addEventListener("emotion-frame", () => benchFrames.answered.push(performance.now()), true);
    requestAnimationFrame(function note(at) { benchFrames.drawn.push(at); requestAnimationFrame(note); });
  `);
  await page.goto(`${url}?statistics`);
  await page.locator("emotion-cam[state=running]").waitFor({ timeout: PATIENCE_MS });
  await sleep(SETTLE_MS);
  return page;
}

async function countFsyncs(folder: string, exhibit: Browser, minutes: number): Promise<object> {
  const log = join(folder, "strace");
  const strace = ["strace", "-f", "-qq", "-e", "trace=fsync,fdatasync", "-o", log];
  const { child, url } = await startServer(folder, strace);
  const page = await openExhibit(exhibit, url);
  const count = () => (readFileSync(log, "utf8").match(/(fsync|fdatasync)\(/g) ?? []).length;
  const before = { fsyncs: count(), rows: await watchedSeconds(url) };
  const began = performance.now();
  await sleep(minutes * 60_000);
  const lasted = (performance.now() - began) / 60_000;
  const fsyncs = count() - before.fsyncs;
  const kept = Math.round(((await watchedSeconds(url)) - before.rows) / 60);
  await page.context().close();
  // strace's child is the server; it ends with it.
  const server = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, "utf8").trim().split(" ")[0];
  await stop(child, Number(server));
  console.log(`${fsyncs} fsyncs in ${round(lasted)} minutes, in which ${kept} minutes of the exhibit were kept.`);
  return { minutes: round(lasted), fsyncs, kept };
}

/** @returns Seconds in which the exhibit watched, today. */
async function watchedSeconds(url: string): Promise<number> {
  const { total } = (await (await fetch(`${url}statistics.json`)).json()) as { total: { watchedS: number } };
  return total.watchedS;
}

async function measureFrames(folder: string, exhibit: Browser, other: Browser, rounds: number, lengthMs: number) {
  const { child, url } = await startServer(folder);
  try {
    const page = await openExhibit(exhibit, url);
    const desk = await other.newContext({ viewport: { width: 1920, height: 1080 } });
    const date = (daysAgo: number) => new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 10);
    const address = `${url}statistics.html?from=${date(DAYS - 1)}&to=${date(0)}`;
    const asked = await filesOf(desk, address);
    const cases: readonly (readonly [string, Load | null])[] = [
      ["nobody loads charts", null],
      ["charts are asked for, drawn elsewhere", () => ask(asked)],
      ["charts are drawn on this machine", () => draw(desk, address)],
    ];
    const firstChartMs: number[] = [];
    const seen = cases.map(() => ({ loads: 0, drawn: [] as number[], answered: [] as number[] }));
    for (let turn = 0; turn < rounds * cases.length; turn++) {
      const index = turn % cases.length;
      const row = seen[index]!;
      await page.evaluate(() => Object.values(benchFrames).forEach((times) => times.splice(0)));
      const ends = performance.now() + lengthMs;
      const load = cases[index]![1];
      while (performance.now() < ends) {
        const ms = load === null ? (await sleep(ends - performance.now()), null) : await load();
        if (load !== null) row.loads += 1;
        if (ms !== null) firstChartMs.push(ms);
      }
      const frames = await page.evaluate(() => benchFrames);
      row.drawn.push(...gaps(frames.drawn));
      row.answered.push(...gaps(frames.answered));
    }
    const rows: Row[] = seen.map(({ loads, drawn, answered }, index) => ({
      ...{ name: cases[index]![0], loads, drawnMs: summary(drawn), answeredMs: summary(answered) },
    }));
    console.table(
      rows.map(({ name, loads, drawnMs, answeredMs }) => ({
        ...{ "": name, loads, "picture ms": drawnMs.median, "p95 ": drawnMs.p95 },
        ...{ "answer ms": answeredMs.median, p95: answeredMs.p95 },
      })),
    );
    const alone = await firstChartAlone(page, desk, address);
    console.log(
      `The first chart of the year was drawn after ${Math.round(median(alone))} ms (median of ${alone.length} loads, ` +
        `the exhibit stopped), ${Math.round(median(firstChartMs))} ms beside the running exhibit (${firstChartMs.length}).`,
    );
    return { rows, firstChartMs: { alone: alone.map(Math.round), besideExhibit: firstChartMs.map(Math.round) } };
  } finally {
    await stop(child);
  }
}

/** On a kiosk the charts' browser is another machine's. */
async function firstChartAlone(exhibit: Page, desk: BrowserContext, address: string): Promise<number[]> {
  await exhibit.context().close();
  await sleep(SETTLE_MS);
  const times: number[] = [];
  for (let load = 0; load < 5; load++) times.push(await draw(desk, address));
  return times;
}

/** @returns The addresses that the page asks for, itself first. */
async function filesOf(desk: BrowserContext, address: string): Promise<readonly string[]> {
  const asked: string[] = [];
  const page = await desk.newPage();
  page.on("request", (request) => asked.push(request.url()));
  await page.goto(address);
  await page.locator("body[data-drawn]").waitFor({ timeout: PATIENCE_MS });
  await page.close();
  return asked;
}

async function ask(addresses: readonly string[]): Promise<null> {
  for (const address of addresses) {
    const response = await fetch(address);
    if (!response.ok) throw new Error(`${address}: ${response.status}`);
    await response.arrayBuffer();
  }
  return null;
}

/** Each in a page of its own, whose cache is that of a browser that was here before. */
async function draw(desk: BrowserContext, address: string): Promise<number> {
  const page = await desk.newPage();
  try {
    await page.addInitScript(() => {
      const watch = new MutationObserver(() => {
        if (document.body?.dataset["drawn"] === undefined) return;
        watch.disconnect();
        // In the frame after the one that has it, it is on the screen.
        requestAnimationFrame(() => requestAnimationFrame((at) => performance.mark("drawn", { startTime: at })));
      });
      watch.observe(document, { subtree: true, childList: true, attributes: true });
    });
    await page.goto(address);
    return await page.evaluate(async () => {
      for (;;) {
        const [mark] = performance.getEntriesByName("drawn");
        if (mark !== undefined) return mark.startTime;
        await new Promise(requestAnimationFrame);
      }
    });
  } finally {
    await page.close();
  }
}

function gaps(times: readonly number[]): number[] {
  return times.slice(1).map((time, index) => time - times[index]!);
}

function summary(ms: readonly number[]): { readonly median: number; readonly p95: number } {
  return { median: round(median(ms)), p95: round(quantile(ms, 0.95)) };
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}

await runCommand(main);
