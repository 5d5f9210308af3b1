import { EmotionCamError } from "../errors.ts";
import { play } from "./source.ts";

/** A camera delivers a frame at least every 200 ms, even in the dark; after this long without one it hangs. */
const STALL_MS = 3000;
/** For so long frames that are shown and cannot be taken are passed over. */
const UNTAKABLE_MS = 1000;
/** Pictures stand in for cameras, so they run at a camera's usual rate. */
const PICTURE_INTERVAL_MS = 1000 / 30;
/** A frame may come this much before its turn and still count: cameras and displays are not in step. */
const EARLY_MS = 5;

/** One frame of a source. Whoever receives it closes `frame`, always: a camera's pool has three to ten. */
export interface SourceFrame {
  readonly frame: VideoFrame | ImageBitmap;
  /** When it was shown, on the clock of `performance.now()`. */
  readonly timeMs: number;
  /** Frames that the source has presented since it started, taken or not. */
  readonly presentedFrames: number;
}

/** What {@link frames} wants to know besides the source. */
export interface FrameWishes {
  /** Ends the frames; its reason is thrown. */
  readonly signal: AbortSignal;
  /** Aborts when the source is gone; its reason is thrown. */
  readonly lost: AbortSignal;
  /** Frames a second that are wanted at most, asked anew for each frame; `Infinity` for all of them. */
  maxFps(): number;
}

/** That a frame was put on the screen. */
interface Presentation {
  readonly timeMs: number;
  readonly presentedFrames: number;
}

/**
 * A source's frames, each the newest one at the time it is asked for: whoever asks late misses some, and none waits in
 * a queue. Yields nothing while the page is hidden.
 *
 * @throws The reason of `signal` or `lost`; EmotionCamError `camera-stalled` where a camera is on and silent for 3 s.
 */
export async function* frames(
  source: HTMLVideoElement | HTMLImageElement,
  { signal, lost, maxFps }: FrameWishes,
): AsyncGenerator<SourceFrame, never, void> {
  const watch = new Watch(source, [signal, lost]);
  let dueMs = -Infinity;
  let failingSinceMs: number | null = null;
  try {
    for (;;) {
      const { timeMs, presentedFrames } = await watch.next();
      if (timeMs + EARLY_MS < dueMs) continue;
      dueMs = Math.max(dueMs, timeMs - EARLY_MS) + 1000 / maxFps();
      let frame: SourceFrame["frame"];
      try {
        frame = await grab(source, timeMs);
        failingSinceMs = null;
      } catch (error) {
        // A camera that starts, or changes its size, has no picture for a moment on a busy machine.
        failingSinceMs ??= performance.now();
        if (!isCamera(source) || performance.now() - failingSinceMs >= UNTAKABLE_MS) throw error;
        continue;
      }
      yield { frame, timeMs, presentedFrames };
    }
  } finally {
    watch.stop();
  }
}

/** Zero-copy where the browser can; older ones make a bitmap of what is shown. */
async function grab(source: HTMLVideoElement | HTMLImageElement, timeMs: number): Promise<VideoFrame | ImageBitmap> {
  try {
    if (typeof VideoFrame === "undefined") return await createImageBitmap(source);
    return new VideoFrame(source, { timestamp: Math.round(timeMs * 1000) });
  } catch (cause) {
    throw untakable(source, cause);
  }
}

function untakable(source: HTMLVideoElement | HTMLImageElement, cause: unknown): EmotionCamError {
  if (isCamera(source))
    return new EmotionCamError(
      "camera-lost",
      "The camera's picture went away while it was taken. It is started anew.",
      {
        cause,
      },
    );
  return new EmotionCamError(
    "source-load",
    `No frame could be taken of ${source.currentSrc}. Use a clip or picture that the browser can decode, has a size, ` +
      "and comes from this origin or with CORS headers.",
    { cause },
  );
}

