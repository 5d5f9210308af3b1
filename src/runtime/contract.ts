/**
 * A model's contract (`contract.json`): facts about the weights that their maker states. This file checks the
 * contract's form; `load-model.ts` fetches the contract, and the files that it lists.
 */
import { EmotionCamError } from "../errors.ts";
import type { CropGeometry } from "../pipeline/stages.ts";
import { type EngineName, LABELS, type ModelInfo, type Point } from "../types.ts";

/** The files of one engine. */
export interface Artifact {
  /** Path of the file that the engine opens first. */
  readonly model: string;
  /** Paths are relative to the contract, sha256 is hexadecimal. The order is the one in which the model's sha256 is taken. */
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly sha256: string }[];
}

interface Named {
  readonly name: string;
  readonly version: string;
  /** The engines that the model has files for. */
  readonly artifacts: Readonly<Partial<Record<EngineName, Artifact>>>;
}

export interface DetectorContract extends Named {
  readonly kind: "detector";
  /** Side of the square input, pixels. */
  readonly inputSize: number;
  /** Grids of anchors, in the order of the network's output rows; `stride` in pixels of the input. */
  readonly anchors: readonly { readonly stride: number; readonly perCell: number }[];
}

export interface ClassifierContract extends Named {
  readonly kind: "classifier";
  /** Side of the square input, pixels. */
  readonly inputSize: number;
  /** The input is (gray level - `mean`) / `std`, for gray levels in 0..255. */
  readonly mean: number;
  /** Above 0. */
  readonly std: number;
  readonly crop: CropGeometry;
  /** The softmax divides the logits by it, above 0 (temperature scaling, Guo et al. 2017). */
  readonly temperature: number;
  /**
   * Added to the seven logits, it makes the answers those for the mix of expressions in training. `null`: they are so
   * already.
   */
  readonly toTrainingPrior: Float32Array | null;
  /** The least smoothed score of a certain expression, 0..1. */
  readonly minConfidence: number;
  /** The expression of a face whose box is narrower than this, in frame pixels, is never certain. */
  readonly smallestFacePx: number;
}

/** A model whose files are loaded; each file's size and sha256 match its contract. */
export interface LoadedModel<Contract> {
  readonly contract: Contract;
  readonly artifact: Artifact;
  readonly info: ModelInfo;
  /** Bytes by the path in the contract. They were hashed once, when they arrived: do not hash them again. */
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

const SCHEMA = 1;
/** Default for contracts without `smallestFacePx`; `npm run face-sizes -- --write` measures it. */
const SMALLEST_FACE_PX = 28;
/** Memory for a file is allocated before its first byte arrives; this bound keeps a wrong number from exhausting it. */
const MAX_FILE_BYTES = 2 ** 30;
const MAX_SIDE_PX = 4096;
/** An expression that is rarer than this was not learnt. */
const SMALLEST_SHARE = 1e-6;

/** The end of every message about a model's files. */
export const MODEL_REMEDY =
  "Serve the package's folder models/ there as it is (the server may answer with a page for files that it does not " +
  "have) or set asset-base; for a model of your own, serve the folder that the training scripts wrote and name its " +
  "contract.json in model.";

/**
 * Make the error for a model's file that is not what it should be.
 *
 * @param url The file's URL.
 * @param fault What is wrong with it; continues the sentence that begins with the URL.
 */
export function corruptModel(url: string, fault: string, cause?: unknown): EmotionCamError {
  return new EmotionCamError("model-corrupt", `${url} ${fault}. ${MODEL_REMEDY}`, { cause });
}

/** Reads the fields of a JSON object, and checks their types and ranges. Bounds are inclusive. */
class Fields {
  readonly #url: string;
  readonly #path: string;
  readonly #value: Readonly<Record<string, unknown>>;

  constructor(url: string, path: string, value: unknown) {
    if (typeof value !== "object" || value === null) throw corruptModel(url, `has no object at "${path || "the top"}"`);
    this.#url = url;
    this.#path = path;
    this.#value = { ...value };
  }

  has(key: string): boolean {
    return this.#value[key] !== undefined;
  }

  text(key: string): string {
    const value = this.#value[key];
    return typeof value === "string" && value !== "" ? value : this.#fail(key, "a text that is not empty");
  }

  number(key: string, least: number, most: number): number {
    const value = this.#value[key];
    const fits = typeof value === "number" && value >= least && value <= most;
    return fits ? value : this.#fail(key, `a number from ${least} to ${most}`);
  }

  integer(key: string, least: number, most: number): number {
    const value = this.number(key, least, most);
    return Number.isInteger(value) ? value : this.#fail(key, `a whole number from ${least} to ${most}`);
  }

