import * as blazeface from "@tensorflow-models/blazeface";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { offer } from "./harness.js";

/** The obvious way: call the package on the whole canvas, then the classifier on each face's box. */
let detector;
let classifier;
let contract;

async function classify(canvas, [left, top], [right, bottom]) {
  const { width: size, mean, std } = contract.input;
  const logits = tf.tidy(() => {
    const frame = tf.browser.fromPixels(canvas).toFloat();
    const box = [top / canvas.height, left / canvas.width, bottom / canvas.height, right / canvas.width];
    const face = tf.image.cropAndResize(frame.expandDims(0), [box], [0], [size, size]);
    const gray = face.mul([0.299, 0.587, 0.114]).sum(3, true);
    return classifier.predict(gray.sub(mean).div(std));
  });
  const scores = await logits.data();
  logits.dispose();
  return contract.labels[scores.indexOf(Math.max(...scores))];
}

offer({
  async load() {
    setWasmPaths("/tfjs-wasm/");
    await tf.setBackend("wasm");
    await tf.ready();
    const [detectorContract, classifierContract] = await Promise.all(
      ["blazeface", PEERS_MODEL].map(async (name) => (await fetch(`/site/models/${name}/contract.json`)).json()),
    );
    contract = classifierContract;
    detector = await blazeface.load({ modelUrl: `/site/models/blazeface/${detectorContract.float.model}` });
    const url = `/site/models/${PEERS_MODEL}/${contract.float.model}`;
    classifier = await tf.loadGraphModel(url);
  },
  async look(canvas) {
    const faces = await detector.estimateFaces(canvas, false);
    let label;
    for (const { topLeft, bottomRight } of faces) label = await classify(canvas, topLeft, bottomRight);
    if (faces.length === 0) return { faces: 0 };
    const [{ topLeft, bottomRight }] = faces;
    const size = [bottomRight[0] - topLeft[0], bottomRight[1] - topLeft[1]];
    return { faces: faces.length, box: [...topLeft, ...size], label };
  },
});
