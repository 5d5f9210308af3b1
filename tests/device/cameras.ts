/** The cameras that are plugged in, and what they show. */
import { readFileSync } from "node:fs";
import { type Show, USUAL } from "../kiosk/camera-frames.ts";
import { type Format, cutFrames, frameBytes } from "./webcam.ts";

export type Camera = "usual" | "wide" | "raw";

interface Kind {
  readonly name: string;
  readonly show: Show;
  /** An emulated computer takes no more than this. */
  readonly framesPerSecond: number;
}

/** Each offers one format and one size. */
export const CAMERAS: Readonly<Record<Camera, Kind>> = {
  usual: { name: "Test Webcam", show: USUAL, framesPerSecond: 10 },
  wide: { name: "Wide Webcam", show: { ...USUAL, width: 1280, height: 720, seconds: 3 }, framesPerSecond: 10 },
  raw: {
    name: "Raw Webcam",
    show: { ...USUAL, pixels: "YUYV", framesPerSecond: 5, seconds: 3 },
    framesPerSecond: 5,
  },
};

/** @param file The camera's frames, one after the other. */
export function readCamera(camera: Camera, file: string): Format {
  const { name, show, framesPerSecond } = CAMERAS[camera];
  return { ...show, name, framesPerSecond, frames: cutFrames(readFileSync(file), show) };
}

const GREY = 128;

/** A camera that sees nobody. */
export function emptyRoom(): Format {
  const { show, framesPerSecond } = CAMERAS.raw;
  return { ...show, name: "Empty Room", framesPerSecond, frames: [Buffer.alloc(frameBytes(show), GREY)] };
}
