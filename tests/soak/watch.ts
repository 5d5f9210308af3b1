/** Runs in the page before its own scripts: counts frames, workers and the element's events. */
import type { EmotionErrorEvent, EmotionFrameEvent, EmotionPresenceEvent } from "../../src/events.ts";

declare global {
  interface Window {
    soak: {
      look(): {
        frames: number;
        faces: number;
        people: number;
        state: string | null;
        demo: boolean;
        errors: string[];
        loads: number;
      };
      measure(): Promise<{ allBytes: number; openFrames: number }>;
      readonly workers: WeakRef<Worker>[];
    };
  }
}

/** A simulated day has the frames of a camera with this rate. */
export const DAY_FRAMES_PER_SECOND = 15;

/** Install the counters as `window.soak`. The page gets this function as text, so it uses nothing outside itself. */
export function installWatch(): void {
  let frames = 0;
  let faces = 0;
  let people = 0;
  let loads = 0;
  let errors: string[] = [];
  const made = new Set<VideoFrame>();
  const workers: WeakRef<Worker>[] = [];
  window.VideoFrame = new Proxy(VideoFrame, {
    construct(Native, given: ConstructorParameters<typeof VideoFrame>) {
      // A closed or transferred frame has no size.
      for (const frame of made) if (frame.codedWidth === 0) made.delete(frame);
      const frame = new Native(...given);
      made.add(frame);
      return frame;
    },
  });
  window.Worker = new Proxy(Worker, {
    construct(Native, given: ConstructorParameters<typeof Worker>) {
      const worker = new Native(...given);
      workers.splice(0, workers.length, new WeakRef(worker));
      return worker;
    },
  });
  addEventListener("emotion-frame", (event) => {
    frames += 1;
    faces += (event as EmotionFrameEvent).faces.length;
  });
  addEventListener("emotion-presence", (event) => (people = Math.max(people, (event as EmotionPresenceEvent).count)));
  addEventListener("emotion-error", (event) => errors.push((event as EmotionErrorEvent).error.code));
  addEventListener("emotion-ready", () => (loads += 1));
  window.soak = {
    workers,
    look() {
      const told = errors;
      errors = [];
      const element = document.querySelector("emotion-cam");
      const [state, demo] = [element?.getAttribute("state") ?? null, element?.hasAttribute("demo") ?? false];
      return { frames, faces, people, state, demo, errors: told, loads };
    },
    async measure() {
      const { measureUserAgentSpecificMemory: measure } = performance as unknown as {
        measureUserAgentSpecificMemory(): Promise<{ bytes: number }>;
      };
      const { bytes } = await measure.call(performance);
      return { allBytes: bytes, openFrames: [...made].filter((frame) => frame.codedWidth > 0).length };
    },
  };
}

/**
 * Simulate a day in an hour: present the video's next frame as soon as the last one was answered, and put the page's clock
 * forward to a camera's interval after the frame before. Uses nothing outside itself, as above.
 *
 * @param stepMs The least interval between two frames on the page's clock.
 */
export function pumpFrames(stepMs: number): void {
  /** The next frame comes after this time even without an answer, as while the worker starts. */
  const patienceMs = 100;
  const real = performance.now.bind(performance);
  let aheadMs = 0;
  performance.now = () => real() + aheadMs;
  const paint = requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (callback) => paint((timeMs) => callback(timeMs + aheadMs));
  let lastMs = real();
  let presentedFrames = 0;
  let handles = 0;
  /** Frames that are asked for, by handle. */
  const asked = new Map<number, () => void>();
  addEventListener("emotion-frame", () => {
    for (const present of [...asked.values()]) present();
  });
  // The frames of the stream's own track have the camera's rate.
  Reflect.deleteProperty(globalThis, "MediaStreamTrackProcessor");
  HTMLVideoElement.prototype.requestVideoFrameCallback = function (callback) {
    const handle = ++handles;
    const present = () => {
      if (!asked.delete(handle)) return;
      clearTimeout(late);
      aheadMs += Math.max(0, lastMs + stepMs - performance.now());
      lastMs = performance.now();
      presentedFrames += 1;
      const { videoWidth: width, videoHeight: height, currentTime: mediaTime } = this;
      const times = { presentationTime: lastMs, expectedDisplayTime: lastMs, mediaTime };
      callback(lastMs, { ...times, width, height, presentedFrames });
    };
    const late = setTimeout(present, patienceMs);
    asked.set(handle, present);
    return handle;
  };
  HTMLVideoElement.prototype.cancelVideoFrameCallback = (handle) => void asked.delete(handle);
}
