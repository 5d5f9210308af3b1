/** Faults in the shipped worker: each is reported with its code, and the next frame is answered. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { EmotionCamError } from "../../src/errors.ts";
import { type RuntimeClient, createClient } from "../../src/runtime/client.ts";
import type { FrameOptions, FrameResult } from "../../src/types.ts";

const ASSETS = `${location.origin}/`;
const OPTIONS: FrameOptions = { maxFaces: 4, minScore: 0.5, smoothing: 0, range: "near", pace: "measure" };
const DAY_MS = 86_400_000;
/** Place of the head and shoulders in the portrait: left, top, width and height. */
const HEAD = [130, 30, 190, 190] as const;
const LOOKS = 4;
/** The limit for a busy machine. */
const LONG_MS = 120_000;

const RealWorker = Worker;
const workers: Worker[] = [];
let abort: AbortController;
let portrait: ImageBitmap;

beforeEach(async () => {
  abort = new AbortController();
  portrait ??= await createImageBitmap(
    await (await fetch(new URL("../fixtures/astronaut.jpg", import.meta.url))).blob(),
  );
});

afterEach(() => {
  abort.abort();
  workers.length = 0;
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** Use the shipped worker. The first one runs `before` ahead of its own code, and later each fault that is posted to it. */
function workersWith(before: string): void {
  const module = (text: string) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const prelude = module(`
    addEventListener("message", (event) => {
      if (event.data.type !== "fault") return;
      event.stopImmediatePropagation();
      (0, eval)(event.data.code);
    });
    ${before}`);
  const first = module(`import ${JSON.stringify(prelude)}; import ${JSON.stringify(`${ASSETS}worker.js`)};`);
  vi.stubGlobal(
    "Worker",
    class extends RealWorker {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(workers.length === 0 ? first : url, options);
        workers.push(this);
      }
    },
  );
}

function open(engine: "int8" | "float" | "auto" = "int8") {
  const onError = vi.fn<(error: EmotionCamError) => void>();
  const client = createClient(
    { assetBase: ASSETS, engine, model: "seed" },
    { workerUrl: `${ASSETS}worker.js`, signal: abort.signal, onError },
  );
  return { client, onError };
}

/** @param heads Left edge, top edge and side of each head, in pixels. @returns A frame with heads in it. */
function frameOf(width: number, height: number, heads: readonly (readonly [number, number, number])[]): VideoFrame {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d")!;
  context.fillStyle = "#8a8f98";
  context.fillRect(0, 0, width, height);
  for (const [x, y, side] of heads) context.drawImage(portrait, ...HEAD, x, y, side, side);
  return new VideoFrame(canvas, { timestamp: 0 });
}

const oneHead = () => frameOf(640, 480, [[200, 100, 300]]);
const noHead = () => frameOf(640, 480, []);

/** A face is shown after a few frames. @returns The last of some answers to the same picture. */
async function look(
  client: RuntimeClient,
  picture: () => VideoFrame,
  fromMs: number,
  options = OPTIONS,
): Promise<FrameResult> {
  for (let frame = 0; frame < LOOKS - 1; frame++) await client.process(picture(), fromMs + frame * 33, options);
  return client.process(picture(), fromMs + (LOOKS - 1) * 33, options);
}

async function failureOf(promise: Promise<unknown>): Promise<EmotionCamError> {
  return promise.then(
    () => expect.unreachable("it is answered"),
    (reason: unknown) => reason as EmotionCamError,
  );
}

function expectSound({ faces }: FrameResult): void {
  for (const { box, keypoints, scores, score } of faces) {
    for (const value of [box.x, box.y, box.width, box.height, score, ...keypoints.flatMap(({ x, y }) => [x, y])])
      expect(Number.isFinite(value)).toBe(true);
    expect(Object.values(scores).reduce((sum, each) => sum + each, 0)).toBeCloseTo(1, 3);
  }
}

/** A module whose one function is `unreachable`. */
const TRAP = `new WebAssembly.Instance(new WebAssembly.Module(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96,
  0, 0, 3, 2, 1, 0, 7, 5, 1, 1, 102, 0, 0, 10, 5, 1, 3, 0, 0, 11]))).exports.f`;

const FULL_MEMORY = `const { wasm } = _tfengine.backendInstance;
  WebAssembly.Memory.prototype.grow = () => { throw new RangeError("made by the test"); };
  for (let bytes = 1 << 24; bytes >= 16; bytes >>= 1) try { for (;;) wasm._malloc(bytes); } catch {}`;

/** Code that runs in the first worker after it has answered a frame. */
const FAULTS = [
  ["WebAssembly traps", "int8", `_tfengine.runKernel = ${TRAP}`, /unreachable/],
  [
    "a network answers with NaN",
    "int8",
    `const run = _tfengine.runKernel.bind(_tfengine);
     const { wasm, dataIdMap } = _tfengine.backendInstance;
     _tfengine.runKernel = (...call) => {
       const out = run(...call);
       new Float32Array(wasm.HEAPU8.buffer, dataIdMap.get(out.dataId).memoryOffset, out.size).fill(NaN);
       return out;
     }`,
    /no number/,
  ],
  [
    "the float classifier answers with NaN",
    "float",
    "const read = _tfengine.readSync.bind(_tfengine); " +
      "_tfengine.readSync = (id) => { const numbers = read(id); return numbers.length === 7 ? numbers.map(() => NaN) : numbers; }",
    /no number/,
  ],
  ["the memory is full and cannot grow", "float", FULL_MEMORY, /memory is full/],
] as const;

describe("in a worker that has answered", { timeout: LONG_MS }, () => {
  test.each(FAULTS)("%s: another worker replaces it", async (_, engine, fault, message) => {
    workersWith("");
    const { client, onError } = open(engine);
    await client.ready;
    expect((await look(client, oneHead, 0)).faces).toHaveLength(1);
    workers[0]!.postMessage({ type: "fault", code: fault });
    const error = await failureOf(client.process(oneHead(), 500, OPTIONS));
    expect(error).toMatchObject({ code: "worker-crash", recoverable: true });
    expect(error.message).toMatch(message);
    expect(onError).toHaveBeenCalledTimes(1);
    await client.ready;
    expect(workers).toHaveLength(2);
    expect((await look(client, oneHead, 1000)).faces).toHaveLength(1);
  });

  test("the memory is full and cannot grow: int8 needs no more for a frame", async () => {
    workersWith("");
    const { client, onError } = open("int8");
    await client.ready;
    expect((await look(client, oneHead, 0)).faces).toHaveLength(1);
    workers[0]!.postMessage({ type: "fault", code: FULL_MEMORY });
    expect((await look(client, oneHead, 500)).faces).toHaveLength(1);
    expect(onError).not.toHaveBeenCalled();
  });

  test("it is terminated from outside: another worker replaces it", async () => {
    workersWith("");
    const { client } = open();
    await client.ready;
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
    workers[0]!.terminate();
    const silent = failureOf(client.process(oneHead(), 0, OPTIONS));
    vi.advanceTimersByTime(10_000);
    expect((await silent).code).toBe("worker-crash");
    vi.advanceTimersByTime(250);
    vi.useRealTimers();
    await client.ready;
    expect((await look(client, oneHead, 1000)).faces).toHaveLength(1);
  });
});

describe("a browser that lacks something", { timeout: LONG_MS }, () => {
  test("SIMD: the float engine is used", async () => {
    workersWith("WebAssembly.validate = () => false;");
    const { client } = open("auto");
    expect(await client.ready).toMatchObject({ engine: "float", simd: "none" });
    expect((await look(client, oneHead, 0)).faces).toHaveLength(1);
  });

  test("OffscreenCanvas in workers: a frame without planes is an error, and nothing is tried again", async () => {
    workersWith("delete self.OffscreenCanvas;");
    const { client } = open();
    await client.ready;
    const error = await failureOf(client.process(await bitmapOf(oneHead()), 0, OPTIONS));
    expect(error).toMatchObject({ code: "unsupported-browser", recoverable: false });
    expect(workers).toHaveLength(1);
  });
});

describe("frames of every kind are answered", { timeout: LONG_MS }, () => {
  test("clocks that jump back, a day ahead, and to NaN", async () => {
    const { client } = open();
    await client.ready;
    for (const timeMs of [1000, 1033, 500, 533, 1066, 1100 + DAY_MS, 1133 + DAY_MS, Number.NaN, 0, Infinity, 5])
      expectSound(await client.process(oneHead(), timeMs, OPTIONS));
    // Afterwards the face is found again.
    const result = await look(client, oneHead, 2 * DAY_MS);
    expect(result.faces).toHaveLength(1);
    expectSound(result);
  });

  test("a frame without faces", async () => {
    const { client } = open();
    await client.ready;
    expect((await client.process(noHead(), 0, OPTIONS)).faces).toEqual([]);
  });

  test("twenty faces: at most 16 are followed, each with its own id", async () => {
    const heads = Array.from(
      { length: 20 },
      (_, i) => [20 + (i % 5) * 250, 10 + Math.floor(i / 5) * 178, 170] as const,
    );
    const { client } = open();
    await client.ready;
    let result!: FrameResult;
    for (let i = 0; i < 12; i++)
      result = await client.process(frameOf(1280, 720, heads), i * 33, { ...OPTIONS, maxFaces: 32, range: "far" });
    expectSound(result);
    expect(result.faces.length).toBeGreaterThanOrEqual(10);
    expect(result.faces.length).toBeLessThanOrEqual(16);
    expect(new Set(result.faces.map(({ id }) => id)).size).toBe(result.faces.length);
  });

  test.each([
    ["left", -110, 100],
    ["right", 450, 100],
    ["top", 200, -110],
    ["bottom", 200, 330],
  ] as const)("a face that is cut by the %s edge", async (_, x, y) => {
    const { client } = open();
    await client.ready;
    for (let i = 0; i < 3; i++) expectSound(await client.process(frameOf(640, 480, [[x, y, 300]]), i * 33, OPTIONS));
  });

  test("sizes and rotation that change from frame to frame, down to one pixel and up to 8K", async () => {
    const { client } = open();
    await client.ready;
    const sizes = [
      [640, 480],
      [480, 640],
      [1, 1],
      [2, 1000],
      [1000, 2],
      [7680, 4320],
      [640, 480],
    ] as const;
    for (const [index, [width, height]] of sizes.entries()) {
      const side = Math.min(width, height) * 0.7;
      const head = [(width - side) / 2, (height - side) / 2, side] as const;
      const result = await look(client, () => frameOf(width, height, [head]), index * 1000);
      expectSound(result);
      if (side > 100) expect(result.faces, `${width}x${height}`).toHaveLength(1);
    }
  });
});

async function bitmapOf(frame: VideoFrame): Promise<ImageBitmap> {
  const bitmap = await createImageBitmap(frame);
  frame.close();
  return bitmap;
}
