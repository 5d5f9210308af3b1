/** Sources of the page's own, turned sources, and elements that are not rendered. */
import { afterEach, describe, expect, test, vi } from "vitest";
import { frames } from "../../src/camera/frames.ts";
import { showFile } from "../../src/camera/source.ts";
import { EmotionCam } from "../../src/index.ts";
import type { Picture } from "../../src/pipeline/stages.ts";
import { Pixels } from "../../src/runtime/pixels.ts";
import { Planes } from "../../src/runtime/planes.ts";
import { ROTATIONS, type Rotation } from "../../src/types.ts";

EmotionCam.define();

const FAKE_RUNTIME = "/tests/browser/fake-runtime/";
const NEVER = new AbortController().signal;

afterEach(() => {
  document.body.replaceChildren();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function put(attributes: Record<string, string> = {}, parent: Element = document.body): EmotionCam {
  const element = document.createElement("emotion-cam");
  for (const [name, value] of Object.entries({ "asset-base": FAKE_RUNTIME, ...attributes }))
    element.setAttribute(name, value);
  parent.append(element);
  return element;
}

/** The time limit is generous, because the machine may be busy. */
const eventually = (expectation: () => void) => vi.waitFor(expectation, { timeout: 20_000 });

const nextFrame = (element: EmotionCam) =>
  new Promise<void>((resolve) => element.addEventListener("emotion-frame", () => resolve(), { once: true }));

/** A canvas that is drawn on over and over: red at the left, blue at the right. */
function movingCanvas(): HTMLCanvasElement {
  const canvas = Object.assign(document.createElement("canvas"), { width: 64, height: 32 });
  const context = canvas.getContext("2d")!;
  const draw = () => {
    context.fillStyle = "red";
    context.fillRect(0, 0, 32, 32);
    context.fillStyle = "blue";
    context.fillRect(32, 0, 32, 32);
  };
  draw();
  const timer = setInterval(() => (canvas.isConnected ? draw() : clearInterval(timer)), 30);
  document.body.append(canvas);
  return canvas;
}

describe("an element that is not rendered", () => {
  test.each<[string, string, (box: HTMLElement, shows: boolean) => void]>([
    ["in a dialog", "dialog", (box, shows) => ((box as HTMLDialogElement).open = shows)],
    ["in details", "details", (box, shows) => ((box as HTMLDetailsElement).open = shows)],
    ["in something hidden", "div", (box, shows) => (box.hidden = !shows)],
    [
      "in a box of 0x0",
      "div",
      (box, shows) => Object.assign(box.style, shows ? { width: "300px", height: "" } : { width: "0", height: "0" }),
    ],
  ])("%s turns the camera off and comes back", async (_, tag, set) => {
    const capture = vi.spyOn(navigator.mediaDevices, "getUserMedia");
    const box = document.createElement(tag);
    // A dialog is as wide as its content, and the element is as wide as the page makes it.
    box.style.width = "300px";
    document.body.append(box);
    set(box, false);
    const element = put({ autostart: "" }, box);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(element.getAttribute("state")).toBe("paused");
    expect(capture).not.toHaveBeenCalled();
    set(box, true);
    await nextFrame(element);
    set(box, false);
    // On a machine that is busy for seconds, the element may have opened the camera more than once.
    await eventually(async () => {
      for (const { value } of capture.mock.results) expect((await value).getVideoTracks()[0].readyState).toBe("ended");
    });
    expect(element.state).toBe("paused");
    const openedBefore = capture.mock.calls.length;
    set(box, true);
    await nextFrame(element);
    expect(capture.mock.calls.length).toBeGreaterThan(openedBefore);
  });

  test("starts where it is hidden and shown before the page is painted", async () => {
    const element = put();
    await new Promise((resolve) => setTimeout(resolve, 300));
    element.hidden = true;
    element.autostart = true;
    await element.updateComplete;
    expect(element.state).toBe("paused");
    element.hidden = false;
    await nextFrame(element);
    expect(element.state).toBe("running");
  });

  test("goes on with keep-running", async () => {
    const element = put({ autostart: "", "keep-running": "" });
    await nextFrame(element);
    element.hidden = true;
    await new Promise((resolve) => setTimeout(resolve, 2500));
    await nextFrame(element);
    expect(element.state).toBe("running");
  });
});

test("a camera on a page that does not paint gives no frames until it does", async () => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true });
  const video = Object.assign(document.createElement("video"), { muted: true, srcObject: stream });
  document.body.append(video);
  await video.play();
  const over = new AbortController();
  const requests: (() => void)[] = [];
  vi.stubGlobal("requestAnimationFrame", (callback: () => void) => requests.push(callback));
  let taken = 0;
  const taking = (async () => {
    for await (const { frame } of frames(video, { signal: over.signal, lost: NEVER, maxFps: () => 10 })) {
      frame.close();
      taken += 1;
    }
  })().catch((error: unknown) => error);
  // The feed waits for the page to paint, and later the watch for silent cameras does.
  await eventually(() => expect(requests).toHaveLength(2));
  const before = taken;
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect(taken).toBe(before);
  vi.unstubAllGlobals();
  for (const request of requests) request();
  await eventually(() => expect(taken).toBeGreaterThan(before));
  over.abort("over");
  expect(await taking).toBe("over");
  for (const track of stream.getTracks()) track.stop();
  video.remove();
});

