import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { EmotionCam } from "../../src/index.ts";
import type { EmotionCamEventMap } from "../../src/index.ts";

EmotionCam.define();

const FAKE_RUNTIME = "/tests/browser/fake-runtime/";
const PICTURE = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"><rect width="64" height="48" fill="red"/></svg>',
)}`;
const EVENTS = ["emotion-ready", "emotion-frame", "emotion-change", "emotion-presence", "emotion-error"] as const;

const workers: Worker[] = [];
const terminated = new Set<Worker>();
const tracks: MediaStreamTrack[] = [];
const NativeWorker = globalThis.Worker;
const capture = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);

class CountedWorker extends NativeWorker {
  constructor(url: string | URL, options?: WorkerOptions) {
    super(url, options);
    workers.push(this);
  }

  override terminate(): void {
    terminated.add(this);
    super.terminate();
  }
}

async function countedCapture(constraints?: MediaStreamConstraints): Promise<MediaStream> {
  const stream = await capture(constraints);
  tracks.push(...stream.getTracks());
  return stream;
}

beforeEach(() => {
  vi.stubGlobal("Worker", CountedWorker);
  vi.spyOn(navigator.mediaDevices, "getUserMedia").mockImplementation(countedCapture);
});

afterEach(async () => {
  for (const element of document.querySelectorAll("emotion-cam")) element.remove();
  await eventually(() => expect(workers.every((worker) => terminated.has(worker))).toBe(true));
  expect(tracks.every((track) => track.readyState === "ended")).toBe(true);
  workers.length = 0;
  tracks.length = 0;
  terminated.clear();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
});

function make(attributes: Record<string, string> = {}): EmotionCam {
  const element = document.createElement("emotion-cam");
  element.setAttribute("asset-base", FAKE_RUNTIME);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  return element;
}

function put(attributes: Record<string, string> = {}): EmotionCam {
  const element = make(attributes);
  document.body.append(element);
  return element;
}

function next<Type extends keyof EmotionCamEventMap>(
  element: EmotionCam,
  type: Type,
  where: (event: EmotionCamEventMap[Type]) => boolean = () => true,
): Promise<EmotionCamEventMap[Type]> {
  return new Promise((resolve) => {
    const listen = (event: EmotionCamEventMap[Type]) => {
      if (!where(event)) return;
      element.removeEventListener(type, listen as EventListener);
      resolve(event);
    };
    element.addEventListener(type, listen);
  });
}

/** The time limit is generous, because the machine may be busy. */
function eventually(expectation: () => void): Promise<void> {
  return vi.waitFor(expectation, { timeout: 20_000 });
}

function refuse(name: string): void {
  vi.mocked(navigator.mediaDevices.getUserMedia).mockRejectedValue(new DOMException("made by the test", name));
}

function grant(): void {
  vi.mocked(navigator.mediaDevices.getUserMedia).mockImplementation(countedCapture);
}

function hide(hidden: boolean): void {
  vi.spyOn(document, "hidden", "get").mockReturnValue(hidden);
  document.dispatchEvent(new Event("visibilitychange"));
}

/** Each attribute, its property, the default, good values and bad values. */
const ATTRIBUTES = [
  { name: "autostart", key: "autostart", fallback: false, good: [["", true]], bad: ["false"] },
  { name: "src", key: "src", fallback: "", good: [["clip.mp4", "clip.mp4"]], bad: [] },
  { name: "demo-src", key: "demoSrc", fallback: "", good: [["clip.mp4", "clip.mp4"]], bad: [] },
  { name: "camera", key: "camera", fallback: "", good: [["C920", "C920"]], bad: [] },
  {
    name: "mirror",
    key: "mirror",
    fallback: true,
    good: [
      ["", true],
      ["true", true],
      ["false", false],
    ],
    bad: ["maybe"],
  },
  { name: "keep-running", key: "keepRunning", fallback: false, good: [["", true]], bad: ["false"] },
  { name: "camera-width", key: "cameraWidth", fallback: 640, good: [["1280", 1280]], bad: ["0", "-1", "1.5", "", "x"] },
  { name: "camera-height", key: "cameraHeight", fallback: 480, good: [["720", 720]], bad: ["0", "1e9", "NaN", "x"] },
  { name: "rotate", key: "rotate", fallback: 0, good: [["270", 270]], bad: ["45", "-90", "360", "90deg", ""] },
  {
    name: "max-faces",
    key: "maxFaces",
    fallback: 4,
    good: [["7", 7]],
    bad: ["0", "-1", "1.5", "17", "1e9", "NaN", "", "x"],
  },
  { name: "max-fps", key: "maxFps", fallback: Infinity, good: [["12.5", 12.5]], bad: ["0", "-1", "NaN", "", "x"] },
  {
    name: "min-score",
    key: "minScore",
    fallback: 0.5,
    good: [
      ["0", 0],
      ["0.75", 0.75],
      ["1", 1],
    ],
    bad: ["-0.1", "1.1", "NaN", "", "x"],
  },
  { name: "smoothing", key: "smoothing", fallback: 0.5, good: [["0", 0]], bad: ["-0.1", "1.1", "Infinity", "", "x"] },
  {
    name: "model",
    key: "model",
    fallback: "edge",
    good: [
      ["seed", "seed"],
      ["/mine/contract.json", new URL("/mine/contract.json", document.baseURI).href],
    ],
    bad: ["nonsense", "", "http://["],
  },
  { name: "engine", key: "engine", fallback: "auto", good: [["float", "float"]], bad: ["gpu", ""] },
  { name: "overlay", key: "overlay", fallback: "full", good: [["emoji", "emoji"]], bad: ["all", ""] },
  { name: "privacy", key: "privacy", fallback: "show", good: [["blur", "blur"]], bad: ["pixelate", ""] },
  { name: "range", key: "range", fallback: "far", good: [["near", "near"]], bad: ["middle", ""] },
  { name: "prior", key: "prior", fallback: "balanced", good: [["training", "training"]], bad: ["even", ""] },
  { name: "theme", key: "theme", fallback: "dark", good: [["light", "light"]], bad: ["pink", ""] },
  { name: "pace", key: "pace", fallback: "adaptive", good: [["measure", "measure"]], bad: ["fast", ""] },
] as const;

describe("attributes and properties", () => {
  test.each(ATTRIBUTES)("$name", ({ name, key, fallback, good, bad }) => {
    const element = document.createElement("emotion-cam");
    expect(element[key]).toBe(fallback);
    for (const [text, value] of good) {
      element.setAttribute(name, text);
      expect(element[key]).toBe(value);
      element.removeAttribute(name);
      Object.assign(element, { [key]: value });
      expect(element[key]).toBe(value);
      expect(element.hasAttribute(name)).toBe(true);
      Object.assign(element, { [key]: null });
      expect(element.hasAttribute(name)).toBe(false);
    }
    for (const text of bad) {
      element.setAttribute(name, text);
      expect(element[key], `${name}="${text}"`).toBe(fallback);
    }
  });

  test("asset-base is relative to the document", () => {
    const element = document.createElement("emotion-cam");
    const own = element.assetBase;
    expect(own).toMatch(/\/src\/$/);
    element.assetBase = "/assets";
    expect(element.assetBase).toBe(`${location.origin}/assets/`);
    element.assetBase = "http://[bad";
    expect(element.assetBase).toBe(own);
  });

  test("lang is the attribute of HTML", () => {
    const element = document.createElement("emotion-cam");
    element.lang = "de";
    expect(element.getAttribute("lang")).toBe("de");
  });

  test("properties that are set before the definition are kept", async () => {
    const early = document.createElement("emotion-cam-early") as EmotionCam;
    Object.assign(early, { maxFaces: 2, overlay: "minimal" });
    document.body.append(early);
    class Early extends EmotionCam {}
    Early.define("emotion-cam-early");
    await early.updateComplete;
    expect(early.getAttribute("max-faces")).toBe("2");
    expect(early.overlay).toBe("minimal");
    early.remove();
  });
});

describe("start and stop", () => {
  test("starts after a call, and turns the camera off again", async () => {
    const element = put();
    await element.updateComplete;
    expect(element.state).toBe("idle");
    expect(element.getAttribute("state")).toBe("idle");
    expect(tracks).toEqual([]);
    const runtime = await element.start();
    expect(element.getAttribute("state")).toBe("running");
    expect(element.runtime).toBe(runtime);
    expect(runtime.engine).toBe("float");
    expect(tracks.map((track) => track.readyState)).toEqual(["live"]);
    expect(await element.start()).toBe(runtime);
    expect(tracks.length).toBe(1);
    await element.stop();
    expect(element.state).toBe("idle");
    expect(tracks[0]!.readyState).toBe("ended");
  });

  test("the camera gets the size that is asked for", async () => {
    const element = put({ "camera-width": "1280", "camera-height": "720" });
    await element.start();
    expect(tracks[0]!.getSettings()).toMatchObject({ width: 1280, height: 720 });
    element.cameraWidth = 640;
    element.cameraHeight = 480;
    await eventually(() => expect(tracks[1]?.getSettings()).toMatchObject({ width: 640, height: 480 }));
    expect(tracks[0]!.readyState).toBe("ended");
  });

  test("the button starts it", async () => {
    const element = put();
    await element.updateComplete;
    const button = element.shadowRoot!.querySelector("button")!;
    const ready = next(element, "emotion-frame");
    button.click();
    await ready;
    expect(element.state).toBe("running");
  });

  test("autostart starts it, also when it is set later", async () => {
    const element = put({ autostart: "" });
    await next(element, "emotion-frame");
    const late = put();
    await late.updateComplete;
    expect(late.state).toBe("idle");
    late.autostart = true;
    await next(late, "emotion-frame");
  });

  test("start() works before the element is in the page", async () => {
    const element = make();
    const starting = element.start();
    document.body.append(element);
    await starting;
    expect(element.state).toBe("running");
  });

  test("two starts are one, and stop() ends them", async () => {
    const element = put();
    const first = element.start();
    expect(element.start()).toBe(first);
    expect(element.state).toBe("starting");
    const refused = expect(first).rejects.toMatchObject({ name: "AbortError" });
    await element.stop();
    await refused;
    expect(element.state).toBe("idle");
    await element.start();
    expect(element.state).toBe("running");
  });

  test("stop() and start() at once, five times", async () => {
    const element = put();
    await element.start();
    for (let round = 0; round < 5; round++) {
      void element.stop();
      await element.start();
    }
    expect(element.state).toBe("running");
    expect(tracks.map((track) => track.readyState)).toEqual([...Array(5).fill("ended"), "live"]);
    expect(workers.length).toBe(1);
  });

  test("listCameras() lists the cameras", async () => {
    expect((await put().listCameras()).length).toBeGreaterThan(0);
  });
});

describe("lifetime", () => {
  test("an element that is moved in the page goes on", async () => {
    const element = put();
    await element.start();
    const states: string[] = [];
    const watch = new MutationObserver(() => states.push(element.state));
    watch.observe(element, { attributeFilter: ["state"] });
    const elsewhere = document.createElement("div");
    document.body.append(elsewhere);
    elsewhere.append(element);
    element.remove();
    await new Promise((resolve) => setTimeout(resolve, 20));
    document.body.prepend(element);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await next(element, "emotion-frame");
    expect([workers.length, terminated.size, tracks.length]).toEqual([1, 0, 1]);
    expect(tracks[0]!.readyState).toBe("live");
    expect(states).toEqual([]);
    watch.disconnect();
    elsewhere.remove();
  });

  test("an element that is removed frees the camera and the worker", async () => {
    const element = put();
    await element.start();
    element.remove();
    await eventually(() => expect(tracks[0]!.readyState).toBe("ended"));
    await eventually(() => expect(terminated.size).toBe(1));
    expect(element.state).toBe("idle");
    expect(element.runtime).toBe(null);
  });

  test("an element that is removed while it starts, and put back, starts", async () => {
    const element = put({ autostart: "" });
    element.remove();
    await eventually(() => expect(element.state).toBe("idle"));
    document.body.append(element);
    element.remove();
    await eventually(() => expect(element.state).toBe("idle"));
    document.body.append(element);
    await next(element, "emotion-frame");
    expect(element.state).toBe("running");
  });

  test("of two elements, one is removed and the other goes on", async () => {
    const [kept, removed] = [put(), put()];
    await Promise.all([kept.start(), removed.start()]);
    removed.remove();
    await eventually(() => expect(removed.state).toBe("idle"));
    await next(kept, "emotion-frame");
    expect(kept.state).toBe("running");
  });

  test("an element of a hidden page is paused", async () => {
    const element = put();
    await element.start();
    hide(true);
    expect(element.getAttribute("state")).toBe("paused");
    hide(false);
    expect(element.getAttribute("state")).toBe("running");
    await next(element, "emotion-frame");
  });

  test.each(["blur", "hide"] as const)(
    "privacy=%s covers the picture, and frames are still answered",
    async (privacy) => {
      const element = put({ privacy });
      await element.start();
      for (let frame = 0; frame < 5; frame++) await next(element, "emotion-frame");
      const cover = element.shadowRoot!.querySelector(".overlay")!;
      expect(getComputedStyle(cover).backgroundColor).toMatch(/^rgb\(/);
    },
  );

  test("another source replaces the camera, and another model starts another worker", async () => {
    const element = put();
    await element.start();
    expect(element.mirror).toBe(true);
    element.src = PICTURE;
    await eventually(() => expect(tracks[0]!.readyState).toBe("ended"));
    await next(element, "emotion-frame");
    expect(element.mirror).toBe(false);
    expect(workers.length).toBe(1);
    element.model = "/other/contract.json";
    await next(element, "emotion-ready");
    await next(element, "emotion-frame");
    expect([workers.length, terminated.size]).toEqual([2, 1]);
  });
});

describe("events", () => {
  test("report what changed, in order, and leave shadow trees", async () => {
    const told: unknown[][] = [];
    const host = document.createElement("div");
    const element = make({ src: PICTURE, autostart: "" });
    const over = new AbortController();
    for (const type of EVENTS)
      document.addEventListener(
        type,
        (event) => {
          const { type: kind } = event;
          if (kind === "emotion-ready") told.push([kind]);
          const { label, previousLabel, count } = event as unknown as Record<string, unknown>;
          if (kind === "emotion-change") told.push([kind, label, previousLabel]);
          if (kind === "emotion-presence") told.push([kind, count]);
        },
        { signal: over.signal },
      );
    host.attachShadow({ mode: "open" }).append(element);
    document.body.append(host);
    await next(element, "emotion-presence", ({ count }) => count === 0);
    over.abort();
    host.remove();
    expect(told).toEqual([
      ["emotion-ready"],
      ["emotion-presence", 1],
      ["emotion-change", "neutral", null],
      ["emotion-change", "happy", "neutral"],
      ["emotion-presence", 0],
    ]);
  });

  test("a frame has its time, its timings and the number of presented frames", async () => {
    const element = put({ src: PICTURE, autostart: "" });
    const first = await next(element, "emotion-frame");
    const second = await next(element, "emotion-frame");
    expect(second.timeMs).toBeGreaterThan(first.timeMs);
    expect(second.presentedFrames).toBeGreaterThan(first.presentedFrames);
    expect(second.timings.total).toBe(0);
    expect(second.pageMs).toBeGreaterThan(0);
  });
});

describe("failures", () => {
  test("a refusal is reported once, and a later permission starts the camera", async () => {
    const status = Object.assign(new EventTarget(), { state: "denied" });
    const permissions = { query: () => Promise.resolve(status) };
    vi.spyOn(navigator, "permissions", "get").mockReturnValue(permissions as unknown as Permissions);
    refuse("NotAllowedError");
    const element = put();
    const errors: string[] = [];
    element.addEventListener("emotion-error", ({ error }) => errors.push(error.code));
    await expect(element.start()).rejects.toMatchObject({ code: "camera-denied", recoverable: false });
    expect(element.getAttribute("state")).toBe("failed");
    grant();
    status.state = "granted";
    const running = next(element, "emotion-frame");
    await eventually(() => {
      status.dispatchEvent(new Event("change"));
      expect(element.state).not.toBe("failed");
    });
    await running;
    expect(errors).toEqual(["camera-denied"]);
  });

  test("the demo plays until a camera is plugged in", async () => {
    refuse("NotFoundError");
    const element = put({ autostart: "", "demo-src": PICTURE });
    const errors: string[] = [];
    element.addEventListener("emotion-error", ({ error }) => errors.push(error.code));
    await next(element, "emotion-frame");
    expect([element.state, element.demo, element.hasAttribute("demo")]).toEqual(["running", true, true]);
    await new Promise((resolve) => setTimeout(resolve, 1200));
    expect(errors).toEqual(["camera-missing"]);
    grant();
    navigator.mediaDevices.dispatchEvent(new Event("devicechange"));
    await eventually(() => expect(tracks[0]?.readyState).toBe("live"));
    await eventually(() => expect(element.hasAttribute("demo")).toBe(false));
    await next(element, "emotion-frame");
    expect([element.state, element.demo]).toEqual(["running", false]);
    expect(errors).toEqual(["camera-missing"]);
    expect(workers.length).toBe(1);
  });

  test("a camera that is unplugged is opened again", async () => {
    const element = put();
    await element.start();
    const lost = next(element, "emotion-error");
    tracks[0]!.dispatchEvent(new Event("ended"));
    expect((await lost).error.code).toBe("camera-lost");
    await next(element, "emotion-frame");
    expect(tracks.map((track) => track.readyState)).toEqual(["ended", "live"]);
    expect(element.state).toBe("running");
  });

  test("a camera that another program uses is opened when it is free", async () => {
    refuse("NotReadableError");
    const element = put();
    await expect(element.start()).rejects.toMatchObject({ code: "camera-busy", recoverable: true });
    expect(element.state).toBe("failed");
    grant();
    await next(element, "emotion-frame");
    expect(element.state).toBe("running");
    expect(workers.length).toBe(1);
  });

  test("a picture without a size is an error", async () => {
    const empty = '<svg xmlns="http://www.w3.org/2000/svg" width="0" height="0"/>';
    const element = put({ src: `data:image/svg+xml,${encodeURIComponent(empty)}` });
    await expect(element.start()).rejects.toMatchObject({ code: "source-load" });
    element.src = PICTURE;
    await next(element, "emotion-frame");
  });

  test("nothing is stored, so a full disk does no harm", async () => {
    const full = () => {
      throw new DOMException("made by the test", "QuotaExceededError");
    };
    const [set, open, cache] = [
      vi.spyOn(Storage.prototype, "setItem").mockImplementation(full),
      vi.spyOn(IDBFactory.prototype, "open").mockImplementation(full),
      vi.spyOn(CacheStorage.prototype, "open").mockImplementation(full),
    ];
    const element = put();
    await element.start();
    await next(element, "emotion-frame");
    for (const storage of [set, open, cache]) expect(storage).not.toHaveBeenCalled();
  });

  test("a source that cannot be read is an error, and another source starts at once", async () => {
    const element = put({ src: "/not-there.mp4" });
    await expect(element.start()).rejects.toMatchObject({ code: "source-load" });
    expect(element.state).toBe("failed");
    element.src = PICTURE;
    await next(element, "emotion-frame");
    expect(element.state).toBe("running");
  });

  test("networks that cannot be loaded are an error, and another model starts at once", async () => {
    const element = put({ src: PICTURE, model: "/broken.json" });
    await expect(element.start()).rejects.toMatchObject({ code: "model-load", recoverable: true });
    expect(element.state).toBe("failed");
    element.model = "/good.json";
    await next(element, "emotion-frame");
    expect(element.state).toBe("running");
  });

  test("a browser that lacks a feature is an error", async () => {
    vi.stubGlobal("OffscreenCanvas", undefined);
    Reflect.deleteProperty(globalThis, "OffscreenCanvas");
    const element = put({ src: PICTURE });
    await expect(element.start()).rejects.toMatchObject({ code: "unsupported-browser" });
    expect(element.state).toBe("failed");
  });
});
