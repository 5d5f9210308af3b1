/**
 * Make the detector's artifact from the network in Google's npm package `@mediapipe/face_detection`. Runs in Node, at
 * build time.
 */
import { createHash } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { packBlazeface } from "../int8/blazeface.ts";
import { writeNetwork } from "../int8/write.ts";
import calibration from "./calibration.json" with { type: "json" };
import { layOutHeads } from "./heads.ts";
import { convertToGraphModel } from "./graph-model.ts";
import { readTflite } from "./tflite.ts";

/** The network, as a module's path, which Node resolves. */
const SOURCE = "@mediapipe/face_detection/face_detection_short_range.tflite";
const SOURCE_SHA256 = "3bc182eb9f33925d9e58b5c8d59308a760f4adea8f282370e428c51212c26633";

/** The contract: what the runtime must know about the network. The build adds the files. */
export const CONTRACT = {
  schema: 1,
  kind: "detector",
  name: "blazeface",
  version: "short-range",
  input: { width: 128, height: 128, channels: 3, min: -1, max: 1 },
  /** One row for each anchor; coordinates in pixels of the input, counted from the anchor's point. */
  output: { name: "predictions", shape: [1, 896, 17], row: ["score", "x", "y", "width", "height", "keypoints"] },
  keypoints: ["rightEye", "leftEye", "noseTip", "mouthCenter", "rightEarTragion", "leftEarTragion"],
  /** Rows run through one grid after the other, row by row, and through the anchors of each of its cells. */
  anchors: [
    { stride: 8, perCell: 2 },
    { stride: 16, perCell: 6 },
  ],
} as const;

function sha256(bytes: Uint8Array | string): string {
  return createHash("sha256").update(bytes).digest("hex");
}

async function readSource(): Promise<Uint8Array> {
  return readFile(createRequire(import.meta.url).resolve(SOURCE));
}

/** Check that these are the bytes that this project was tested with. @throws Error that names the remedy. */
export function checkSource(bytes: Uint8Array): void {
  const found = sha256(bytes);
  if (found === SOURCE_SHA256) return;
  throw new Error(
    `${SOURCE} is not the network that this project was tested with (sha256 ${found}, expected ${SOURCE_SHA256}): ` +
      'remove node_modules and run "npm ci", which installs the locked version.',
  );
}

/**
 * Read Google's network.
 *
 * @throws Error that names the remedy, where the file is missing or another one.
 */
export async function readBlazeface(): Promise<Uint8Array> {
  const bytes = await readSource().catch((cause: unknown) => {
    throw new Error(`${SOURCE} cannot be read: run "npm ci" in the project's folder.`, { cause });
  });
  checkSource(bytes);
  return bytes;
}

/** Write the detector's `model.json`, `weights.bin`, `model.ec8` and `contract.json` into a folder, which is made. */
export async function buildBlazeface(outDir: string): Promise<void> {
  const graph = layOutHeads(readTflite(await readBlazeface()));
  const { model, weights } = convertToGraphModel(graph);
  const artifacts = [
    ["model.json", Buffer.from(model)],
    ["weights.bin", weights],
    ["model.ec8", await writeNetwork(packBlazeface(graph, calibration))],
  ] as const;
  const files = artifacts.map(([path, bytes]) => ({ path, bytes: bytes.length, sha256: sha256(bytes) }));
  const contract = {
    ...CONTRACT,
    float: { model: "model.json", files: files.slice(0, 2) },
    int8: { model: "model.ec8", files: files.slice(2) },
  };
  await mkdir(outDir, { recursive: true });
  for (const [path, bytes] of artifacts) await writeFile(join(outDir, path), bytes);
  await writeFile(join(outDir, "contract.json"), `${JSON.stringify(contract, null, 2)}\n`);
}