/** Remembers the newest presentation that nobody has asked for yet. */
class Watch {
  readonly #source: HTMLVideoElement | HTMLImageElement;
  readonly #ends: readonly AbortSignal[];
  readonly #stopped = new AbortController();
  #newest: Presentation | null = null;
  #presentedFrames = 0;
  #wake = () => {};
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(source: HTMLVideoElement | HTMLImageElement, ends: readonly AbortSignal[]) {
    this.#source = source;
    this.#ends = ends;
    const wake = () => this.#wake();
    const until = { signal: this.#stopped.signal };
    for (const end of ends) end.addEventListener("abort", wake, until);
    // Being silent is no stall while hidden or paused, so the wait begins anew afterwards.
    document.addEventListener("visibilitychange", wake, until);
    source.addEventListener("play", wake, until);
    if (source instanceof HTMLImageElement) this.#repeat(performance.now());
    else if ("requestVideoFrameCallback" in source) this.#followCallbacks(source);
    else this.#followTime(source);
  }

  /** Waits for a presentation that was not asked for before; at once where there is one. */
  async next(): Promise<Presentation> {
    for (;;) {
      for (const end of this.#ends) end.throwIfAborted();
      const newest = this.#newest;
      if (newest !== null && !document.hidden) {
        this.#newest = null;
        return newest;
      }
      const woken = await this.#pause();
      if (woken || document.hidden) continue;
      if (isSilent(this.#source)) throw stalled(this.#source);
      // Browsers pause videos by themselves: a phone that was called, a media key, a machine that saves power.
      if (this.#source instanceof HTMLVideoElement && this.#source.paused) play(this.#source);
    }
  }

  stop(): void {
    this.#stopped.abort();
    clearTimeout(this.#timer);
    this.#wake();
  }

  /** @returns Whether something happened within the time after which a camera counts as stalled. */
  #pause(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), STALL_MS);
      this.#wake = () => {
        clearTimeout(timer);
        resolve(true);
      };
    });
  }

  #note(timeMs: number, presentedFrames: number): void {
    this.#presentedFrames = presentedFrames;
    this.#newest = { timeMs, presentedFrames };
    this.#wake();
  }

  #followCallbacks(video: HTMLVideoElement): void {
    const note: VideoFrameRequestCallback = (_now, { presentationTime, presentedFrames }) => {
      if (this.#stopped.signal.aborted) return;
      video.requestVideoFrameCallback(note);
      this.#note(presentationTime, presentedFrames);
    };
    video.requestVideoFrameCallback(note);
  }

  /** For browsers without `requestVideoFrameCallback`: a new time on the video is a new frame. */
  #followTime(video: HTMLVideoElement): void {
    let shown = -1;
    const look = (nowMs: number) => {
      if (this.#stopped.signal.aborted) return;
      requestAnimationFrame(look);
      if (video.currentTime === shown || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return;
      shown = video.currentTime;
      this.#note(nowMs, this.#presentedFrames + 1);
    };
    requestAnimationFrame(look);
  }

  #repeat(dueMs: number): void {
    const nowMs = performance.now();
    this.#note(nowMs, this.#presentedFrames + 1);
    // After a pause it goes on from now; what was missed is not made up for.
    const nextMs = Math.max(dueMs + PICTURE_INTERVAL_MS, nowMs);
    this.#timer = setTimeout(() => this.#repeat(nextMs), nextMs - nowMs);
  }
}

function isCamera(source: HTMLVideoElement | HTMLImageElement): source is HTMLVideoElement {
  return source instanceof HTMLVideoElement && source.srcObject !== null;
}

function isSilent(source: HTMLVideoElement | HTMLImageElement): source is HTMLVideoElement {
  return isCamera(source) && !source.paused;
}

function stalled(video: HTMLVideoElement): EmotionCamError {
  const stream = video.srcObject;
  const label = stream instanceof MediaStream ? (stream.getVideoTracks()[0]?.label ?? "") : "";
  return new EmotionCamError(
    "camera-stalled",
    `The camera “${label}” is on but has sent no picture for ${STALL_MS / 1000} s. It is started anew; if this ` +
      "happens again and again, plug it into another port.",
  );
}
