import * as faceapi from "@vladmandic/face-api";

const LABELS = ["angry", "disgusted", "fearful", "happy", "neutral", "sad", "surprised"];

function toCanvas(gray, size) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const image = new ImageData(size, size);
  gray.forEach((level, i) => image.data.set([level, level, level, 255], 4 * i));
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** Its expression network without detection. */
window.expressions = {
  async load() {
    faceapi.tf.setWasmPaths("/tfjs-wasm/");
    await faceapi.tf.setBackend("wasm");
    await faceapi.tf.ready();
    await faceapi.nets.faceExpressionNet.loadFromUri("/face-api-models/");
  },
  /** @returns Seven probabilities for each face. */
  async classify(gray, count, size) {
    const area = size * size;
    const faces = Array.from({ length: count }, (_, i) => toCanvas(gray.subarray(i * area, (i + 1) * area), size));
    const answers = [await faceapi.nets.faceExpressionNet.predictExpressions(faces)].flat();
    return answers.map((answer) => LABELS.map((label) => answer[label]));
  },
};
