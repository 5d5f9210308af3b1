import { EmotionCamError } from "../errors.ts";
import type { Camera, Facing } from "./camera.ts";

/** File name endings of clips and pictures. A file with another ending is tried as a picture, then as a clip. */
const CLIP_ENDING = /\.(mp4|m4v|mov|webm|mkv|ogv)$/i;
const PICTURE_ENDING = /\.(jpe?g|png|webp|avif|gif|bmp|svg)$/i;

/** The two elements that show sources, one at a time. */
export interface Stage {
  readonly video: HTMLVideoElement;
  readonly picture: HTMLImageElement;
}

/** A source that is shown, so that frames of it can be taken. */
export interface Source {
  readonly kind: "camera" | "clip" | "picture";
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
 * Show a clip, over and over, or a still picture.
 *
 * @param url Resolved against the document.
 * @throws EmotionCamError `source-load` that names the URL. The signal's reason.
 */
export async function showFile(url: string, { video, picture }: Stage, signal: AbortSignal): Promise<Source> {
  const href = resolve(url);
  const { pathname } = new URL(href);
  if (CLIP_ENDING.test(pathname)) return showClip(href, video, signal);
  if (PICTURE_ENDING.test(pathname)) return showPicture(href, picture, signal);
  return showPicture(href, picture, signal).catch(() => showClip(href, video, signal));
}

/** @returns The size of the source in its own pixels. It may change at any time. */
export function sizeOf(element: HTMLVideoElement | HTMLImageElement): { width: number; height: number } {
  if (element instanceof HTMLVideoElement) return { width: element.videoWidth, height: element.videoHeight };
  return { width: element.naturalWidth, height: element.naturalHeight };
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

function unreadable(url: string, cause: unknown): EmotionCamError {
  return new EmotionCamError(
    "source-load",
    `${url} could not be loaded, or this browser cannot decode it. Check the address, and use MP4, WebM, JPEG, PNG, ` +
      "WebP or SVG.",
    { cause },
  );
}
