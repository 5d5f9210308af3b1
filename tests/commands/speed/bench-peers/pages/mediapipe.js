import mediapipe from "@mediapipe/face_detection";
import { offer } from "./harness.js";

const { FaceDetection } = mediapipe;
const detection = new FaceDetection({ locateFile: (file) => `/mediapipe/${file}` });
let detections = [];

offer({
  async load() {
    detection.setOptions({ model: "short", minDetectionConfidence: 0.5 });
    detection.onResults((results) => (detections = results.detections));
    await detection.initialize();
  },
  async look(canvas) {
    await detection.send({ image: canvas });
    const box = detections[0]?.boundingBox;
    if (box === undefined) return { faces: 0 };
    const { xCenter, yCenter, width, height } = box;
    const left = (xCenter - width / 2) * canvas.width;
    const top = (yCenter - height / 2) * canvas.height;
    return { faces: detections.length, box: [left, top, width * canvas.width, height * canvas.height] };
  },
});
