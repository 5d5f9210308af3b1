/**
 * Fit the live crop to the training faces: find them with the shipped detector and average the places of their eyes.
 *
 *   npm run fit-crop -- --images train-images.npy [--model NAME] [--count 3000] [--write]
 *
 * `--write` stores the places in `models/NAME/contract.json`. The next build uses them.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { pointInSquare } from "../../../src/pipeline/geometry.ts";
import type { Point } from "../../../src/types.ts";
import { type Scene, Stage, stagedFace } from "./face-scenes.ts";
import { InputError, countFrom, runCommand } from "../shared/input-error.ts";
import { LabBrowser, chooseEngine, chooseModel } from "../shared/lab-browser.ts";
import { readFaces, spread } from "../shared/npy.ts";
import { Progress } from "../shared/progress.ts";

const BATCH = 25;
/** The face's square takes half of the scene, so its box is about as large as in the pipeline's closer looks. */
const SCENE: Scene = { width: 256, height: 256, centerX: 128, centerY: 128, side: 128, roll: 0, brightness: 1 };
const RIGHT_EYE = 0;
const LEFT_EYE = 1;

/** @returns The mean of the middle half, which a few wrong detections do not move. */
function middleMean(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.slice(Math.floor(sorted.length / 4), Math.ceil((3 * sorted.length) / 4));
  return middle.reduce((sum, value) => sum + value, 0) / middle.length;
}

/** @returns The mean place of each eye. Training also sees each face mirrored, so the places are symmetric. */
function meanEyes(pairs: readonly (readonly [Point, Point])[]): [[number, number], [number, number]] {
  const halfDistance = middleMean(pairs.map(([left, right]) => (right.x - left.x) / 2));
  const y = middleMean(pairs.map(([left, right]) => (left.y + right.y) / 2));
  const round = (value: number) => Math.round(value * 1e4) / 1e4;
  return [
    [round(0.5 - halfDistance), round(y)],
    [round(0.5 + halfDistance), round(y)],
  ];
}

/** Store the places in the model's contract. @returns The path of the contract. */
function writeEyes(model: string, eyes: [[number, number], [number, number]]): string {
  const path = `models/${model}/contract.json`;
  const url = new URL(`../../../${path}`, import.meta.url);
  const contract: { crop: object } = JSON.parse(readFileSync(url, "utf8"));
  contract.crop = { ...contract.crop, eyes };
  writeFileSync(url, `${JSON.stringify(contract, null, 2)}\n`);
  return path;
}

async function fitCrop(): Promise<void> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: { images: text, model: text, count: text, engine: text, write: { type: "boolean", default: false } },
  });
  if (values.images === undefined) throw new InputError("--images FILE.npy is missing: the training faces");
  const count = countFrom(values.count, 3000);
  const model = chooseModel(values.model);
  const faces = readFaces(values.images);
  const indices = spread(faces.count, count);

  const pairs = await LabBrowser.use({ model, engine: chooseEngine(values.engine) }, async (lab) => {
    const stage = await Stage.open(lab);
    const progress = new Progress("training faces", indices.length);
    const found: (readonly [Point, Point])[] = [];
    for (let from = 0; from < indices.length; from += BATCH) {
      const batch = indices.slice(from, from + BATCH).map((index) => stagedFace(faces, index, SCENE));
      for (const face of await stage.find(batch, { minScore: 0.5, range: "near" })) {
        const [left, right] = [face?.keypoints[RIGHT_EYE], face?.keypoints[LEFT_EYE]];
        if (left && right) found.push([pointInSquare(left, SCENE), pointInSquare(right, SCENE)]);
      }
      progress.advance(batch.length);
    }
    return found;
  });
  if (pairs.length === 0) throw new InputError(`${values.images}: the detector finds no face in any of the pictures`);
  const eyes = meanEyes(pairs);
  console.log(`found ${pairs.length} of ${indices.length} faces; mean eyes ${JSON.stringify(eyes)}`);
  if (values.write) console.log(`written to ${writeEyes(model, eyes)}`);
}

await runCommand(fitCrop);
