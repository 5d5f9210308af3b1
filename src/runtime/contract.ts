/**
 * A model's contract: what the weights' maker states about them. The runtime believes it after checking its form, and
 * believes the files after checking their sha256.
 */
import { EmotionCamError } from "../errors.ts";
import type { CropGeometry } from "../pipeline/stages.ts";
import { type EngineName, LABELS, type ModelInfo, type Point } from "../types.ts";

/** One engine's files. */
export interface Artifact {
  /** The path of the file to open first. */
  readonly model: string;
  /** In the order in which `sha256sum` of all of them together is the model's sha256. */
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
  /** Grids of anchors, in the order of the network's rows. */
  readonly anchors: readonly { readonly stride: number; readonly perCell: number }[];
}

export interface ClassifierContract extends Named {
  readonly kind: "classifier";
  /** Side of the square input, pixels. */
  readonly inputSize: number;
  /** What is taken from a gray level of 0..255, … */
  readonly mean: number;
  /** … and what it is divided by then. */
  readonly std: number;
  readonly crop: CropGeometry;
  /** Logits are divided by it before the softmax. */
  readonly temperature: number;
  /** 0..1. */
  readonly minConfidence: number;
  /** Below this width of its box, in frame pixels, a face's expression cannot be told. */
  readonly smallestFacePx: number;
}

/** A model whose files are here and are what its contract says. */
export interface LoadedModel<Contract> {
  readonly contract: Contract;
  readonly artifact: Artifact;
  readonly info: ModelInfo;
  /** Bytes by the path in the contract. */
  readonly files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>;
}

const SCHEMA = 1;
/** Where a contract does not say; `npm run face-sizes -- --write` measures it. */
const SMALLEST_FACE_PX = 28;
/** The room for a file is made before its first byte comes; a slip of the pen is not to ask for more than there is. */
const MOST_FILE_BYTES = 2 ** 30;
const REMEDY =
  "Serve the package's folder models/ there as it is (the server may answer with a page for files that it does not " +
  "have) or set asset-base; for a model of your own, serve the folder that the training scripts wrote and name its " +
  "contract.json in model.";

function corrupt(url: string, what: string, cause?: unknown): EmotionCamError {
  return new EmotionCamError("model-corrupt", `${url} ${what}. ${REMEDY}`, { cause });
}

/** A JSON object whose fields are read with their types. */
class Fields {
  readonly #url: string;
  readonly #path: string;
  readonly #value: Readonly<Record<string, unknown>>;

  constructor(url: string, path: string, value: unknown) {
    if (typeof value !== "object" || value === null) throw corrupt(url, `has no object at "${path || "the top"}"`);
    this.#url = url;
    this.#path = path;
    this.#value = { ...value };
  }

  has(key: string): boolean {
    return this.#value[key] !== undefined;
  }

  text(key: string): string {
    const value = this.#value[key];
    return typeof value === "string" && value !== "" ? value : this.#fail(key, "text");
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
    if (!Array.isArray(value) || value.length === 0) return this.#fail(key, "a list");
    return value.map((item, i) => new Fields(this.#url, `${this.#at(key)}[${i}]`, item));
  }

  #at(key: string): string {
    return this.#path ? `${this.#path}.${key}` : key;
  }

  #fail(key: string, wanted: string): never {
    throw corrupt(this.#url, `is no contract that this version reads: "${this.#at(key)}" is not ${wanted}`);
  }
}

function readArtifact(fields: Fields): Artifact {
  const files = fields.objects("files").map((file) => ({
    path: file.text("path"),
    bytes: file.integer("bytes", 1, MOST_FILE_BYTES),
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
  const width = input.integer("width", 1, 4096);
  return input.literal("height", width);
}

function readDetector(fields: Fields): DetectorContract {
  const input = fields.object("input");
  input.literal("min", -1);
  input.literal("max", 1);
  return {
    kind: fields.literal("kind", "detector"),
    ...readNamed(fields),
    inputSize: readInputSize(input, 3),
    anchors: fields.objects("anchors").map((grid) => ({
      stride: grid.integer("stride", 1, 4096),
      perCell: grid.integer("perCell", 1, 64),
    })),
  };
}

function readClassifier(fields: Fields): ClassifierContract {
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
    minConfidence: fields.number("minConfidence", 0, 1),
    smallestFacePx: fields.has("smallestFacePx") ? fields.number("smallestFacePx", 1, 4096) : SMALLEST_FACE_PX,
  };
}

async function request(url: string, cache: RequestCache): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { cache });
  } catch (cause) {
    const message =
      `${url} cannot be reached: check the network, that asset-base and model are right and, where it lies on another ` +
      "origin, that its server allows this page (CORS).";
    throw new EmotionCamError("model-load", message, { cause });
  }
  if (!response.ok) throw new EmotionCamError("model-load", `${url} answers ${response.status}. ${REMEDY}`);
  return response;
}

