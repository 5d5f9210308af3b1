/** The compared libraries and their settings. The pages in `pages/` hold the rest. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readTflite } from "../../../../models/blazeface/tflite.ts";
import type { Quantized } from "../../../../models/int8/classifier.ts";
import { isWritable, readQuantized } from "./quantized.ts";
import { withNormalization } from "./write-metadata.ts";
import { writeOnnx, writeOnnxGraph } from "./write-onnx.ts";
import { type Precision, writeTflite } from "./write-tflite.ts";

const PEERS = dirname(fileURLToPath(import.meta.url));
export const ROOT = join(PEERS, "../../../..");
/** The libraries' packages; `npm ci` in this folder installs them. */
export const MODULES = join(PEERS, "node_modules");
export const PAGES = join(PEERS, "pages");

/** Ratios are relative to this row. */
export const OURS = "emotion-cam int8";

/** One library and its settings. */
export interface Peer {
  readonly name: string;
  /** The package whose version is printed; ours if absent. */
  readonly package?: string;
  readonly computes: string;
  /** The page's script. */
  readonly script: string;
  /** Constants of the page's script. */
  readonly define?: Readonly<Record<string, string>>;
  /** Folders and files that the page may fetch, by the start of the path. */
  readonly files: Readonly<Record<string, string>>;
}

export const BLAZEFACE = join(ROOT, "node_modules/@mediapipe/face_detection/face_detection_short_range.tflite");
/** Our networks in the formats of other runtimes; {@link writeNetworks} writes them. */
export const NETWORKS = join(ROOT, ".cache/peers");

const TFJS_WASM = { "/tfjs-wasm/": join(MODULES, "@tensorflow/tfjs-backend-wasm/dist") };
const SITE = { "/site/": join(ROOT, "dist") };

/**
 * @param model The classifier of our rows and of the row that runs it in plain tfjs.
 * @returns All rows of the comparison.
 */
export function peersWith(model: string): readonly Peer[] {
  const ours = (engine: "int8" | "float", range: "near" | "far") => ({
    script: "emotion-cam.js",
    files: SITE,
    define: { PEERS_ENGINE: engine, PEERS_MODEL: model, PEERS_RANGE: range },
  });
  const liteRt = (classifier: "" | Precision) => ({
    package: "@litertjs/core",
    script: "litert.js",
    define: { PEERS_MODEL: model, PEERS_CLASSIFIER: classifier && `/networks/${model}-${classifier}.tflite` },
    files: {
      ...SITE,
      "/litert-wasm/": join(MODULES, "@litertjs/core/wasm"),
      "/blazeface.tflite": BLAZEFACE,
      "/networks/": NETWORKS,
    },
  });
  const onnx = (classifier: Precision) => ({
    package: "onnxruntime-web",
    script: "onnx.js",
    define: { PEERS_MODEL: model, PEERS_CLASSIFIER: `/networks/${model}-${classifier}.onnx` },
    files: {
      ...SITE,
      "/ort-wasm/": join(MODULES, "onnxruntime-web/dist"),
      "/networks/": NETWORKS,
    },
  });
  return [
    {
      ...ours("int8", "near"),
      name: OURS,
      computes: `face, 6 keypoints, 7 expressions (${model}), tracks`,
    },
    {
      ...ours("float", "near"),
      name: "emotion-cam float",
      computes: `face, 6 keypoints, 7 expressions (${model}), tracks`,
    },
    {
      name: "@vladmandic/human",
      package: "@vladmandic/human",
      computes: "face, 7 expressions",
      script: "human.js",
      files: { ...TFJS_WASM, "/human-models/": join(MODULES, "@vladmandic/human/models") },
    },
    {
      name: "@vladmandic/face-api",
      package: "@vladmandic/face-api",
      computes: "face, 7 expressions",
      script: "face-api.js",
      define: { PEERS_DETECTOR: "tiny" },
      files: { ...TFJS_WASM, "/face-api-models/": join(MODULES, "@vladmandic/face-api/model") },
    },
    {
      name: "tfjs, as a plain user writes it",
      package: "@tensorflow/tfjs",
      computes: `face, 6 keypoints, 7 expressions (${model})`,
      script: "tfjs.js",
      files: { ...TFJS_WASM, ...SITE },
      define: { PEERS_MODEL: model },
    },
    { ...liteRt(""), name: "LiteRT.js, BlazeFace alone", computes: "best face only" },
    {
      ...liteRt("float32"),
      name: "LiteRT.js, both networks, float32",
      computes: `best face, 7 expressions (${model})`,
    },
    { ...liteRt("int8"), name: "LiteRT.js, both networks, ours int8", computes: `best face, 7 expressions (${model})` },
    { ...onnx("float32"), name: "ONNX Runtime Web, float32", computes: `best face, 7 expressions (${model})` },
    { ...onnx("int8"), name: "ONNX Runtime Web, ours int8", computes: `best face, 7 expressions (${model})` },
    {
      name: "MediaPipe Tasks Vision, CPU",
      package: "@mediapipe/tasks-vision",
      computes: "face, 6 keypoints",
      script: "tasks-vision.js",
      files: { "/tasks-vision/": join(MODULES, "@mediapipe/tasks-vision/wasm"), "/networks/": NETWORKS },
    },
    {
      name: "MediaPipe, WebGL emulated on the CPU",
      package: "@mediapipe/face_detection",
      computes: "face, 6 keypoints",
      script: "mediapipe.js",
      files: { "/mediapipe/": join(MODULES, "@mediapipe/face_detection") },
    },
  ];
}

/** Install the libraries, if they are missing, and write the networks that they read. They are not dependencies of this project. */
export function installPeers(model: string): void {
  if (!existsSync(join(MODULES, "onnxruntime-web"))) {
    console.log("Installing the other libraries (once, about 610 MB) …");
    execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: join(MODULES, ".."), stdio: "inherit" });
  }
  writeNetworks(model);
}

/**
 * Write BlazeFace as ONNX and with the metadata of MediaPipe Tasks, and a classifier of `models/` as `NAME-PRECISION.tflite` and `.onnx`, into {@link NETWORKS}.
 *
 * @returns Whether the classifier could be written: `seed` has a form that the writers do not know.
 */
export function writeNetworks(model: string): boolean {
  mkdirSync(NETWORKS, { recursive: true });
  // Levels of 0 to 255 become -1..1, as in BlazeFace's training.
  const normalization = { mean: 127.5, std: 127.5 };
  writeFileSync(join(NETWORKS, "blazeface-metadata.tflite"), withNormalization(readFileSync(BLAZEFACE), normalization));
  writeFileSync(join(NETWORKS, "blazeface.onnx"), writeOnnxGraph(readTflite(readFileSync(BLAZEFACE))));
  const file = (name: string) => readFileSync(join(ROOT, "models", model, name));
  const classifier = readQuantized(JSON.parse(String(file("quant.json"))) as Quantized, file("quant.bin"));
  if (!isWritable(classifier)) return false;
  for (const precision of ["float32", "int8"] as const) {
    writeFileSync(join(NETWORKS, `${model}-${precision}.tflite`), writeTflite(classifier, precision));
    writeFileSync(join(NETWORKS, `${model}-${precision}.onnx`), writeOnnx(classifier, precision));
  }
  return true;
}
