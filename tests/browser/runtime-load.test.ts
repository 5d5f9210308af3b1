import { afterEach, describe, expect, test } from "vitest";
import { type RuntimeClient, createClient } from "../../src/runtime/client.ts";
import type { EmotionCamError } from "../../src/errors.ts";

const ASSETS = `${location.origin}/`;

let abort = new AbortController();
afterEach(() => {
  abort.abort();
  abort = new AbortController();
});

/** The shipped worker, with faults in place of some files. */
function workerWith(faults: Record<string, string>): string {
  const module = (text: string) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  const stub = module(`
    const real = self.fetch;
    const faults = { ${Object.entries(faults)
      .map(([path, fault]) => `${JSON.stringify(path)}: ${fault}`)
      .join(", ")} };
    // Emscripten would use it where fetch fails.
    delete self.XMLHttpRequest;
    self.fetch = (input, init) => {
      const url = String(input.url ?? input);
      const path = Object.keys(faults).find((path) => url.endsWith(path));
      return path ? faults[path](url, init) : real(input, init);
    };
  `);
  return module(`import ${JSON.stringify(stub)}; import ${JSON.stringify(`${ASSETS}worker.js`)};`);
}

function load(faults: Record<string, string>, model = "seed"): RuntimeClient {
  return createClient(
    { assetBase: ASSETS, engine: "float", model },
    { workerUrl: workerWith(faults), signal: abort.signal },
  );
}

const NOT_FOUND = `async () => new Response("", { status: 404 })`;
const PAGE = `async () => new Response("<!doctype html><title>Not here</title>", { headers: { "content-type": "text/html" } })`;
const OFFLINE = `async () => { throw new TypeError("Failed to fetch"); }`;
const FLIPPED = `async (url, init) => {
  const response = await real(url, init);
  const bytes = new Uint8Array(await response.arrayBuffer());
  bytes[bytes.length >> 1] ^= 1;
  return new Response(bytes);
}`;
const CONTRACT_WITHOUT_STD = `async (url) => {
  const contract = await (await real(url)).json();
  delete contract.input.std;
  return new Response(JSON.stringify(contract));
}`;
const STALE_CACHE = `async (url, init) => (init?.cache === "reload" ? real(url, init) : new Response("old"))`;

describe("an error while loading has its code and names the file", () => {
  const wasm = "wasm/tfjs-backend-wasm-simd.wasm";
  test.each([
    ["no WebAssembly file", { [wasm]: NOT_FOUND }, "wasm-load", wasm, "404"],
    ["a page in place of WebAssembly", { [wasm]: PAGE }, "wasm-load", wasm, "text/html"],
    ["no network for WebAssembly", { [wasm]: OFFLINE }, "wasm-load", wasm, "cannot be reached"],
    ["no contract", { "seed/contract.json": NOT_FOUND }, "model-load", "models/seed/contract.json", "404"],
    [
      "a page in place of a contract",
      { "seed/contract.json": PAGE },
      "model-corrupt",
      "seed/contract.json",
      "not JSON",
    ],
    ["an incomplete contract", { "seed/contract.json": CONTRACT_WITHOUT_STD }, "model-corrupt", "seed/", "input.std"],
    ["no weights", { "seed/weights.bin": NOT_FOUND }, "model-load", "models/seed/weights.bin", "404"],
    ["no network for the weights", { "blazeface/weights.bin": OFFLINE }, "model-load", "blazeface/", "reached"],
    ["a page in place of weights", { "seed/weights.bin": PAGE }, "model-corrupt", "seed/weights.bin", "text/html"],
    ["a flipped bit", { "blazeface/weights.bin": FLIPPED }, "model-corrupt", "blazeface/weights.bin", "sha256"],
  ] as const)("%s", async (_, faults, code, url, detail) => {
    const error: EmotionCamError = await load(faults).ready.then(
      () => expect.unreachable("the model loads"),
      (reason: unknown) => reason as EmotionCamError,
    );
    expect(error).toMatchObject({ name: "EmotionCamError", code });
    expect(error.message).toContain(url);
    expect(error.message).toContain(detail);
    expect(error.recoverable).toBe(true);
  });

  test("a model that does not exist", async () => {
    const faults = { "nothing/contract.json": NOT_FOUND };
    await expect(load(faults, "nothing").ready).rejects.toMatchObject({ code: "model-load" });
  });
});

describe("the int8 engine", () => {
  const withFault = (file: string) =>
    createClient(
      { assetBase: ASSETS, engine: "int8", model: "edge" },
      { workerUrl: workerWith({ [file]: NOT_FOUND }), signal: abort.signal },
    );

  test("needs none of tfjs's kernels", async () => {
    expect((await withFault("wasm/tfjs-backend-wasm-simd.wasm").ready).engine).toBe("int8");
  });

  test.each(["wasm/tfjs-memory.wasm", "wasm/kernels-relaxed.wasm"])("names %s where it is missing", async (file) => {
    const error: EmotionCamError = await withFault(file).ready.then(
      () => expect.unreachable("the model loads"),
      (reason: unknown) => reason as EmotionCamError,
    );
    expect(error).toMatchObject({ code: "wasm-load" });
    expect(error.message).toContain(file);
  });
});

test("an old file in the cache is bypassed", async () => {
  const runtime = await load({ "seed/weights.bin": STALE_CACHE }).ready;
  expect(runtime.classifier.name).toBe("seed");
});

test("progress rises to the size of the files", async () => {
  const steps: [number, number][] = [];
  const client = createClient(
    { assetBase: ASSETS, engine: "float", model: "seed" },
    { workerUrl: `${ASSETS}worker.js`, signal: abort.signal, onProgress: (...step) => steps.push(step) },
  );
  const { detector, classifier } = await client.ready;
  const total = detector.bytes + classifier.bytes;
  expect(steps.at(-1)).toEqual([total, total]);
  expect(steps.every(([loaded], i) => loaded >= (steps[i - 1]?.[0] ?? 0))).toBe(true);
});

test("a contract's URL works in place of a name", async () => {
  const client = createClient(
    { assetBase: ASSETS, engine: "float", model: `${ASSETS}models/seed/contract.json` },
    { workerUrl: `${ASSETS}worker.js`, signal: abort.signal },
  );
  expect((await client.ready).classifier.name).toBe("seed");
});
