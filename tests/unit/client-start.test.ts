import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { EmotionCamError } from "../../src/errors.ts";
import type { createClient } from "../../src/runtime/client.ts";

let over: AbortController;

beforeEach(() => {
  over = new AbortController();
  vi.resetModules();
  vi.stubGlobal("location", { href: "https://site.test/page", origin: "https://site.test" });
});

afterEach(() => {
  over.abort();
  vi.unstubAllGlobals();
});

async function failed(): Promise<EmotionCamError> {
  // The module remembers whether the page allows its policy, so each test has one of its own.
  const module = (await import("../../src/runtime/client.ts")) as { createClient: typeof createClient };
  const client = module.createClient(
    { assetBase: "https://site.test/", engine: "auto", model: "edge" },
    { workerUrl: "https://site.test/worker.js", signal: over.signal },
  );
  return client.ready.then(
    () => Promise.reject(new Error("the worker started")),
    (error: EmotionCamError) => error,
  );
}

class RefusingWorker {
  constructor(url: unknown) {
    if (typeof url === "string") throw new TypeError("This document requires 'TrustedScriptURL' assignment.");
  }
}

test("a page that does not list our Trusted Types policy is told its name", async () => {
  vi.stubGlobal("Worker", RefusingWorker);
  vi.stubGlobal("trustedTypes", {
    createPolicy: () => {
      throw new TypeError('Policy "emotion-cam" disallowed.');
    },
  });
  const { code, message } = await failed();
  expect(code).toBe("worker-crash");
  expect(message).toContain("trusted-types emotion-cam lit-html");
});

test("a worker that cannot be started for another reason is not blamed on the policy", async () => {
  vi.stubGlobal("Worker", RefusingWorker);
  vi.stubGlobal("trustedTypes", undefined);
  expect((await failed()).message).not.toContain("trusted-types");
});

test("a script that is blocked names the headers that may block it", async () => {
  class BlockedWorker extends EventTarget {
    constructor() {
      super();
      queueMicrotask(() => this.dispatchEvent(new Event("error", { cancelable: true })));
    }
    postMessage(): void {}
    terminate(): void {}
  }
  vi.stubGlobal("Worker", BlockedWorker);
  const { message } = await failed();
  expect(message).toContain("asset-base");
  expect(message).toContain("Cross-Origin-Embedder-Policy");
  expect(message).toContain("Cross-Origin-Resource-Policy");
});