test("a silent camera on a page that does not paint is not stalled", async () => {
  const canvas = document.createElement("canvas");
  canvas.getContext("2d")!.fillRect(0, 0, 9, 9);
  const video = Object.assign(document.createElement("video"), { muted: true, srcObject: canvas.captureStream(0) });
  document.body.append(video);
  void video.play();
  // A browser paints nothing of an iframe that is out of view.
  let paint = () => {};
  vi.stubGlobal("requestAnimationFrame", (callback: () => void) => ((paint = callback), 1));
  let code = "";
  void (async () => {
    for await (const { frame } of frames(video, { signal: NEVER, lost: NEVER, maxFps: () => Infinity })) frame.close();
  })().catch((error: { code: string }) => (code = error.code));
  await new Promise((resolve) => setTimeout(resolve, 6000));
  expect(code).toBe("");
  vi.unstubAllGlobals();
  paint();
  await eventually(() => expect(code).toBe("camera-stalled"));
});

describe("srcObject", () => {
  test("shows a stream, whose tracks live on after the stop", async () => {
    const capture = vi.spyOn(navigator.mediaDevices, "getUserMedia");
    // A clone would keep a camera on that the page has stopped.
    const clone = vi.spyOn(MediaStreamTrack.prototype, "clone");
    const stream = movingCanvas().captureStream();
    const element = put({ src: "/not-there.mp4" });
    element.srcObject = stream;
    await element.start();
    expect(element.mirror).toBe(false);
    await element.stop();
    element.remove();
    expect(stream.getVideoTracks()[0]!.readyState).toBe("live");
    expect(capture).not.toHaveBeenCalled();
    expect(clone).not.toHaveBeenCalled();
  });

  test("shows a canvas, and a video", async () => {
    const element = put();
    const canvas = movingCanvas();
    element.srcObject = canvas;
    await element.start();
    const video = Object.assign(document.createElement("video"), { muted: true, srcObject: canvas.captureStream() });
    document.body.append(video);
    void video.play();
    element.srcObject = video;
    await nextFrame(element);
    await eventually(() => expect(element.shadowRoot!.querySelector("video")!.srcObject).toBe(video.srcObject));
  });

  test("that has ended is source-load; another one starts at once", async () => {
    const canvas = movingCanvas();
    const stream = canvas.captureStream();
    stream.getVideoTracks()[0]!.stop();
    const element = put();
    element.srcObject = stream;
    await expect(element.start()).rejects.toMatchObject({ code: "source-load" });
    element.srcObject = canvas;
    await nextFrame(element);
  });

  test("takes nothing else", () => {
    const element = put();
    for (const value of ["x", 1, {}, document.createElement("img")]) {
      Object.assign(element, { srcObject: value });
      expect(element.srcObject).toBe(null);
    }
  });
});

/** Red at the left and blue at the right, turned clockwise: where red is then, in thirds of the picture's sides. */
const RED: Readonly<Record<Rotation, readonly [number, number]>> = { 0: [0, 1], 90: [1, 0], 180: [2, 1], 270: [1, 2] };

