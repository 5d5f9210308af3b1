import * as faceapi from "@vladmandic/face-api";
import { offer } from "./harness.js";

/** At 160, its default for speed, the tiny detector misses these faces. */
const detector =
  PEERS_DETECTOR === "ssd"
    ? new faceapi.SsdMobilenetv1Options({ minConfidence: 0.5 })
    : new faceapi.TinyFaceDetectorOptions({ inputSize: 320, scoreThreshold: 0.5 });
const network = PEERS_DETECTOR === "ssd" ? faceapi.nets.ssdMobilenetv1 : faceapi.nets.tinyFaceDetector;

offer({
  async load() {
    faceapi.tf.setWasmPaths("/tfjs-wasm/");
    await faceapi.tf.setBackend("wasm");
    await faceapi.tf.ready();
    await network.loadFromUri("/face-api-models/");
    await faceapi.nets.faceExpressionNet.loadFromUri("/face-api-models/");
  },
  async look(canvas) {
    const faces = await faceapi.detectAllFaces(canvas, detector).withFaceExpressions();
    const face = faces[0];
    if (face === undefined) return { faces: 0 };
    const { x, y, width, height } = face.detection.box;
    return { faces: faces.length, box: [x, y, width, height], label: face.expressions.asSortedArray()[0].expression };
  },
});
