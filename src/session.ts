import { type CameraSize, openCamera } from "./camera/camera.ts";
import { type SourceFrame, copyFrame, frames } from "./camera/frames.ts";
import { untilWorthRetrying } from "./camera/retry.ts";
import { type Source, type SourceObject, type Stage, showCamera, showFile, showObject } from "./camera/source.ts";
import { EmotionCamError, ERRORS } from "./errors.ts";
import { Life } from "./recovery.ts";
import type { RuntimeClient } from "./runtime/client.ts";
import type { FrameOptions, FrameResult, Rotation, Snapshot } from "./types.ts";

/**
 * While nobody is there and nothing moves, at most so many frames a second are taken. A person who comes in is noticed
 * 200 ms later at most, and is still found within half a second.
 */
const QUIET_FPS = 5;

/** The source that a session is begun for. Another wish needs another session. */
export interface SessionWish {
  /** A stream, video or canvas of the page; `null` for a file or a camera. */
  readonly srcObject: SourceObject | null;
  /** URL of a clip or a picture; empty for the camera. */
  readonly src: string;
  /** The camera's id, its label or a part of it, `user` or `environment`; empty for the browser's choice. */
  readonly camera: string;
  readonly cameraSize: CameraSize;
  /** URL of the clip or the picture that is played while there is no camera; empty for none. */
  readonly demoSrc: string;
}

/** The session's view of its element: the questions that it asks, and the reports that it makes. */
export interface SessionHost {
  /** The elements that show sources. */
  stage(): Stage;
  /** Load the networks, or give those that are loaded. Throws an EmotionCamError where the browser cannot run them. */
  loadEngine(): RuntimeClient;
  /** Most frames a second that are processed; read anew for each frame. */
  maxFps(): number;
  /** The clockwise turn of the source's picture before it is analysed and shown, degrees; read anew for each frame. */
  turn(isDemo: boolean): Rotation;
  /** Read anew for each frame. */
  frameOptions(): FrameOptions;
  /** A source is shown. */
  onOpen(source: Source, isDemo: boolean): void;
  /** No source is shown any more. */
  onClose(): void;
  /** A frame was answered. */
  onResult(result: FrameResult, presentedFrames: number, isDemo: boolean): void;
  /** A try failed; the next one follows in `retryInMs` milliseconds, `Infinity` where only a cure can help. */
  onFail(error: EmotionCamError, retryInMs: number, isDemo: boolean): void;
}

const BROWSER = { openCamera, showCamera, showFile, showObject, frames, copyFrame, untilWorthRetrying };

/** The functions of the camera room that a session uses. */
export type CameraRoom = typeof BROWSER;

interface Demo {
  readonly abort: AbortController;
  readonly done: Promise<void>;
}

/** A snapshot that is asked for and not taken yet. */
interface WantedSnapshot {
  readonly promise: Promise<Snapshot>;
  resolve(snapshot: Snapshot): void;
  reject(reason: unknown): void;
}

/**
 * Follows one source, from the first try to the end. After each failure it waits and opens the source again. While
 * there is no camera it plays the demo.
 */
export class Session {
  /** Resolves when everything has ended: the camera is off, and nothing is reported any more. */
  readonly done: Promise<void>;
  readonly #wish: SessionWish;
  readonly #host: SessionHost;
  readonly #room: CameraRoom;
  readonly #abort = new AbortController();
  #demo: Demo | null = null;
  #wanted: WantedSnapshot | null = null;

  /**
   * @param before The first try waits for this promise, because sessions share the video element and the worker. It
   * must not reject.
   * @param room For tests.
   */
  constructor(wish: SessionWish, host: SessionHost, before: Promise<unknown>, room: CameraRoom = BROWSER) {
    this.#wish = wish;
    this.#host = host;
    this.#room = room;
    this.done = this.#run(before);
  }

  /** End the session. Await {@link done} for the moment at which the camera is off. */
  end(): void {
    this.#abort.abort();
  }

  /**
   * Take the next frame that is answered.
   *
   * @throws DOMException `AbortError` where the session ends before.
   */
  snapshot(): Promise<Snapshot> {
    if (this.#abort.signal.aborted) return Promise.reject(noSnapshot());
    this.#wanted ??= wanted();
    return this.#wanted.promise;
  }

  async #run(before: Promise<unknown>): Promise<void> {
    const { signal } = this.#abort;
    await before;
    try {
      await this.#persist(() => this.#open(signal), false, signal);
    } finally {
      await this.#endDemo();
      this.#wanted?.reject(noSnapshot());
      this.#wanted = null;
    }
  }

