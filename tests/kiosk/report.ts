/** The test's results, and the figures for `--json`. */
import { cpus, loadavg } from "node:os";

export const failures: string[] = [];

export const report: Record<string, unknown> = { schema: 1, when: new Date().toISOString(), cores: cpus().length };

/** Waiting processes for each core. Above this, times depend more on other work than on the exhibit. */
const BUSY_PER_CORE = 1.5;

/** @returns The machine's load, which each time is printed with. */
export const load = () => `load ${loadavg()[0]!.toFixed(1)} on ${cpus().length} cores`;

export const isBusy = () => loadavg()[0]! / cpus().length > BUSY_PER_CORE;

export function checkTime(what: string, ms: number, targetMs: number): void {
  const detail = `${(ms / 1000).toFixed(1)} s (target ${targetMs / 1000} s, ${load()})`;
  if (ms > targetMs && isBusy()) console.log(`LATE   ${what}: ${detail}: the machine is too busy for this to count`);
  else check(what, ms <= targetMs, detail);
}

export function check(what: string, holds: boolean, detail = ""): void {
  console.log(`${holds ? "ok    " : "FAILED"} ${what}${detail === "" ? "" : `: ${detail}`}`);
  if (!holds) failures.push(what);
}
