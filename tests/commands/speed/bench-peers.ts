/**
 * Compare this project with other face libraries, on the same frames in one run.
 *
 *   npm run bench:peers -- [--json FILE] [--rounds N] [--only NAME,NAME] [--model NAME]
 *
 * Each library has its own browser, so that CPU time and memory are its own. They run in turn, one second each, for several
 * rounds. A round before them does not count. Prints the table and writes it into README.md.
 */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { Contestant, versionOf, type Row } from "./bench-peers/contestant.ts";
import { commitId } from "../../../src/package/commit.mjs";
import { InputError, runCommand } from "../shared/input-error.ts";
import { writeJson } from "../shared/write-json.ts";
import { OURS, ROOT, installPeers, peersWith, type Peer } from "./bench-peers/peers.ts";

const DEFAULT_ROUNDS = 6;
const START = "<!-- peers:start -->";
const END = "<!-- peers:end -->";

interface PeersReport {
  readonly schema: 1;
  readonly when: string;
  readonly commit: string;
  readonly environment: {
    readonly userAgent: string;
    readonly browser: string;
    readonly processor: string;
    readonly cores: number;
    readonly isolated: boolean;
    readonly simd: string;
    readonly variant: string;
    readonly timerResolutionMs: number;
    /** The system's load average of the last minute: 1 is this run alone, more is other work. */
    readonly loadAverage: number;
  };
  readonly source: { readonly kind: "canvas"; readonly width: 640; readonly height: 480 };
  readonly rounds: number;
  readonly rows: readonly Row[];
  /** Libraries that did not run, and their messages. */
  readonly failed: readonly { readonly name: string; readonly version: string; readonly why: string }[];
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      json: { type: "string" },
      rounds: { type: "string", default: String(DEFAULT_ROUNDS) },
      only: { type: "string" },
      model: { type: "string", default: defaultModel() },
    },
  });
  const rounds = Number(values.rounds);
  if (!Number.isInteger(rounds) || rounds < 1)
    throw new InputError(`--rounds ${values.rounds} is not a whole number from 1 upwards.`);
  installPeers(values.model);
  const names = values.only?.split(",");
  const peers = peersWith(values.model).filter(
    ({ name }) => names === undefined || names.some((n) => name.includes(n)),
  );
  const report = await contest(peers, rounds);
  print(report);
  writeJson(values.json, report);
  // A part of the table must not replace the whole.
  if (names === undefined) await writeReadme(report);
}

/** @returns `edge`, if the build has it. */
function defaultModel(): string {
  return existsSync(join(ROOT, "dist/models/edge/contract.json")) ? "edge" : "seed";
}

async function contest(peers: readonly Peer[], rounds: number): Promise<PeersReport> {
  const contestants: Contestant[] = [];
  const failed: PeersReport["failed"][number][] = [];
  try {
    for (const peer of peers) {
      process.stderr.write(`opening ${peer.name} …\n`);
      try {
        contestants.push(await Contestant.enter(peer));
      } catch (error) {
        const why = (error instanceof Error ? error.message : String(error)).split("\n", 1)[0]!;
        failed.push({ name: peer.name, version: await versionOf(peer), why });
        process.stderr.write(`${peer.name} does not run here: ${why}\n`);
      }
    }
    if (contestants.length === 0) throw new Error("None of the libraries runs here.");
    for (let round = 0; round <= rounds; round++) {
      process.stderr.write(round === 0 ? "warm-up\n" : `round ${round} of ${rounds}\n`);
      // Each round starts with another one, so that none always follows the same.
      const order = [
        ...contestants.slice(round % contestants.length),
        ...contestants.slice(0, round % contestants.length),
      ];
      for (const contestant of order) await contestant.turn(round > 0);
    }
    const rows = await Promise.all(contestants.map((contestant) => contestant.row()));
    const oursMs = rows.find(({ name }) => name === OURS)?.ms.p50 ?? NaN;
    return {
      schema: 1,
      when: new Date().toISOString(),
      commit: commitId(),
      environment: await environmentOf(contestants),
      source: { kind: "canvas", width: 640, height: 480 },
      rounds,
      rows: rows.map((row) => ({ ...row, ratio: row.ms.p50 / oursMs })),
      failed,
    };
  } finally {
    for (const contestant of contestants) await contestant.leave();
  }
}

async function environmentOf(contestants: readonly Contestant[]): Promise<PeersReport["environment"]> {
  const ours = contestants.find(({ peer }) => peer.name === OURS) ?? contestants[0]!;
  const { userAgent, browser, isolated, timerResolutionMs, runtime } = await ours.environment();
  return {
    userAgent,
    browser,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    isolated,
    simd: runtime?.simd ?? "unknown",
    variant: runtime?.variant ?? "unknown",
    timerResolutionMs,
    loadAverage: loadavg()[0]!,
  };
}

