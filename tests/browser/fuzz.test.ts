/** Random attributes and properties: nothing throws, and the element works again with good values. */
import * as fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { EmotionCam } from "../../src/index.ts";
import { FUZZ_MS, FUZZ_RUNS } from "../fuzz-runs.ts";

EmotionCam.define();

const FAKE_RUNTIME = "/tests/browser/fake-runtime/";
const EVENTS = ["emotion-ready", "emotion-frame", "emotion-change", "emotion-presence", "emotion-error"] as const;
const ATTRIBUTES = [...EmotionCam.observedAttributes, "lang"];
/** `lang` is left out, because HTML checks it. */
const PROPERTIES = [...EmotionCam.elementProperties.keys()].map(String).filter((key) => key !== "lang");
/** After this many writes, a running element gets the time to act on them. */
const WRITES_AT_ONCE = 50;

const text = fc.oneof(
  fc.string(),
  fc.string({ unit: "binary" }),
  fc.double().map(String),
  fc.constantFrom("", "true", "false", "blur", "int8", "float", "near", "edge", "none", "emoji", "environment"),
);

afterEach(() => {
  for (const element of document.querySelectorAll("emotion-cam")) element.remove();
  vi.restoreAllMocks();
});

function expectSound(element: EmotionCam): void {
  expect(Number.isInteger(element.maxFaces) && element.maxFaces >= 1 && element.maxFaces <= 16).toBe(true);
  expect(element.maxFps).toBeGreaterThan(0);
  for (const share of [element.minScore, element.smoothing]) expect(share >= 0 && share <= 1).toBe(true);
  expect(typeof element.mirror).toBe("boolean");
  expect(typeof element.autostart).toBe("boolean");
  expect(["full", "boxes", "minimal", "emoji", "none"]).toContain(element.overlay);
  expect(["show", "blur", "hide"]).toContain(element.privacy);
  expect(["far", "near"]).toContain(element.range);
  expect(["auto", "int8", "float"]).toContain(element.engine);
  expect(new URL(element.assetBase).pathname).toMatch(/\/$/);
}

test(`${FUZZ_RUNS} texts in attributes, ${FUZZ_RUNS} values in properties`, { timeout: FUZZ_MS }, () => {
  const element = document.createElement("emotion-cam");
  const told = vi.fn();
  for (const type of EVENTS) element.addEventListener(type, told);
  fc.assert(
    fc.property(fc.constantFrom(...ATTRIBUTES), text, (name, value) => {
      element.setAttribute(name, value);
      expectSound(element);
    }),
    { numRuns: FUZZ_RUNS },
  );
  fc.assert(
    fc.property(
      fc.constantFrom(...PROPERTIES),
      fc.anything({ withNullPrototype: true, withBigInt: true }),
      (key, value) => {
        Object.assign(element, { [key]: value });
        expectSound(element);
      },
    ),
    { numRuns: FUZZ_RUNS },
  );
  expect(told).not.toHaveBeenCalled();
});

test(`${FUZZ_RUNS} texts in the attributes of a running element`, { timeout: FUZZ_MS * 2 }, async () => {
  const thrown: unknown[] = [];
  const listening = new AbortController();
  addEventListener("error", ({ message }) => thrown.push(message), listening);
  addEventListener("unhandledrejection", ({ reason }) => thrown.push(reason), listening);
  const element = document.createElement("emotion-cam");
  element.setAttribute("asset-base", FAKE_RUNTIME);
  document.body.append(element);
  await element.start();
  // Other folders have no runtime, and the page is trusted with this attribute.
  const names = ATTRIBUTES.filter((name) => name !== "asset-base");
  const writes = fc.array(fc.tuple(fc.constantFrom(...names), text), {
    minLength: WRITES_AT_ONCE,
    maxLength: WRITES_AT_ONCE,
  });
  await fc.assert(
    fc.asyncProperty(writes, async (all) => {
      for (const [name, value] of all) element.setAttribute(name, value);
      expectSound(element);
      await element.updateComplete;
      await new Promise((resolve) => setTimeout(resolve));
      expect(["idle", "starting", "running", "paused", "failed"]).toContain(element.state);
    }),
    { numRuns: Math.ceil(FUZZ_RUNS / WRITES_AT_ONCE), endOnFailure: true },
  );
  for (const name of names) element.removeAttribute(name);
  await element.start();
  await vi.waitFor(() => expect(element.state).toBe("running"), { timeout: 20_000 });
  const answered = new Promise((resolve) => element.addEventListener("emotion-frame", resolve, { once: true }));
  await answered;
  listening.abort();
  expect(thrown).toEqual([]);
});
