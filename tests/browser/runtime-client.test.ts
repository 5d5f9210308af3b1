import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EmotionCamError } from "../../src/errors.ts";
import { type ClientHooks, createClient } from "../../src/runtime/client.ts";
import type { FrameOptions, RuntimeInfo } from "../../src/types.ts";

const OPTIONS: FrameOptions = { maxFaces: 4, minScore: 0.5, smoothing: 0.5, range: "near", pace: "adaptive" };
const RUNTIME = { assetBase: `${location.origin}/`, engine: "float", model: "seed" } as const;

let workersStarted = 0;
const RealWorker = Worker;
vi.stubGlobal(
  "Worker",
  class extends RealWorker {
    constructor(...given: ConstructorParameters<typeof Worker>) {
      super(...given);
      workersStarted++;
    }
  },
);

let abort: AbortController;
beforeEach(() => {
  abort = new AbortController();
});
afterEach(() => {
  vi.useRealTimers();
  abort.abort();
});

/** @returns The URL of a worker that runs this code at each kind of message. */
function worker(onLoad: string, onFrame: string): string {
  const script = `
    const ready = () => postMessage({ type: "ready", runtime: { variant: String(performance.timeOrigin) } });
    const answer = (timeMs) => postMessage({ type: "result", result: { timeMs, faces: [] } });
    addEventListener("message", ({ data }) => {
      if (data.type === "load") { ${onLoad} } else { ${onFrame}; data.frame.close(); }
    });`;
  return URL.createObjectURL(new Blob([script], { type: "text/javascript" }));
}

/** @returns The URL of the shipped worker, with a report of each video frame that it closes. */
function closeCountingWorker(): string {
  const module = (text: string) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const spy = module(`
    const channel = new BroadcastChannel("closes");
    const { close } = VideoFrame.prototype;
    VideoFrame.prototype.close = function () { close.call(this); channel.postMessage(""); };`);
  return module(`import ${JSON.stringify(spy)}; import ${JSON.stringify(`${RUNTIME.assetBase}worker.js`)};`);
}

function open(workerUrl: string, hooks: Partial<ClientHooks> = {}) {
  return createClient(RUNTIME, { workerUrl, signal: abort.signal, ...hooks });
}

function videoFrame(): VideoFrame {
  const options = { format: "RGBX", codedWidth: 64, codedHeight: 48, timestamp: 0 } as const;
  return new VideoFrame(new Uint8Array(64 * 48 * 4), options);
}

/** A closed frame has no size; a transferred one is closed on this side. */
function isClosed(frame: VideoFrame): boolean {
  return frame.codedWidth === 0;
}

async function failure(promise: Promise<unknown>): Promise<EmotionCamError> {
  return promise.then(
    () => expect.unreachable("it succeeds"),
    (reason: unknown) => reason as EmotionCamError,
  );
}

describe("with the shipped worker", () => {
  test("answers frames and closes them", async () => {
    const canvas = new OffscreenCanvas(640, 480);
    const picture = await createImageBitmap(
      await (await fetch(new URL("../fixtures/astronaut.jpg", import.meta.url))).blob(),
    );
    canvas.getContext("2d")!.drawImage(picture, 64, 0);
    const client = open(closeCountingWorker());
    const closes = vi.fn();
    new BroadcastChannel("closes").onmessage = closes;
    await client.ready;
    for (let i = 0; i < 40; i++) {
      const frame = new VideoFrame(canvas, { timestamp: i * 33_333 });
      const result = await client.process(frame, i * 33.3, OPTIONS);
      expect(isClosed(frame)).toBe(true);
      expect(result.timeMs).toBeCloseTo(i * 33.3);
      expect(result.timings.total).toBeGreaterThanOrEqual(result.timings.detect + result.timings.grab);
      if (i > 5) expect(result.faces).toHaveLength(1);
    }
    await vi.waitFor(() => expect(closes).toHaveBeenCalledTimes(40));
    const bitmap = await createImageBitmap(canvas);
    const { faces } = await client.process(bitmap, 2000, OPTIONS);
    expect(faces).toHaveLength(1);
    expect(bitmap.width).toBe(0);
    expect(JSON.stringify(faces).length).toBeLessThan(1500);
  });

  test("a frame that was closed before is refused, and the next one is answered", async () => {
    const client = open("/worker.js");
    await client.ready;
    const closed = videoFrame();
    closed.close();
    expect((await failure(client.process(closed, 0, OPTIONS))).code).toBe("worker-crash");
    expect((await client.process(videoFrame(), 33, OPTIONS)).faces).toEqual([]);
  });
});

