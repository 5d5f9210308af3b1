/**
 * Accuracy by the size of the face: labelled faces are enlarged or reduced, put into 640x480 scenes, looked at from
 * nearby and cropped as those are who are followed, and classified.
 *
 *   npm run face-sizes -- --images X.npy --labels Y.csv [--model NAME] [--engine int8|float] [--count 1000] [--json FILE]
 *                         [--write]
 *
 * The smallest face whose expression can be told is the smallest width from which on accuracy stays within 5 points of
 * that at 160 pixels, for the same faces. `--write` puts it into models/NAME/contract.json, where the runtime reads it.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Sighting } from "../../../src/pipeline/geometry.ts";
import { BEST_SHARE } from "../../../src/pipeline/follow.ts";
import { type Scene, Stage, type StagedFace, stagedFace } from "./face-scenes.ts";
import { type FaceLabels, readLabelledFaces } from "./face-labels.ts";
import { InputError, runCommand } from "../shared/input-error.ts";
import { LabBrowser, chooseEngine, chooseModel } from "../shared/lab-browser.ts";
import type { Faces } from "../shared/npy.ts";
import { Progress } from "../shared/progress.ts";
import { type Random, seeded } from "../reach/scenes.ts";
import { compare } from "./recognition.ts";

const BATCH = 10;
const FRAME = { width: 640, height: 480 };
/** Widths of the face's box, pixels of the frame. */
const WIDTHS = [12, 16, 20, 24, 28, 32, 36, 40, 48, 64, 96, 160];
/** What the others are held against: larger than the faces of the file are themselves, so nothing is lost by size. */
const REFERENCE_WIDTH = 160;
/** How much accuracy may fall, a fraction. */
const BEARABLE_LOSS = 0.05;
/** Bare faces without hair and shoulders are found from about 240 pixels on. */
const SURELY_FOUND_SIDE = 300;
const MOST_ROLL = 0.1;
const LOOK = { minScore: 0.5, range: "near" } as const;
const LABELINGS = ["fer2013", "ferplus"] as const;

/** One face's answers: seven probabilities, or `null` where it was not found. */
type Answer = Float32Array | null;

export interface SizeRow {
  readonly width: number;
  /** The share of the faces that were found when looked at from nearby, 0..1. */
  readonly found: number;
  /** Of the faces found at this width and at the reference's: how many have a label, how many were told right. */
  readonly fer2013: Compared;
  readonly ferplus: Compared;
}

interface Compared {
  readonly n: number;
  /** 0..1. */
  readonly accuracy: number;
  /** Of the same faces at the reference's width, less `accuracy`. */
  readonly lost: number;
}

function randomScene(random: Random, side: number): Scene {
  const inside = (length: number) => side + (length - 2 * side) * random();
  return {
    ...FRAME,
    centerX: inside(FRAME.width),
    centerY: inside(FRAME.height),
    side,
    roll: MOST_ROLL * (2 * random() - 1),
    brightness: 0.8 + 0.4 * random(),
  };
}

/** The face in a scene of its own, so large that its box is as wide as asked, and the square in which it is followed. */
function sized(faces: Faces, index: number, random: Random, width: number, box: Sighting["box"]): StagedFace {
  const scale = width / box.width;
  const scene = randomScene(random, SURELY_FOUND_SIDE * scale);
  const square = {
    centerX: scene.centerX + scale * (box.x + box.width / 2 - FRAME.width / 2),
    centerY: scene.centerY + scale * (box.y + box.height / 2 - FRAME.height / 2),
    side: width / BEST_SHARE,
    roll: 0,
  };
  return { ...stagedFace(faces, index, scene), square };
}

/** @returns For each width the answers to all faces that are found when they are large. */
async function measure(lab: LabBrowser, faces: Faces, indices: readonly number[]) {
  const stage = await Stage.open(lab);
  const progress = new Progress(`${lab.runtime.classifier.name}, ${lab.runtime.engine}`, indices.length);
  const random = seeded(1);
  const middle = { ...FRAME, centerX: FRAME.width / 2, centerY: FRAME.height / 2, roll: 0, brightness: 1 };
  const answers = new Map<number, Answer[]>(WIDTHS.map((width) => [width, []]));
  const measured: number[] = [];
  for (let from = 0; from < indices.length; from += BATCH) {
    const batch = indices.slice(from, from + BATCH);
    const large = batch.map((index) => stagedFace(faces, index, { ...middle, side: SURELY_FOUND_SIDE }));
    const found = await stage.find(large, LOOK);
    const known = batch.flatMap((index, i) => (found[i] ? [{ index, box: found[i].box }] : []));
    measured.push(...known.map(({ index }) => index));
    for (const width of WIDTHS) {
      const staged = known.map(({ index, box }) => sized(faces, index, random, width, box));
      answers.get(width)!.push(...(await stage.express(staged, LOOK)));
    }
    progress.advance(batch.length);
  }
  return { answers, measured };
}

