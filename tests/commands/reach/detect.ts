/**
 * Find the faces in each picture of a folder with the shipped detector, in the shipped runtime, in a browser.
 *
 *   npm run detect -- --images DIR [--engine int8|float] [--range near|far] [--min-score 0.5] [--json FILE]
 *
 * `far` (the default, as in the element) also looks closer at parts of a picture; `near` takes one look at the whole.
 */
import { readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { parseArgs } from "node:util";
import { InputError, runCommand } from "../shared/input-error.ts";
import { LabBrowser, type PictureFaces, chooseEngine, chooseModel } from "../shared/lab-browser.ts";
import { readBytes } from "../shared/npy.ts";
import { Progress } from "../shared/progress.ts";
import { writeJson } from "../shared/write-json.ts";

const PICTURES = new Set([".jpg", ".jpeg", ".png", ".webp"]);

function picturesOf(folder: string): readonly string[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch (error) {
    throw new InputError(`${folder}: cannot be read (${error instanceof Error ? error.message.split(",")[0] : error})`);
  }
  const pictures = names.filter((name) => PICTURES.has(extname(name).toLowerCase())).sort();
  if (pictures.length === 0) throw new InputError(`${folder}: holds no picture (${[...PICTURES].join(", ")})`);
  return pictures;
}

/** Round to a hundredth of a pixel; finer digits are noise. */
function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function report(file: string, { width, height, faces }: PictureFaces) {
  return {
    file,
    width,
    height,
    faces: faces.map(({ box, keypoints, score }) => ({
      box: { x: round(box.x), y: round(box.y), width: round(box.width), height: round(box.height) },
      keypoints: keypoints.map(({ x, y }) => [round(x), round(y)]),
      score: Math.round(score * 1e4) / 1e4,
    })),
  };
}

async function detect(): Promise<void> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    options: { images: text, engine: text, range: text, "min-score": text, json: text },
  });
  if (values.images === undefined) throw new InputError("--images DIR is missing: a folder of pictures");
  const range = values.range ?? "far";
  if (range !== "near" && range !== "far") throw new InputError(`--range ${range}: the ranges are near and far`);
  const minScore = Number(values["min-score"] ?? 0.5);
  if (!(minScore >= 0 && minScore <= 1))
    throw new InputError(`--min-score ${values["min-score"]}: is not a number from 0 to 1`);
  const folder = values.images;
  const names = picturesOf(folder);
  const options = { model: chooseModel(undefined), engine: chooseEngine(values.engine) };

  const reports = await LabBrowser.use(options, async (lab) => {
    const progress = new Progress(`blazeface, ${lab.runtime.engine}`, names.length);
    const found: ReturnType<typeof report>[] = [];
    for (const name of names) {
      const picture = await lab.detect(readBytes(join(folder, name)), { minScore, range });
      if (!picture) throw new InputError(`${join(folder, name)}: is not a picture that the browser can read`);
      found.push(report(name, picture));
      progress.advance();
    }
    return found;
  });

  console.log(`${"picture".padEnd(32)}${"size".padStart(12)}${"faces".padStart(7)}  x, y, width, height (score)`);
  for (const { file, width, height, faces } of reports) {
    const boxes = faces.map(
      ({ box, score }) => `${[box.x, box.y, box.width, box.height].map(Math.round).join(", ")} (${score.toFixed(2)})`,
    );
    const size = `${width}x${height}`.padStart(12);
    console.log(`${file.padEnd(32)}${size}${String(faces.length).padStart(7)}  ${boxes.join("; ")}`);
  }
  writeJson(values.json, reports);
}

await runCommand(detect);
