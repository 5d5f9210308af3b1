import { Tensor, loadAndCompile, loadLiteRt } from "@litertjs/core";
import { SIZE, crop, decode, fill, input, labelOf, loadContract, picture } from "./face-input.js";
import { offer } from "./harness.js";

const WASM = { accelerator: "wasm" };

let detector;
let classifier;
let contract;

async function run(model, values, shape) {
  const tensor = new Tensor(values, shape);
  const outputs = await model.run(tensor);
  tensor.delete();
  const arrays = await Promise.all(outputs.map(async (output) => (await output.data()).slice()));
  for (const output of outputs) output.delete();
  return arrays;
}

offer({
  async load() {
    await loadLiteRt("/litert-wasm/");
    detector = await loadAndCompile("/blazeface.tflite", WASM);
    // Empty: the detector alone.
    if (PEERS_CLASSIFIER === "") return;
    contract = await loadContract();
    classifier = await loadAndCompile(PEERS_CLASSIFIER, WASM);
  },
  async look(canvas) {
    const place = fill(canvas);
    const outputs = await run(detector, input, [1, SIZE, SIZE, 3]);
    const [logits, boxes] = outputs.sort((a, b) => a.length - b.length);
    const sight = decode(boxes, logits, place);
    if (PEERS_CLASSIFIER === "" || sight.faces === 0) return sight;
    crop(canvas, sight.box, contract.input);
    const [scores] = await run(classifier, picture, [1, 48, 48, 1]);
    return { ...sight, label: labelOf(scores, contract) };
  },
});