  literal<T extends string | number>(key: string, wanted: T): T {
    return this.#value[key] === wanted ? wanted : this.#fail(key, JSON.stringify(wanted));
  }

  object(key: string): Fields {
    return new Fields(this.#url, this.#at(key), this.#value[key]);
  }

  objects(key: string): Fields[] {
    const value = this.#value[key];
    if (!Array.isArray(value) || value.length === 0) return this.#fail(key, "a list that is not empty");
    return value.map((item, i) => new Fields(this.#url, `${this.#at(key)}[${i}]`, item));
  }

  #at(key: string): string {
    return this.#path ? `${this.#path}.${key}` : key;
  }

  #fail(key: string, wanted: string): never {
    throw corruptModel(this.#url, `is not a contract that this version can read: "${this.#at(key)}" is not ${wanted}`);
  }
}

function readArtifact(fields: Fields): Artifact {
  const files = fields.objects("files").map((file) => ({
    path: file.text("path"),
    bytes: file.integer("bytes", 1, MAX_FILE_BYTES),
    sha256: file.text("sha256"),
  }));
  return { model: fields.text("model"), files };
}

function readNamed(fields: Fields): Named {
  fields.literal("schema", SCHEMA);
  return {
    name: fields.text("name"),
    version: fields.text("version"),
    artifacts: {
      ...(fields.has("float") && { float: readArtifact(fields.object("float")) }),
      ...(fields.has("int8") && { int8: readArtifact(fields.object("int8")) }),
    },
  };
}

function readPoint(fields: Fields): Point {
  return { x: fields.number("0", 0, 1), y: fields.number("1", 0, 1) };
}

function readInputSize(input: Fields, channels: number): number {
  input.literal("channels", channels);
  const width = input.integer("width", 1, MAX_SIDE_PX);
  return input.literal("height", width);
}

/**
 * Read the mixes of expressions that a classifier's answers assume and that it was trained on, and compute the step from
 * one to the other: by Bayes' rule, the difference of their logarithms.
 */
function readPrior(prior: Fields): Float32Array {
  const [assumed, training] = [prior.object("shares"), prior.object("training")];
  const logOf = (shares: Fields, label: string) => Math.log(shares.number(label, SMALLEST_SHARE, 1));
  return Float32Array.from(LABELS, (label) => logOf(training, label) - logOf(assumed, label));
}

/**
 * Check a detector's contract.
 *
 * @param url The contract's URL; errors name it.
 * @param value The parsed JSON.
 * @throws EmotionCamError `model-corrupt`, which names the field.
 */
export function readDetector(url: string, value: unknown): DetectorContract {
  const fields = new Fields(url, "", value);
  const input = fields.object("input");
  input.literal("min", -1);
  input.literal("max", 1);
  return {
    kind: fields.literal("kind", "detector"),
    ...readNamed(fields),
    inputSize: readInputSize(input, 3),
    anchors: fields.objects("anchors").map((grid) => ({
      stride: grid.integer("stride", 1, MAX_SIDE_PX),
      perCell: grid.integer("perCell", 1, 64),
    })),
  };
}

/**
 * Check a classifier's contract.
 *
 * @param url The contract's URL; errors name it.
 * @param value The parsed JSON.
 * @throws EmotionCamError `model-corrupt`, which names the field.
 */
export function readClassifier(url: string, value: unknown): ClassifierContract {
  const fields = new Fields(url, "", value);
  const input = fields.object("input");
  input.literal("luma", "rec601");
  fields.literal("output", "logits");
  const labels = fields.object("labels");
  LABELS.forEach((label, i) => labels.literal(String(i), label));
  const eyes = fields.object("crop").object("eyes");
  return {
    kind: fields.literal("kind", "classifier"),
    ...readNamed(fields),
    inputSize: readInputSize(input, 1),
    mean: input.number("mean", 0, 255),
    std: input.number("std", Number.MIN_VALUE, 255),
    crop: { imageLeftEye: readPoint(eyes.object("0")), imageRightEye: readPoint(eyes.object("1")) },
    temperature: fields.number("temperature", 0.01, 100),
    toTrainingPrior: fields.has("prior") ? readPrior(fields.object("prior")) : null,
    minConfidence: fields.number("minConfidence", 0, 1),
    smallestFacePx: fields.has("smallestFacePx") ? fields.number("smallestFacePx", 1, MAX_SIDE_PX) : SMALLEST_FACE_PX,
  };
}

/** @returns The bytes to download for one engine; 0 where the model has no files for it. */
export function artifactBytes(artifact: Artifact | undefined): number {
  return artifact?.files.reduce((sum, file) => sum + file.bytes, 0) ?? 0;
}