function captionOf({ when, commit, environment, rounds }: PeersReport): string {
  const { browser, processor, cores, variant, loadAverage } = environment;
  return (
    `${when.slice(0, 10)}, ${cores} cores of ${processor}, ${browser} headless with the GPU off, int8 ` +
    `kernels: ${variant}; 640x480 canvases with one face, ${rounds} rounds in turn; load average ` +
    `${loadAverage.toFixed(1)} (1 is this run alone); commit ${commit}.`
  );
}

const COLUMNS = ["", "ms a frame: least", "median", "p95", "times ours", "CPU ms a frame", "first result ms"];
const MORE_COLUMNS = ["download MB", "with brotli", "memory MB", "busy threads", "found", "computes"];

function cellsOf(row: Row): readonly string[] {
  const { min, p50, p95 } = row.ms;
  return [
    `${row.name} ${row.version}`,
    min.toFixed(1),
    p50.toFixed(1),
    p95.toFixed(1),
    Number.isFinite(row.ratio) ? row.ratio.toFixed(1) : "?",
    row.cpuMsPerFrame.toFixed(1),
    row.firstResultMs.toFixed(0),
    (row.bytes / 1e6).toFixed(1),
    (row.compressedBytes / 1e6).toFixed(1),
    row.memoryMB === null ? "?" : row.memoryMB.toFixed(0),
    String(row.threads ?? "?"),
    `${Math.round(row.found * 100)} %`,
    row.computes,
  ];
}

function print(report: PeersReport): void {
  const table = [[...COLUMNS, ...MORE_COLUMNS], ...report.rows.map(cellsOf)];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((cells) => cells[column]!.length)));
  for (const cells of table)
    console.log(
      cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("  "),
    );
  for (const { name, version, why } of report.failed) console.log(`${name} ${version}: does not run here. ${why}`);
  printTargets(report.rows);
  console.log(`\n${captionOf(report)}`);
}

/** The libraries that do what we do, and how many times our time their frames should take. */
const RIVALS = ["@vladmandic/human", "@vladmandic/face-api"];
const TARGET = 10;
const AIM = 20;

function printTargets(rows: readonly Row[]): void {
  const ours = rows.find(({ name }) => name === OURS);
  if (ours === undefined) return;
  console.log("");
  for (const { name, ms, ratio } of rows.filter(({ name }) => RIVALS.includes(name))) {
    const least = (ms.min / ours.ms.min).toFixed(1);
    console.log(
      `a whole frame, ${name}: ${ratio.toFixed(1)} times ours (least times: ${least}; target ${TARGET}, aim ${AIM})`,
    );
  }
}

/** The conditions of the comparison, printed under the table in README.md. */
const FAIRNESS =
  "Each library runs in its own browser, on one computing thread, and reads the same sixteen frames again and again, in turn " +
  "with the others. Caches and frame skipping are off for all, ours included. human: wasm backend, detector and emotion " +
  "model; mesh, iris, description and filters off. face-api: wasm backend, tiny detector at 320 (at 160 it misses these " +
  "faces) and expressions. The row of the plain user calls `estimateFaces` on the canvas and our float classifier on each " +
  "box. LiteRT.js and ONNX Runtime Web run the same BlazeFace, decode the best face and, where the row says so, run our " +
  "classifier on its box. MediaPipe Tasks runs the same BlazeFace, without expressions. CPU is the time of all the " +
  "browser's processes, memory is the private memory of the page's process, the download is what the page fetched, the first " +
  "result counts from opening the page with an empty cache.";

function markdownOf(report: PeersReport): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = COLUMNS.concat(MORE_COLUMNS).map((_, column) => (column === 0 || column === 12 ? "---" : "---:"));
  return [
    line([...COLUMNS, ...MORE_COLUMNS]),
    line(rule),
    ...report.rows.map((row) => line(cellsOf(row))),
    "",
    captionOf(report),
    ...report.failed.map(({ name, version, why }) => `${name} ${version} does not run without a GPU: ${why}`),
    "",
    FAIRNESS,
  ].join("\n");
}

async function writeReadme(report: PeersReport): Promise<void> {
  const path = join(ROOT, "README.md");
  const text = existsSync(path) ? await readFile(path, "utf8") : "";
  const [start, end] = [text.indexOf(START), text.indexOf(END)];
  if (start < 0 || end < start) return;
  const place = `${text.slice(0, start + START.length)}\n${markdownOf(report)}\n`;
  await writeFile(path, place + text.slice(end));
}

await runCommand(main);
