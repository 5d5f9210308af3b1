/** Made cameras, clips and workers, so that sessions run in Node. */
import { setImmediate as turn } from "node:timers/promises";
import type { Camera } from "../../src/camera/camera.ts";
import type { SourceFrame } from "../../src/camera/frames.ts";
import type { Source } from "../../src/camera/source.ts";
import { EmotionCamError, type EmotionCamErrorCode } from "../../src/errors.ts";
import type { RuntimeClient } from "../../src/runtime/client.ts";
import type { CameraRoom } from "../../src/session.ts";
import type { FrameOptions, FrameResult, Rotation, RuntimeInfo } from "../../src/types.ts";

export const RUNTIME = { engine: "int8" } as RuntimeInfo;

/** Wait until something holds; a test that waits in vain fails at its time limit. */
export async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

/** Give everything that is under way the time to end. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

export const failure = (code: EmotionCamErrorCode) => new EmotionCamError(code, `${code}, as the test wants`);

/** A source that is shown. It gives frames for as long as it is neither lost nor closed. */
export interface MadeSource extends Source {
  readonly name: string;
  lose(code: EmotionCamErrorCode): void;
}

/** A room of the test's own. Without orders, there is one camera, and every file can be shown. */
export class MadeRoom implements CameraRoom {
  /** The events, in order. */
  readonly log: string[] = [];
  /** Sources that are shown now. */
  readonly open = new Set<MadeSource>();
  /** Cameras that are on now. */
  lights = 0;
  /** Frames that were taken and not closed. */
  frameCount = 0;
  /** The most frames a second that the newest frame was taken with. */
  maxFps = Number.NaN;
  /** Decides each try to open something: throws, waits or passes. */
  order: (what: string, signal: AbortSignal) => unknown = () => {};
  /** The waits between tries. */
  readonly waits: { readonly code: string; readonly delayMs: number; readonly end: () => void }[] = [];

  get shown(): MadeSource | undefined {
    return [...this.open].at(-1);
  }

  readonly openCamera: CameraRoom["openCamera"] = async (choice, _size, signal): Promise<Camera> => {
    await this.order("camera", signal);
    this.lights += 1;
    let isOn = true;
    const close = () => {
      if (isOn) this.lights -= 1;
      isOn = false;
    };
    return { stream: { id: choice } as MediaStream, facing: "user", lost: new AbortController().signal, close };
  };

  readonly showCamera: CameraRoom["showCamera"] = (camera) => this.#show("camera", camera.close);

  readonly showFile: CameraRoom["showFile"] = async (url, _stage, signal) => {
    await this.order(url, signal);
    signal.throwIfAborted();
    return this.#show(url);
  };

  readonly showObject: CameraRoom["showObject"] = (object) => {
    void this.order("object", new AbortController().signal);
    return this.#show((object as MediaStream).id);
  };

  /** Copies of frames that were made and not closed. */
  copies = 0;

  readonly copyFrame: CameraRoom["copyFrame"] = async () => {
    await this.order("copy", new AbortController().signal);
    this.copies += 1;
    return { close: () => (this.copies -= 1) } as unknown as ImageBitmap;
  };

  readonly untilWorthRetrying: CameraRoom["untilWorthRetrying"] = ({ code }, delayMs, signal) =>
    new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      this.waits.push({ code, delayMs, end: resolve });
    });

  readonly frames: CameraRoom["frames"] = (element, wishes) => this.#framesOf(element, wishes);

  /** End the newest wait, so that the next try is made. */
  async retry(): Promise<void> {
    await until(() => this.waits.length > 0);
    const { length } = this.waits;
    this.waits.at(-1)!.end();
    await until(() => this.waits.length > length || this.shown !== undefined);
  }

  async *#framesOf(
    element: unknown,
    { signal, lost, maxFps }: Parameters<CameraRoom["frames"]>[1],
  ): AsyncGenerator<SourceFrame, never, void> {
    const source = [...this.open].find((each) => each.element === element)!;
    for (let count = 1; ; count++) {
      await turn();
      signal.throwIfAborted();
      lost.throwIfAborted();
      if (!this.open.has(source)) throw new Error("a frame is taken of a closed source");
      this.frameCount += 1;
      const frame = { close: () => (this.frameCount -= 1) } as unknown as VideoFrame;
      this.maxFps = maxFps();
      yield { frame, timeMs: count * 33, presentedFrames: count };
    }
  }

  #show(name: string, after = () => {}): MadeSource {
    const loss = new AbortController();
    const source: MadeSource = {
      name,
      kind: name === "camera" ? "camera" : "clip",
      element: {} as HTMLVideoElement,
      facing: "unknown",
      lost: loss.signal,
      lose: (code) => loss.abort(failure(code)),
      close: () => {
        if (this.open.delete(source)) this.log.push(`close ${name}`);
        after();
      },
    };
    this.open.add(source);
    this.log.push(`show ${name}`);
    return source;
  }
}

/** A worker of the test's own. */
export class MadeClient implements RuntimeClient {
  ready: Promise<RuntimeInfo> = Promise.resolve(RUNTIME);
  /** Decides each frame: throws, waits or passes. */
  order: () => unknown = () => {};
  /** True where the results say that nobody is there and nothing moves. */
  isQuiet = false;
  /** The options of every frame. */
  readonly asked: FrameOptions[] = [];
  /** The turn of the newest frame. */
  rotation: Rotation | undefined;

  async process(
    frame: VideoFrame | ImageBitmap,
    timeMs: number,
    options: FrameOptions,
    rotation?: Rotation,
  ): Promise<FrameResult> {
    frame.close();
    this.rotation = rotation;
    this.asked.push(options);
    await this.order();
    return {
      ...(this.isQuiet ? { quiet: true } : {}),
      timeMs,
      faces: [],
      detected: true,
      timings: { grab: 0, detect: 0, crop: 0, classify: 0, post: 0, total: 0 },
    };
  }
}
