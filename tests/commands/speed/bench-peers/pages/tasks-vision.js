import { FaceDetector, FilesetResolver } from "@mediapipe/tasks-vision";
import { offer } from "./harness.js";

let detector;

offer({
  async load() {
    const files = await FilesetResolver.forVisionTasks("/tasks-vision");
    const baseOptions = { modelAssetPath: "/networks/blazeface-metadata.tflite", delegate: "CPU" };
    detector = await FaceDetector.createFromOptions(files, { baseOptions, runningMode: "IMAGE" });
  },
  async look(canvas) {
    const { detections } = detector.detect(canvas);
    const box = detections[0]?.boundingBox;
    if (box === undefined) return { faces: 0 };
    return { faces: detections.length, box: [box.originX, box.originY, box.width, box.height] };
  },
});
