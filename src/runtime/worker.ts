/** The worker: receives frames, answers with faces. See `protocol.ts`. */
import { EmotionCamError } from "../errors.ts";
import { coarseOf } from "../pipeline/coarse.ts";
import { type Pipeline, createPipeline } from "../pipeline/pipeline.ts";
import type { Picture } from "../pipeline/stages.ts";
import type { FrameResult, Rotation } from "../types.ts";
import { loadEngine } from "./load-engine.ts";
import { type Frame, Pixels } from "./pixels.ts";
import { Planes } from "./planes.ts";
import type { RuntimeOptions, WireError, WorkerRequest, WorkerResponse } from "./protocol.ts";

type FrameRequest = Extract<WorkerRequest, { type: "frame" }>;

const planes = new Planes();
const pixels = new Pixels();
let pipeline: Pipeline | null = null;

function post(message: WorkerResponse): void {
  postMessage(message);
}

function wireError(error: unknown): WireError {
  const cause = error instanceof Error && error.cause !== undefined ? { cause: String(error.cause) } : {};
  if (error instanceof EmotionCamError) return { code: error.code, message: error.message, ...cause };
  return {
    code: "worker-crash",
    message: `The worker failed while it computed: ${String(error)}. It is started again.`,
    ...cause,
  };
}

async function load(options: RuntimeOptions): Promise<void> {
  const { engine, runtime } = await loadEngine(options, (loadedBytes, totalBytes) =>
    post({ type: "progress", loadedBytes, totalBytes }),
  );
  pipeline = createPipeline({
    detector: engine.detector,
    classifier: engine.classifier,
    clock: () => performance.now(),
  });
  post({ type: "ready", runtime });
}

/** Read a frame's pixels, and close it at once: a camera has only a few frame buffers. */
async function read(frame: Frame, rotation: Rotation): Promise<Picture> {
  try {
    return (await planes.read(frame, rotation)) ?? pixels.read(frame, rotation);
  } finally {
    frame.close();
  }
}

async function answer({ frame, timeMs, options, rotation }: FrameRequest): Promise<FrameResult> {
  const startMs = performance.now();
  const picture = await read(frame, rotation);
  const grab = performance.now() - startMs;
  if (!pipeline) throw new Error("a frame arrived before the networks were loaded");
  const result = await pipeline.process(picture, timeMs, options);
  const coarse = options.coarse ? { coarse: coarseOf(picture) } : {};
  return { ...result, ...coarse, timings: { ...result.timings, grab, total: performance.now() - startMs } };
}

addEventListener("message", async ({ data }: MessageEvent<WorkerRequest>) => {
  try {
    if (data.type === "load") await load(data.options);
    else post({ type: "result", result: await answer(data) });
  } catch (error) {
    post({ type: "error", error: wireError(error) });
  }
});
