/** Fetches a model's contract and files. Each file is hashed once, here; the engines trust the bytes. */
import { EmotionCamError } from "../errors.ts";
import type { EngineName } from "../types.ts";
import {
  type Artifact,
  type ClassifierContract,
  type DetectorContract,
  type LoadedModel,
  MODEL_REMEDY,
  artifactBytes,
  corruptModel,
  readClassifier,
  readDetector,
} from "./contract.ts";

/** A model whose contract is loaded, but not yet its files. */
export interface FoundModel<Contract> {
  /** Address of the contract. */
  readonly url: string;
  readonly contract: Contract;
}

/** @throws EmotionCamError `model-load`, which names the URL. */
async function request(url: string, cache: RequestCache): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, { cache });
  } catch (cause) {
    const message =
      `${url} cannot be reached: check the network, check asset-base and model, and if the file lies on another ` +
      "origin, check that its server allows this page (CORS).";
    throw new EmotionCamError("model-load", message, { cause });
  }
  if (!response.ok) throw new EmotionCamError("model-load", `${url} answers ${response.status}. ${MODEL_REMEDY}`);
  return response;
}

async function fetchJson(url: string): Promise<unknown> {
  // "no-cache" revalidates: an old contract would make new files look corrupt.
  const text = await (await request(url, "no-cache")).text();
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw corruptModel(url, "is not JSON", cause);
  }
}

/**
 * @param model A shipped model's name, or the contract's absolute URL.
 * @param assetBase URL of the folder that holds `models/`, ending in a slash.
 */
function contractUrl(model: string, assetBase: string): string {
  return new URL(/^[\w-]+$/.test(model) ? `models/${model}/contract.json` : model, assetBase).href;
}

/**
 * Fetch and check a detector's contract.
 *
 * @param model A shipped model's name, or the contract's absolute URL.
 * @param assetBase URL of the folder that holds `models/`, ending in a slash.
 * @throws EmotionCamError `model-load` or `model-corrupt`, which names the URL.
 */
export async function findDetector(model: string, assetBase: string): Promise<FoundModel<DetectorContract>> {
  const url = contractUrl(model, assetBase);
  return { url, contract: readDetector(url, await fetchJson(url)) };
}

/**
 * Fetch and check a classifier's contract.
 *
 * @param model A shipped model's name, or the contract's absolute URL.
 * @param assetBase URL of the folder that holds `models/`, ending in a slash.
 * @throws EmotionCamError `model-load` or `model-corrupt`, which names the URL.
 */
export async function findClassifier(model: string, assetBase: string): Promise<FoundModel<ClassifierContract>> {
  const url = contractUrl(model, assetBase);
  return { url, contract: readClassifier(url, await fetchJson(url)) };
}

async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** @returns The first `bytes` bytes of the body, and the body's true length. */
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
  // A cache may hold the file of another version of the package: the second attempt bypasses it.
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
      ? `has sha256 ${hash}, but its contract says ${file.sha256}`
      : `has ${length} bytes (${response.headers.get("content-type") ?? "no content type"}), but its contract says ` +
        `${file.bytes}`;
  }
  throw corruptModel(url, fault);
}

/**
 * Take the sha256 of all files together, as `cat FILES | sha256sum` does. A single file's is known already.
 *
 * @param bodies The verified files, in the artifact's order.
 */
async function modelSha256(artifact: Artifact, bodies: readonly Uint8Array<ArrayBuffer>[]): Promise<string> {
  if (artifact.files.length === 1) return artifact.files[0]!.sha256;
  const all = new Uint8Array(artifactBytes(artifact));
  let at = 0;
  for (const body of bodies) {
    all.set(body, at);
    at += body.length;
  }
  return sha256(all);
}

/**
 * Fetch one engine's files of a model, and verify their sizes and sha256.
 *
 * @param onBytes Called with the number of bytes that arrived since the last call; negative where they are fetched anew.
 * @throws EmotionCamError `model-load`, `model-corrupt` or `insecure-context`, which names the URL.
 */
export async function loadModel<Contract extends DetectorContract | ClassifierContract>(
  { url, contract }: FoundModel<Contract>,
  engine: EngineName,
  onBytes: (count: number) => void,
): Promise<LoadedModel<Contract>> {
  const artifact = contract.artifacts[engine];
  if (!artifact) throw corruptModel(url, `has no files for the ${engine} engine`);
  if (!globalThis.crypto?.subtle) {
    throw new EmotionCamError(
      "insecure-context",
      `${url} cannot be verified: browsers offer sha256 on https and localhost only. Serve the page from there.`,
    );
  }
  const bodies = await Promise.all(
    artifact.files.map((file) => fetchFile(new URL(file.path, url).href, file, onBytes)),
  );
  const { name, version } = contract;
  return {
    contract,
    artifact,
    info: { name, version, sha256: await modelSha256(artifact, bodies), bytes: artifactBytes(artifact) },
    files: new Map(artifact.files.map((file, i) => [file.path, bodies[i]!])),
  };
}
