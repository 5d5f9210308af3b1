import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { listCameras, openCamera } from "../../src/camera/camera.ts";
import { type SourceFrame, frames } from "../../src/camera/frames.ts";
import { untilWorthRetrying } from "../../src/camera/retry.ts";
import { type Source, type Stage, showCamera, showFile, sizeOf } from "../../src/camera/source.ts";
import { EmotionCamError } from "../../src/errors.ts";

const NEVER = new AbortController().signal;
const all = () => Infinity;
const VGA = { width: 640, height: 480 };

/** A picture in its own URL, so that nothing has to be served. */
const PICTURE = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"><rect width="64" height="48" fill="red"/></svg>',
)}`;

let stage: Stage;
let over: AbortController;

beforeEach(() => {
  over = new AbortController();
  stage = { video: document.createElement("video"), picture: document.createElement("img") };
  stage.video.muted = true;
  document.body.append(stage.video, stage.picture);
});

afterEach(() => {
  over.abort();
  stage.video.remove();
  stage.picture.remove();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

async function openFake(choice = ""): Promise<Source> {
  return showCamera(await openCamera(choice, VGA, over.signal), stage);
}

/** Take frames and close them. @returns Everything but their pixels. */
async function take(source: Source, count: number, maxFps = all): Promise<Omit<SourceFrame, "frame">[]> {
  const taken = [];
  for await (const { frame, ...rest } of frames(source.element, { signal: over.signal, lost: source.lost, maxFps })) {
    frame.close();
    taken.push(rest);
    if (taken.length === count) break;
  }
  return taken;
}

function refuse(name: string): void {
  vi.spyOn(navigator.mediaDevices, "getUserMedia").mockRejectedValue(new DOMException("made by the test", name));
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(EmotionCamError);
  return (error as EmotionCamError).code;
}

describe("openCamera", () => {
  test("turns a camera on at 640x480 and off again", async () => {
    const camera = await openCamera("", VGA, NEVER);
    const [track] = camera.stream.getVideoTracks();
    expect(track!.getSettings()).toMatchObject({ width: 640, height: 480 });
    expect(camera.stream.getAudioTracks()).toEqual([]);
    camera.close();
    expect(track!.readyState).toBe("ended");
  });

  test("finds a camera by its id, its label and a part of it", async () => {
    (await openCamera("", VGA, NEVER)).close();
    const [device] = await listCameras();
    expect(device!.label).not.toBe("");
    for (const choice of [device!.deviceId, device!.label, device!.label.slice(2).toUpperCase()]) {
      const camera = await openCamera(choice, VGA, NEVER);
      expect(camera.stream.getVideoTracks()[0]!.getSettings().deviceId).toBe(device!.deviceId);
      camera.close();
    }
  });

  test("names the camera that is missing, and those that are there", async () => {
    const [device] = await listCameras();
    const error = await openCamera("telescope", VGA, NEVER).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "camera-missing", recoverable: true });
    expect((error as Error).message).toContain("telescope");
    expect((error as Error).message).toContain(device!.label);
  });

  test.each([
    ["NotAllowedError", "camera-denied"],
    ["SecurityError", "camera-denied"],
    ["NotFoundError", "camera-missing"],
    ["OverconstrainedError", "camera-missing"],
    ["NotReadableError", "camera-busy"],
    ["AbortError", "camera-busy"],
  ])("%s is %s", async (name, code) => {
    refuse(name);
    expect(await codeOf(openCamera("", VGA, NEVER))).toBe(code);
  });

  test("tells an insecure page from a browser without cameras", async () => {
    vi.spyOn(navigator, "mediaDevices", "get").mockReturnValue(undefined as unknown as MediaDevices);
    expect(await codeOf(openCamera("", VGA, NEVER))).toBe("unsupported-browser");
    vi.stubGlobal("isSecureContext", false);
    expect(await codeOf(openCamera("", VGA, NEVER))).toBe("insecure-context");
  });

  test("a camera granted after the abort is turned off again", async () => {
    const stream = await navigator.mediaDevices.getUserMedia({ video: true });
    let grant = (_stream: MediaStream) => {};
    vi.spyOn(navigator.mediaDevices, "getUserMedia").mockReturnValue(new Promise((resolve) => (grant = resolve)));
    const opening = openCamera("", VGA, over.signal);
    await Promise.resolve();
    over.abort();
    await expect(opening).rejects.toMatchObject({ name: "AbortError" });
    grant(stream);
    await vi.waitFor(() => expect(stream.getVideoTracks()[0]!.readyState).toBe("ended"));
  });

  test("a camera that is muted for a moment is not lost", async () => {
    const camera = await openCamera("", VGA, NEVER);
    const [track] = camera.stream.getVideoTracks();
    track!.dispatchEvent(new Event("mute"));
    track!.dispatchEvent(new Event("unmute"));
    await new Promise((resolve) => setTimeout(resolve, 3300));
    expect(camera.lost.aborted).toBe(false);
    camera.close();
  });

  test.each(["ended", "mute"])("a track's %s is camera-lost", async (type) => {
    const source = await openFake();
    const running = take(source, 1e9);
    const stream = stage.video.srcObject as MediaStream;
    stream.getVideoTracks()[0]!.dispatchEvent(new Event(type));
    expect(await codeOf(running)).toBe("camera-lost");
    source.close();
  });
});

/** Chromium reads a stream's track itself; in browsers without such a reader the video tells of each frame. */
describe.each(["track", "video"])("frames, read from the %s,", (from) => {
  beforeEach(() => {
    if (from === "video") vi.stubGlobal("MediaStreamTrackProcessor", undefined);
  });

  test("of a camera are new, in order, and on the page's clock", async () => {
    const source = await openFake();
    const taken = await take(source, 10);
    const times = taken.map(({ timeMs }) => timeMs);
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
    expect(times.at(-1)).toBeLessThanOrEqual(performance.now());
    expect(times[0]).toBeGreaterThan(performance.now() - 30_000);
    const counts = taken.map(({ presentedFrames }) => presentedFrames);
    expect(counts).toEqual([...new Set(counts)].sort((a, b) => a - b));
    source.close();
    expect(stage.video.srcObject).toBe(null);
  });

  test("are the newest: a slow caller misses some", async () => {
    const source = await openFake();
    const wishes = { signal: over.signal, lost: source.lost, maxFps: all };
    const counts: number[] = [];
    for await (const { frame, presentedFrames } of frames(source.element, wishes)) {
      frame.close();
      counts.push(presentedFrames);
      if (counts.length === 3) break;
      await new Promise((resolve) => setTimeout(resolve, 400));
    }
    expect(counts[2]! - counts[0]!).toBeGreaterThan(4);
    source.close();
  });

  test("that are not closed do not silence the camera that is opened next", async () => {
    const kept: SourceFrame["frame"][] = [];
    const first = await openFake();
    for await (const { frame } of frames(first.element, { signal: over.signal, lost: first.lost, maxFps: all })) {
      kept.push(frame);
      if (kept.length === 3) break;
    }
    first.close();
    const next = await openFake();
    expect(await take(next, 3)).toHaveLength(3);
    next.close();
    for (const frame of kept) frame.close();
  });

  test.each(["camera", "picture"])("of a %s do not exceed maxFps", async (kind) => {
    const source = kind === "camera" ? await openFake() : await showFile(PICTURE, stage, NEVER);
    const taken = await take(source, 6, () => 10);
    expect(taken[5]!.timeMs - taken[0]!.timeMs).toBeGreaterThan(440);
    source.close();
  });

  test("that nobody wants are hardly asked for", async () => {
    const reads = vi.spyOn(ReadableStreamDefaultReader.prototype, "read");
    const callbacks = vi.spyOn(HTMLVideoElement.prototype, "requestVideoFrameCallback");
    const source = await openFake();
    await take(source, 8, () => 4);
    // The caller wants one of five frames of the camera.
    expect(reads.mock.calls.length + callbacks.mock.calls.length).toBeLessThan(8 * 3);
    source.close();
  });

  test("of a picture come at a steady rate, with its pixels", async () => {
    const source = await showFile(PICTURE, stage, NEVER);
    expect(source.kind).toBe("picture");
    expect(sizeOf(source.element)).toEqual({ width: 64, height: 48 });
    const wishes = { signal: over.signal, lost: source.lost, maxFps: all };
    for await (const { frame } of frames(source.element, wishes)) {
      const context = new OffscreenCanvas(64, 48).getContext("2d")!;
      context.drawImage(frame, 0, 0);
      frame.close();
      expect([...context.getImageData(9, 9, 1, 1).data]).toEqual([255, 0, 0, 255]);
      break;
    }
    expect((await take(source, 5)).length).toBe(5);
    source.close();
  });

  test("work without VideoFrame and without frame callbacks", async () => {
    vi.stubGlobal("MediaStreamTrackProcessor", undefined);
    vi.stubGlobal("VideoFrame", undefined);
    const { prototype } = HTMLVideoElement;
    const callback = Object.getOwnPropertyDescriptor(prototype, "requestVideoFrameCallback")!;
    Reflect.deleteProperty(prototype, "requestVideoFrameCallback");
    const source = await openFake();
    const wishes = { signal: over.signal, lost: source.lost, maxFps: all };
    const seen: string[] = [];
    for await (const { frame } of frames(source.element, wishes)) {
      seen.push(frame.constructor.name);
      frame.close();
      if (seen.length === 3) break;
    }
    Object.defineProperty(prototype, "requestVideoFrameCallback", callback);
    expect(seen).toEqual(["ImageBitmap", "ImageBitmap", "ImageBitmap"]);
    source.close();
  });

  test.each(["camera", "clip"])("of a %s go on after the browser has paused it", async (kind) => {
    const source = kind === "camera" ? await openFake() : await showFile("/demo.webm", stage, over.signal);
    const taken = take(source, 20);
    await take(source, 2);
    stage.video.pause();
    expect(await taken).toHaveLength(20);
    expect(stage.video.paused).toBe(false);
    source.close();
  });

  test("of a live camera that sends nothing end with camera-stalled", async () => {
    const canvas = document.createElement("canvas");
    canvas.getContext("2d")!.fillRect(0, 0, 9, 9);
    // A stream that never captures is live, and silent for ever.
    stage.video.srcObject = canvas.captureStream(0);
    void stage.video.play();
    const running = (async () => {
      for await (const { frame } of frames(stage.video, { signal: NEVER, lost: NEVER, maxFps: all })) frame.close();
    })();
    expect(await codeOf(running)).toBe("camera-stalled");
  });
});

describe("the reader of a track", () => {
  test("gives way to the video where the page keeps all frames that a camera gives to readers", async () => {
    const source = await openFake();
    const { MediaStreamTrackProcessor: Processor } = globalThis as unknown as {
      MediaStreamTrackProcessor: new (init: { track: MediaStreamTrack }) => { readable: ReadableStream<VideoFrame> };
    };
    const [track] = (stage.video.srcObject as MediaStream).getVideoTracks();
    const reader = new Processor({ track: track! }).readable.getReader();
    const kept: VideoFrame[] = [];
    const silence = () => new Promise<"silence">((resolve) => setTimeout(() => resolve("silence"), 2000));
    for (;;) {
      const next = await Promise.race([reader.read(), silence()]);
      if (next === "silence") break;
      kept.push(next.value!);
    }
    expect(kept.length).toBeGreaterThan(0);
    expect(await take(source, 3)).toHaveLength(3);
    for (const frame of kept) frame.close();
    source.close();
  });

  test("leaves the camera off at its end, and loses no frame", async () => {
    const rounds = 10;
    const clone = vi.spyOn(MediaStreamTrack.prototype, "clone");
    const { read } = ReadableStreamDefaultReader.prototype;
    let reading = 0;
    vi.spyOn(ReadableStreamDefaultReader.prototype, "read").mockImplementation(function (
      this: ReadableStreamDefaultReader<unknown>,
    ) {
      reading++;
      return read.call(this).finally(() => reading--);
    });
    let cut = 0;
    for (let round = 0; round < rounds; round++) {
      const source = await openFake();
      await take(source, 1 + (round % 2));
      cut += reading;
      source.close();
      const own = clone.mock.results.at(-1)!.value as MediaStreamTrack;
      expect(own.readyState).toBe("ended");
      await vi.waitFor(() => expect(reading).toBe(0), 20_000);
    }
    // A busy machine may give the last frame too late now and then.
    expect(cut).toBeLessThan(rounds / 2);
  });
});

describe("showFile", () => {
  test.each(["/not-there.mp4", "/not-there.jpg", "/not-there", "http://[bad"])("%s is source-load", async (url) => {
    const error = await showFile(url, stage, NEVER).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "source-load", recoverable: true });
    expect((error as Error).message).toContain(url);
  });

  test("a clip that cannot be decoded names the formats that can, and the headers that a page with COEP needs", async () => {
    const unreadable = URL.createObjectURL(new Blob(["ftypheic"], { type: "video/mp4" }));
    const error = await showFile(unreadable, stage, NEVER).catch((reason: unknown) => reason);
    expect((error as Error).message).toMatch(/H\.264 in MP4 \(not HEVC\)/);
    expect((error as Error).message).toContain("Cross-Origin-Resource-Policy");
  });

  test("ends with the signal", async () => {
    const showing = showFile("/not-there.mp4", stage, over.signal);
    over.abort();
    await expect(showing).rejects.toMatchObject({ name: "AbortError" });
    expect(stage.video.hasAttribute("src")).toBe(false);
  });
});

describe("retry", () => {
  const missing = new EmotionCamError("camera-missing", "none");
  const denied = new EmotionCamError("camera-denied", "no");

  test("a new camera ends the wait", async () => {
    const waiting = untilWorthRetrying(missing, Infinity, NEVER);
    await new Promise((resolve) => setTimeout(resolve));
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    await waiting;
  });

  test("after a refusal, only the permission ends the wait", async () => {
    const status = Object.assign(new EventTarget(), { state: "denied" });
    const permissions = { query: () => Promise.resolve(status) };
    vi.spyOn(navigator, "permissions", "get").mockReturnValue(permissions as unknown as Permissions);
    let ended = false;
    const waiting = untilWorthRetrying(denied, Infinity, NEVER).then(() => (ended = true));
    await new Promise((resolve) => setTimeout(resolve));
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    status.dispatchEvent(new Event("change"));
    await new Promise((resolve) => setTimeout(resolve));
    expect(ended).toBe(false);
    status.state = "granted";
    status.dispatchEvent(new Event("change"));
    await waiting;
  });

  test("the permission is queried once, however often a camera fails", async () => {
    const query = vi.fn<() => Promise<EventTarget>>(() => Promise.resolve(new EventTarget()));
    vi.spyOn(navigator, "permissions", "get").mockReturnValue({ query } as unknown as Permissions);
    for (let failure = 0; failure < 20; failure++) await untilWorthRetrying(missing, 1, NEVER);
    expect(query).toHaveBeenCalledTimes(1);
  });

  test("the signal ends the wait", async () => {
    const waiting = untilWorthRetrying(denied, Infinity, over.signal);
    over.abort();
    await expect(waiting).rejects.toMatchObject({ name: "AbortError" });
  });
});
