import { Human } from "@vladmandic/human";
import { offer } from "./harness.js";

/** Caches are off, so that no frame and no face is skipped. Everything but face and emotion is off. */
const human = new Human({
  backend: "wasm",
  wasmPath: "/tfjs-wasm/",
  modelBasePath: "/human-models/",
  cacheSensitivity: 0,
  debug: false,
  warmup: "none",
  filter: { enabled: false },
  gesture: { enabled: false },
  face: {
    enabled: true,
    detector: { rotation: false, skipFrames: 0, skipTime: 0, maxDetected: 1 },
    mesh: { enabled: false },
    iris: { enabled: false },
    description: { enabled: false },
    antispoof: { enabled: false },
    liveness: { enabled: false },
    emotion: { enabled: true, skipFrames: 0, skipTime: 0 },
  },
  body: { enabled: false },
  hand: { enabled: false },
  object: { enabled: false },
  segmentation: { enabled: false },
});

offer({
  load: () => human.load(),
  async look(canvas) {
    const { face } = await human.detect(canvas);
    return { faces: face.length, box: face[0]?.box, label: face[0]?.emotion?.[0]?.emotion };
  },
});
