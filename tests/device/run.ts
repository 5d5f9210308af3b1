/**
 * `npm run test:device`: the exhibit's disk image starts in an emulated computer with its own kernel, screens, webcam and
 * watchdog card. README.md beside this file has the results.
 *
 *   --arch amd64|arm64   the computer's processor; where it is missing arm64, with --short this machine's own, with
 *                        --installed amd64
 *   --short              a power cut, a start, the camera; only where the cache holds an image, or Debian's packages for it
 *   --only PATTERN       of the checks only those whose name matches
 *   --cuts NUMBER        power cuts; 6 where it is missing
 *   --installed          in place of the image: a plain Debian that cloud-init and the installer make the exhibit (amd64)
 *   --pictures FOLDER    pictures of the screens
 *   --json FILE          times and results
 *   --make               only make what the cache lacks
 */
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { check, failures, report } from "../kiosk/report.ts";
import { CHECKS } from "./checks.ts";
import { DRAWN_MS, Exhibit } from "./exhibit.ts";
import { HOST_ARCH, cachedImages, makeImages, makePlainDebian, whyNoDevice, whyNoShortRun } from "./images.ts";
import { runInstalled } from "./installed.ts";
import type { Arch } from "./machine.ts";
import { cutFirstStart, cutPower } from "./power-cuts.ts";

const { values: options } = parseArgs({
  options: {
    arch: { type: "string" },
    short: { type: "boolean", default: false },
    only: { type: "string", default: "" },
    cuts: { type: "string", default: "6" },
    installed: { type: "boolean", default: false },
    pictures: { type: "string" },
    json: { type: "string" },
    make: { type: "boolean", default: false },
  },
});

function chosenArch(): Arch {
  const usual = options.short ? HOST_ARCH : options.installed ? "amd64" : "arm64";
  const arch = options.arch ?? usual;
  if (arch === "amd64" || arch === "arm64") return arch;
  throw new Error(`--arch is "${arch}"; write amd64 or arm64.`);
}

async function main(): Promise<void> {
  const arch = chosenArch();
  if (options.installed && arch !== "amd64") throw new Error("--installed knows amd64 alone.");
  const why = options.short ? whyNoShortRun(arch) : whyNoDevice(arch);
  if (why !== null) return console.log(`SKIPPED: the emulated device: ${why}.`);
  if (options.installed) {
    if (options.make) return void (await makePlainDebian());
    const only = new RegExp(options.only);
    return finish(arch, await runInstalled({ pictures: options.pictures, only, attempt }));
  }
  const images = cachedImages(arch) ?? (await makeImages(arch));
  if (options.make) return;
  const exhibit = new Exhibit(arch, images, options.pictures);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void exhibit.destroy().then(() => process.exit(1)));
  }
  try {
    await attempt("start", exhibit, () => start(exhibit));
    if (exhibit.isRunning) await runChecks(exhibit);
    if (!options.short) await attempt("power cuts", exhibit, () => cutPower(exhibit, Number(options.cuts)));
  } finally {
    await exhibit.destroy();
  }
  finish(arch, exhibit.timesMs);
}

function finish(arch: Arch, timesMs: Readonly<Record<string, number>>): void {
  report["arch"] = arch;
  report["timesMs"] = timesMs;
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  console.log(failures.length === 0 ? "All held." : `${failures.length} did not hold: ${failures.join("; ")}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

async function start(exhibit: Exhibit): Promise<void> {
  if (options.short) await cutFirstStart(exhibit);
  exhibit.held("from power on to a face", await exhibit.start());
  await sleep(DRAWN_MS);
  await exhibit.picture("start");
}

async function runChecks(exhibit: Exhibit): Promise<void> {
  const isWanted = new RegExp(options.only);
  for (const { name, inShort, run } of CHECKS) {
    if (isWanted.test(name) && (inShort || !options.short)) await attempt(name, exhibit, () => run(exhibit));
  }
}

/** Run a check. One that throws has failed, and the next one follows. */
async function attempt(name: string, exhibit: Exhibit, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    check(name, false, error instanceof Error ? error.message : String(error));
    await exhibit.printState(name);
  }
}

await main();
