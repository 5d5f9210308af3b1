/**
 * `npm run test:device`: the exhibit's disk image starts in an emulated computer with its own kernel, screen, webcam and
 * watchdog card, and must see a face. README.md beside this file has the results.
 *
 *   --arch amd64|arm64   the computer's processor; amd64 where it is missing
 *   --pictures FOLDER    a picture of the screen
 *   --json FILE          times and results
 *   --make               only make what the cache lacks
 */
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { check, failures, report } from "../kiosk/report.ts";
import { DRAWN_MS, Exhibit } from "./exhibit.ts";
import { cachedImages, makeImages, whyNoDevice } from "./images.ts";
import type { Arch } from "./machine.ts";

const { values: options } = parseArgs({
  options: {
    arch: { type: "string", default: "amd64" },
    pictures: { type: "string" },
    json: { type: "string" },
    make: { type: "boolean", default: false },
  },
});

function chosenArch(): Arch {
  if (options.arch === "amd64" || options.arch === "arm64") return options.arch;
  throw new Error(`--arch is "${options.arch}"; write amd64 or arm64.`);
}

async function main(): Promise<void> {
  const arch = chosenArch();
  const why = whyNoDevice(arch);
  if (why !== null) return console.log(`SKIPPED: the emulated device: ${why}.`);
  const images = cachedImages(arch) ?? (await makeImages(arch));
  if (options.make) return;
  const exhibit = new Exhibit(arch, images, options.pictures);
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void exhibit.destroy().then(() => process.exit(1)));
  }
  try {
    exhibit.held("from power on to a face", await exhibit.start("start"));
    await sleep(DRAWN_MS);
    await exhibit.picture("start");
  } catch (error) {
    check("start", false, error instanceof Error ? error.message : String(error));
    await exhibit.printState("start");
  } finally {
    await exhibit.destroy();
  }
  report["arch"] = arch;
  report["timesMs"] = exhibit.timesMs;
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  console.log(failures.length === 0 ? "All held." : `${failures.length} did not hold: ${failures.join("; ")}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

await main();
