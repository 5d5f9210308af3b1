/**
 * Compare accuracy on cropped faces with accuracy on the faces themselves: the same labelled faces, once as they are, and
 * once enlarged, pasted into scenes, found by the detector and cropped as on a camera.
 *
 *   npm run live-crop -- --images X.npy --labels Y.csv [--model NAME] [--engine int8|float] [--count 500] [--json FILE]
 */
import { parseArgs } from "node:util";
import { type Scene, Stage, randomScene, stagedFace } from "./face-scenes.ts";
import { readLabelledFaces } from "./face-labels.ts";
import { countFrom, runCommand } from "../shared/input-error.ts";
import { LabBrowser, chooseEngine, chooseModel } from "../shared/lab-browser.ts";
import { pixelsOf, spread } from "../shared/npy.ts";
import { Progress } from "../shared/progress.ts";
import { writeJson } from "../shared/write-json.ts";
import { seeded } from "../../seeded.ts";
import { compare } from "./recognition.ts";

const BATCH = 10;
/** Sides of the pasted faces, pixels, and the steps in which recall is printed. */
const LEAST_SIDE = 100;
const MOST_SIDE = 300;
const SIDE_STEP = 50;
/** People on camera tilt their heads by up to 20 degrees now and then; radians. */
const MOST_ROLL = (20 * Math.PI) / 180;

/** Count the found faces by size. Without hair and shoulders they are harder to find than people on a camera. */
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
  const wanted = countFrom(values.count, 500);
  const model = chooseModel(values.model);
  const { faces, labels } = readLabelledFaces(values);
  const indices = spread(faces.count, wanted);
  const random = seeded(1);
  const scenes = indices.map(() => {
    const side = LEAST_SIDE + (MOST_SIDE - LEAST_SIDE) * random();
    return randomScene(random, side, side / 2, MOST_ROLL);
  });
  const { bare, live, engine } = await LabBrowser.use({ model, engine: chooseEngine(values.engine) }, async (lab) => {
    const stage = await Stage.open(lab);
    const progress = new Progress(`${model}, ${lab.runtime.engine}`, indices.length);
    const asTheyAre: Float32Array[] = [];
    const cropped: (Float32Array | null)[] = [];
    for (let from = 0; from < indices.length; from += BATCH) {
      const batch = indices.slice(from, from + BATCH);
      for (const index of batch) asTheyAre.push(...(await lab.classify(pixelsOf(faces, index), 1)));
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
  console.log(
    `${model}, ${engine} engine: ${found.length} of ${indices.length} pasted faces were found; accuracy on those`,
  );
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
  writeJson(values.json, { ...report, ...Object.fromEntries(rows) });
}

await runCommand(liveCrop);
