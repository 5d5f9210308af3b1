import { createClient } from "../../../../../src/runtime/client.ts";
import { offer } from "./harness.js";

/** No frame and no face is skipped, and nothing is smoothed, as with the other libraries. */
const OPTIONS = { maxFaces: 4, minScore: 0.5, smoothing: 0, range: PEERS_RANGE, pace: "measure" };

let client;
let timeMs = 0;

offer({
  async load() {
    // A visitor downloads the element too, although the frames go straight to its worker here.
    const element = import("/site/define.js");
    client = createClient(
      { assetBase: new URL("/site/", location.href).href, engine: PEERS_ENGINE, model: PEERS_MODEL },
      { workerUrl: "/site/worker.js", signal: new AbortController().signal },
    );
    const [runtime] = await Promise.all([client.ready, element]);
    if (runtime.engine !== PEERS_ENGINE) throw new Error(`The ${PEERS_ENGINE} engine does not run here.`);
    window.runtime = runtime;
  },
  async look(canvas) {
    timeMs += 1000 / 30;
    const frame = await createImageBitmap(canvas);
    const { faces } = await client.process(frame, timeMs, OPTIONS);
    const face = faces[0];
    if (face === undefined) return { faces: 0 };
    const { x, y, width, height } = face.box;
    const box = [x * canvas.width, y * canvas.height, width * canvas.width, height * canvas.height];
    return { faces: faces.length, box, label: face.label };
  },
});
