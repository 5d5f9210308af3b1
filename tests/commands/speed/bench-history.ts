/** Saved runs of the bench, and the comparison of a run with the last of its kind. */
import { cpus } from "node:os";
import type { BenchReport } from "../../../src/bench/report.ts";

/** Two runs of the same build differ by less than this on a quiet machine, as a fraction. */
const NOTICEABLE = 0.1;

/** One engine's run: a line of JSON in the history file. */
export interface HistoryEntry {
  readonly when: string;
  readonly commit: string;
  /** Cores and processor. */
  readonly machine: string;
  readonly browser: string;
  /** Engine, model, source, pace, range and throttle. Only runs of the same kind are compared. */
  readonly kind: string;
  readonly fps: number;
  readonly totalMs: number;
  readonly cpuMsPerFrame: number;
  readonly firstResultMs: number;
  readonly wasmMB: number;
}

/** The compared figures. */
const FIGURES = [
  { name: "frames a second", field: "fps", unit: "", worse: "less" },
  { name: "a frame, median", field: "totalMs", unit: " ms", worse: "more" },
  { name: "CPU a frame", field: "cpuMsPerFrame", unit: " ms", worse: "more" },
  { name: "first result", field: "firstResultMs", unit: " ms", worse: "more" },
  { name: "WebAssembly memory", field: "wasmMB", unit: " MB", worse: "more" },
] as const;

/** @returns Cores and processor of this machine. */
export function machineName(): string {
  return `${cpus().length} x ${cpus()[0]?.model.trim() ?? "unknown"}`;
}

/**
 * Make a history entry of a report.
 *
 * @param throttle How many times slower the browser was made; 1 is not at all.
 */
export function entryOf(report: BenchReport, throttle: number, machine = machineName()): HistoryEntry {
  const { source, engine, environment, model, pace, range } = report;
  const browser = /(?:Firefox|Version|Chrome)\/[\d.]+/.exec(environment.userAgent)?.[0] ?? environment.userAgent;
  return {
    when: report.when,
    commit: report.commit,
    machine,
    browser,
    kind: [
      engine,
      model.name,
      `${source.kind} ${source.width}x${source.height}`,
      pace,
      range,
      `throttle ${throttle}`,
    ].join(", "),
    fps: round(report.fps),
    totalMs: round(report.stages.total.p50),
    cpuMsPerFrame: round(report.cpuMsPerFrame),
    firstResultMs: round(report.firstResultMs),
    wasmMB: round(report.memory.wasmMB),
  };
}

function round(value: number): number {
  return Number(value.toFixed(3));
}

/**
 * Read the history file.
 *
 * @throws Error that names the line that is not JSON.
 */
export function readHistory(text: string): readonly HistoryEntry[] {
  return text
    .split("\n")
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== "")
    .map(({ line, number }) => {
      try {
        return JSON.parse(line) as HistoryEntry;
      } catch (cause) {
        throw new Error(`Line ${number} of the bench's history is not JSON: remove it.`, { cause });
      }
    });
}

/** @returns The last entry of the same machine and kind. */
export function lastAlike(history: readonly HistoryEntry[], entry: HistoryEntry): HistoryEntry | undefined {
  return history.findLast(({ machine, kind }) => machine === entry.machine && kind === entry.kind);
}

/** @returns A line for each figure that got worse or better by a tenth or more. */
export function changes(before: HistoryEntry, now: HistoryEntry): readonly string[] {
  return FIGURES.flatMap(({ name, field, unit, worse }) => {
    const change = now[field] / before[field] - 1;
    if (!Number.isFinite(change) || Math.abs(change) < NOTICEABLE) return [];
    const isWorse = change > 0 === (worse === "more");
    const sign = change > 0 ? "+" : "−";
    const share = `${sign}${Math.round(Math.abs(change) * 100)} %`;
    return [`${isWorse ? "WORSE " : "better"} ${name}: ${before[field]}${unit} -> ${now[field]}${unit} (${share})`];
  });
}
