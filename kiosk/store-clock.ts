import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Clock } from "./statistics-span.ts";

/** systemd-timesyncd makes it when it has heard a time server since the boot. */
const SYNCHRONIZED = "run/systemd/timesync/synchronized";

/**
 * Say where the machine's time comes from. A Raspberry Pi without a clock battery begins where it was switched off, so
 * that its times before the first word of a time server are worth nothing.
 *
 * @param root The file system's root; tests give another.
 */
export function clockSource(root = "/"): Clock {
  if (process.platform !== "linux") return "rtc";
  if (existsSync(join(root, SYNCHRONIZED))) return "ntp";
  return hasClock(root) ? "rtc" : "none";
}

/** A Raspberry Pi 5 has a clock always, and a battery for it rarely: the kernel says whether it set the time from it. */
function hasClock(root: string): boolean {
  const folder = join(root, "sys/class/rtc");
  try {
    return readdirSync(folder).some((name) => readFileSync(join(folder, name, "hctosys"), "utf8").trim() === "1");
  } catch {
    return false;
  }
}

/** @returns The kernel's id of this boot, or "" where there is none. */
export function bootId(root = "/"): string {
  try {
    return readFileSync(join(root, "proc/sys/kernel/random/boot_id"), "utf8").trim();
  } catch {
    return "";
  }
}

/** @returns Time since some fixed moment of this boot, ms: a clock that nobody sets. */
export function uptimeMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}
