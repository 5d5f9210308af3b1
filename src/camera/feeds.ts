/** The ways in which a source gives its frames. */

/** A picture stands in for a camera, so it has a camera's usual frame rate. */
const PICTURE_INTERVAL_MS = 1000 / 30;
/** A page that paints nothing for this long is not rendered: an iframe out of view, for example. */
const PAINT_MS = 2000;
/** The share of a delay's rise that is taken for the clocks' drift: half of it in 23 s at 30 frames a second. */
const DRIFT = 1 / 1000;
/** A delay that rises by this much at once is another clock. */
const LEAP_MS = 1000;
/** A frame that is awaited comes within this time, or the camera is silent. In the dark, a frame takes 200 ms at most. */
const LAST_FRAME_MS = 300;

/** A frame that a source has given. */
export interface Presentation {
  /** When the frame was shown, or taken by the camera, in milliseconds on the clock of `performance.now()`. */
  readonly timeMs: number;
  /** Frames that the source has presented since it started, taken or not. */
  readonly presentedFrames: number;
  /** The frame itself, which the receiver closes; `null` where the source shows it. */
  readonly frame: VideoFrame | null;
}

/** Gives the frames of one source, each after it was asked for. */
export interface Feed {
  /** Ask for the next frame. Do nothing where it was asked for already, and where the page is hidden or not rendered. */
  ask(): void;
  /** @returns Settles when the feed has let go of the source. */
  stop(): Promise<void>;
}

/** Receives the frames of a feed. */
export type Note = (presentation: Presentation) => void;

/**
 * Open the cheapest feed that the browser has for a source.
 *
 * @param isOfPage Whether a stream is the page's own, which may stop or disable its track at any time.
 */
export function openFeed(source: HTMLVideoElement | HTMLImageElement, isOfPage: boolean, note: Note): Feed {
  if (source instanceof HTMLImageElement) return pictureFeed(note);
  return trackOf(source) === null ? openVideoFeed(source, note) : new TrackFeed(source, isOfPage, note);
}

/** Open the feed of a video that takes what the video shows. It works wherever the video does. */
export function openVideoFeed(video: HTMLVideoElement, note: Note): Feed {
  return "requestVideoFrameCallback" in video ? callbackFeed(video, note) : timeFeed(video, note);
}

/** Chromium has it in pages, other browsers in workers only. https://w3c.github.io/mediacapture-transform/ */
interface TrackProcessor {
  new (init: { track: MediaStreamTrack; maxBufferSize: number }): { readonly readable: ReadableStream<VideoFrame> };
}

function trackProcessor(): TrackProcessor | undefined {
  return (globalThis as { MediaStreamTrackProcessor?: TrackProcessor }).MediaStreamTrackProcessor;
}

/** @returns The track of a video's stream, where its frames can be read directly. */
function trackOf({ srcObject }: HTMLVideoElement): MediaStreamTrack | null {
  if (trackProcessor() === undefined || !(srcObject instanceof MediaStream)) return null;
  return srcObject.getVideoTracks().find(({ readyState }) => readyState === "live") ?? null;
}

/**
 * Reads the frames of a stream's track. It costs half of what callbacks of the video cost: for each of these, Chromium
 * renders the page twice and composes the video twice, although nothing else has changed.
 *
 * The track keeps its newest frame for the reader, and goes on while the page is hidden, not rendered, or has paused the
 * video. Nothing is read then.
 *
 * Chromium loses a frame that comes in the moment in which its track stops, or its reader is cancelled, while a read waits.
 * It counts that frame as one in use until it collects garbage, and with two of them no reader of the page gets a frame
 * of this camera. So the feed reads a camera from a track of its own, and stops when no read waits. A clone of the page's
 * track would keep a camera on that the page has turned off, so that track is read itself.
 */
export class TrackFeed implements Feed {
  readonly #video: HTMLVideoElement;
  readonly #isOfPage: boolean;
  readonly #note: Note;
  #ownTrack: MediaStreamTrack | null = null;
  #reader: ReadableStreamDefaultReader<VideoFrame> | null = null;
  #reading: Promise<void> | null = null;
  #isStopped = false;
  #presentedFrames = 0;
  #paintedMs = performance.now();
  #paintRequest = 0;
  /** The least delay of late from the time that a frame tells to the page's clock. */
  #delayMs = Infinity;

  constructor(video: HTMLVideoElement, isOfPage: boolean, note: Note) {
    this.#video = video;
    this.#isOfPage = isOfPage;
    this.#note = note;
  }

