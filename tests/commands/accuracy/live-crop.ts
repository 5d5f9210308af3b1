/**
 * Holds the live crop against the bare faces: the same labelled faces once as they are, and once enlarged, pasted into
 * scenes, found by the detector and cropped as live faces are.
 *
 *   npm run live-crop -- --images X.npy --labels Y.csv [--model NAME] [--engine int8|float] [--count 500] [--json FILE]
 */
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Scene, Stage, stagedFace } from "./face-scenes.ts";
import { readLabelledFaces } from "./face-labels.ts";
import { InputError, runCommand } from "../shared/input-error.ts";
import { LabBrowser, chooseEngine, chooseModel } from "../shared/lab-browser.ts";
import { Progress } from "../shared/progress.ts";
import { seeded } from "../reach/scenes.ts";
import { compare } from "./recognition.ts";

const BATCH = 10;
const FRAME = { width: 640, height: 480 };
/** Sides of the pasted faces, pixels, and the steps in which recall is told. */
const LEAST_SIDE = 100;
const MOST_SIDE = 300;
const SIDE_STEP = 50;
/** Heads on camera are rolled by so much now and then: 20 degrees, in radians. */
const MOST_ROLL = (20 * Math.PI) / 180;

function randomScene(random: () => number): Scene {
  const side = LEAST_SIDE + (MOST_SIDE - LEAST_SIDE) * random();
  const inside = (length: number) => side / 2 + (length - side) * random();
  return {
    ...FRAME,
    centerX: inside(FRAME.width),
    centerY: inside(FRAME.height),
    side,
    roll: MOST_ROLL * (2 * random() - 1),
    brightness: 0.8 + 0.4 * random(),
  };
}

/** How many of the pasted faces were found, by their size: bare ones, without hair and shoulders, are the harder kind. */
function recallBySize(scenes: readonly Scene[], live: readonly (Float32Array | null)[]) {
  const steps = Math.ceil((MOST_SIDE - LEAST_SIDE) / SIDE_STEP);
  return Array.from({ length: steps }, (_, step) => {
    const from = LEAST_SIDE + step * SIDE_STEP;
    const inStep = scenes.flatMap(({ side }, i) => (side >= from && side < from + SIDE_STEP ? [i] : []));
    return { from, to: from + SIDE_STEP, faces: inStep.length, found: inStep.filter((i) => live[i]).length };
  });
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

async function liveCrop(): Promise<void> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: { images: text, labels: text, model: text, engine: text, count: text, json: text },
  });
  const wanted = Number(values.count ?? 500);
  if (!(Number.isInteger(wanted) && wanted > 0)) throw new InputError(`--count ${values.count}: is no number of faces`);
  const model = chooseModel(values.model);
  const { faces, labels } = readLabelledFaces(values);
  const indices = Array.from({ length: Math.min(wanted, faces.count) }, (_, i) =>
    Math.floor((i * faces.count) / Math.min(wanted, faces.count)),
  );
  const random = seeded(1);
  const area = faces.size * faces.size;

  const scenes = indices.map(() => randomScene(random));
  const { bare, live, engine } = await LabBrowser.use({ model, engine: chooseEngine(values.engine) }, async (lab) => {
    const stage = await Stage.open(lab);
    const progress = new Progress(`${model}, ${lab.runtime.engine}`, indices.length);
    const asTheyAre: Float32Array[] = [];
    const cropped: (Float32Array | null)[] = [];
    for (let from = 0; from < indices.length; from += BATCH) {
      const batch = indices.slice(from, from + BATCH);
      for (const index of batch) {
        asTheyAre.push(...(await lab.classify(faces.pixels.subarray(index * area, (index + 1) * area), 1)));
      }
      const staged = batch.map((index, i) => stagedFace(faces, index, scenes[from + i]!));
      cropped.push(...(await stage.express(staged, { minScore: 0.5, range: "far" })));
      progress.advance(batch.length);
    }
    return { bare: asTheyAre, live: cropped, engine: lab.runtime.engine };
  });

  const found = indices.flatMap((_, i) => (live[i] ? [i] : []));
  const recall = recallBySize(scenes, live);
  const report = { schema: 1, model, engine, faces: indices.length, found: found.length, recall };
  const rows = (["fer2013", "ferplus"] as const).map((name) => {
    const truth = found.map((i) => labels[indices[i]!]![name]);
    const [bareAccuracy, liveAccuracy] = [bare, live].map((scores) =>
      compare(
        found.map((i) => scores[i]!),
        truth,
      ),
    );
    return [name, { n: bareAccuracy!.n, bare: bareAccuracy!.accuracy, live: liveAccuracy!.accuracy }] as const;
  });
  console.log(`${model}, ${engine} engine: ${found.length} of ${indices.length} pasted faces were found; of those`);
  console.log(
    `${"labels".padEnd(10)}${"faces".padStart(8)}${"bare".padStart(10)}${"live".padStart(10)}${"lost".padStart(10)}`,
  );
  for (const [name, { n, bare: bareShare, live: liveShare }] of rows) {
    const cells = [
      String(n).padStart(8),
      ...[bareShare, liveShare, bareShare - liveShare].map((x) => percent(x).padStart(10)),
    ];
    console.log(`${name.padEnd(10)}${cells.join("")}`);
  }
  console.log("\nfound, by the side of the pasted face:");
  for (const { from, to, faces: pasted, found: seen } of recall) {
    console.log(`${`${from} to ${to} px`.padEnd(18)}${`${seen} of ${pasted}`.padStart(12)}`);
  }
  if (values.json !== undefined) {
    writeFileSync(values.json, `${JSON.stringify({ ...report, ...Object.fromEntries(rows) }, null, 2)}\n`);
  }
}

await runCommand(liveCrop);
