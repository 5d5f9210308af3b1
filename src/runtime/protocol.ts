/**
 * The messages between page and worker: types only. In the steady state two messages travel for each frame, `frame` to
 * the worker and `result` back. Options travel with the frame and timings with the result, so there is neither a
 * configure message nor a second channel for the bench.
 */
import type { EmotionCamErrorCode } from "../errors.ts";
import type { EngineName, FrameOptions, FrameResult, Rotation, RuntimeInfo } from "../types.ts";

/** The files that the worker loads, and the engine that it prefers. */
export interface RuntimeOptions {
  /** Absolute URL of the folder that holds `wasm/` and `models/`, ending in a slash. */
  readonly assetBase: string;
  /** `auto`: int8 where the browser has WebAssembly SIMD, else float. */
  readonly engine: EngineName | "auto";
  /** A shipped model's name, or the absolute URL of a contract. */
  readonly model: string;
}

/** A message to the worker. */
export type WorkerRequest =
  | { readonly type: "load"; readonly options: RuntimeOptions }
  | {
      readonly type: "frame";
      /** Transferred; the receiver always closes it. */
      readonly frame: VideoFrame | ImageBitmap;
      readonly timeMs: number;
      readonly options: FrameOptions;
      /** The clockwise turn of the frame before it is analysed, degrees; places in the result are those of the turned frame. */
      readonly rotation: Rotation;
    };

/** A message from the worker. */
export type WorkerResponse =
  | { readonly type: "progress"; readonly loadedBytes: number; readonly totalBytes: number }
  | { readonly type: "ready"; readonly runtime: RuntimeInfo }
  | { readonly type: "result"; readonly result: FrameResult }
  | { readonly type: "error"; readonly error: WireError };

/** An `EmotionCamError` as plain data; the client makes an error of it again. */
export interface WireError {
  readonly code: EmotionCamErrorCode;
  readonly message: string;
  /** The message of the error's cause. */
  readonly cause?: string;
}
