/** Power cuts at each step of an installation and of an update, on a file system of their own. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { check } from "./report.ts";

const KIOSK = fileURLToPath(new URL("../../kiosk", import.meta.url));
const SCRIPT = fileURLToPath(new URL("power-cut.sh", import.meta.url));

/** Enough files for a cut to fall among them, and few enough to be copied at each step. */
const FILES = 30;
const FILE_BYTES = 20_000;

/** It takes 15 s, and minutes where other work waits for the processor. */
const HANG_MS = 600_000;

export function cutPower(): void {
  if (process.platform !== "linux" || process.getuid?.() !== 0) {
    console.log("SKIPPED: power cuts: file systems can be mounted only by root, on Linux.");
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "power-cut-"));
  try {
    const releases = ["old", "new"].map((name) => makeRelease(join(folder, name)));
    const options = { encoding: "utf8", timeout: HANG_MS, stdio: "pipe" } as const;
    const output = execFileSync("unshare", ["--mount", SCRIPT, ...releases], options);
    const phases = [...output.matchAll(/^(ok|FAILED) +(.*(?:\n {2}.*)*)/gm)];
    for (const [, verdict, text] of phases) check(text!, verdict === "ok");
    check("power cuts are judged in both phases", phases.length === 2, phases.length === 2 ? "" : output);
  } catch (error) {
    check("power cuts", false, error instanceof Error ? error.message : String(error));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A release with the true installer and a small site that is unlike any other. */
function makeRelease(folder: string): string {
  cpSync(KIOSK, join(folder, "kiosk"), { recursive: true });
  mkdirSync(join(folder, "dist/kiosk"), { recursive: true });
  for (const name of ["index.html", "kiosk/server.mjs", ...Array.from({ length: FILES }, (_, index) => `${index}.js`)])
    writeFileSync(join(folder, "dist", name), randomBytes(FILE_BYTES));
  return folder;
}
