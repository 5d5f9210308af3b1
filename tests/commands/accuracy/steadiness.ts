/**
 * Measure how steady and how quick the shown label is, on made sequences: still faces with a camera's noise, and cuts from
 * one expression to another. The shipped classifier reads each frame in the browser, and the element's smoother follows.
 *
 *   npm run steadiness -- --images X.npy --labels Y.csv [--model NAME] [--engine int8|float] [--count 40] [--json FILE]
 */
import { parseArgs } from "node:util";
import { median, quantile } from "../../../src/bench/percentiles.ts";
import { type Smoothed, Smoother } from "../../../src/pipeline/smooth.ts";
import { LABELS, type Label } from "../../../src/types.ts";
import { readLabelledFaces } from "./face-labels.ts";
import { InputError, countFrom, runCommand } from "../shared/input-error.ts";
import { LabBrowser, chooseEngine, chooseModel } from "../shared/lab-browser.ts";
import { pixelsOf, spread } from "../shared/npy.ts";
import { Progress } from "../shared/progress.ts";
import { writeJson } from "../shared/write-json.ts";
import { type Random, normal, seeded } from "../../seeded.ts";
import { CHANGES, type Gray } from "./robustness/changes.ts";

const FRAMES_A_SECOND = 15;
const STEP_MS = 1000 / FRAMES_A_SECOND;
/** The element's default. */
const SMOOTHING = 0.5;
const MIN_CONFIDENCE = 0.4;
/** Standard deviations of a webcam's noise indoors, gray levels, and of the jitter of a followed box, pixels of 48. */
const NOISE = 4;
const JITTER = 0.3;
/** Length of the sequence of a still face, and of the frames after a cut. */
const STILL_SECONDS = 20;
const CUT_SECONDS = 2;
const LONGEST_CUT_MS = 1000 * CUT_SECONDS;
/** The least confidence of the faces of a cut. A face that is hard to read would count as a delay. */
const CLEAR = 0.6;
/** The same for expressions that follow a neutral face; the rare ones are seldom surer. */
const CLEAR_AFTER_NEUTRAL = 0.5;
/** An expression that is held for half a second is to be said within this. */
const SOON_MS = 400;

interface Watched {
  readonly gray: Gray;
  readonly label: Label;
  readonly scores: Float32Array;
}

type Read = (frames: readonly Gray[]) => Promise<readonly Float32Array[]>;

const applyOf = (name: string) => CHANGES.find((change) => change.name === name)!.apply!;
const shift = applyOf("shift");
const addNoise = applyOf("noise");

/** @returns `count` frames of one face as the classifier gets them from a camera: every other one is mirrored. */
function filmed(gray: Gray, size: number, count: number, random: Random): readonly Gray[] {
  return Array.from({ length: count }, (_, i) => {
    const frame = addNoise(shift(gray, size, JITTER * normal(random), random), size, NOISE, random);
    return i % 2 === 0 ? frame : mirrored(frame, size);
  });
}

function mirrored(gray: Gray, size: number): Gray {
  return gray.map((_, i) => gray[i - (i % size) + size - 1 - (i % size)]!);
}

/** @returns What the element would show, frame by frame. As in the pipeline, two answers are averaged, but not over a cut. */
function shown(answers: readonly Float32Array[], cut = 0): readonly Smoothed[] {
  const smoother = new Smoother(MIN_CONFIDENCE);
  return answers.map((scores, i) => {
    const before = i === 0 || i === cut ? scores : answers[i - 1]!;
    return smoother.step(
      scores.map((score, label) => (score + before[label]!) / 2),
      STEP_MS,
      SMOOTHING,
    );
  });
}

function changesIn(labels: readonly Label[]): number {
  return labels.filter((label, i) => i > 0 && label !== labels[i - 1]).length;
}

/** @returns Milliseconds from the cut to the frame that says the new label, and is certain; the longest if none does. */
async function delayOfCut(from: Watched, to: Watched, size: number, read: Read, random: Random): Promise<number> {
  const before = filmed(from.gray, size, FRAMES_A_SECOND, random);
  const after = filmed(to.gray, size, CUT_SECONDS * FRAMES_A_SECOND, random);
  const said = shown(await read([...before, ...after]), before.length).slice(before.length);
  const at = said.findIndex(({ label, certain }) => label === to.label && certain);
  return at < 0 ? LONGEST_CUT_MS : (at + 1) * STEP_MS;
}

/** @returns Pairs of clear faces with different labels, each face about equally often. */
function cuts(clear: readonly Watched[], count: number): readonly (readonly [Watched, Watched])[] {
  const pairs: (readonly [Watched, Watched])[] = [];
  for (let step = 1; pairs.length < count && step < clear.length; step++) {
    for (let i = 0; pairs.length < count && i + step < clear.length; i += step) {
      const [from, to] = [clear[i]!, clear[i + step]!];
      if (from.label !== to.label) pairs.push([from, to]);
    }
  }
  return pairs;
}

