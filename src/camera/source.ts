import { EmotionCamError } from "../errors.ts";
import type { Camera, Facing } from "./camera.ts";

/** File name endings of clips and pictures. A file with another ending is tried as a picture, then as a clip. */
const CLIP_ENDING = /\.(mp4|m4v|mov|webm|mkv|ogv)$/i;
const PICTURE_ENDING = /\.(jpe?g|png|webp|avif|gif|bmp|svg)$/i;

/** A source that the page hands over. Its tracks are the page's, and are never stopped here. */
export type SourceObject = MediaStream | HTMLVideoElement | HTMLCanvasElement;

/** The two elements that show sources, one at a time. */
export interface Stage {
  readonly video: HTMLVideoElement;
  readonly picture: HTMLImageElement;
}

/** A source that is shown, so that frames of it can be taken. */
export interface Source {
  /** `object`: a {@link SourceObject}. */
  readonly kind: "camera" | "clip" | "picture" | "object";
  readonly element: HTMLVideoElement | HTMLImageElement;
  readonly facing: Facing;
  /** Aborts with an EmotionCamError when the source is gone. */
  readonly lost: AbortSignal;
  /** Remove it from the screen, and turn the camera off. */
  close(): void;
}

/** Show a camera. */
export function showCamera(camera: Camera, { video }: Stage): Source {
  video.srcObject = camera.stream;
  play(video);
  return {
    kind: "camera",
    element: video,
    facing: camera.facing,
    lost: camera.lost,
    close: () => {
      video.srcObject = null;
      camera.close();
    },
  };
}

/**
 * Show a stream, a video or a canvas of the page.
 *
 * @throws EmotionCamError `source-load` where no picture can be had of it.
 */
export function showObject(object: SourceObject, { video }: Stage): Source {
  const isOwn = !("getVideoTracks" in object) && !isStream(srcObjectOf(object));
  const stream = streamOf(object);
  const loss = new AbortController();
  const over = new AbortController();
  const noteEnd = () => {
    if (!isOwn && !stream.getVideoTracks().some(({ readyState }) => readyState === "live")) loss.abort(endedStream());
  };
  for (const track of stream.getVideoTracks()) track.addEventListener("ended", noteEnd, { signal: over.signal });
  noteEnd();
  if (loss.signal.aborted) throw loss.signal.reason;
  video.srcObject = stream;
  play(video);
  const { facingMode } = stream.getVideoTracks()[0]?.getSettings() ?? {};
  return {
    kind: "object",
    element: video,
    facing: facingMode === "user" || facingMode === "environment" ? facingMode : "unknown",
    lost: loss.signal,
    close: () => {
      over.abort();
      video.srcObject = null;
      // A stream that was captured here of a video or a canvas. Its end does not end what it was captured of.
      if (isOwn) for (const track of stream.getTracks()) track.stop();
    },
  };
}

/** Say that a stream of the page gives no picture any more. */
export function endedStream(): EmotionCamError {
  return new EmotionCamError(
    "source-load",
    "The stream in srcObject has no live video track. Set srcObject to a stream whose video runs, or to null for the " +
      "camera.",
  );
}

/** @returns Whether a value can be shown by {@link showObject}. Objects of other frames of the page can, too. */
export function isSourceObject(value: unknown): value is SourceObject {
  if (typeof value !== "object" || value === null) return false;
  return isStream(value) || "videoWidth" in value || ("toDataURL" in value && "captureStream" in value);
}

function isStream(value: unknown): value is MediaStream {
  return typeof value === "object" && value !== null && "getVideoTracks" in value;
}

function srcObjectOf(object: HTMLVideoElement | HTMLCanvasElement): MediaProvider | null {
  return "srcObject" in object ? object.srcObject : null;
}

/** @returns The stream itself, the stream that a video shows, or one that is captured of a video or a canvas. */
function streamOf(object: SourceObject): MediaStream {
  if (isStream(object)) return object;
  const shown = srcObjectOf(object);
  if (isStream(shown)) return shown;
  const source = object as Capturable;
  try {
    const stream = source.captureStream?.() ?? source.mozCaptureStream?.();
    if (stream !== undefined) return stream;
  } catch (cause) {
    throw new EmotionCamError(
      "source-load",
      `The <${object.localName}> in srcObject gives no stream. Its picture must come from this origin or with CORS ` +
        "headers, and a canvas needs a context.",
      { cause },
    );
  }
  throw new EmotionCamError(
    "source-load",
    `This browser captures no stream of a <${object.localName}>. Draw the video onto a canvas, and set srcObject to the ` +
      "canvas.",
  );
}

/** The type of a video lacks the method, and Firefox names that of videos otherwise. */
interface Capturable {
  captureStream?(): MediaStream;
  mozCaptureStream?(): MediaStream;
}

/**
 * Show a clip, over and over, or a still picture.
 *
 * @param url Resolved against the document.
 * @throws EmotionCamError `source-load` that names the URL. The signal's reason.
 */
export async function showFile(url: string, { video, picture }: Stage, signal: AbortSignal): Promise<Source> {
  const href = resolve(url);
  const { pathname } = new URL(href);
  if (CLIP_ENDING.test(pathname)) return showClip(href, video, signal);
  if (await isAnimated(href, signal)) throw animated(href);
  signal.throwIfAborted();
  if (PICTURE_ENDING.test(pathname)) return showPicture(href, picture, signal);
  return showPicture(href, picture, signal).catch(() => showClip(href, video, signal));
}