describe("frames are always closed", () => {
  test("before the worker is ready", async () => {
    const client = open(worker("", ""));
    const frame = videoFrame();
    expect((await failure(client.process(frame, 0, OPTIONS))).code).toBe("worker-crash");
    expect(isClosed(frame)).toBe(true);
  });

  test("while another one is in flight", async () => {
    const client = open(worker("ready()", "setTimeout(() => answer(data.timeMs), 50)"));
    await client.ready;
    const first = client.process(videoFrame(), 1, OPTIONS);
    const frame = videoFrame();
    expect((await failure(client.process(frame, 2, OPTIONS))).code).toBe("worker-crash");
    expect(isClosed(frame)).toBe(true);
    expect((await first).timeMs).toBe(1);
  });

  test("after the end", async () => {
    const client = open(worker("ready()", "answer(data.timeMs)"));
    await client.ready;
    abort.abort();
    const frame = videoFrame();
    await failure(client.process(frame, 0, OPTIONS));
    expect(isClosed(frame)).toBe(true);
  });
});

describe("a worker that fails is started again", () => {
  test.each([
    ["throws", `throw new Error("out of bounds")`, "out of bounds"],
    [
      "reports a failure",
      `postMessage({ type: "error", error: { code: "worker-crash", message: "broken" } })`,
      "broken",
    ],
  ])("when it %s", async (_, onFrame, message) => {
    const onReady = vi.fn<(runtime: RuntimeInfo) => void>();
    const onError = vi.fn<(error: EmotionCamError, retryInMs: number) => void>();
    const client = open(worker("ready()", `if (data.timeMs < 0) { ${onFrame} } else answer(data.timeMs)`), {
      onReady,
      onError,
    });
    const first = await client.ready;
    const error = await failure(client.process(videoFrame(), -1, OPTIONS));
    expect(error).toMatchObject({ code: "worker-crash", recoverable: true });
    expect(error.message).toContain(message);
    expect(onError).toHaveBeenCalledExactlyOnceWith(error, 250);
    const second = await client.ready;
    expect(second.variant).not.toBe(first.variant);
    expect(onReady).toHaveBeenCalledTimes(2);
    expect((await client.process(videoFrame(), 5, OPTIONS)).timeMs).toBe(5);
  });

  test("when it does not answer", async () => {
    const client = open(worker("ready()", "if (data.timeMs > 0) answer(data.timeMs)"));
    await client.ready;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const silent = failure(client.process(videoFrame(), 0, OPTIONS));
    vi.advanceTimersByTime(4_000);
    const pending = Symbol("pending");
    expect(await Promise.race([silent, Promise.resolve(pending)])).toBe(pending);
    vi.advanceTimersByTime(2_000);
    expect((await silent).code).toBe("worker-crash");
    vi.advanceTimersByTime(1_000);
    await client.ready;
    expect((await client.process(videoFrame(), 7, OPTIONS)).timeMs).toBe(7);
  });

  test("but not after the page was asleep, because the answer may still come", async () => {
    const client = open(worker("ready()", "setTimeout(() => answer(data.timeMs), 200)"));
    await client.ready;
    const started = workersStarted;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const asked = client.process(videoFrame(), 3, OPTIONS);
    const nowMs = performance.now();
    const now = vi.spyOn(performance, "now").mockReturnValue(nowMs + 60_000);
    vi.advanceTimersByTime(5_000);
    now.mockRestore();
    vi.useRealTimers();
    expect((await asked).timeMs).toBe(3);
    expect(workersStarted).toBe(started);
  });

  test("with longer and longer waits while it fails", async () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    const onError = vi.fn<(error: EmotionCamError, retryInMs: number) => void>();
    const client = open(worker(`throw new Error("no")`, ""), { onError });
    const waits: number[] = [];
    for (let attempt = 1; attempt <= 4; attempt++) {
      await failure(client.ready);
      expect(onError).toHaveBeenCalledTimes(attempt);
      const started = workersStarted;
      let waited = 0;
      for (; workersStarted === started && waited < 10_000; waited += 50) vi.advanceTimersByTime(50);
      waits.push(waited);
    }
    expect(waits).toEqual([250, 500, 1000, 2000]);
    expect(onError.mock.calls.map(([, retryInMs]) => retryInMs)).toEqual(waits);
  });

  test("when its script is missing", async () => {
    const onError = vi.fn<(error: EmotionCamError) => void>();
    const client = open("/no-such-worker.js", { onError });
    const error = await failure(client.ready);
    expect(error.code).toBe("worker-crash");
    expect(error.message).toContain("no-such-worker.js");
  });
});

test("a worker that failed for good is not started again", async () => {
  const onError = vi.fn<(error: EmotionCamError) => void>();
  const client = open(
    worker(`postMessage({ type: "error", error: { code: "insecure-context", message: "bad" } })`, ""),
    {
      onError,
    },
  );
  expect((await failure(client.ready)).code).toBe("insecure-context");
  expect((await failure(client.ready)).code).toBe("insecure-context");
  await new Promise((resolve) => setTimeout(resolve, 600));
  expect(onError).toHaveBeenCalledTimes(1);
});

test("the abort rejects everything with the signal's reason", async () => {
  const client = open(worker("ready()", ""));
  await client.ready;
  const waiting = client.process(videoFrame(), 0, OPTIONS);
  abort.abort();
  await expect(waiting).rejects.toBe(abort.signal.reason);
});