describe("rotate", () => {
  test("a snapshot is turned, and has its faces", async () => {
    const element = put();
    element.srcObject = movingCanvas();
    await element.start();
    for (const rotation of ROTATIONS) {
      element.rotate = rotation;
      const { image, faces } = await element.snapshot();
      const { width, height } = image;
      expect([width, height]).toEqual(rotation % 180 === 0 ? [64, 32] : [32, 64]);
      expect(Array.isArray(faces)).toBe(true);
      const context = new OffscreenCanvas(width, height).getContext("2d")!;
      context.drawImage(image, 0, 0);
      image.close();
      const [across, down] = RED[rotation];
      const [red, , blue] = context.getImageData((width * (across + 0.5)) / 3, (height * (down + 0.5)) / 3, 1, 1).data;
      expect(red! - blue!, `${rotation} degrees`).toBeGreaterThan(100);
    }
    element.privacy = "blur";
    await expect(element.snapshot()).rejects.toMatchObject({ name: "NotAllowedError" });
    await element.stop();
    element.privacy = "show";
    await expect(element.snapshot()).rejects.toMatchObject({ name: "InvalidStateError" });
  });

  test("the picture on the screen is turned about its middle", async () => {
    const element = put();
    element.style.cssText = "width: 400px; height: 300px";
    element.srcObject = movingCanvas();
    await element.start();
    const around = element.getBoundingClientRect();
    for (const rotation of ROTATIONS) {
      element.rotate = rotation;
      await element.updateComplete;
      const rect = element.shadowRoot!.querySelector("video")!.getBoundingClientRect();
      for (const key of ["x", "y", "width", "height"] as const) expect(rect[key]).toBeCloseTo(around[key], 1);
    }
  });

  test.each(ROTATIONS)("by %i degrees: what is analysed is the turned frame", async (rotation) => {
    const canvas = movingCanvas();
    const middleOf = (picture: Picture, [across, down]: readonly [number, number]) => {
      const centerX = (picture.width * (across + 0.5)) / 3;
      const centerY = (picture.height * (down + 0.5)) / 3;
      return [...picture.cut({ centerX, centerY, side: 4, roll: 0 }, 4).slice(20, 23)];
    };
    const size = rotation % 180 === 0 ? [64, 32] : [32, 64];
    const frame = new VideoFrame(canvas, { timestamp: 0 });
    const bitmap = await createImageBitmap(canvas);
    const pictures = [await new Planes().read(frame, rotation), new Pixels().read(bitmap, rotation)];
    for (const picture of pictures) {
      expect([picture!.width, picture!.height]).toEqual(size);
      const [red, , blue] = middleOf(picture!, RED[rotation]);
      expect(red! - blue!).toBeGreaterThan(150);
      const [oppositeRed, , oppositeBlue] = middleOf(picture!, RED[((rotation + 180) % 360) as Rotation]);
      expect(oppositeBlue! - oppositeRed!).toBeGreaterThan(150);
    }
    frame.close();
    bitmap.close();
  });
});

describe("an animated picture", () => {
  /** A GIF of 1x1 pixel with as many pictures as wished. */
  function gif(count: number): string {
    const header = "47494638396101000100800000000000ffffff";
    const picture = "21f9040064000000" + "2c00000000010001000002024401" + "00";
    const bytes = `${header}${picture.repeat(count)}3b`.match(/../g)!.map((hex) => Number.parseInt(hex, 16));
    return `data:image/gif;base64,${btoa(String.fromCharCode(...bytes))}`;
  }

  const stage = () => ({ video: document.createElement("video"), picture: document.createElement("img") });

  test("is refused with a remedy, and a still one is shown", async () => {
    const error = await showFile(gif(3), stage(), NEVER).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: "source-load" });
    expect((error as Error).message, String((error as Error).cause)).toMatch(/animated.*H\.264 in MP4, or WebM/);
    expect((await showFile(gif(1), stage(), NEVER)).kind).toBe("picture");
  });
});

describe("another copy of the package", () => {
  const registry = (present: object) =>
    ({ get: () => present, define: () => expect.fail("is defined twice") }) as unknown as CustomElementRegistry;

  test("stays, with one warning where its version differs", () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    class Same extends HTMLElement {
      static readonly version = EmotionCam.version;
      static define(): void {}
      static addLanguage(): void {}
    }
    EmotionCam.define("emotion-cam", registry(Same));
    expect(warn).not.toHaveBeenCalled();
    class Older extends Same {
      static override readonly version = "0.0.1";
    }
    for (let i = 0; i < 2; i++) EmotionCam.define("emotion-cam", registry(Older));
    expect(warn).toHaveBeenCalledTimes(1);
    expect(warn.mock.calls[0]![0]).toContain("0.0.1");
  });

  test("a class of something else is an error as before", () => {
    class Foreign extends HTMLElement {}
    customElements.define("emotion-cam-foreign", Foreign);
    expect(() => EmotionCam.define("emotion-cam-foreign")).toThrow();
  });
});