function rowOf(
  width: number,
  here: readonly Answer[],
  reference: readonly Answer[],
  labels: readonly FaceLabels[],
): SizeRow {
  const both = here.flatMap((answer, i) => (answer && reference[i] ? [i] : []));
  const compared = (name: (typeof LABELINGS)[number]): Compared => {
    const truth = both.map((i) => labels[i]![name]);
    const [small, large] = [here, reference].map((answers) =>
      compare(
        both.map((i) => answers[i]!),
        truth,
      ),
    );
    return { n: small!.n, accuracy: small!.accuracy, lost: large!.accuracy - small!.accuracy };
  };
  return {
    width,
    found: here.filter((answer) => answer !== null).length / here.length,
    fer2013: compared("fer2013"),
    ferplus: compared("ferplus"),
  };
}

/** The width from which on both labelings lose no more than is bearable; `null` where only the reference's does. */
function smallestWidth(rows: readonly SizeRow[]): number | null {
  const tooSmall = rows.findLastIndex((row) => LABELINGS.some((name) => !(row[name].lost <= BEARABLE_LOSS)));
  return rows[tooSmall + 1]?.width ?? null;
}

function print(rows: readonly SizeRow[]): void {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`.padStart(9);
  console.log("face width, px    found  fer2013     lost  ferplus     lost");
  for (const { width, found, fer2013, ferplus } of rows) {
    const cells = [found, fer2013.accuracy, fer2013.lost, ferplus.accuracy, ferplus.lost].map(percent);
    console.log(`${String(width).padStart(14)}${cells.join("")}`);
  }
}

/** The contract is kept as it was written, but for this one line. */
function writeContract(model: string, smallestFacePx: number): void {
  const path = fileURLToPath(new URL(`../../../models/${model}/contract.json`, import.meta.url));
  if (!existsSync(path)) throw new InputError(`--write: ${path} is not there`);
  const text = readFileSync(path, "utf8").replace(/\n  "smallestFacePx": [^\n]*/, "");
  const changed = text.replace(/\n  "minConfidence": [\d.]+,/, `$&\n  "smallestFacePx": ${smallestFacePx},`);
  if (changed === text) throw new InputError(`--write: ${path} has no line of minConfidence to stand after`);
  writeFileSync(path, changed);
  console.log(`written to models/${model}/contract.json: build anew to ship it`);
}

async function faceSizes(): Promise<void> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: {
      images: text,
      labels: text,
      model: text,
      engine: text,
      count: text,
      json: text,
      write: { type: "boolean", default: false },
    },
  });
  const wanted = Number(values.count ?? 1000);
  if (!(Number.isInteger(wanted) && wanted > 0)) throw new InputError(`--count ${values.count}: is no number of faces`);
  const model = chooseModel(values.model);
  const { faces, labels } = readLabelledFaces(values);
  const count = Math.min(wanted, faces.count);
  const indices = Array.from({ length: count }, (_, i) => Math.floor((i * faces.count) / count));

  const { answers, measured, engine } = await LabBrowser.use(
    { model, engine: chooseEngine(values.engine) },
    async (lab) => ({ ...(await measure(lab, faces, indices)), engine: lab.runtime.engine }),
  );
  const theirs = measured.map((index) => labels[index]!);
  const reference = answers.get(REFERENCE_WIDTH)!;
  const rows = WIDTHS.map((width) => rowOf(width, answers.get(width)!, reference, theirs));
  const smallestFacePx = smallestWidth(rows);
  console.log(`${model}, ${engine} engine, ${measured.length} faces of ${count} that are found when they are large`);
  print(rows);
  console.log(
    smallestFacePx === null
      ? "accuracy falls by more than 5 points at every width"
      : `from ${smallestFacePx} pixels on accuracy stays within 5 points of that at ${REFERENCE_WIDTH}`,
  );
  if (values.json !== undefined) {
    const report = { schema: 1, model, engine, faces: measured.length, smallestFacePx, rows };
    writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  }
  if (!values.write) return;
  if (smallestFacePx === null) throw new InputError("--write: there is no width to write");
  writeContract(model, smallestFacePx);
}

await runCommand(faceSizes);
