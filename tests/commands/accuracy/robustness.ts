/**
 * Measure how accuracy falls when pictures get worse: nine changes at three strengths, for our classifiers and those of two
 * other libraries, all on the same pixels.
 *
 *   npm run robustness -- --images X.npy --labels Y.csv [--count 1000] [--json FILE]
 *
 * Writes its table into models/edge/CARD.md. `npm ci` in tests/commands/speed/bench-peers installs the other libraries.
 * Without them it prints our columns only, says so, and leaves the card alone.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type FaceLabels, readLabelledFaces } from "./face-labels.ts";
import { countFrom, runCommand } from "../shared/input-error.ts";
import { LabBrowser, toBase64 } from "../shared/lab-browser.ts";
import { type Faces, pixelsOf, spread } from "../shared/npy.ts";
import { MODULES, ROOT } from "../speed/bench-peers/peers.ts";
import { Progress } from "../shared/progress.ts";
import { writeJson } from "../shared/write-json.ts";
import { seeded } from "../../seeded.ts";
import { compare } from "./recognition.ts";
import { CHANGES, type Change } from "./robustness/changes.ts";
import { type Reader, ourReader, peerReader } from "./robustness/readers.ts";

const BATCH = 64;
const SEED = 1;
const START = "<!-- robustness: npm run robustness -->";
const END = "<!-- /robustness -->";

/** All faces after one change. */
interface Row {
  readonly change: string;
  readonly pixels: Uint8Array;
}

/** The results of one classifier. */
interface Column {
  readonly reader: string;
  /** The share of right answers in each row, 0..1: against FER+'s majority, and against FER2013's labels. */
  readonly ferplus: readonly number[];
  readonly fer2013: readonly number[];
}

function changed({ apply, name }: Change, strength: number, faces: Faces): Uint8Array {
  if (apply === null) throw new Error(`${name} needs a browser`);
  const random = seeded(SEED);
  const result = new Uint8Array(faces.pixels.length);
  for (let face = 0; face < faces.count; face++) {
    result.set(apply(pixelsOf(faces, face), faces.size, strength, random), face * faces.size ** 2);
  }
  return result;
}

/** Encode the faces as JPEG and decode them, in the browser. @param quality 0..100. */
async function throughJpeg(lab: LabBrowser, quality: number, faces: Faces): Promise<Uint8Array> {
  const { size } = faces;
  const result = new Uint8Array(faces.pixels.length);
  for (let from = 0; from < faces.count; from += BATCH) {
    const part = pixelsOf(faces, from, BATCH);
    const levels = await lab.page.evaluate(encodeAndDecode, [toBase64(part), size, quality / 100] as const);
    result.set(Buffer.from(levels, "base64"), from * size ** 2);
  }
  return result;
}

/** Runs in the page, so it uses nothing outside itself. */
async function encodeAndDecode([base64, size, quality]: readonly [string, number, number]): Promise<string> {
  const levels = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  const canvas = new OffscreenCanvas(size, size);
  const context = canvas.getContext("2d", { willReadFrequently: true })!;
  const result = new Uint8Array(levels.length);
  for (let from = 0; from < levels.length; from += size * size) {
    const image = new ImageData(size, size);
    for (let i = 0; i < size * size; i++) image.data.fill(levels[from + i]!, 4 * i, 4 * i + 3);
    for (let i = 3; i < image.data.length; i += 4) image.data[i] = 255;
    context.putImageData(image, 0, 0);
    const bitmap = await createImageBitmap(await canvas.convertToBlob({ type: "image/jpeg", quality }));
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, size, size);
    for (let i = 0; i < size * size; i++) result[from + i] = data[4 * i]!;
  }
  return btoa(Array.from(result, (level) => String.fromCharCode(level)).join(""));
}

async function changedFaces(faces: Faces): Promise<readonly Row[]> {
  const rows: Row[] = [{ change: "none", pixels: faces.pixels }];
  await LabBrowser.use({ model: "seed", engine: "auto" }, async (lab) => {
    for (const change of CHANGES) {
      for (const strength of change.strengths) {
        const pixels = change.apply ? changed(change, strength, faces) : await throughJpeg(lab, strength, faces);
        rows.push({ change: `${change.name}, ${strength} ${change.unit}`, pixels });
      }
    }
  });
  return rows;
}

