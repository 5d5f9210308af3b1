import "emotion-cam/define";
import { EmotionCam, EmotionCamError, type EmotionCamEventMap, type Face, LABELS, type RuntimeInfo } from "emotion-cam";

const camera: EmotionCam = document.createElement("emotion-cam");
const found: EmotionCam | null = document.querySelector("emotion-cam");
camera.maxFaces = 2;
camera.overlay = "boxes";
camera.addEventListener("emotion-frame", ({ faces, timeMs, timings }) => {
  const first: Face | undefined = faces[0];
  const sum: number = timeMs + timings.total + (first?.scores.happy ?? 0);
  return sum;
});
camera.addEventListener(
  "emotion-error",
  ({ error }) => error instanceof EmotionCamError && error.code === "camera-busy",
);
camera.addEventListener("click", (event) => event.clientX);
const runtime: Promise<RuntimeInfo> = camera.start();
const known: keyof EmotionCamEventMap = "emotion-presence";
EmotionCam.define("my-cam");
found?.append(LABELS.join(), known, String(runtime));

// @ts-expect-error There is no such overlay.
camera.overlay = "everything";
// @ts-expect-error What is computed cannot be set.
camera.runtime = null;
// @ts-expect-error A frame carries no label: its faces do.
camera.addEventListener("emotion-frame", ({ label }) => label);
// @ts-expect-error There is no such code.
camera.addEventListener("emotion-error", ({ error }) => error.code === "no-coffee");
// @ts-expect-error How the element is made is nobody's matter.
camera.requestUpdate();
