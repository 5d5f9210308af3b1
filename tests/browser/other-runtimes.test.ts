import * as tf from "@tensorflow/tfjs-core";
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { Tensor, loadAndCompile, loadLiteRt } from "@litertjs/core";
import { beforeAll, expect, test } from "vitest";
import type { Quantized } from "../../models/int8/classifier.ts";
import { readQuantized } from "../commands/speed/bench-peers/quantized.ts";
import { writeTflite } from "../commands/speed/bench-peers/write-tflite.ts";

const SIZE = 48;

/** The laughing woman's face, standardised as `edge` wants it. */
async function picture(): Promise<Float32Array> {
  const bitmap = await createImageBitmap(
    await (await fetch(new URL("../fixtures/astronaut.jpg", import.meta.url))).blob(),
  );
  const context = new OffscreenCanvas(SIZE, SIZE).getContext("2d")!;
  context.drawImage(bitmap, 165, 50, 120, 120, 0, 0, SIZE, SIZE);
  const { data } = context.getImageData(0, 0, SIZE, SIZE);
  return Float32Array.from({ length: SIZE * SIZE }, (_, i) => (data[4 * i + 1]! - 128.5) / 64);
}

beforeAll(async () => {
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  setWasmPaths("/wasm/");
  await tf.setBackend("wasm");
  await loadLiteRt("/node_modules/@litertjs/core/wasm/");
});

test.each(["float32", "int8"] as const)(
  "edge as a TensorFlow Lite file answers in LiteRT as in tfjs: %s",
  async (precision) => {
    const input = await picture();
    const model = await loadGraphModel("/models/edge/model.json");
    const answer = model.predict(tf.tensor4d(input, [1, SIZE, SIZE, 1])) as tf.Tensor2D;
    const expected = await answer.data();

    const quantized = (await (await fetch("/models/edge/quant.json")).json()) as Quantized;
    const data = new Uint8Array(await (await fetch("/models/edge/quant.bin")).arrayBuffer());
    const file = writeTflite(readQuantized(quantized, data), precision);
    const compiled = await loadAndCompile(file, { accelerator: "wasm" });
    const [output] = await compiled.run([new Tensor(input, [1, SIZE, SIZE, 1])]);
    const logits = (await output!.data()) as Float32Array;

    const differences = Array.from(expected, (value, i) => Math.abs(value - logits[i]!));
    console.log(
      `logits ${Array.from(logits, (v) => v.toFixed(2)).join(" ")}; differences up to ${Math.max(...differences).toFixed(2)}`,
    );
    expect(logits.indexOf(Math.max(...logits))).toBe(expected.indexOf(Math.max(...expected)));
    expect(Math.max(...differences)).toBeLessThan(1);
    tf.dispose(answer);
    model.dispose();
    compiled.delete();
  },
);
