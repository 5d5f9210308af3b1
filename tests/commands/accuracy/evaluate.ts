/**
 * Measure a shipped classifier on labelled faces, in the shipped runtime, in a browser.
 *
 *   npm run evaluate -- --images X.npy --labels Y.csv [--model NAME] [--engine int8|float]
 *                       [--prior balanced|training] [--json FILE]
 *
 * Images are uint8 [count, 48, 48]. Labels are a CSV of FER2013's labels and FER+'s votes, one row for each image.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { LABELS } from "../../../src/types.ts";
import { readLabelledFaces } from "./face-labels.ts";
import { InputError, runCommand } from "../shared/input-error.ts";
import { LabBrowser, chooseEngine, chooseModel, choosePrior } from "../shared/lab-browser.ts";
import { pixelsOf } from "../shared/npy.ts";
import { Progress } from "../shared/progress.ts";
import { writeJson } from "../shared/write-json.ts";
import { type Comparison, type Silence, calibrationError, compare, silenceBelow } from "./recognition.ts";

/** Side of the faces, pixels. All shipped classifiers have this input size. */
const FACE_SIZE = 48;
/** Faces in one call: enough to make the calls cheap, few enough for a smooth progress bar. */
const BATCH = 64;
/** Confidences below which the element might say nothing. */
const LEAST_CONFIDENCES = [0.3, 0.35, 0.4, 0.45, 0.5, 0.6];

/** @returns The labels that the model learned. Its confidence refers to these. */
function learnedLabels(model: string): "fer2013" | "ferplus" {
  const url = new URL(`../../../dist/models/${model}/contract.json`, import.meta.url);
  const contract: { training?: { labels?: string } } = JSON.parse(readFileSync(url, "utf8"));
  return contract.training?.labels?.toLowerCase() === "fer2013" ? "fer2013" : "ferplus";
}

function percent(share: number | null): string {
  return share === null ? "-" : `${(100 * share).toFixed(1)} %`;
}

function printComparison(name: string, { accuracy, meanRecall, n, recall, confusion }: Comparison): void {
  console.log(`\n${name}: ${percent(accuracy)} of ${n} faces; mean recall ${percent(meanRecall)}`);
  const cell = (text: string | number) => String(text).padStart(10);
  console.log(`${"truth \\ answer".padEnd(14)}${LABELS.map(cell).join("")}${cell("recall")}`);
  LABELS.forEach((label, i) => {
    console.log(`${label.padEnd(14)}${confusion[i]!.map(cell).join("")}${cell(percent(recall[label]))}`);
  });
}

function printSilences(silences: readonly Silence[]): void {
  console.log("\nleast confidence     said   right of these   right of the others");
  for (const { least, said, rightSaid, rightUnsaid } of silences) {
    const cells = [percent(said).padStart(9), percent(rightSaid).padStart(17), percent(rightUnsaid).padStart(22)];
    console.log(`${String(least).padStart(16)}${cells.join("")}`);
  }
}

async function evaluate(): Promise<void> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: { images: text, labels: text, model: text, engine: text, prior: text, json: text },
  });
  const prior = choosePrior(values.prior);
  const model = chooseModel(values.model);
  const { faces, labels } = readLabelledFaces(values);
  if (faces.size !== FACE_SIZE) {
    throw new InputError(
      `${values.images}: faces are ${faces.size}x${faces.size} pixels, not ${FACE_SIZE}x${FACE_SIZE}`,
    );
  }

  const { scores, runtime } = await LabBrowser.use({ model, engine: chooseEngine(values.engine) }, async (lab) => {
    const progress = new Progress(`${model}, ${lab.runtime.engine}`, faces.count);
    const answers: Float32Array[] = [];
    for (let from = 0; from < faces.count; from += BATCH) {
      const count = Math.min(BATCH, faces.count - from);
      answers.push(...(await lab.classify(pixelsOf(faces, from, count), count, prior)));
      progress.advance(count);
    }
    return { scores: answers, runtime: lab.runtime };
  });

  const fer2013 = compare(
    scores,
    labels.map((face) => face.fer2013),
  );
  const ferplus = compare(
    scores,
    labels.map((face) => face.ferplus),
  );
  const learned = learnedLabels(model);
  const learnedTruth = labels.map((face) => face[learned]);
  const ece = calibrationError(scores, learnedTruth);
  const silences = LEAST_CONFIDENCES.map((least) => silenceBelow(least, scores, learnedTruth));
  console.log(`${model} ${runtime.classifier.version}, ${runtime.engine} engine (${runtime.variant})`);
  printComparison("FER2013's labels", fer2013);
  printComparison("FER+'s majority", ferplus);
  const learnedName = learned === "fer2013" ? "FER2013's labels" : "FER+'s majority";
  console.log(
    `\nExpected calibration error: ${percent(ece)}, against the labels that the model learned (${learnedName})`,
  );
  printSilences(silences);
  const shared = { schema: 1, model, engine: runtime.engine, faces: faces.count };
  writeJson(values.json, { ...shared, fer2013, ferplus, ece, silences });
}

await runCommand(evaluate);
