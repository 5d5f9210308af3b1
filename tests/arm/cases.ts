/** The networks, inputs and expected outputs that the test and the program on ARM exchange. */
import { readFile, readdir } from "node:fs/promises";
import { join } from "node:path";
import { writeNetwork } from "../../models/int8/write.ts";
import { readNetwork } from "../../src/runtime/int8/reader.ts";
import { randomNetwork, randomNumbers } from "../int8/networks.ts";
import { reference } from "../int8/reference.ts";

/** Random networks beside the shipped ones. */
const RANDOM_NETWORKS = 40;

/** A network by name; its files are served as `cases/<name>.ec8`, `.rgba` and `.f32`. */
export interface Case {
  readonly name: string;
}

/** The answer of the program on ARM. */
export interface Report {
  /** Networks times variants. */
  readonly compared: number;
  /** Each as `network, variant`. */
  readonly mismatches: readonly string[];
  /** The variant that calibration chose. */
  readonly chosen: string;
}

/**
 * Make every case on this processor.
 *
 * @param site The built site, whose networks are among the cases.
 * @returns Files by their path on the server.
 */
export async function makeCases(site: string): Promise<ReadonlyMap<string, Uint8Array | string>> {
  const files = new Map<string, Uint8Array | string>();
  const names: Case[] = [];
  const add = async (name: string, bytes: Uint8Array<ArrayBuffer>, seed: number) => {
    const network = readNetwork(bytes, name);
    const rgba = randomPixels(seed, network.input.size);
    names.push({ name });
    files.set(`/cases/${name}.ec8`, bytes);
    files.set(`/cases/${name}.rgba`, new Uint8Array(rgba.buffer));
    files.set(`/cases/${name}.f32`, new Uint8Array(reference(network, rgba).buffer));
  };
  for (const name of await readdir(join(site, "models"))) {
    await add(name, new Uint8Array(await readFile(join(site, "models", name, "model.ec8"))), 1);
  }
  for (let seed = 1; seed <= RANDOM_NETWORKS; seed++) {
    await add(`random-${seed}`, await writeNetwork(randomNetwork(seed)), seed);
  }
  files.set("/cases.json", JSON.stringify(names));
  return files;
}

function randomPixels(seed: number, size: number): Uint8ClampedArray<ArrayBuffer> {
  const random = randomNumbers(seed);
  return Uint8ClampedArray.from({ length: size * size * 4 }, () => random(256));
}
