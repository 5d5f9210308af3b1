/**
 * Write a classifier's integer network, `model.ec8`, beside training's `quant.json` and `quant.bin`, and name it in the
 * contract.
 *
 *     tsx models/int8/pack-classifier.ts edge
 */
import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readNetwork } from "../../src/runtime/int8/reader.ts";
import { type Quantized, packClassifier } from "./classifier.ts";
import { writeNetwork } from "./write.ts";

const FILE = "model.ec8";

async function pack(name: string): Promise<void> {
  const folder = join("models", name);
  const quantized: Quantized = JSON.parse(readFileSync(join(folder, "quant.json"), "utf8"));
  const bytes = await writeNetwork(packClassifier(quantized, readFileSync(join(folder, "quant.bin"))));
  // Write nothing that the runtime would refuse.
  readNetwork(bytes, name);
  writeFileSync(join(folder, FILE), bytes);
  const path = join(folder, "contract.json");
  const contract = JSON.parse(readFileSync(path, "utf8"));
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  contract.int8 = { model: FILE, files: [{ path: FILE, bytes: bytes.length, sha256 }] };
  writeFileSync(path, `${JSON.stringify(contract, null, 2)}\n`);
  console.log(`${join(folder, FILE)}: ${bytes.length} bytes`);
}

const names = process.argv.slice(2);
if (names.length === 0) throw new Error("Name the model: tsx models/int8/pack-classifier.ts edge");
for (const name of names) await pack(name);
