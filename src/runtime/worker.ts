/** The worker's end of the wire: frames in, faces out. */
import { EmotionCamError } from "../errors.ts";
import { coarseOf } from "../pipeline/coarse.ts";
import { type Pipeline, createPipeline } from "../pipeline/pipeline.ts";
import type { Picture } from "../pipeline/stages.ts";
import type { FrameOptions, FrameResult } from "../types.ts";
import { loadEngine } from "./engine.ts";
import { type Frame, Pixels } from "./pixels.ts";
import { Planes } from "./planes.ts";
import type { WorkerRequest, WorkerResponse, RuntimeOptions, WireError } from "./protocol.ts";

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

/** Closes the frame as soon as its pixels are here: a camera has only a few. */
async function read(frame: Frame): Promise<Picture> {
  try {
    return (await planes.read(frame)) ?? pixels.read(frame);
  } finally {
    frame.close();
  }
}

async function answer(frame: Frame, timeMs: number, options: FrameOptions): Promise<FrameResult> {
  const startMs = performance.now();
  const picture = await read(frame);
  const grab = performance.now() - startMs;
  if (!pipeline) throw new Error("a frame came before the networks were there");
  const result = await pipeline.process(picture, timeMs, options);
  const coarse = options.coarse ? { coarse: coarseOf(picture) } : {};
  return { ...result, ...coarse, timings: { ...result.timings, grab, total: performance.now() - startMs } };
}

addEventListener("message", async ({ data }: MessageEvent<WorkerRequest>) => {
  try {
    if (data.type === "load") await load(data.options);
    else post({ type: "result", result: await answer(data.frame, data.timeMs, data.options) });
  } catch (error) {
    post({ type: "error", error: wireError(error) });
  }
});