/** @returns Pairs of a clear neutral face and a clear one of another expression but happy, `count` of each where there are. */
function cutsFromNeutral(faces: readonly Watched[], count: number): readonly (readonly [Watched, Watched])[] {
  const neutral = faces.filter(({ label, scores }) => label === "neutral" && Math.max(...scores) >= CLEAR);
  if (neutral.length === 0) return [];
  const made = LABELS.filter((label) => label !== "neutral" && label !== "happy").flatMap((wanted) =>
    faces.filter(({ label }) => label === wanted).slice(0, count),
  );
  return made.map((face, i) => [neutral[i % neutral.length]!, face]);
}

async function steadiness(): Promise<void> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: { images: text, labels: text, model: text, engine: text, count: text, json: text },
  });
  const count = countFrom(values.count, 40);
  if (count < 2) throw new InputError("--count 1: a cut needs two faces");
  const model = chooseModel(values.model);
  const { faces, labels: truth } = readLabelledFaces(values);

  const report = await LabBrowser.use({ model, engine: chooseEngine(values.engine) }, async (lab) => {
    const read: Read = (frames) => lab.classify(Uint8Array.from(frames.flatMap((frame) => [...frame])), frames.length);
    const random = seeded(1);
    const chosen = spread(faces.count, 8 * count);
    const grays = chosen.map((index) => pixelsOf(faces, index));
    const scores = await read(grays);
    const watched = grays.map((gray, i): Watched => {
      return { gray, label: LABELS[scores[i]!.indexOf(Math.max(...scores[i]!))]!, scores: scores[i]! };
    });
    // Still faces are taken as they come: the label of a face that is hard to read could flicker.
    const still = watched.filter((_, i) => i % 8 === 0);
    const right = watched.filter(({ label }, i) => truth[chosen[i]!]!.ferplus === label);
    const surer = (least: number) => right.filter(({ scores: row }) => Math.max(...row) >= least);
    const pairs = cuts(surer(CLEAR), count);
    const rare = cutsFromNeutral(surer(CLEAR_AFTER_NEUTRAL), Math.ceil(count / 4));
    const progress = new Progress(`${model}, ${lab.runtime.engine}`, still.length + pairs.length + rare.length);
    let raw = 0;
    let smoothed = 0;
    const neutral = { faces: 0, changes: 0 };
    for (const face of still) {
      const answers = await read(filmed(face.gray, faces.size, STILL_SECONDS * FRAMES_A_SECOND, random));
      const changes = changesIn(shown(answers).map(({ label }) => label));
      raw += changesIn(answers.map((row) => LABELS[row.indexOf(Math.max(...row))]!));
      smoothed += changes;
      if (face.label === "neutral") {
        neutral.faces += 1;
        neutral.changes += changes;
      }
      progress.advance();
    }
    const delaysOf = async (some: typeof pairs) => {
      const delays: number[] = [];
      for (const [from, to] of some) {
        delays.push(await delayOfCut(from, to, faces.size, read, random));
        progress.advance();
      }
      return delays;
    };
    const delays = await delaysOf(pairs);
    const rareDelays = await delaysOf(rare);
    const minutesOf = (some: number) => (some * STILL_SECONDS) / 60;
    const minutes = minutesOf(still.length);
    return {
      schema: 1,
      model,
      engine: lab.runtime.engine,
      framesASecond: FRAMES_A_SECOND,
      still: {
        faces: still.length,
        seconds: STILL_SECONDS,
        rawChangesAMinute: raw / minutes,
        changesAMinute: smoothed / minutes,
        neutralFaces: neutral.faces,
        neutralChangesAMinute: neutral.changes / Math.max(minutesOf(neutral.faces), Number.MIN_VALUE),
      },
      cuts: { count: delays.length, medianMs: median(delays), p95Ms: quantile(delays, 0.95) },
      afterNeutral: {
        count: rareDelays.length,
        medianMs: median(rareDelays),
        saidSoon: rareDelays.filter((ms) => ms <= SOON_MS).length / Math.max(1, rareDelays.length),
      },
    };
  });

  const { still, cuts: cut, afterNeutral } = report;
  console.log(`${report.model}, ${report.engine} engine, ${FRAMES_A_SECOND} frames a second`);
  console.log(
    `still faces (${still.faces}, ${still.seconds} s each): the label changes ${still.changesAMinute.toFixed(2)} times a minute ` +
      `(${still.rawChangesAMinute.toFixed(1)} without smoothing); of the ${still.neutralFaces} that are called neutral ` +
      `${still.neutralChangesAMinute.toFixed(2)} times`,
  );
  console.log(
    `cuts to another clear expression (${cut.count}): said after ${cut.medianMs.toFixed(0)} ms in the median, ${cut.p95Ms.toFixed(0)} ms at p95`,
  );
  console.log(
    `clear expressions, happy ones aside, after a neutral face (${afterNeutral.count}): said after ${afterNeutral.medianMs.toFixed(0)} ms in the ` +
      `median; ${(100 * afterNeutral.saidSoon).toFixed(0)} % within ${SOON_MS} ms`,
  );
  writeJson(values.json, report);
}

await runCommand(steadiness);