/** @returns The size of the source in its own pixels. It may change at any time. */
export function sizeOf(element: HTMLVideoElement | HTMLImageElement): { width: number; height: number } {
  if (element instanceof HTMLVideoElement) return { width: element.videoWidth, height: element.videoHeight };
  return { width: element.naturalWidth, height: element.naturalHeight };
}

/** @returns Whether the source looks at the viewer, who then expects a mirror. */
export function looksAtViewer({ kind, facing }: Source): boolean {
  // A stream of the page may be a screen or a call: it is a mirror only where it says so.
  return kind === "camera" ? facing !== "environment" : facing === "user";
}

/** Play a video, or continue one that the browser has paused. */
export function play(video: HTMLVideoElement): void {
  // Muted videos may always play. The only rejection left is that of a video that gets another source.
  video.play().catch(() => {});
}

function resolve(url: string): string {
  try {
    return new URL(url, document.baseURI).href;
  } catch (cause) {
    throw unreadable(url, cause);
  }
}

async function showClip(href: string, video: HTMLVideoElement, signal: AbortSignal): Promise<Source> {
  const loss = new AbortController();
  const close = () => {
    over.abort();
    video.removeAttribute("src");
    video.load();
  };
  const over = new AbortController();
  try {
    await new Promise<void>((loaded, failed) => {
      const until = { signal: over.signal };
      video.addEventListener("loadeddata", () => loaded(), until);
      video.addEventListener("error", () => failed(unreadable(href, video.error)), until);
      video.addEventListener("error", () => loss.abort(unreadable(href, video.error)), until);
      signal.addEventListener("abort", () => failed(signal.reason), until);
      signal.throwIfAborted();
      video.crossOrigin = "anonymous";
      video.src = href;
      play(video);
    });
  } catch (error) {
    close();
    throw error;
  }
  return { kind: "clip", element: video, facing: "unknown", lost: loss.signal, close };
}

async function showPicture(href: string, picture: HTMLImageElement, signal: AbortSignal): Promise<Source> {
  const close = () => picture.removeAttribute("src");
  picture.crossOrigin = "anonymous";
  picture.src = href;
  try {
    await picture.decode();
    signal.throwIfAborted();
  } catch (cause) {
    close();
    signal.throwIfAborted();
    throw unreadable(href, cause);
  }
  return { kind: "picture", element: picture, facing: "unknown", lost: new AbortController().signal, close };
}

/** The picture formats that can be animated, by file name ending and by type. */
const ANIMATABLE = [
  { ending: /\.gif$/i, type: "image/gif" },
  { ending: /\.webp$/i, type: "image/webp" },
  { ending: /\.a?png$/i, type: "image/png" },
  { ending: /\.avif$/i, type: "image/avif" },
];

/** The part of WebCodecs that TypeScript's DOM types lack. https://www.w3.org/TR/webcodecs/#imagedecoder-interface */
interface ImageDecoders {
  new (init: { data: ReadableStream; type: string }): {
    readonly tracks: {
      readonly ready: Promise<void>;
      readonly selectedTrack: { readonly animated: boolean; readonly frameCount: number } | null;
    };
    readonly completed: Promise<void>;
    close(): void;
  };
}

/**
 * Look whether a picture moves, of which frames would only show its first picture. An address without one of the formats'
 * endings is not looked at: it may be a stream without an end, and a camera that serves one viewer only.
 *
 * @returns `false` also where the browser cannot tell.
 */
async function isAnimated(href: string, signal: AbortSignal): Promise<boolean> {
  const { protocol, pathname } = new URL(href);
  const format = ANIMATABLE.find(({ ending, type }) =>
    protocol === "data:" ? pathname.startsWith(type) : ending.test(pathname),
  );
  const { ImageDecoder } = globalThis as { ImageDecoder?: ImageDecoders };
  if (format === undefined || ImageDecoder === undefined) return false;
  try {
    const { body } = await fetch(href, { signal, credentials: "same-origin" });
    if (body === null) return false;
    const decoder = new ImageDecoder({ data: body, type: format.type });
    await decoder.tracks.ready;
    // Chromium calls every GIF animated, so its pictures are counted, when all of it is there.
    if (decoder.tracks.selectedTrack?.animated === true) await decoder.completed;
    const isMoving = (decoder.tracks.selectedTrack?.frameCount ?? 1) > 1;
    decoder.close();
    return isMoving;
  } catch {
    // The picture itself may be readable where a request is not allowed.
    return false;
  }
}

function animated(url: string): EmotionCamError {
  return new EmotionCamError(
    "source-load",
    `${url} is an animated picture, of which only the first picture could be read. Use a video (H.264 in MP4, or WebM).`,
  );
}

function unreadable(url: string, cause: unknown): EmotionCamError {
  return new EmotionCamError(
    "source-load",
    `${url} could not be loaded, or this browser cannot decode it. Check the address, and use H.264 in MP4 (not HEVC), ` +
      "VP8, VP9 or AV1 in WebM, JPEG, PNG, WebP or SVG. A page with Cross-Origin-Embedder-Policy gets files of other " +
      "origins only with Cross-Origin-Resource-Policy or CORS headers.",
    { cause },
  );
}