async function fetchFields(url: string): Promise<Fields> {
  // Always asked for afresh: an old contract would call new files corrupt.
  const text = await (await request(url, "no-cache")).text();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw corrupt(url, "is not JSON", cause);
  }
  return new Fields(url, "", value);
}

/** A model that was found, of which nothing but the contract was read so far. */
export interface FoundModel<Contract> {
  readonly url: string;
  readonly contract: Contract;
}

/**
 * The URL of a contract.
 *
 * @param model A shipped model's name, or the contract's absolute URL.
 * @param assetBase URL of the folder that holds `models/`, ending in a slash.
 */
function contractUrl(model: string, assetBase: string): string {
  return new URL(/^[\w-]+$/.test(model) ? `models/${model}/contract.json` : model, assetBase).href;
}

/** @throws EmotionCamError `model-load` or `model-corrupt`, which names the URL. */
export async function findDetector(model: string, assetBase: string): Promise<FoundModel<DetectorContract>> {
  const url = contractUrl(model, assetBase);
  return { url, contract: readDetector(await fetchFields(url)) };
}

/** @throws EmotionCamError `model-load` or `model-corrupt`, which names the URL. */
export async function findClassifier(model: string, assetBase: string): Promise<FoundModel<ClassifierContract>> {
  const url = contractUrl(model, assetBase);
  return { url, contract: readClassifier(await fetchFields(url)) };
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @returns The body, of which no more than `bytes` are kept; its true length is told beside it. */
async function readBody(response: Response, bytes: number, onBytes: (count: number) => void) {
  const body = new Uint8Array(bytes);
  let length = 0;
  const reader = response.body!.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const room = part.value.subarray(0, Math.max(0, bytes - length));
    body.set(room, Math.min(length, bytes));
    length += part.value.length;
    onBytes(room.length);
  }
  return { body, length };
}

async function fetchFile(url: string, file: Artifact["files"][number], onBytes: (count: number) => void) {
  let fault = "";
  // A cache may hold the file of another version of the package: the second time it is passed by.
  for (const cache of ["default", "reload"] as const) {
    let counted = 0;
    const response = await request(url, cache);
    const { body, length } = await readBody(response, file.bytes, (count) => {
      counted += count;
      onBytes(count);
    });
    const hash = length === file.bytes ? await sha256(body) : "";
    if (hash === file.sha256) return body;
    onBytes(-counted);
    fault = hash
      ? `has sha256 ${hash}, not the ${file.sha256} of its contract`
      : `has ${length} bytes (${response.headers.get("content-type") ?? "no content type"}), not the ${file.bytes} of ` +
        "its contract";
  }
  throw corrupt(url, fault);
}

/**
 * Fetches one engine's files of a model and checks them.
 *
 * @param onBytes Called with the number of bytes that came, again and again.
 * @throws EmotionCamError `model-load` or `model-corrupt`, which names the URL.
 */
export async function loadModel<Contract extends DetectorContract | ClassifierContract>(
  { url, contract }: FoundModel<Contract>,
  engine: EngineName,
  onBytes: (count: number) => void,
): Promise<LoadedModel<Contract>> {
  const artifact = contract.artifacts[engine];
  if (!artifact) throw corrupt(url, `has no files for the ${engine} engine`);
  if (!globalThis.crypto?.subtle) {
    throw new EmotionCamError(
      "insecure-context",
      `${url} cannot be checked: browsers offer sha256 on https and localhost only. Serve the page from there.`,
    );
  }
  const bodies = await Promise.all(
    artifact.files.map((file) => fetchFile(new URL(file.path, url).href, file, onBytes)),
  );
  const bytes = artifactBytes(artifact);
  const all = new Uint8Array(bytes);
  let at = 0;
  for (const body of bodies) {
    all.set(body, at);
    at += body.length;
  }
  const { name, version } = contract;
  return {
    contract,
    artifact,
    info: { name, version, sha256: await sha256(all), bytes },
    files: new Map(artifact.files.map((file, i) => [file.path, bodies[i]!])),
  };
}

/** What there is to download for one engine. */
export function artifactBytes(artifact: Artifact | undefined): number {
  return artifact?.files.reduce((sum, file) => sum + file.bytes, 0) ?? 0;
}
