/** The worker's half of each path: cut the two squares that a frame with one face needs. */
import type { Picture } from "../../../../src/pipeline/stages.ts";
import { Pixels } from "../../../../src/runtime/pixels.ts";
import { Planes } from "../../../../src/runtime/planes.ts";

const DETECTOR_SIZE = 128;
const FACE_SIZE = 48;
/** A face at a distance of one metre, a little tilted; fractions of the frame, radians. */
const FACE = { centerX: 0.5, centerY: 0.4, side: 0.2, roll: 0.1 };

const pixels = new Pixels();
const planes = new Planes();

function squaresOf(width: number, height: number) {
  const side = Math.max(width, height);
  return {
    whole: { centerX: width / 2, centerY: height / 2, side, roll: 0 },
    face: { centerX: FACE.centerX * width, centerY: FACE.centerY * height, side: FACE.side * side, roll: FACE.roll },
  };
}

/** @returns A number that depends on both squares, so that no optimisation skips one. */
function cutFrom(picture: Picture): number {
  const { whole, face } = squaresOf(picture.width, picture.height);
  const middle = picture.cut(whole, DETECTOR_SIZE)[(DETECTOR_SIZE * DETECTOR_SIZE) / 2]!;
  return middle + picture.cut(face, FACE_SIZE)[(FACE_SIZE * FACE_SIZE) / 2]!;
}

async function readPlanes(frame: VideoFrame | ImageBitmap): Promise<Picture> {
  const picture = await planes.read(frame);
  if (picture === null) throw new Error("The camera's frames have no planes of 8 bits.");
  return picture;
}

/** The worker's way to read pixels. */
export type Way = "canvas" | "planes";

/** A message to the worker. */
export type ToWorker =
  | { readonly type: "frame"; readonly frame: VideoFrame | ImageBitmap; readonly way: Way }
  | { readonly type: "stream"; readonly readable: ReadableStream<VideoFrame>; readonly way: Way };

/** The answer to each frame. */
export interface FromWorker {
  /** Milliseconds from the frame's arrival to both squares. */
  readonly workerMs: number;
  readonly sum: number;
}

async function take(frame: VideoFrame | ImageBitmap, way: Way): Promise<void> {
  const startMs = performance.now();
  const sum = cutFrom(way === "planes" ? await readPlanes(frame) : pixels.read(frame));
  frame.close();
  postMessage({ workerMs: performance.now() - startMs, sum } satisfies FromWorker);
}

async function follow(readable: ReadableStream<VideoFrame>, way: Way): Promise<void> {
  const reader = readable.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) await take(read.value, way);
}

addEventListener("message", ({ data }: MessageEvent<ToWorker>) => {
  void (data.type === "frame" ? take(data.frame, data.way) : follow(data.readable, data.way));
});
