import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { EmotionCamError, type EmotionCamErrorCode } from "../../src/errors.ts";
import { Recognition, type Wish } from "../../src/recognition.ts";
import type { ClientHooks } from "../../src/runtime/client.ts";
import type { FrameOptions } from "../../src/types.ts";
import { MadeClient, MadeRoom, RUNTIME, failure, settle, until } from "./made-sources.ts";

const VGA = { width: 640, height: 480 };
const ENGINE = { assetBase: "http://site.test/", engine: "auto", model: "edge" } as const;

let room: MadeRoom;
let wish: Wish;
/** The hooks of every worker that was started. */
let workers: ClientHooks[];
let recognition: Recognition;
let phases: string[];
let errors: string[];
let answers: number;
let isRendered: boolean;
let empties: number;
let rests: number;
/** Numbers of the sources of all results. */
let sources: Set<number>;
let client: MadeClient;

beforeEach(() => {
  for (const name of ["Worker", "OffscreenCanvas"]) vi.stubGlobal(name, class {});
  room = new MadeRoom();
  wish = { srcObject: null, src: "", camera: "", cameraSize: VGA, demoSrc: "", engine: ENGINE };
  workers = [];
  phases = [];
  errors = [];
  answers = 0;
  empties = 0;
  rests = 0;
  isRendered = true;
  sources = new Set();
  recognition = new Recognition(
    {
      wish: () => wish,
      mayRun: () => isRendered,
      onRest: () => void rests++,
      turn: () => 0,
      stage: () => ({}) as never,
      rendered: () => Promise.resolve(),
      maxFps: () => Infinity,
      frameOptions: (source) => ({ source }) as FrameOptions,
      onChange: () => {
        const { name } = recognition.phase;
        if (phases.at(-1) !== name) phases.push(name);
      },
      onReady: () => {},
      onError: ({ code }) => void errors.push(code),
      onResult: (_result, _presented, source) => void (answers++, sources.add(source)),
      onEmpty: () => void empties++,
    },
    (_options, hooks) => startWorker(hooks),
    room,
  );
});

afterEach(async () => {
  await recognition.stop();
  expect([room.open.size, room.lights]).toEqual([0, 0]);
  vi.unstubAllGlobals();
});

/** A worker that is ready at once. */
function startWorker(hooks: ClientHooks): MadeClient {
  workers.push(hooks);
  client = new MadeClient();
  client.ready = Promise.resolve().then(() => {
    hooks.onReady?.(RUNTIME);
    return RUNTIME;
  });
  return client;
}

function refuse(...codes: EmotionCamErrorCode[]): void {
  room.order = (what) => {
    const code = what === "camera" ? codes.shift() : undefined;
    if (code !== undefined) throw failure(code);
  };
}

describe("start", () => {
  test("resolves with the first answered frame", async () => {
    expect(recognition.runtime).toBe(null);
    expect(await recognition.start(true)).toBe(RUNTIME);
    expect(phases).toEqual(["starting", "running"]);
    expect(await recognition.start(true)).toBe(RUNTIME);
    expect(workers).toHaveLength(1);
  });

  test("twice is one start", () => {
    const first = recognition.start(true);
    expect(recognition.start(true)).toBe(first);
  });

  test("rejects with the first failure, while the tries go on", async () => {
    refuse("camera-busy");
    await expect(recognition.start(true)).rejects.toMatchObject({ code: "camera-busy" });
    expect(recognition.phase.name).toBe("failed");
    await room.retry();
    await until(() => answers > 0);
    expect(phases).toEqual(["starting", "failed", "starting", "running"]);
  });

  test("of a failed session begins it anew", async () => {
    refuse("camera-denied");
    await recognition.start(true).catch(() => {});
    expect(await recognition.start(true)).toBe(RUNTIME);
    expect(errors).toEqual(["camera-denied"]);
  });

  test("waits for the page, and begins with it", async () => {
    const starting = recognition.start(false);
    await settle();
    expect(recognition.phase.name).toBe("idle");
    expect(recognition.isAwaited).toBe(true);
    recognition.begin();
    expect(await starting).toBe(RUNTIME);
    expect(recognition.isAwaited).toBe(false);
  });

  test("does not take the demo for the source", async () => {
    refuse("camera-missing");
    wish = { ...wish, demoSrc: "demo.webm" };
    await recognition.start(true).catch(() => {});
    await until(() => recognition.phase.name === "demo");
    let started = false;
    const starting = recognition.start(true).then(() => (started = true));
    await settle();
    expect(started).toBe(false);
    room.waits[0]!.end();
    await starting;
    expect(recognition.phase.name).toBe("running");
  });
});

