/**
 * Run the page `/?bench` in a headless Chromium with the GPU off.
 *
 *   npm run bench -- [--seconds N] [--engine int8|float] [--json FILE] [--runs N] [--throttle N] [--save] [--cost]
 *                    [--cpu] [--rounds N] [--only CASE,CASE] [--against DIR] [--parts]
 *                    [--src URL|camera] [--model NAME] [--pace measure|adaptive] [--range near|far] [--max-fps N]
 *
 * --runs N      run N times; print the median, the least and the greatest
 * --throttle N  slow the browser as if the processor were N times slower; print how
 * --save        append the run to the history file
 * --cpu         print the CPU time of all the browser's processes over that of only showing the camera, by case
 * --rounds N    how often --cpu measures each case; medians are printed
 * --only A,B    the cases that --cpu measures besides `shown`
 * --against DIR the checkout or the `dist` folder of another build, which --cpu measures in turn with this one
 * --parts       trace each case of --cpu as well, and print what the threads do for a frame
 * --cost        print how the cost grows with faces, with the source's size and with the rate
 */
import { existsSync } from "node:fs";
import { appendFile, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createServer } from "../../../kiosk/server.ts";
import { median } from "../../../src/bench/percentiles.ts";
import { STAGES, problemsOf, type BenchReport } from "../../../src/bench/report.ts";
import { InputError, runCommand } from "../shared/input-error.ts";
import { writeJson } from "../shared/write-json.ts";
import { BenchBrowser } from "./bench-browser.ts";
import { measureCost } from "./bench-cost.ts";
import { measureCpu } from "./bench-cpu.ts";
import { changes, entryOf, lastAlike, machineName, readHistory } from "./bench-history.ts";
import { runPage } from "./bench-page.ts";

const HISTORY = join(dirname(fileURLToPath(import.meta.url)), "bench-history.jsonl");
const DIST = fileURLToPath(new URL("../../../dist/", import.meta.url));
/** Threads with a smaller share of a frame's CPU time are not printed. */
const LEAST_SHARE = 0.01;
/** Report memory at once, and play clips without a press. */
const BROWSER_ARGS = ["--enable-blink-features=ForceEagerMeasureMemory", "--autoplay-policy=no-user-gesture-required"];
const FAKE_CAMERA = ["--use-fake-device-for-media-stream=fps=30", "--use-fake-ui-for-media-stream"];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "10" },
      engine: { type: "string" },
      json: { type: "string" },
      runs: { type: "string", default: "1" },
      throttle: { type: "string", default: "1" },
      save: { type: "boolean", default: false },
      cost: { type: "boolean", default: false },
      cpu: { type: "boolean", default: false },
      rounds: { type: "string", default: "3" },
      only: { type: "string" },
      against: { type: "string" },
      parts: { type: "boolean", default: false },
      src: { type: "string" },
      model: { type: "string" },
      pace: { type: "string" },
      range: { type: "string" },
      "max-fps": { type: "string" },
    },
  });
  const seconds = numberFrom("--seconds", values.seconds, 1);
  const runs = numberFrom("--runs", values.runs, 1);
  const throttle = numberFrom("--throttle", values.throttle, 1);
  const { engine, src, model, pace, range } = values;
  if (values.cpu) {
    const sites = values.against === undefined ? [DIST] : [DIST, siteIn(values.against)];
    const rounds = numberFrom("--rounds", values.rounds, 1);
    const only = values.only?.split(",") ?? [];
    writeJson(values.json, await measureCpu({ seconds, rounds, only, sites, parts: values.parts }));
    return;
  }
  const flags = { bench: String(seconds), engine, src, model, pace, range, "max-fps": values["max-fps"] };

  const server = await createServer({ port: 0 });
  const browser = await BenchBrowser.launch(src === "camera" ? [...BROWSER_ARGS, ...FAKE_CAMERA] : BROWSER_ARGS);
  process.once("SIGINT", () => void browser.close().then(() => process.exit(130)));
  try {
    console.log(`machine: ${machineName()}, Chromium ${browser.browser.version()} headless, GPU off`);
    if (throttle > 1) console.log(`throttle ${throttle}: ${browser.throttle(throttle)}`);
    if (values.cost) {
      const cost = await measureCost(browser, server.url, { engine, model, seconds });
      writeJson(values.json, cost);
      return;
    }
    const reports: BenchReport[] = [];
    for (let run = 0; run < runs; run++) {
      const report = await runPage(browser, server.url, flags);
      const problems = problemsOf(report);
      if (problems.length > 0) throw new Error(`The page's report is invalid:\n${problems.join("\n")}`);
      reports.push(report);
    }
    print(reports);
    writeJson(values.json, runs === 1 ? reports[0] : reports);
    await remember(middleOf(reports), throttle, values.save);
  } finally {
    await browser.close();
    await server.close();
  }
}

/** @returns The `dist` folder of a checkout; the folder itself where it has none. */
function siteIn(folder: string): string {
  const dist = join(folder, "dist");
  return existsSync(dist) ? dist : folder;
}

