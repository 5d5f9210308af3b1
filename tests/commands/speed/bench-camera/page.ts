/** The page's half of each path: show the camera, hand its frames to the worker, and count. */
import type { FromWorker, ToWorker, Way } from "./worker.ts";

/** A path from the camera to the worker; `none` only shows the camera. */
export type Path =
  | "none"
  | "VideoFrame, canvas"
  | "VideoFrame, planes"
  | "ImageBitmap, canvas"
  | "track processor, canvas"
  | "track processor, planes"
  | "picture, canvas"
  | "picture, planes";

/** Only Chromium has it in pages. @see https://w3c.github.io/mediacapture-transform/ */
declare class MediaStreamTrackProcessor {
  constructor(init: { track: MediaStreamTrack; maxBufferSize?: number });
  readonly readable: ReadableStream<VideoFrame>;
}

/** The results of one run. */
export interface Outcome {
  readonly frames: number;
  /** Milliseconds to cut the squares, for each frame. */
  readonly workerMs: readonly number[];
  /** Milliseconds to make the object that is handed to the worker, for each frame. */
  readonly grabMs: readonly number[];
}

let stream: MediaStream;
let worker: Worker | undefined;
const video = document.createElement("video");
/** The camera's first frame, as pixels. */
const picture = document.createElement("img");

async function open(width: number, height: number): Promise<{ width: number; height: number }> {
  stream = await navigator.mediaDevices.getUserMedia({ video: { width, height, frameRate: 30 } });
  video.muted = true;
  video.srcObject = stream;
  document.body.append(video);
  await video.play();
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  canvas.getContext("2d")!.drawImage(video, 0, 0);
  picture.src = canvas.toDataURL();
  await picture.decode();
  return { width: video.videoWidth, height: video.videoHeight };
}

async function run(path: Path, seconds: number): Promise<Outcome> {
  // The last run's worker lives until now, so that its CPU time could be read.
  worker?.terminate();
  worker = new Worker("/worker.js", { type: "module" });
  const workerMs: number[] = [];
  const grabMs: number[] = [];
  const over = new AbortController();
  let frames = 0;
  let wake = () => {};
  worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
    workerMs.push(data.workerMs);
    frames++;
    wake();
  });
  const to = worker;
  const answered = () => new Promise<void>((resolve) => (wake = resolve));
  const shown = () => new Promise<void>((resolve) => video.requestVideoFrameCallback(() => resolve()));

  const handOver = async (way: Way, grab: () => (VideoFrame | ImageBitmap) | Promise<VideoFrame | ImageBitmap>) => {
    for (;;) {
      await shown();
      if (over.signal.aborted) return;
      const startMs = performance.now();
      const frame = await grab();
      grabMs.push(performance.now() - startMs);
      const answer = answered();
      to.postMessage({ type: "frame", frame, way } satisfies ToWorker, [frame]);
      await answer;
    }
  };
  // Chromium transfers no tracks. It transfers a processor's stream, whose frames then go straight to the worker.
  const handStreamOver = (way: Way) => {
    const track = stream.getVideoTracks()[0]!.clone();
    over.signal.addEventListener("abort", () => track.stop());
    const { readable } = new MediaStreamTrackProcessor({ track, maxBufferSize: 1 });
    to.postMessage({ type: "stream", readable, way } satisfies ToWorker, [readable]);
  };
  const take = () => new VideoFrame(video);
  const takePicture = () => new VideoFrame(picture, { timestamp: 0 });
  if (path === "VideoFrame, canvas") void handOver("canvas", take);
  if (path === "VideoFrame, planes") void handOver("planes", take);
  if (path === "picture, canvas") void handOver("canvas", takePicture);
  if (path === "picture, planes") void handOver("planes", takePicture);
  if (path === "ImageBitmap, canvas") void handOver("canvas", () => createImageBitmap(video));
  if (path === "track processor, canvas") handStreamOver("canvas");
  if (path === "track processor, planes") handStreamOver("planes");

  const before = video.getVideoPlaybackQuality().totalVideoFrames;
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  over.abort();
  const played = video.getVideoPlaybackQuality().totalVideoFrames - before;
  return { frames: path === "none" ? played : frames, workerMs, grabMs };
}

declare global {
  interface Window {
    camera: { open: typeof open; run: typeof run };
  }
}

window.camera = { open, run };
