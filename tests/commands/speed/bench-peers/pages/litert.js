import { Tensor, loadAndCompile, loadLiteRt } from "@litertjs/core";
import { offer } from "./harness.js";

const SIZE = 128;
/** BlazeFace, short range: two anchors for each cell of a grid of 16, six for each cell of a grid of 8. */
const GRIDS = [
  { cells: 16, each: 2 },
  { cells: 8, each: 6 },
];
const anchors = GRIDS.flatMap(({ cells, each }) =>
  Array.from({ length: cells * cells * each }, (_, index) => {
    const cell = Math.floor(index / each);
    return [((cell % cells) + 0.5) / cells, (Math.floor(cell / cells) + 0.5) / cells];
  }),
);
/** The logit of a score of 0.5. */
const LEAST_LOGIT = 0;

const small = new OffscreenCanvas(SIZE, SIZE).getContext("2d", { willReadFrequently: true });
const input = new Float32Array(SIZE * SIZE * 3);
let model;

/** Letterbox the frame, as in the network's training. @returns The side of the square and its corner, pixels of the frame. */
function fill(canvas) {
  const side = Math.max(canvas.width, canvas.height);
  const x = (canvas.width - side) / 2;
  const y = (canvas.height - side) / 2;
  const scale = SIZE / side;
  small.fillRect(0, 0, SIZE, SIZE);
  small.drawImage(canvas, -x * scale, -y * scale, canvas.width * scale, canvas.height * scale);
  const { data } = small.getImageData(0, 0, SIZE, SIZE);
  for (let from = 0, to = 0; from < data.length; from += 4) {
    input[to++] = data[from] / 127.5 - 1;
    input[to++] = data[from + 1] / 127.5 - 1;
    input[to++] = data[from + 2] / 127.5 - 1;
  }
  return { side, x, y };
}

/** @returns Only the best box. */
function decode(boxes, logits, { side, x, y }) {
  let best = 0;
  for (let index = 1; index < logits.length; index++) if (logits[index] > logits[best]) best = index;
  if (logits[best] < LEAST_LOGIT) return { faces: 0 };
  const [dx, dy, width, height] = boxes.subarray(best * 16, best * 16 + 4);
  const centerX = dx / SIZE + anchors[best][0];
  const centerY = dy / SIZE + anchors[best][1];
  const left = x + (centerX - width / SIZE / 2) * side;
  const top = y + (centerY - height / SIZE / 2) * side;
  return { faces: 1, box: [left, top, (width / SIZE) * side, (height / SIZE) * side] };
}

offer({
  async load() {
    await loadLiteRt("/litert-wasm/");
    model = await loadAndCompile("/blazeface.tflite", { accelerator: "wasm" });
  },
  async look(canvas) {
    const place = fill(canvas);
    const tensor = new Tensor(input, [1, SIZE, SIZE, 3]);
    const outputs = await model.run(tensor);
    tensor.delete();
    const arrays = await Promise.all(outputs.map(async (output) => (await output.data()).slice()));
    for (const output of outputs) output.delete();
    const [logits, boxes] = arrays.sort((a, b) => a.length - b.length);
    return decode(boxes, logits, place);
  },
});
