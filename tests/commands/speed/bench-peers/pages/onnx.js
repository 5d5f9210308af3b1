import * as ort from "onnxruntime-web/wasm";
import { SIZE, crop, decode, fill, input, labelOf, loadContract, picture } from "./face-input.js";
import { offer } from "./harness.js";

const AREA = SIZE * SIZE;
/** BlazeFace's input as ONNX has it, [1, 3, 128, 128]. */
const planes = new Float32Array(3 * AREA);

let detector;
let classifier;
let contract;

function toPlanes() {
  for (let from = 0, to = 0; to < AREA; to++) {
    planes[to] = input[from++];
    planes[AREA + to] = input[from++];
    planes[2 * AREA + to] = input[from++];
  }
}

async function run(session, values, shape) {
  const outputs = await session.run({ picture: new ort.Tensor("float32", values, shape) });
  return session.outputNames.map((name) => outputs[name].data);
}

offer({
  async load() {
    ort.env.wasm.wasmPaths = "/ort-wasm/";
    ort.env.wasm.numThreads = 1;
    const options = { executionProviders: ["wasm"], graphOptimizationLevel: "all" };
    contract = await loadContract();
    detector = await ort.InferenceSession.create("/networks/blazeface.onnx", options);
    classifier = await ort.InferenceSession.create(PEERS_CLASSIFIER, options);
  },
  async look(canvas) {
    const place = fill(canvas);
    toPlanes();
    const outputs = await run(detector, planes, [1, 3, SIZE, SIZE]);
    const [logits, boxes] = outputs.sort((a, b) => a.length - b.length);
    const sight = decode(boxes, logits, place);
    if (sight.faces === 0) return sight;
    crop(canvas, sight.box, contract.input);
    const [scores] = await run(classifier, picture, [1, 1, 48, 48]);
    return { ...sight, label: labelOf(scores, contract) };
  },
});
