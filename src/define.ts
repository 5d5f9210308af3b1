import { EmotionCam } from "./emotion-cam.ts";

EmotionCam.define();

export * from "./index.ts";
