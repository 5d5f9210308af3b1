/**
 * The worker's wire: types only. Two messages a frame in the steady state, `frame` out and `result` back. Options ride
 * on the frame and timings on the result, so there is neither a configure message nor a second channel for the bench.
 */
import type { EmotionCamErrorCode } from "../errors.ts";
import type { EngineName, FrameOptions, FrameResult, RuntimeInfo } from "../types.ts";

/** What the worker needs to load its networks. */
export interface RuntimeOptions {
  /** Absolute URL of the folder that holds `wasm/` and `models/`, ending in a slash. */
  readonly assetBase: string;
  /** `auto`: int8 where the browser has WebAssembly SIMD, else float. */
  readonly engine: EngineName | "auto";
  /** A shipped model's name, or the absolute URL of a contract. */
  readonly model: string;
}

/** To the worker. */
export type WorkerRequest =
  | { readonly type: "load"; readonly options: RuntimeOptions }
  | {
      readonly type: "frame";
      /** Transferred; whoever receives it closes it, always. */
      readonly frame: VideoFrame | ImageBitmap;
      readonly timeMs: number;
      readonly options: FrameOptions;
    };

/** From the worker. */
export type WorkerResponse =
  | { readonly type: "progress"; readonly loadedBytes: number; readonly totalBytes: number }
  | { readonly type: "ready"; readonly runtime: RuntimeInfo }
  | { readonly type: "result"; readonly result: FrameResult }
  | { readonly type: "error"; readonly error: WireError };

/** An error as it crosses the wire; the client makes an `EmotionCamError` of it again. */
export interface WireError {
  readonly code: EmotionCamErrorCode;
  readonly message: string;
  /** The message of the failure beneath. */
  readonly cause?: string;
}
