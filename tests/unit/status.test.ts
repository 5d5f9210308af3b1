import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { EmotionCamError, type EmotionCamErrorCode } from "../../src/errors.ts";
import { IDLE, type Status, type StatusEvent, after, phaseOf } from "../../src/status.ts";

const fail = (by: "source" | "demo" | "engine", code: EmotionCamErrorCode, retryInMs = 1000): StatusEvent => ({
  ...{ type: "fail", by, failure: { error: new EmotionCamError(code, ""), retryInMs } },
});
const BEGIN: StatusEvent = { type: "begin" };
const END: StatusEvent = { type: "end" };
const OPEN: StatusEvent = { type: "open" };
const LOAD: StatusEvent = { type: "load" };
const READY: StatusEvent = { type: "ready" };
const SOURCE: StatusEvent = { type: "answer", by: "source" };
const DEMO: StatusEvent = { type: "answer", by: "demo" };
const MISSING = fail("source", "camera-missing");
const DENIED = fail("source", "camera-denied", Infinity);
const CRASH = fail("engine", "worker-crash", 250);

const run = (...events: StatusEvent[]): Status => events.reduce(after, IDLE);

/** @returns The phase's name, and the code of its failure. */
function shown(...events: StatusEvent[]): string {
  const phase = phaseOf(run(...events));
  const failure = "failure" in phase ? phase.failure : null;
  return failure === null ? phase.name : `${phase.name}: ${failure.error.code}`;
}

describe("the phase after", () => {
  test.each<[string, readonly StatusEvent[]]>([
    ["idle", []],
    ["starting", [BEGIN]],
    ["starting", [BEGIN, LOAD, READY, OPEN]],
    ["running", [BEGIN, OPEN, READY, SOURCE]],
    ["idle", [BEGIN, OPEN, SOURCE, END]],
    ["failed: camera-missing", [BEGIN, MISSING]],
    ["starting", [BEGIN, MISSING, OPEN]],
    ["running", [BEGIN, MISSING, OPEN, SOURCE]],
    ["failed: camera-missing", [BEGIN, OPEN, SOURCE, MISSING]],
    // A new session forgets the failures of the one before.
    ["starting", [BEGIN, DENIED, CRASH, BEGIN]],
    // The demo names the reason for which it plays.
    ["demo: camera-missing", [BEGIN, MISSING, DEMO]],
    ["demo: camera-busy", [BEGIN, MISSING, DEMO, fail("source", "camera-busy")]],
    ["failed: camera-missing", [BEGIN, MISSING, DEMO, fail("demo", "source-load")]],
    // No gap is seen between the demo and the camera.
    ["running", [BEGIN, MISSING, DEMO, OPEN]],
    ["failed: worker-crash", [BEGIN, OPEN, SOURCE, CRASH]],
    ["starting", [BEGIN, OPEN, SOURCE, CRASH, READY]],
    ["running", [BEGIN, OPEN, SOURCE, CRASH, READY, SOURCE]],
    ["failed: worker-crash", [BEGIN, MISSING, DEMO, CRASH]],
    ["demo: camera-missing", [BEGIN, MISSING, DEMO, CRASH, READY, DEMO]],
    // The failure of one part does not end that of the other.
    ["failed: camera-denied", [BEGIN, DENIED, CRASH, READY]],
    ["failed: worker-crash", [BEGIN, MISSING, CRASH, OPEN]],
    // An unexpected error of the session counts as a crash, and the next answer ends it.
    ["running", [BEGIN, fail("source", "worker-crash"), OPEN, SOURCE]],
    // The camera room can find that the browser has no cameras at all.
    ["failed: unsupported-browser", [BEGIN, fail("source", "unsupported-browser", Infinity)]],
  ])("%s", (phase, events) => {
    expect(shown(...events)).toBe(phase);
  });

  test("a try of the engine has no wait left", () => {
    expect(phaseOf(run(BEGIN, CRASH))).toMatchObject({ failure: { retryInMs: 250 } });
    expect(phaseOf(run(BEGIN, CRASH, LOAD))).toMatchObject({ failure: { retryInMs: null } });
  });
});

const anyEvent = fc.constantFrom(BEGIN, END, OPEN, LOAD, READY, SOURCE, DEMO, MISSING, DENIED, CRASH);

test("an idle element stays idle until a session begins", () => {
  fc.assert(
    fc.property(fc.array(anyEvent), anyEvent, (events, last) => {
      const idle = run(...events, END);
      expect(idle).toBe(IDLE);
      if (last !== BEGIN) expect(after(idle, last)).toBe(IDLE);
    }),
  );
});

test("frames of a running source change nothing, and make no new object", () => {
  fc.assert(
    fc.property(fc.array(anyEvent), fc.constantFrom(SOURCE, DEMO), (events, answer) => {
      const once = run(BEGIN, ...events, answer);
      expect(after(once, answer)).toBe(once);
    }),
  );
});

test("an active element that shows nothing has a reason to say, or has not failed", () => {
  fc.assert(
    fc.property(fc.array(anyEvent), (events) => {
      const phase = phaseOf(run(BEGIN, ...events));
      if (phase.name === "failed") expect(phase.failure.error).toBeInstanceOf(EmotionCamError);
      else expect(["idle", "starting", "running", "demo"]).toContain(phase.name);
    }),
  );
});