async function column(
  reader: Reader,
  rows: readonly Row[],
  size: number,
  labels: readonly FaceLabels[],
): Promise<Column> {
  return reader.use(async (classify) => {
    const progress = new Progress(reader.name, rows.length);
    const accuracies: { ferplus: number; fer2013: number }[] = [];
    for (const { pixels } of rows) {
      const scores: Float32Array[] = [];
      for (let from = 0; from < labels.length; from += BATCH) {
        const count = Math.min(BATCH, labels.length - from);
        scores.push(...(await classify(pixelsOf({ count: labels.length, size, pixels }, from, count), count)));
      }
      const against = (truth: "ferplus" | "fer2013") =>
        compare(
          scores,
          labels.map((face) => face[truth]),
        ).accuracy;
      accuracies.push({ ferplus: against("ferplus"), fer2013: against("fer2013") });
      progress.advance();
    }
    return {
      reader: reader.name,
      ferplus: accuracies.map(({ ferplus }) => ferplus),
      fer2013: accuracies.map(({ fer2013 }) => fer2013),
    };
  });
}

/** @returns A part of the faces, spread over the whole file, and their labels. */
function partOf(faces: Faces, labels: readonly FaceLabels[], wanted: number): [Faces, readonly FaceLabels[]] {
  const { size } = faces;
  const indices = spread(faces.count, wanted);
  const pixels = new Uint8Array(indices.length * size ** 2);
  indices.forEach((index, i) => pixels.set(pixelsOf(faces, index), i * size ** 2));
  return [{ count: indices.length, size, pixels }, indices.map((index) => labels[index]!)];
}

function markdown(rows: readonly Row[], columns: readonly Column[], faces: number): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const percent = (share: number) => (100 * share).toFixed(1);
  return [
    line(["FER+'s majority, % right", ...columns.map(({ reader }) => reader)]),
    line(["---", ...columns.map(() => "---:")]),
    ...rows.map(({ change }, row) => line([change, ...columns.map(({ ferplus }) => percent(ferplus[row]!))])),
    "",
    `${faces} faces spread over the file, the same pixels for all classifiers; the direction of brightness, roll, scale, shift and occlusion is random.`,
  ].join("\n");
}

function writeCard(text: string): void {
  const path = join(ROOT, "models/edge/CARD.md");
  const card = existsSync(path) ? readFileSync(path, "utf8") : "";
  const [start, end] = [card.indexOf(START), card.indexOf(END)];
  if (start < 0 || end < start) return;
  writeFileSync(path, `${card.slice(0, start + START.length)}\n\n${text}\n\n${card.slice(end)}`);
}

async function robustness(): Promise<void> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({ options: { images: text, labels: text, count: text, json: text } });
  const wanted = countFrom(values.count, 1000);
  const { faces: all, labels: allLabels } = readLabelledFaces(values);
  const [faces, labels] = partOf(all, allLabels, wanted);
  const readers = ["edge", "edge-fer2013", "seed"]
    .filter((model) => existsSync(join(ROOT, "dist/models", model)))
    .map(ourReader);
  for (const name of ["@vladmandic/human", "@vladmandic/face-api"]) {
    if (existsSync(join(MODULES, name))) readers.push(peerReader(name, faces.size));
    else console.error(`${name} is left out: run \`npm ci\` in tests/commands/speed/bench-peers to install it`);
  }
  const rows = await changedFaces(faces);
  const columns: Column[] = [];
  for (const reader of readers) columns.push(await column(reader, rows, faces.size, labels));
  const table = markdown(rows, columns, faces.count);
  console.log(table);
  if (columns.length === 5) writeCard(table);
  writeJson(values.json, { schema: 1, faces: faces.count, changes: rows.map(({ change }) => change), columns });
}

await runCommand(robustness);