function numberFrom(option: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= least) return value;
  throw new InputError(`${option} ${text} is not a number from ${least} upwards.`);
}

/** @returns The reports of all runs by engine, in the order in which the page measured them. */
function byEngine(reports: readonly BenchReport[]): readonly (readonly BenchReport[])[] {
  const all = reports.flatMap((report) => [report, ...report.others]);
  const engines = [...new Set(all.map(({ engine }) => engine))];
  return engines.map((engine) => all.filter((report) => report.engine === engine));
}

/** @returns The run of each engine with the median frame time. */
function middleOf(reports: readonly BenchReport[]): readonly BenchReport[] {
  return byEngine(reports).map(
    (own) => own.toSorted((a, b) => a.stages.total.p50 - b.stages.total.p50)[Math.floor((own.length - 1) / 2)]!,
  );
}

function print(reports: readonly BenchReport[]): void {
  const engines = byEngine(reports);
  const { environment, source, pace, range, commit } = engines[0]![0]!;
  console.log(
    `source: ${source.kind} ${source.width}x${source.height}, pace: ${pace}, range: ${range}, SIMD: ${environment.simd}, timer: ` +
      `${environment.timerResolutionMs} ms, commit: ${commit}\n`,
  );
  const rows: [string, (report: BenchReport) => number | null, number][] = [
    ["frames a second", ({ fps }) => fps, 1],
    ["first result, ms", ({ firstResultMs }) => firstResultMs, 0],
    ["CPU a frame, ms", ({ cpuMsPerFrame }) => cpuMsPerFrame, 2],
    ["worker busy, % of a core", ({ busyMsPerSecond }) => busyMsPerSecond.worker / 10, 1],
    ["page busy, % of a core", ({ busyMsPerSecond }) => busyMsPerSecond.page / 10, 1],
    ["dropped, %", ({ dropped, frames }) => (100 * dropped) / (dropped + frames), 1],
    ["faces", ({ faces }) => faces, 0],
    ["page's memory, MB", ({ memory }) => memory.jsHeapMB, 1],
    ["WebAssembly memory, MB", ({ memory }) => memory.wasmMB, 1],
    ["model, MB", ({ model }) => model.bytes / 1e6, 2],
  ];
  for (const stage of STAGES)
    for (const share of ["p50", "p95", "p99"] as const)
      rows.push([`${stage} ${share}, ms`, ({ stages }) => stages[stage][share], 2]);
  const heads = engines.map(([first]) => `${first!.engine} (${first!.environment.variant}, ${first!.model.name})`);
  const cells = rows.map(([name, of, digits]) => [name, ...engines.map((own) => spread(own.map(of), digits))]);
  const table = [["", ...heads], ...cells];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  for (const row of table)
    console.log(row.map((cell, at) => (at === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[at]!))).join("  "));
  for (const report of middleOf(reports)) printParts(report);
  console.log("");
  for (const [first] of engines) console.log(`${first!.engine}: ${first!.sentence}`);
}

/** Print where a frame's CPU time goes: the worker's thread computes, the others decode, hand over and show. */
function printParts({ engine, cpuMsPerFrame, cpuParts = [] }: BenchReport): void {
  const large = cpuParts.filter(({ msPerFrame }) => msPerFrame >= LEAST_SHARE * cpuMsPerFrame);
  if (large.length === 0) return;
  console.log(`\n${engine}: CPU a frame by process and thread, ms`);
  for (const { name, msPerFrame } of large) {
    const share = Math.round((100 * msPerFrame) / cpuMsPerFrame);
    console.log(`  ${name.padEnd(36)} ${msPerFrame.toFixed(2).padStart(7)} ${String(share).padStart(4)} %`);
  }
}

/** @returns The median; with several values also the least and the greatest. */
function spread(values: readonly (number | null)[], digits: number): string {
  const known = values.filter((value) => value !== null);
  if (known.length === 0) return "?";
  const middle = median(known).toFixed(digits);
  if (known.length === 1) return middle;
  return `${middle} (${Math.min(...known).toFixed(digits)} to ${Math.max(...known).toFixed(digits)})`;
}

/** Print what changed since this machine's last entry. A slower run is not a failure: a machine is slower on some days. */
async function remember(reports: readonly BenchReport[], throttle: number, save: boolean): Promise<void> {
  const history = readHistory(existsSync(HISTORY) ? await readFile(HISTORY, "utf8") : "");
  for (const report of reports) {
    const entry = entryOf(report, throttle);
    const before = lastAlike(history, entry);
    if (before !== undefined) {
      const lines = changes(before, entry);
      console.log(`\n${entry.kind}, since ${before.commit} of ${before.when.slice(0, 10)}:`);
      console.log(lines.length === 0 ? "  nothing changed by a tenth" : lines.map((line) => `  ${line}`).join("\n"));
    }
    if (save) await appendFile(HISTORY, `${JSON.stringify(entry)}\n`);
  }
  if (save) console.log(`\nsaved to ${HISTORY}`);
}

await runCommand(main);
