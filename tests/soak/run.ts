/**
 * Run the built kiosk page in a real Chromium while people come and go before its camera, with each fault once and then
 * random faults. Fails if a measurement rises beyond its noise, or if the page does not recover from a fault.
 *
 *   npm run soak -- [--minutes N] [--seed N] [--every SECONDS] [--sample SECONDS] [--fast] [--frames N] [--out DIR]
 *
 * --every   mean time between two faults; default 30; 0 for no faults
 * --sample  time between two measurements; default 60
 * --fast    a day in an hour: small frames, each as soon as the last one is answered; ends after --frames, by default as
 *           many as a camera with 15 frames a second sends in a day
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { machineName } from "../commands/speed/bench-history.ts";
import { commitId } from "../../src/package/commit.mjs";
import { InputError, runCommand } from "../commands/shared/input-error.ts";
import { randomNumbers } from "../int8/networks.ts";
import { Exhibit, LINES, type LineName, type Progress, type Reading } from "./exhibit.ts";
import { FAULTS, type Fault } from "./faults.ts";
import { type Line, plot } from "./plot.ts";
import { type Made, summaryOf } from "./summary.ts";
import { trendOf } from "./trend.ts";
import { DAY_FRAMES_PER_SECOND } from "./watch.ts";

/** One measurement. */
interface Look {
  readonly hours: number;
  readonly frames: number;
  readonly reading: Reading;
}

const DAY_FRAMES = 24 * 3600 * DAY_FRAMES_PER_SECOND;
/** The limit for a recovery, far beyond each timeout and wait of the element. */
const RECOVERY_MS = 120_000;
/** All is well after so many answered frames of the camera. */
const WELL_FRAMES = 5;
/**
 * The first use of anything (an engine, an overlay, a process) leaves code, templates and memory pools behind, once. So a
 * trend counts only after each fault was made once, and after at least this share of the run.
 */
const WARM_UP_SHARE = 0.2;
/** A fault leaves something behind for a moment (an ending process, garbage), which is not a leak. */
const SETTLE_MS = 3000;
const LOOK_MS = 100;

/** Wait for a fault to be made. @throws Error if that takes too long, which is a failure of the soak itself. */
async function inTime(work: Promise<void>, name: string): Promise<void> {
  const late = sleep(RECOVERY_MS, null, { ref: false }).then(() => {
    throw new Error(`"${name}" could not be made within ${RECOVERY_MS / 1000} s.`);
  });
  await Promise.race([work, late]);
}

/** One run: makes faults, measures, and keeps the results. */
class Soak {
  readonly #exhibit: Exhibit;
  readonly #random: (below: number) => number;
  readonly #startMs = performance.now();
  readonly looks: Look[] = [];
  readonly faults: Made[] = [];
  /** Failures that no fault caused. */
  readonly #strays: string[] = [];
  progress!: Progress;

