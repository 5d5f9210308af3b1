import * as tf from "@tensorflow/tfjs-core";
import { loadGraphModel } from "@tensorflow/tfjs-converter";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { Tensor, loadAndCompile, loadLiteRt } from "@litertjs/core";
import { beforeAll, expect, test } from "vitest";

const ASTRONAUT = new URL("../fixtures/astronaut.jpg", import.meta.url);
const TFLITE = "/node_modules/@mediapipe/face_detection/face_detection_short_range.tflite";
const SIZE = 128;

/** @returns A square of the picture as the network's input; `x`, `y` and `side` in pixels. */
async function pixels(x: number, y: number, side: number): Promise<Float32Array> {
  const bitmap = await createImageBitmap(await (await fetch(ASTRONAUT)).blob());
  const context = new OffscreenCanvas(SIZE, SIZE).getContext("2d")!;
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, x, y, side, side, 0, 0, SIZE, SIZE);
  const { data } = context.getImageData(0, 0, SIZE, SIZE);
  return Float32Array.from({ length: SIZE * SIZE * 3 }, (_, i) => data[Math.floor(i / 3) * 4 + (i % 3)]! / 127.5 - 1);
}

beforeAll(async () => {
  tf.env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  setWasmPaths("/wasm/");
  await tf.setBackend("wasm");
  await loadLiteRt("/node_modules/@litertjs/core/wasm/");
});

test.each([
  ["the whole picture", 0, 0, 512],
  ["the head", 110, 20, 230],
])("the converted network answers as Google's own runtime does: %s", async (_, x, y, side) => {
  const input = await pixels(x, y, side);

  const model = await loadGraphModel("/models/blazeface/model.json");
  const answer = model.predict(tf.tensor4d(input, [1, SIZE, SIZE, 3])) as tf.Tensor3D;
  expect(answer.shape).toEqual([1, 896, 17]);
  const ours = await answer.data();

  const oracle = await loadAndCompile(TFLITE, { accelerator: "wasm" });
  const outputs = await oracle.run([new Tensor(input, [1, SIZE, SIZE, 3])]);
  const [boxes, scores] = await Promise.all(outputs.map(async (output) => (await output.data()) as Float32Array));
  expect([boxes?.length, scores?.length]).toEqual([896 * 16, 896]);

  let scoreError = 0;
  let boxError = 0;
  for (let anchor = 0; anchor < 896; anchor++) {
    scoreError = Math.max(scoreError, Math.abs(ours[anchor * 17]! - scores![anchor]!));
    for (let i = 0; i < 16; i++) {
      boxError = Math.max(boxError, Math.abs(ours[anchor * 17 + 1 + i]! - boxes![anchor * 16 + i]!));
    }
  }
  console.log(`largest differences: scores ${scoreError.toExponential(1)}, boxes ${boxError.toExponential(1)} px`);
  // Both find a face. The rest is rounding: scores are logits up to about 100, boxes are pixels of 128.
  expect(Math.max(...scores!)).toBeGreaterThan(1);
  expect(scoreError).toBeLessThan(1e-3);
  expect(boxError).toBeLessThan(1e-3);
  tf.dispose(answer);
  model.dispose();
  oracle.delete();
});