describe("stop", () => {
  test("turns the camera off and keeps the worker", async () => {
    await recognition.start(true);
    await recognition.stop();
    expect(recognition.phase.name).toBe("idle");
    expect(room.lights).toBe(0);
    expect(empties).toBe(1);
    expect(workers[0]!.signal.aborted).toBe(false);
    await recognition.start(true);
    expect(workers).toHaveLength(1);
  });

  test("rejects a start that is on its way", async () => {
    const starting = recognition.start(true);
    const rejected = expect(starting).rejects.toMatchObject({ name: "AbortError" });
    await recognition.stop();
    await rejected;
    expect(errors).toEqual([]);
  });

  test("and start, over and over, shows one source at a time", async () => {
    for (let round = 0; round < 5; round++) {
      void recognition.stop();
      await recognition.start(true);
    }
    expect(room.lights).toBe(1);
    expect(room.log.filter((line) => line === "show camera")).toHaveLength(5);
    expect(room.log.join()).not.toMatch(/show camera,show camera/);
  });

  test("for good ends the worker too", async () => {
    await recognition.start(true);
    recognition.dispose();
    expect(workers[0]!.signal.aborted).toBe(true);
    expect(recognition.runtime).toBe(null);
    await until(() => room.lights === 0);
    expect(errors).toEqual([]);
  });
});

describe("another wish", () => {
  test("is seen, and begins another session", async () => {
    await recognition.start(true);
    expect(recognition.isOutdated).toBe(false);
    wish = { ...wish, src: "clip.mp4" };
    expect(recognition.isOutdated).toBe(true);
    recognition.begin();
    expect(recognition.isOutdated).toBe(false);
    const before = answers;
    await until(() => answers > before && room.shown?.name === "clip.mp4");
    expect(room.log).toEqual(["show camera", "close camera", "show clip.mp4"]);
    expect(workers).toHaveLength(1);
  });

  test("for another stream of the page begins another session", async () => {
    wish = { ...wish, srcObject: { id: "one" } as MediaStream };
    await recognition.start(true);
    wish = { ...wish, srcObject: { id: "two" } as MediaStream };
    expect(recognition.isOutdated).toBe(true);
    recognition.begin();
    await until(() => room.shown?.name === "two");
    expect(recognition.isOutdated).toBe(false);
  });

  test("for another model starts another worker", async () => {
    await recognition.start(true);
    wish = { ...wish, engine: { ...ENGINE, model: "seed" } };
    recognition.begin();
    await until(() => workers.length === 2);
    expect(workers[0]!.signal.aborted).toBe(true);
    expect(await recognition.start(true)).toBe(RUNTIME);
  });

  test("is nothing to an idle element", async () => {
    await recognition.start(true);
    await recognition.stop();
    wish = { ...wish, src: "clip.mp4" };
    expect(recognition.isOutdated).toBe(false);
  });
});

describe("an element that is not rendered", () => {
  test("turns the camera off, and goes on by itself", async () => {
    await recognition.start(true);
    isRendered = false;
    recognition.attend();
    expect([recognition.phase.name, rests]).toEqual(["paused", 1]);
    await until(() => room.lights === 0 && empties === 1);
    const before = answers;
    isRendered = true;
    recognition.attend();
    await until(() => answers > before);
    expect(phases).toEqual(["starting", "running", "paused", "starting", "running"]);
    expect(room.log).toEqual(["show camera", "close camera", "show camera"]);
    expect(workers).toHaveLength(1);
  });

  test("does not start; the start is pending until it is rendered", async () => {
    isRendered = false;
    const starting = recognition.start(true);
    await settle();
    recognition.attend();
    await settle();
    expect([recognition.phase.name, room.log.length, workers.length, rests]).toEqual(["paused", 0, 0, 1]);
    isRendered = true;
    recognition.attend();
    expect(await starting).toBe(RUNTIME);
  });

  test("takes up what changed in the meantime", async () => {
    await recognition.start(true);
    isRendered = false;
    recognition.attend();
    wish = { ...wish, src: "clip.mp4" };
    expect(recognition.isOutdated).toBe(false);
    isRendered = true;
    recognition.attend();
    await until(() => room.shown?.name === "clip.mp4");
    expect(recognition.isOutdated).toBe(false);
  });

  test("looks for no camera, and reports no failure", async () => {
    refuse("camera-missing", "camera-missing");
    await recognition.start(true).catch(() => {});
    isRendered = false;
    recognition.attend();
    await settle();
    workers[0]!.onError!(failure("worker-crash"), 250);
    expect(recognition.phase.name).toBe("paused");
    expect(errors).toEqual(["camera-missing"]);
    await recognition.stop();
    expect(recognition.phase.name).toBe("idle");
    isRendered = true;
    recognition.attend();
    expect(recognition.phase.name).toBe("idle");
  });
});

