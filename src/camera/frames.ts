import { EmotionCamError } from "../errors.ts";
import type { Rotation } from "../types.ts";
import { type Feed, type Note, type Presentation, TrackFeed, openFeed, openVideoFeed } from "./feeds.ts";
import { endedStream, play } from "./source.ts";

/** A camera without a frame for this long has stalled. Even in the dark, a frame takes 200 ms at most. */
const STALL_MS = 3000;
/** Frames of a camera that cannot be taken are skipped for this long; then they are an error. */
const UNTAKABLE_MS = 1000;
/** A page that paints nothing for this long is not rendered: an iframe out of view, for example. */
const PAINT_MS = 1000;
/** After this silence a camera has {@link PAINT_MS} left to send a frame, if the page is rendered. */
const SILENCE_MS = STALL_MS - PAINT_MS;
/** A feed that gets nothing while its video shows so many frames is deaf: even in the dark, a camera gives five a second. */
const DEAF_FRAMES = 3;
/** A frame may come this much too early for the frame rate: cameras and displays are not synchronized. */
const EARLY_MS = 5;
/** A source that is asked so long before a frame is due gives it in time: displays show 60 frames a second. */
const ASK_EARLY_MS = 20;

/** One frame of a source. The receiver must close `frame` in every case: a camera has a pool of three to ten. */
export interface SourceFrame {
  readonly frame: VideoFrame | ImageBitmap;
  /** When the frame was shown, in milliseconds on the clock of `performance.now()`. */
  readonly timeMs: number;
  /** Frames that the source has presented since it started, taken or not. */
  readonly presentedFrames: number;
}

/** The settings of {@link frames}. */
export interface FrameWishes {
  /** Ends the frames: its reason is thrown. */
  readonly signal: AbortSignal;
  /** Aborts when the source is gone: its reason is thrown. */
  readonly lost: AbortSignal;
  /** True if the stream is the page's own. It may be silent, as that of a screen on which nothing moves. Default: false. */
  readonly isOfPage?: boolean;
  /** Most frames a second, read anew for each frame; `Infinity` for all frames. */
  maxFps(): number;
}

/**
 * Take the frames of a source, each the newest one at the time of the request. There is no queue: a slow caller misses
 * frames. While the page is hidden or not rendered there are no frames.
 *
 * @throws The reason of `signal` or `lost`; EmotionCamError `camera-stalled` where a camera that is on sends
 * nothing for 3 s although the page is rendered; `camera-lost` or `source-load` where frames cannot be taken, or where a
 * stream of the page has ended.
 */
export async function* frames(
  source: HTMLVideoElement | HTMLImageElement,
  { signal, lost, maxFps, isOfPage = false }: FrameWishes,
): AsyncGenerator<SourceFrame, never, void> {
  const watch = new Watch(source, [signal, lost], isOfPage);
  let dueMs = -Infinity;
  let failingSinceMs: number | null = null;
  try {
    for (;;) {
      const { timeMs, presentedFrames, frame: given } = await watch.next();
      const isDue = timeMs + EARLY_MS >= dueMs;
      if (isDue) dueMs = Math.max(dueMs, timeMs - EARLY_MS) + 1000 / maxFps();
      watch.askBy(dueMs);
      if (!isDue) {
        given?.close();
        continue;
      }
      let frame: SourceFrame["frame"];
      try {
        frame = given ?? (await grab(source, timeMs));
        failingSinceMs = null;
      } catch (error) {
        // On a busy machine, a camera that starts or changes its size has no picture for a moment.
        failingSinceMs ??= performance.now();
        if (!isCamera(source) || performance.now() - failingSinceMs >= UNTAKABLE_MS) throw error;
        continue;
      }
      yield { frame, timeMs, presentedFrames };
    }
  } finally {
    await watch.stop();
  }
}

/**
 * Copy a frame, turned clockwise.
 *
 * @param rotation Degrees: 0, 90, 180 or 270.
 */