  async #open(signal: AbortSignal): Promise<Source> {
    const { srcObject, src, camera: choice, cameraSize } = this.#wish;
    // The networks load while the browser asks for the permission.
    this.#host.loadEngine();
    if (srcObject !== null) return this.#room.showObject(srcObject, this.#host.stage());
    if (src !== "") return this.#room.showFile(src, this.#host.stage(), signal);
    const camera = await this.#room.openCamera(choice, cameraSize, signal);
    // The demo and the camera use the same video element.
    await this.#endDemo();
    if (signal.aborted) camera.close();
    signal.throwIfAborted();
    return this.#room.showCamera(camera, this.#host.stage());
  }

  /** Open a source and follow it, again after each failure, until the signal aborts. All failures are reported here. */
  async #persist(open: () => Promise<Source>, isDemo: boolean, signal: AbortSignal): Promise<void> {
    const life = new Life();
    while (!signal.aborted) {
      life.begin();
      try {
        await this.#follow(await open(), isDemo, signal, life);
      } catch (cause) {
        if (signal.aborted) return;
        const error = toError(cause);
        const delayMs = life.fail(error.code, performance.now());
        this.#host.onFail(error, delayMs, isDemo);
        if (signal.aborted) return;
        if (!isDemo && life.failures >= (ERRORS[error.code].demoAfter ?? Infinity)) this.#beginDemo(signal);
        await this.#room.untilWorthRetrying(error, delayMs, signal).catch(() => {});
      }
    }
  }

  /** Have the frames of an open source answered. Always ends with an error: the source's, the engine's or the signal's. */
  async #follow(source: Source, isDemo: boolean, signal: AbortSignal, life: Life): Promise<never> {
    const host = this.#host;
    const close = () => source.close();
    signal.addEventListener("abort", close);
    host.onOpen(source, isDemo);
    try {
      const client = host.loadEngine();
      await untilReady(client, signal);
      let isQuiet = false;
      const maxFps = () => Math.min(host.maxFps(), isQuiet ? QUIET_FPS : Infinity);
      const wishes = { signal, lost: source.lost, isOfPage: source.kind === "object", maxFps };
      for await (const { frame, timeMs, presentedFrames } of this.#room.frames(source.element, wishes)) {
        const turn = host.turn(isDemo);
        const image = this.#wanted === null ? null : await this.#copy(frame, turn);
        const result = await client.process(frame, timeMs, host.frameOptions(), turn).catch(passOver);
        if (image !== null) this.#deliver(image, result);
        signal.throwIfAborted();
        if (result === null) {
          // The worker starts again; the camera stays on.
          await untilReady(client, signal);
          continue;
        }
        life.thrive(performance.now());
        isQuiet = result.quiet === true;
        host.onResult(result, presentedFrames, isDemo);
      }
      throw new Error("the source gives no more frames");
    } finally {
      signal.removeEventListener("abort", close);
      close();
      host.onClose();
    }
  }

  /** Copy a frame for a snapshot, because the worker takes the frame itself. A failure is that of the snapshot alone. */
  async #copy(frame: SourceFrame["frame"], turn: Rotation): Promise<ImageBitmap | null> {
    try {
      return await this.#room.copyFrame(frame, turn);
    } catch (cause) {
      this.#wanted?.reject(cause);
      this.#wanted = null;
      return null;
    }
  }

  #deliver(image: ImageBitmap, result: FrameResult | null): void {
    // Without a result the snapshot waits for the next frame; after the end it is not wanted any more.
    if (result === null || this.#wanted === null) return image.close();
    this.#wanted.resolve({ image, faces: result.faces, timeMs: result.timeMs });
    this.#wanted = null;
  }

  #beginDemo(signal: AbortSignal): void {
    const { demoSrc } = this.#wish;
    if (demoSrc === "" || this.#demo !== null) return;
    const abort = new AbortController();
    signal.addEventListener("abort", () => abort.abort(), { once: true, signal: abort.signal });
    const open = () => this.#room.showFile(demoSrc, this.#host.stage(), abort.signal);
    this.#demo = { abort, done: this.#persist(open, true, abort.signal) };
  }

  async #endDemo(): Promise<void> {
    this.#demo?.abort.abort();
    await this.#demo?.done;
    this.#demo = null;
  }
}

function wanted(): WantedSnapshot {
  let settle!: Pick<WantedSnapshot, "resolve" | "reject">;
  const promise = new Promise<Snapshot>((resolve, reject) => (settle = { resolve, reject }));
  return { promise, ...settle };
}

function noSnapshot(): DOMException {
  return new DOMException("The source ended before a frame was taken.", "AbortError");
}

/** Pass over the failure of a worker that starts again: the engine reports it. */
function passOver(error: unknown): null {
  if (error instanceof EmotionCamError && error.recoverable) return null;
  throw error;
}

/**
 * Wait for the networks, however often the worker has to be started. The source stays on meanwhile.
 *
 * @throws EmotionCamError A failure after which the worker is not started again. The signal's reason.
 */
async function untilReady(client: RuntimeClient, signal: AbortSignal): Promise<void> {
  while ((await unlessAborted(client.ready, signal).catch(passOver)) === null) signal.throwIfAborted();
}

/** @throws The signal's reason, as soon as it aborts. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => (abort = () => reject(signal.reason)));
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function toError(cause: unknown): EmotionCamError {
  if (cause instanceof EmotionCamError) return cause;
  return new EmotionCamError(
    "worker-crash",
    `An unexpected error occurred (${String(cause)}). The source is opened again; please report it.`,
    { cause },
  );
}
