import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { packClassifier } from "../../models/int8/classifier.ts";
import { isSigned, writeNetwork } from "../../models/int8/write.ts";
import { readNetwork } from "../../src/runtime/int8/reader.ts";
import { randomNetwork } from "../int8/networks.ts";

const MODELS = fileURLToPath(new URL("../../models/", import.meta.url));
const QUANTIZED = readdirSync(MODELS).filter((name) => existsSync(join(MODELS, name, "quant.json")));

describe.each(QUANTIZED)("the integer network of %s", (name) => {
  const file = (path: string) => readFileSync(join(MODELS, name, path));

  test("is what training last wrote; else: npx tsx models/int8/pack-classifier.ts", async () => {
    const packed = await writeNetwork(packClassifier(JSON.parse(file("quant.json").toString()), file("quant.bin")));
    expect(file("model.ec8").equals(packed)).toBe(true);
  });

  test("is what the contract lists", () => {
    const bytes = file("model.ec8");
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const { int8 } = JSON.parse(file("contract.json").toString());
    expect(int8).toEqual({ model: "model.ec8", files: [{ path: "model.ec8", bytes: bytes.length, sha256 }] });
  });

  test("has the sha256 of its bytes in its header", async () => {
    expect(await isSigned(new Uint8Array(file("model.ec8")))).toBe(true);
  });
});

test("a written file is signed; with another bit it is not", async () => {
  const bytes = await writeNetwork(randomNetwork(1));
  expect(await isSigned(bytes)).toBe(true);
  bytes[bytes.length - 1]! ^= 1;
  expect(await isSigned(bytes)).toBe(false);
});

test("a network is read as it was written", async () => {
  for (let seed = 1; seed <= 50; seed++) {
    const network = randomNetwork(seed);
    expect(readNetwork(await writeNetwork(network), `network ${seed}`)).toEqual(network);
  }
});
