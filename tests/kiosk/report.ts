/** The test's findings: what held and what did not, and the figures for `--json`. */
import { cpus, loadavg } from "node:os";

export const failures: string[] = [];

export const report: Record<string, unknown> = { schema: 1, when: new Date().toISOString(), cores: cpus().length };

/** Work that waits for each core: beyond this the times say more about the other work than about the exhibit. */
const BUSY_PER_CORE = 1.5;

/** How busy the machine is: times mean little without it. */
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
