/**
 * A worker that speaks `src/runtime/protocol.ts` without networks. It reports one face from the third to the twelfth
 * frame, neutral at first and happy from the sixth. A model named broken.json fails to load.
 */
const FROM_FRAME = 3;
const HAPPY_FROM_FRAME = 6;
const TO_FRAME = 12;

const model = (name) => ({ name, version: "0", sha256: "0".repeat(64), bytes: 0 });
const runtime = {
  engine: "float",
  backend: "wasm",
  simd: "simd128",
  variant: "tfjs",
  threads: 1,
  detector: model("fake"),
  classifier: model("fake"),
  minConfidence: 0.4,
  wasmBytes: 0,
};
const timings = { grab: 0, detect: 0, crop: 0, classify: 0, post: 0, total: 0 };
let count = 0;

function faceWith(label) {
  const scores = { angry: 0, disgusted: 0, fearful: 0, happy: 0, neutral: 0, sad: 0, surprised: 0, [label]: 1 };
  const keypoints = Array.from({ length: 6 }, () => ({ x: 0.5, y: 0.5 }));
  const box = { x: 0.4, y: 0.4, width: 0.2, height: 0.2 };
  return { id: 1, box, keypoints, score: 1, scores, label, confidence: 1, certain: true };
}

function load({ model: wanted }) {
  if (wanted.endsWith("broken.json"))
    return postMessage({ type: "error", error: { code: "model-load", message: `${wanted} is broken` } });
  postMessage({ type: "progress", loadedBytes: 1, totalBytes: 2 });
  postMessage({ type: "ready", runtime });
}

function answer({ frame, timeMs }) {
  frame.close();
  count += 1;
  const seen = count >= FROM_FRAME && count <= TO_FRAME;
  const faces = seen ? [faceWith(count < HAPPY_FROM_FRAME ? "neutral" : "happy")] : [];
  postMessage({ type: "result", result: { timeMs, faces, timings, detected: true } });
}

self.addEventListener("message", ({ data }) => (data.type === "load" ? load(data.options) : answer(data)));
