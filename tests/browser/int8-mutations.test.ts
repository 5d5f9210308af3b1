import { expect, test } from "vitest";
import { EmotionCamError } from "../../src/errors.ts";
import type { Network } from "../../src/runtime/int8/network.ts";
import { planNetwork } from "../../src/runtime/int8/plan.ts";
import { readNetwork } from "../../src/runtime/int8/reader.ts";
import type { Variant } from "../../src/runtime/int8/variant.ts";
import { writeNetwork } from "../../models/int8/write.ts";
import { randomNetwork, randomNumbers } from "../int8/networks.ts";
import { reference } from "../int8/reference.ts";
import { Sandbox, withoutPadding } from "../int8/sandbox.ts";

const FILES = 10_000;
/** Whole networks, whose files are damaged in turn. */
const ORIGINALS = 40;
const HANG_MS = 600_000;

/** Make one to three changes: a bit, a byte, a cut, a stretch of zeros, or two swapped words. */
function damage(bytes: Uint8Array<ArrayBuffer>, random: (below: number) => number): Uint8Array<ArrayBuffer> {
  let result = bytes.slice();
  // Half of the changes go to the start of the file, where sizes and kinds are.
  const at = () => random(random(2) === 0 ? Math.min(result.length, 160) : result.length);
  for (let changes = 1 + random(3); changes > 0; changes--) {
    const place = at();
    switch (random(6)) {
      case 0:
        result = result.slice(0, place + 1);
        break;
      case 1:
        result.fill(0, place, place + 1 + random(16));
        break;
      case 2: {
        const other = at();
        const word = result.slice(place, place + 4);
        result.copyWithin(place, other, other + 4);
        result.set(word.subarray(0, Math.max(0, result.length - other)), other);
        break;
      }
      case 3:
        result[place] = random(256);
        break;
      default:
        result[place]! ^= 1 << random(8);
    }
  }
  // Correct the size in the header in half of the files, so that the checks behind it are reached.
  if (random(2) === 0 && result.length >= 12) new DataView(result.buffer).setUint32(8, result.length, true);
  return result;
}

const VARIANTS: readonly Variant[] = ["relaxed", "pairs-winograd"];

test(
  `${FILES} damaged model files are refused, or run within their memory`,
  async () => {
    const module = await WebAssembly.compile(await (await fetch("/wasm/kernels-relaxed.wasm")).arrayBuffer());
    const sandbox = new Sandbox(module);
    const random = randomNumbers(99);
    const originals = await Promise.all(
      Array.from({ length: ORIGINALS }, (_, seed) => writeNetwork(randomNetwork(seed + 1))),
    );
    let refused = 0;
    let ran = 0;
    for (let file = 0; file < FILES; file++) {
      const bytes = damage(originals[file % ORIGINALS]!, random);
      let network: Network;
      try {
        network = readNetwork(bytes, `damaged file ${file}`);
      } catch (error) {
        expect(error).toBeInstanceOf(EmotionCamError);
        expect((error as EmotionCamError).code).toBe("model-corrupt");
        refused++;
        continue;
      }
      const plan = planNetwork(network, VARIANTS[file % 2]!);
      const rgba = new Uint8ClampedArray(network.input.size ** 2 * 4).fill(file);
      expect(sandbox.run(plan, rgba), `file ${file} wrote outside its memory`).toBeDefined();
      ran++;
    }
    expect(refused + ran).toBe(FILES);
    // Otherwise the damage is too gentle or too rough to test anything.
    expect(refused).toBeGreaterThan(FILES / 10);
    expect(ran).toBeGreaterThan(FILES / 10);

    const network = randomNetwork(3);
    const rgba = new Uint8ClampedArray(network.input.size ** 2 * 4).fill(200);
    const plan = planNetwork(network, "relaxed");
    const out = sandbox.run(plan, rgba)!;
    expect(withoutPadding(plan.outputs, out)).toEqual(reference(network, rgba));
  },
  HANG_MS,
);