export async function copyFrame(frame: SourceFrame["frame"], rotation: Rotation): Promise<ImageBitmap> {
  const copy = await createImageBitmap(frame);
  if (rotation === 0) return copy;
  const { width, height } = copy;
  const canvas = rotation === 180 ? new OffscreenCanvas(width, height) : new OffscreenCanvas(height, width);
  const context = canvas.getContext("2d")!;
  context.translate(canvas.width / 2, canvas.height / 2);
  context.rotate((rotation * Math.PI) / 180);
  context.drawImage(copy, -width / 2, -height / 2);
  copy.close();
  return canvas.transferToImageBitmap();
}

/**
 * Take the frame that is shown, without a copy where the browser has `VideoFrame`. A clip may be stored turned or with
 * oblong pixels. Browsers whose `VideoFrame` has no rotation give such frames as they are stored, also as an
 * `ImageBitmap`; only their canvas draws a clip as they show it. Cameras and pictures are always upright.
 */
async function grab(source: HTMLVideoElement | HTMLImageElement, timeMs: number): Promise<VideoFrame | ImageBitmap> {
  try {
    if (isClip(source) && !hasRotation()) return await draw(source);
    if (typeof VideoFrame === "undefined") return await createImageBitmap(source);
    return new VideoFrame(source, { timestamp: Math.round(timeMs * 1000) });
  } catch (cause) {
    throw untakable(source, cause);
  }
}

function hasRotation(): boolean {
  return typeof VideoFrame !== "undefined" && "rotation" in VideoFrame.prototype;
}

/** Draw the frame of a clip as it is shown. */
function draw(clip: HTMLVideoElement): Promise<ImageBitmap> {
  const canvas = document.createElement("canvas");
  canvas.width = clip.videoWidth;
  canvas.height = clip.videoHeight;
  canvas.getContext("2d", { alpha: false })!.drawImage(clip, 0, 0, canvas.width, canvas.height);
  return createImageBitmap(canvas);
}

function untakable(source: HTMLVideoElement | HTMLImageElement, cause: unknown): EmotionCamError {
  if (isCamera(source))
    return new EmotionCamError(
      "camera-lost",
      "The camera's picture disappeared while a frame was taken. The camera is started again.",
      {
        cause,
      },
    );
  return new EmotionCamError(
    "source-load",
    `No frame could be taken of ${source.currentSrc}. Use a clip or a picture that the browser can decode, that has ` +
      "a size, and that comes from this origin or with CORS headers.",
    { cause },
  );
}

/** Keeps the newest presentation until it is requested. */
class Watch {
  readonly #source: HTMLVideoElement | HTMLImageElement;
  readonly #ends: readonly AbortSignal[];
  readonly #isOfPage: boolean;
  readonly #stopped = new AbortController();
  #feed: Feed;
  #newest: Presentation | null = null;
  /** The source is asked for no frame before: those that nobody takes would cost, too. */
  #askMs = -Infinity;
  #isAwaited = false;
  #wake = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(source: HTMLVideoElement | HTMLImageElement, ends: readonly AbortSignal[], isOfPage: boolean) {
    this.#source = source;
    this.#ends = ends;
    this.#isOfPage = isOfPage;
    const wake = () => this.#wake();
    const until = { signal: this.#stopped.signal };
    // The caller may be busy with a frame for a second, and the camera is off sooner.
    for (const end of ends) end.addEventListener("abort", () => void this.stop(), until);
    // A camera may be silent while it is hidden or paused, so the time starts again afterwards.
    document.addEventListener("visibilitychange", wake, until);
    source.addEventListener("play", wake, until);
    this.#feed = openFeed(source, isOfPage, this.#note);
  }

