/**
 * The kiosk on a machine that really boots: installs it from the release archive, measures how long it takes to its
 * first result, breaks it in every way that is listed below and measures how long it takes to be an exhibit again.
 *
 *   npm run test:kiosk                    everything on Debian 13, about 30 minutes
 *   npm run test:kiosk -- --suite bookworm   the same on Debian 12; with --short a smaller second run
 *   npm run test:kiosk -- --short         power cuts, install, statistics, boot, two faults, uninstall: what npm test runs
 *   npm run test:kiosk -- --power-cuts    only the power cuts, which need no machine
 *   npm run test:kiosk -- --only PATTERN  only the faults, states and statistics whose name matches
 *   npm run test:kiosk -- --release DIR   a release archive that is unpacked already, in place of one made from dist/
 *   npm run test:kiosk -- --json FILE     the figures; --pictures FOLDER the screen in each state
 *
 * Wants root on a 64-bit Debian-like Linux where systemd-nspawn may run; gets its tools by itself. Where it cannot, it
 * says so, and that nothing was tested: a failure, except of the short run.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { cameraFrames } from "./camera-frames.ts";
import { DRAWN, FROM_CLIP, isAlive, picture, printState, until } from "./exhibit.ts";
import { FAULTS } from "./faults.ts";
import { fileSystem, install, uninstall } from "./installation.ts";
import { Machine, SUITES, whyNoMachine } from "./machine.ts";
import { options } from "./options.ts";
import { cutPower } from "./power-cut.ts";
import { breakIt, measureBoot, plantFaults } from "./recovery.ts";
import { unpackedArchive } from "./release.ts";
import { failures, report } from "./report.ts";
import { checkPolicy, examine } from "./security.ts";
import { STATES, damageFile, runReadOnly, showState } from "./states.ts";
import { continueStatistics, endure, HARDSHIPS, keepStatistics } from "./statistics.ts";

const isWanted = (name: string) => new RegExp(options.only ?? "").test(name);

async function main(): Promise<void> {
  const suite = SUITES.find((name) => name === options.suite);
  if (suite === undefined) throw new Error(`--suite is "${options.suite}"; write ${SUITES.join(" or ")}.`);
  if (isWanted("power cuts")) cutPower();
  if (options["power-cuts"]) return finish();
  const reason = whyNoMachine();
  if (reason !== null) return sayUntested(`no machine can be booted here: ${reason}`);
  const release = options.release ?? unpackedArchive();
  let machine: Machine;
  try {
    machine = Machine.create(suite, release);
    console.log(`On Debian ${suite}:`);
  } catch (error) {
    return sayUntested(`no Debian could be made: ${error instanceof Error ? error.message : String(error)}`);
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void machine.destroy().then(() => process.exit(1)));
  }
  try {
    await machine.boot(release);
  } catch (error) {
    // Where systemd-nspawn is not allowed, this is where it shows.
    await machine.destroy();
    return sayUntested(error instanceof Error ? error.message : String(error));
  }
  try {
    writeFileSync(join(machine.root, "var/lib/test-camera.mjpeg"), await cameraFrames(join(release, "dist")));
    await testMachine(machine, release);
  } catch (error) {
    await printState(machine);
    throw error;
  } finally {
    await machine.destroy();
    if (options.release === undefined) rmSync(release, { recursive: true });
  }
  finish();
}

function finish(): void {
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  console.log(failures.length === 0 ? "All held." : `${failures.length} did not hold: ${failures.join("; ")}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

/** Without a machine the long run fails; the short run, which is part of `npm test`, goes on. */
function sayUntested(reason: string): void {
  console.log(`KIOSK NOT TESTED: ${reason}.`);
  process.exitCode = options.short ? 0 : 1;
}

async function testMachine(machine: Machine, release: string): Promise<void> {
  const before = await fileSystem(machine);
  await install(machine);
  await until("alive after installing", () => isAlive(machine));
  await picture(machine, "running");
  await examine(machine);
  if (isWanted("statistics kept")) await keepStatistics(machine);
  await machine.shutDown();

  await measureBoot(machine, release);
  if (isWanted("statistics kept")) await continueStatistics(machine);
  for (const hardship of HARDSHIPS)
    if (isWanted(hardship.name) && !options.short) await endure(machine, release, hardship);
  // Only now: a fleet is joined by the installer, which replaces the page.
  await plantFaults(machine);
  const faults = FAULTS.filter((fault) => isWanted(fault.name) && (!options.short || fault.inShort === true));
  const recoveries = [];
  for (const fault of faults) recoveries.push(await breakIt(machine, fault));
  report["recoveries"] = recoveries;
  if (isWanted("damaged file")) await damageFile(machine);
  if (!options.short) {
    for (const state of STATES) {
      if (isWanted(state.name)) await showState(machine, state);
    }
    if (isWanted("policy")) await checkPolicy(machine);
    writeFileSync(join(machine.root, "etc/emotion-kiosk.conf"), `${DRAWN}${FROM_CLIP}\n`);
    if (isWanted("read-only root")) await runReadOnly(machine, release);
  }
  await uninstall(machine, before);
}

await main();
