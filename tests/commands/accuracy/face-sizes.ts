/**
 * Measure accuracy by the size of the face. Labelled faces are scaled, put into scenes of 640x480, looked at from nearby,
 * cropped as the pipeline crops faces that it follows, and classified.
 *
 *   npm run face-sizes -- --images X.npy --labels Y.csv [--model NAME] [--engine int8|float] [--count 1000] [--json FILE]
 *                         [--write]
 *
 * The smallest usable face has the smallest width from which on accuracy stays within 5 percentage points of the same
 * faces at 160 pixels. `--write` stores that width in models/NAME/contract.json, where the runtime reads it.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { Sighting } from "../../../src/pipeline/geometry.ts";
import { BEST_SHARE } from "../../../src/pipeline/follow.ts";
import { FRAME, Stage, type StagedFace, randomScene, stagedFace } from "./face-scenes.ts";
import { type FaceLabels, readLabelledFaces } from "./face-labels.ts";
import { InputError, countFrom, runCommand } from "../shared/input-error.ts";
import { LabBrowser, chooseEngine, chooseModel } from "../shared/lab-browser.ts";
import { type Faces, spread } from "../shared/npy.ts";
import { Progress } from "../shared/progress.ts";
import { writeJson } from "../shared/write-json.ts";
import { type Random, seeded } from "../../seeded.ts";
import { compare } from "./recognition.ts";

const BATCH = 10;
/** Widths of the face's box, pixels of the frame. */
const WIDTHS = [12, 16, 20, 24, 28, 32, 36, 40, 48, 64, 96, 160];
/** The other widths are compared with this one. It is larger than the faces of the file, so size costs nothing here. */
const REFERENCE_WIDTH = 160;
/** The largest acceptable loss of accuracy, 0..1. */
const ACCEPTABLE_LOSS = 0.05;
/** Faces without hair and shoulders are found from about 240 pixels on. */
const SURELY_FOUND_SIDE = 300;
const MOST_ROLL = 0.1;
const LOOK = { minScore: 0.5, range: "near" } as const;
const LABELINGS = ["fer2013", "ferplus"] as const;

/** Seven probabilities for a face; `null` if it was not found. */
type Answer = Float32Array | null;

/** The result for one width. */
export interface SizeRow {
  readonly width: number;
  /** The share of the faces that were found on a look from nearby, 0..1. */
  readonly found: number;
  /** Over the faces that were found both at this width and at the reference width. */
  readonly fer2013: Compared;
  readonly ferplus: Compared;
}

interface Compared {
  /** Faces that have a label. */
  readonly n: number;
  /** 0..1. */
  readonly accuracy: number;
  /** The accuracy on the same faces at the reference width, less `accuracy`. */
  readonly lost: number;
}

/** Put a face into a scene at the size at which its box has the width, with the square in which it would be followed. */
function sized(faces: Faces, index: number, random: Random, width: number, box: Sighting["box"]): StagedFace {
  const scale = width / box.width;
  const side = SURELY_FOUND_SIDE * scale;
  const scene = randomScene(random, side, side, MOST_ROLL);
  const square = {
    centerX: scene.centerX + scale * (box.x + box.width / 2 - FRAME.width / 2),
    centerY: scene.centerY + scale * (box.y + box.height / 2 - FRAME.height / 2),
    side: width / BEST_SHARE,
    roll: 0,
  };
  return { ...stagedFace(faces, index, scene), square };
}

/** @returns The answers for each width to all faces that are found at a large size, and the indices of these faces. */
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

/** @returns The width from which on both labelings lose little enough; `null` if there is none. */
function smallestWidth(rows: readonly SizeRow[]): number | null {
  const tooSmall = rows.findLastIndex((row) => LABELINGS.some((name) => !(row[name].lost <= ACCEPTABLE_LOSS)));
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

/** Write one line of the contract and leave the rest as it is. */
function writeContract(model: string, smallestFacePx: number): void {
  const path = fileURLToPath(new URL(`../../../models/${model}/contract.json`, import.meta.url));
  if (!existsSync(path)) throw new InputError(`--write: ${path} is missing`);
  const text = readFileSync(path, "utf8").replace(/\n  "smallestFacePx": [^\n]*/, "");
  const changed = text.replace(/\n  "minConfidence": [\d.]+,/, `$&\n  "smallestFacePx": ${smallestFacePx},`);
  if (changed === text)
    throw new InputError(`--write: ${path} has no line "minConfidence", after which the value belongs`);
  writeFileSync(path, changed);
  console.log(`written to models/${model}/contract.json; build to ship it`);
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
  const wanted = countFrom(values.count, 1000);
  const model = chooseModel(values.model);
  const { faces, labels } = readLabelledFaces(values);
  const indices = spread(faces.count, wanted);

  const { answers, measured, engine } = await LabBrowser.use(
    { model, engine: chooseEngine(values.engine) },
    async (lab) => ({ ...(await measure(lab, faces, indices)), engine: lab.runtime.engine }),
  );
  const theirs = measured.map((index) => labels[index]!);
  const reference = answers.get(REFERENCE_WIDTH)!;
  const rows = WIDTHS.map((width) => rowOf(width, answers.get(width)!, reference, theirs));
  const smallestFacePx = smallestWidth(rows);
  console.log(
    `${model}, ${engine} engine, ${measured.length} of ${indices.length} faces, which are found at a large size`,
  );
  print(rows);
  console.log(
    smallestFacePx === null
      ? "accuracy falls by more than 5 points at every width"
      : `from ${smallestFacePx} pixels on accuracy stays within 5 points of that at ${REFERENCE_WIDTH}`,
  );
  writeJson(values.json, { schema: 1, model, engine, faces: measured.length, smallestFacePx, rows });
  if (!values.write) return;
  if (smallestFacePx === null) throw new InputError("--write: no width is good enough to write");
  writeContract(model, smallestFacePx);
}

await runCommand(faceSizes);