  /** Wait for a presentation that was not returned before. The receiver closes its frame. */
  async next(): Promise<Presentation> {
    for (;;) {
      for (const end of this.#ends) end.throwIfAborted();
      const newest = this.#newest;
      if (newest !== null && !document.hidden) {
        this.#newest = null;
        return newest;
      }
      this.#ask();
      const woken = await this.#pause(SILENCE_MS);
      if (woken || document.hidden || performance.now() < this.#askMs + SILENCE_MS) continue;
      if (isSilent(this.#source)) await this.#endSilence(this.#source);
      // Browsers pause videos by themselves: after a phone call, a media key, or to save power.
      if (this.#source instanceof HTMLVideoElement && this.#source.paused) play(this.#source);
    }
  }

  /** Have the source asked for its next frame in time, also while the caller has not requested it yet. */
  askBy(dueMs: number): void {
    this.#askMs = dueMs - ASK_EARLY_MS;
    this.#ask();
  }

  #ask(): void {
    clearTimeout(this.#timer);
    const waitMs = this.#askMs - performance.now();
    if (waitMs <= 0) this.#feed.ask();
    else this.#timer = setTimeout(() => this.#feed.ask(), waitMs);
  }

  /**
   * Wait while a silent stream may go on. A video whose feed is deaf is read another way: other readers of the same camera,
   * or the page before in the same process, may keep all frames that Chromium gives to readers.
   *
   * @throws EmotionCamError `camera-stalled`, `source-load`.
   */
  async #endSilence(video: HTMLVideoElement): Promise<void> {
    if (this.#isOfPage && hasEnded(video)) throw endedStream();
    // Browsers give no frames to an iframe that is out of view. Its camera is not to blame, and gets time to send a frame
    // once the iframe is in view.
    if (!(await this.#isPainted()) || this.#newest !== null) return;
    const shownBefore = shownFrames(video);
    if (await this.#pause(PAINT_MS)) return;
    if (this.#feed instanceof TrackFeed && shownFrames(video) - shownBefore >= DEAF_FRAMES) {
      await this.#feed.stop();
      this.#feed = openVideoFeed(video, this.#note);
    } else if (!this.#isOfPage) throw stalled(video);
  }

  /** @returns Whether the page paints at once. Where it does not, resolves when it paints again or something happens. */
  #isPainted(): Promise<boolean> {
    const sinceMs = performance.now();
    return new Promise((resolve) => {
      const request = requestAnimationFrame(() => resolve(performance.now() - sinceMs < PAINT_MS));
      this.#wake = () => {
        cancelAnimationFrame(request);
        resolve(false);
      };
    });
  }

  /** @returns Settles when the source is let go of. */
  stop(): Promise<void> {
    this.#stopped.abort();
    clearTimeout(this.#timer);
    this.#newest?.frame?.close();
    this.#wake();
    return this.#feed.stop();
  }

  /** @returns Whether something happened within a time. */
  #pause(limitMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = (woken: boolean) => {
        clearTimeout(timer);
        this.#isAwaited = false;
        resolve(woken);
      };
      const timer = setTimeout(() => settle(false), limitMs);
      this.#isAwaited = true;
      this.#wake = () => settle(true);
    });
  }

  readonly #note: Note = (presentation) => {
    this.#newest?.frame?.close();
    this.#newest = presentation;
    // A slow caller gets the newest frame, so the next one is asked for while it computes.
    if (this.#isAwaited) this.#wake();
    else this.#ask();
  };
}

function isCamera(source: HTMLVideoElement | HTMLImageElement): source is HTMLVideoElement {
  return source instanceof HTMLVideoElement && source.srcObject !== null;
}

function isClip(source: HTMLVideoElement | HTMLImageElement): source is HTMLVideoElement {
  return source instanceof HTMLVideoElement && source.srcObject === null;
}

function isSilent(source: HTMLVideoElement | HTMLImageElement): source is HTMLVideoElement {
  return isCamera(source) && !source.paused;
}

function shownFrames(video: HTMLVideoElement): number {
  return video.getVideoPlaybackQuality().totalVideoFrames;
}

function hasEnded({ srcObject }: HTMLVideoElement): boolean {
  return (
    srcObject instanceof MediaStream && !srcObject.getVideoTracks().some(({ readyState }) => readyState === "live")
  );
}

function stalled(video: HTMLVideoElement): EmotionCamError {
  const stream = video.srcObject;
  const label = stream instanceof MediaStream ? (stream.getVideoTracks()[0]?.label ?? "") : "";
  return new EmotionCamError(
    "camera-stalled",
    `The camera “${label}” is on but has sent no picture for ${STALL_MS / 1000} s. It is started again. If this ` +
      "happens again and again, plug it into another port.",
  );
}