  ask(): void {
    if (this.#reading !== null || this.#isStopped || document.hidden || !this.#isPainted()) return;
    this.#reader ??= this.#open();
    if (this.#reader === null) return;
    this.#reading = this.#reader.read().then(
      (answer) => this.#take(answer.value ?? null),
      () => this.#take(null),
    );
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    cancelAnimationFrame(this.#paintRequest);
    await Promise.race([this.#reading, new Promise((resolve) => setTimeout(resolve, LAST_FRAME_MS))]);
    this.#ownTrack?.stop();
    await this.#reader?.cancel().catch(() => {});
  }

  #open(): ReadableStreamDefaultReader<VideoFrame> | null {
    const Processor = trackProcessor();
    const track = trackOf(this.#video);
    if (Processor === undefined || track === null) return null;
    this.#ownTrack = this.#isOfPage ? null : track.clone();
    return new Processor({ track: this.#ownTrack ?? track, maxBufferSize: 1 }).readable.getReader();
  }

  /** @param frame `null` where the track has ended: the stream may have another one. */
  #take(frame: VideoFrame | null): void {
    this.#reading = null;
    if (frame === null) this.#reader = null;
    else if (this.#isStopped) frame.close();
    else if (this.#isShown)
      this.#note({ timeMs: this.#timeOf(frame), presentedFrames: this.#count(), frame: released(frame) });
    else {
      frame.close();
      this.ask();
    }
  }

  get #isShown(): boolean {
    return !this.#video.paused && this.#video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
  }

  /** The video counts a frame a moment before or after its reader gets it. */
  #count(): number {
    const { totalVideoFrames } = this.#video.getVideoPlaybackQuality();
    return (this.#presentedFrames = Math.max(this.#presentedFrames + 1, totalVideoFrames));
  }

  /** Frames tell their times on a clock of their own, which is steadier than the times at which they are read. */
  #timeOf({ timestamp }: VideoFrame): number {
    const frameMs = timestamp / 1000;
    const delayMs = performance.now() - frameMs;
    if (!(delayMs > this.#delayMs && delayMs < this.#delayMs + LEAP_MS)) this.#delayMs = delayMs;
    else this.#delayMs += DRIFT * (delayMs - this.#delayMs);
    return frameMs + this.#delayMs;
  }

  /** @returns Whether the page was rendered of late. Asks again once it is. */
  #isPainted(): boolean {
    const sinceMs = performance.now() - this.#paintedMs;
    if (sinceMs >= PAINT_MS / 2 && this.#paintRequest === 0)
      this.#paintRequest = requestAnimationFrame(() => {
        this.#paintRequest = 0;
        this.#paintedMs = performance.now();
        this.ask();
      });
    return sinceMs < PAINT_MS;
  }
}

/**
 * Take a frame out of its reader's account. While two frames of a camera are not closed, Chromium gives none to any reader
 * of the page, and a worker that ends keeps its frame for up to a second. A second handle on the same pixels is not counted.
 *
 * @param frame Is closed.
 */
function released(frame: VideoFrame): VideoFrame {
  const free = new VideoFrame(frame, { timestamp: frame.timestamp });
  frame.close();
  return free;
}

function callbackFeed(video: HTMLVideoElement, note: Note): Feed {
  let request = 0;
  return {
    ask() {
      if (request !== 0) return;
      request = video.requestVideoFrameCallback((_now, { presentationTime, presentedFrames }) => {
        request = 0;
        note({ timeMs: presentationTime, presentedFrames, frame: null });
      });
    },
    stop: async () => video.cancelVideoFrameCallback(request),
  };
}

/** Follow a video in browsers without `requestVideoFrameCallback`: a new time is a new frame. */
function timeFeed(video: HTMLVideoElement, note: Note): Feed {
  let shown = -1;
  let presentedFrames = 0;
  let request = 0;
  const look = (timeMs: number) => {
    request = 0;
    if (video.currentTime === shown || video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) return feed.ask();
    shown = video.currentTime;
    note({ timeMs, presentedFrames: ++presentedFrames, frame: null });
  };
  const feed = {
    ask: () => void (request ||= requestAnimationFrame(look)),
    stop: async () => cancelAnimationFrame(request),
  };
  return feed;
}

function pictureFeed(note: Note): Feed {
  let presentedFrames = 0;
  let dueMs = performance.now();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const present = () => {
    timer = undefined;
    const timeMs = performance.now();
    // After a pause the frames go on from now. Missed frames are not made up for.
    dueMs = Math.max(dueMs + PICTURE_INTERVAL_MS, timeMs);
    note({ timeMs, presentedFrames: ++presentedFrames, frame: null });
  };
  return {
    ask: () => void (timer ??= setTimeout(present, dueMs - performance.now())),
    stop: async () => clearTimeout(timer),
  };
}
