/** The compared libraries and their settings. The pages in `pages/` hold the rest. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

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
    {
      name: "LiteRT.js",
      package: "@litertjs/core",
      computes: "best face only",
      script: "litert.js",
      files: {
        "/litert-wasm/": join(MODULES, "@litertjs/core/wasm"),
        "/blazeface.tflite": join(MODULES, "@mediapipe/face_detection/face_detection_short_range.tflite"),
      },
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

/** Install the libraries, if they are missing. They are not dependencies of this project. */
export function installPeers(): void {
  if (existsSync(MODULES)) return;
  console.log("Installing the other libraries (once, about 430 MB) …");
  execFileSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: join(MODULES, ".."), stdio: "inherit" });
}