describe("each source", () => {
  const numbers = () => [...new Set(client.asked.map(({ source }) => source))];

  test("has a number of its own, which its frames and results carry", async () => {
    await recognition.start(true);
    wish = { ...wish, src: "clip.mp4" };
    recognition.begin();
    await until(() => room.shown?.name === "clip.mp4" && sources.size === 2);
    expect(numbers()).toEqual([1, 2]);
    expect([...sources]).toEqual([1, 2]);
    // Nobody is in view between two sources.
    expect(empties).toBe(1);
  });

  test("is a new one when the camera takes the demo's place", async () => {
    refuse("camera-missing");
    wish = { ...wish, demoSrc: "demo.webm" };
    await recognition.start(true).catch(() => {});
    await until(() => recognition.phase.name === "demo");
    room.waits[0]!.end();
    await until(() => sources.size === 2);
    expect(numbers()).toEqual([1, 2]);
  });

  test("is a new one when a camera is opened again", async () => {
    await recognition.start(true);
    room.shown!.lose("camera-lost");
    await room.retry();
    await until(() => sources.size === 2);
    expect(numbers()).toEqual([1, 2]);
  });
});

describe("failures", () => {
  test("of one code are reported once, until the source works again", async () => {
    refuse("camera-missing", "camera-missing", "camera-busy");
    await recognition.start(true).catch(() => {});
    for (let i = 0; i < 3; i++) await room.retry();
    await until(() => answers > 0);
    expect(errors).toEqual(["camera-missing", "camera-busy"]);
    room.shown!.lose("camera-missing");
    await until(() => errors.length === 3);
  });

  test("of a worker that starts again leave the camera on", async () => {
    await recognition.start(true);
    workers[0]!.onError!(failure("worker-crash"), 250);
    expect(recognition.phase).toMatchObject({ name: "failed", failure: { retryInMs: 250 } });
    workers[0]!.onProgress!(1, 2);
    expect(recognition.phase).toMatchObject({ name: "failed", failure: { retryInMs: null } });
    expect(recognition.progress).toEqual({ loadedBytes: 1, totalBytes: 2 });
    workers[0]!.onReady!(RUNTIME);
    await until(() => recognition.phase.name === "running");
    expect(room.log).toEqual(["show camera"]);
    expect(workers[0]!.signal.aborted).toBe(false);
  });

  test("of a worker that does not start again make room for a new one", async () => {
    await recognition.start(true);
    workers[0]!.onError!(failure("unsupported-browser"), Infinity);
    expect(workers[0]!.signal.aborted).toBe(true);
    expect(errors).toEqual(["unsupported-browser"]);
    await recognition.start(true);
    expect(workers).toHaveLength(2);
  });

  test("of an idle element's worker are not reported", async () => {
    await recognition.start(true);
    await recognition.stop();
    workers[0]!.onError!(failure("worker-crash"), 250);
    expect(recognition.phase.name).toBe("idle");
    expect(errors).toEqual([]);
  });

  test("name what the browser lacks", async () => {
    vi.stubGlobal("OffscreenCanvas", undefined);
    Reflect.deleteProperty(globalThis, "OffscreenCanvas");
    const error = await recognition.start(true).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(EmotionCamError);
    expect(error).toMatchObject({ code: "unsupported-browser" });
    expect((error as Error).message).toContain("OffscreenCanvas");
    expect(workers).toEqual([]);
  });
});
