import { LABELS, type Label } from "../../../src/types.ts";
import { InputError } from "../shared/input-error.ts";
import { type Faces, readBytes, readFaces } from "../shared/npy.ts";

/** The true labels of one face. */
export interface FaceLabels {
  /** FER2013's label; `null` if it is missing. */
  readonly fer2013: Label | null;
  /** The tag that most of FER+'s ten people gave; `null` if that is not one of the seven expressions. */
  readonly ferplus: Label | null;
}

/** FER+'s tags in the order of its columns. In a tie the first one wins. */
const TAGS: readonly (readonly [column: string, label: Label | null])[] = [
  ["votes_neutral", "neutral"],
  ["votes_happiness", "happy"],
  ["votes_surprise", "surprised"],
  ["votes_sadness", "sad"],
  ["votes_anger", "angry"],
  ["votes_disgust", "disgusted"],
  ["votes_fear", "fearful"],
  ["votes_contempt", null],
  ["votes_unknown", null],
  ["votes_not_face", null],
];

function topTag(votes: readonly number[]): Label | null {
  return TAGS[votes.indexOf(Math.max(...votes))]![1];
}

/**
 * Read a labels file: CSV with the columns `name`, `fer2013` and ten `votes_*`.
 *
 * @throws InputError that names the file, the line and what is wrong with it.
 */
export function readFaceLabels(path: string): readonly FaceLabels[] {
  const [header = "", ...lines] = readBytes(path).toString("utf8").trimEnd().split(/\r?\n/);
  const columns = header.split(",");
  const column = (name: string): number => {
    const index = columns.indexOf(name);
    if (index < 0) throw new InputError(`${path}: has no column "${name}"`);
    return index;
  };
  const fer2013 = column("fer2013");
  const votes = TAGS.map(([name]) => column(name));
  return lines.map((line, i) => {
    const cells = line.split(",");
    const refuse = (what: string) => new InputError(`${path}: line ${i + 2} ${what}`);
    if (cells.length !== columns.length) throw refuse(`has ${cells.length} cells, not ${columns.length}`);
    const name = cells[fer2013]!;
    const label = LABELS.find((known) => known === name) ?? null;
    if (label === null && name !== "") throw refuse(`has the unknown label "${name}"`);
    const counts = votes.map((index) => Number(cells[index] || NaN));
    if (counts.some((count) => !(count >= 0))) throw refuse("has votes that are not counts");
    return { fer2013: label, ferplus: topTag(counts) };
  });
}

/**
 * Read the faces and their labels from the files that the options `--images` and `--labels` name.
 *
 * @throws InputError that says which option is missing, which file is wrong and how, or that the two files do not match.
 */
export function readLabelledFaces(options: { readonly images?: string; readonly labels?: string }): {
  readonly faces: Faces;
  readonly labels: readonly FaceLabels[];
} {
  if (options.images === undefined) throw new InputError("--images FILE.npy is missing: the faces");
  if (options.labels === undefined) throw new InputError("--labels FILE.csv is missing: the labels of the faces");
  const faces = readFaces(options.images);
  const labels = readFaceLabels(options.labels);
  if (faces.count !== labels.length) {
    throw new InputError(
      `${options.labels}: has ${labels.length} rows for the ${faces.count} faces of ${options.images}`,
    );
  }
  return { faces, labels };
}