  constructor(exhibit: Exhibit, seed: number) {
    this.#exhibit = exhibit;
    this.#random = randomNumbers(seed);
    exhibit.page.on("pageerror", (error) => this.#strays.push(String(error)));
    exhibit.page.on("crash", () => this.#strays.push("the page crashed"));
  }

  get strays(): readonly string[] {
    return this.#strays;
  }

  get hours(): number {
    return (performance.now() - this.#startMs) / 3_600_000;
  }

  /** Wait until the camera's frames are answered. @returns The error codes meanwhile; `null` if they never are. */
  async untilWell(): Promise<string[] | null> {
    const errors: string[] = [];
    const ends = performance.now() + RECOVERY_MS;
    let from: number | null = null;
    while (performance.now() < ends) {
      this.progress = await this.#exhibit.progress();
      errors.push(...this.progress.errors);
      const { state, demo, frames } = this.progress;
      const runs = state === "running" && !demo;
      if (!runs) from = null;
      else if (from === null) from = frames;
      else if (frames >= from + WELL_FRAMES) return errors;
      await sleep(LOOK_MS);
    }
    return null;
  }

  /** Check that all is well between the faults. A failure here is a stray. */
  async watch(): Promise<void> {
    this.progress = await this.#exhibit.progress();
    const { errors, state } = this.progress;
    if (errors.length === 0 && state === "running") return;
    this.#strays.push(`${clock(this.hours)} ${state} ${errors.join(" ")} between the faults`);
    if ((await this.untilWell()) === null)
      throw new Error(`The page became ${state} (${errors.join(" ")}) and stayed so.`);
  }

  /** @returns A random fault. */
  aFault(): Fault {
    return FAULTS[this.#random(FAULTS.length)]!;
  }

  /** @returns All faults, in random order. */
  allFaults(): Fault[] {
    const left = [...FAULTS];
    return Array.from(FAULTS, () => left.splice(this.#random(left.length), 1)[0]!);
  }

  /** Make a fault and wait for the recovery. @throws Error if there is none. */
  async makeFault(fault: Fault): Promise<void> {
    const { hours } = this;
    await inTime(fault.run(this.#exhibit, this.#random), fault.name);
    const startMs = performance.now();
    const errors = await this.untilWell();
    const seconds = (performance.now() - startMs) / 1000;
    this.faults.push({
      name: fault.name,
      hours,
      seconds,
      errors: [...new Set(errors ?? [])],
      recovered: errors !== null,
    });
    const result = errors === null ? "NOT RECOVERED" : `${seconds.toFixed(1)} s ${[...new Set(errors)].join(" ")}`;
    console.log(`${clock(hours)}  ${fault.name}: ${result}`);
    if (errors === null) throw new Error(`${fault.name}: no recovery within ${RECOVERY_MS / 1000} s.`);
  }

  /** Measure. */
  async look(): Promise<void> {
    await sleep(SETTLE_MS);
    const reading = await this.#exhibit.read();
    this.progress = await this.#exhibit.progress();
    const { hours } = this;
    this.looks.push({ hours, frames: this.progress.frames, reading });
    const short = Object.entries(reading).map(([name, value]) => `${name} ${value === null ? "?" : value.toFixed(1)}`);
    console.log(`${clock(hours)}  ${this.progress.frames} frames; ${short.join(", ")}`);
  }

  /** @returns Seconds until the next fault, exponentially distributed. */
  pause(everySeconds: number): number {
    return -Math.log((this.#random(1_000_000) + 1) / 1_000_001) * everySeconds;
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      minutes: { type: "string" },
      seed: { type: "string", default: "1" },
      every: { type: "string", default: "30" },
      sample: { type: "string", default: "60" },
      fast: { type: "boolean", default: false },
      frames: { type: "string" },
      out: { type: "string", default: "soak" },
    },
  });
  const number = (option: string, text: string, least: number) => {
    const value = Number(text);
    if (Number.isFinite(value) && value >= least) return value;
    throw new InputError(`--${option} ${text} is not a number from ${least} upwards.`);
  };
  const minutes = number("minutes", values.minutes ?? (values.fast ? "1440" : "10"), 0.1);
  const most = number("frames", values.frames ?? (values.fast ? String(DAY_FRAMES) : "1e12"), 1);
  const seed = number("seed", values.seed, 0);
  const everySeconds = number("every", values.every, 0);
  const sampleSeconds = number("sample", values.sample, 1);
  mkdirSync(values.out, { recursive: true });
  const commit = commitId();

  const exhibit = await Exhibit.open({ seed, fast: values.fast });
  let failure: unknown;
  let judgedFromHours = 0;
  const soak = new Soak(exhibit, seed);
  const version = exhibit.context.browser()?.version() ?? "?";
  try {
    if ((await soak.untilWell()) === null) throw new Error("The exhibit does not start.");
    judgedFromHours = await soakFor({ soak, minutes, most, everySeconds, sampleSeconds });
  } catch (error) {
    failure = error;
  } finally {
    await exhibit.close();
  }
  const lines = linesOf(soak.looks, judgedFromHours);
  const what = `${(soak.hours * 60).toFixed(0)} minutes, ${soak.progress?.frames ?? 0} frames${values.fast ? ", as fast as they are answered" : ""}`;
  const title = `Soak: ${what}, seed ${seed}`;
  const about = `${title}; ${machineName()}, Chromium ${version} headless, ${new Date().toISOString().slice(0, 10)}, commit ${commit}`;
  const { text, faults } = summaryOf({
    about,
    lines,
    faults: soak.faults,
    strays: soak.strays,
    progress: soak.progress,
    failure,
  });
  writeFileSync(
    join(values.out, "soak.svg"),
    plot(
      title,
      lines,
      soak.faults.map(({ hours }) => hours),
    ),
  );
  writeFileSync(join(values.out, "soak.md"), text);
  writeFileSync(
    join(values.out, "soak.json"),
    `${JSON.stringify({ about, looks: soak.looks, faults: soak.faults })}\n`,
  );
  console.log(`\n${text}\nwritten to ${values.out}: soak.md, soak.svg, soak.json`);
  if (faults.length > 0) process.exitCode = 1;
}

/** @returns The time from which on trends count, hours. */
async function soakFor(plan: {
  readonly soak: Soak;
  readonly minutes: number;
  readonly most: number;
  readonly everySeconds: number;
  readonly sampleSeconds: number;
}): Promise<number> {
  const { soak, everySeconds } = plan;
  const rehearsal = everySeconds === 0 ? [] : soak.allFaults();
  const nowSeconds = () => soak.hours * 3600;
  const pause = () => soak.pause(everySeconds);
  let rehearsedHours = 0;
  let lookAt = 0;
  let faultAt = 0;
  while (nowSeconds() < plan.minutes * 60 && soak.progress.frames < plan.most) {
    if (nowSeconds() >= lookAt) {
      await soak.look();
      lookAt += plan.sampleSeconds;
    }
    if (rehearsal.length > 0) {
      await soak.makeFault(rehearsal.shift()!);
      rehearsedHours = soak.hours;
      faultAt = nowSeconds() + pause();
    } else if (everySeconds > 0 && nowSeconds() >= faultAt) {
      await soak.makeFault(soak.aFault());
      faultAt = nowSeconds() + pause();
    }
    await sleep(500);
    await soak.watch();
  }
  await soak.look();
  return Math.max(rehearsedHours, soak.hours * WARM_UP_SHARE);
}

function linesOf(looks: readonly Look[], fromHours: number): readonly Line[] {
  return (Object.keys(LINES) as LineName[]).map((key) => {
    const { name, unit, tolerance, share } = LINES[key];
    const samples = looks.flatMap(({ hours, reading }) => {
      const value = reading[key];
      return value === null ? [] : [{ hours, value }];
    });
    const { level } = trendOf(samples, 0, fromHours);
    return { name, unit, samples, trend: trendOf(samples, tolerance + share * level, fromHours) };
  });
}

function clock(hours: number): string {
  const seconds = Math.floor(hours * 3600);
  const two = (value: number) => String(value).padStart(2, "0");
  return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
}

void runCommand(main);
