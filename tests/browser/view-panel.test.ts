import axe from "axe-core";
import { render } from "lit";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { type EmotionCamErrorCode, ERRORS } from "../../src/errors.ts";
import type { Face } from "../../src/types.ts";
import { Announcer, describePeople } from "../../src/view/announcer.ts";
import { type PanelModel, headline, statePanel } from "../../src/view/state-panel.ts";
import { styles } from "../../src/view/styles.ts";
import { ENGLISH } from "../../src/view/words.ts";

const CODES: readonly EmotionCamErrorCode[] = [
  "insecure-context",
  "unsupported-browser",
  "camera-denied",
  "camera-missing",
  "camera-busy",
  "camera-lost",
  "camera-stalled",
  "source-load",
  "wasm-load",
  "model-load",
  "model-corrupt",
  "worker-crash",
];

let host: HTMLElement;

beforeEach(() => {
  host = document.createElement("main");
  host.style.cssText = "position: fixed; inset: 0; width: 800px; height: 600px; color: white";
  host.attachShadow({ mode: "open" }).adoptedStyleSheets = styles.map(({ styleSheet }) => styleSheet!);
  document.body.append(host);
});

afterEach(() => host.remove());

function show(wishes: Partial<PanelModel>): { text: string; model: PanelModel } {
  const model: PanelModel = {
    ...{ state: "running", demo: false, error: null, retryInMs: null, progress: null, people: 0, hint: null },
    ...{ camera: true, light: false, words: ENGLISH, start: vi.fn(), stop: null },
    ...wishes,
  };
  host.setAttribute("state", model.state);
  render(statePanel(model), host.shadowRoot!);
  return { text: host.shadowRoot!.querySelector<HTMLElement>("[part~=panel]")?.innerText ?? "", model };
}

const button = () => host.shadowRoot!.querySelector("button");
const error = (code: EmotionCamErrorCode) => ({
  code,
  words: ERRORS[code].words,
  message: `What failed at http://site.test/: ${code}.`,
});

describe("the panel", () => {
  test("explains the camera's purpose before the start, with a button", () => {
    const { text, model } = show({ state: "idle" });
    expect(text).toContain(ENGLISH.startWhy);
    button()!.click();
    expect(model.start).toHaveBeenCalledOnce();
  });

  test("says a hint in the invitation's place", () => {
    expect(show({ hint: "too-dark" }).text).toBe(ENGLISH.tooDark);
    expect(show({ hint: "step-back" }).text).toBe(ENGLISH.stepBack);
    expect(show({ hint: null }).text).toBe(ENGLISH.nobody);
  });

  test("says that the page's rules refuse the camera", () => {
    const { text } = show({
      state: "failed",
      error: { ...error("camera-denied"), words: "policy" },
      retryInMs: Infinity,
    });
    expect(text).toContain(ENGLISH.policyTitle);
    expect(text).not.toContain(ENGLISH.deniedHelp);
  });

  test("shows a progress line that follows the download", () => {
    const line = () => host.shadowRoot!.querySelector<HTMLElement>(".progress span")!.style.transform;
    show({ state: "starting" });
    expect(line()).toBe("scaleX(0)");
    expect(show({ state: "starting", progress: { loadedBytes: 50, totalBytes: 100 } }).text).toContain("50 %");
    expect(line()).toBe("scaleX(0.425)");
    const { text } = show({ state: "starting", progress: { loadedBytes: 100, totalBytes: 100 } });
    expect(text).toContain(ENGLISH.warmingUp);
  });

  test.each(CODES)("%s: shows what is wrong, what helps, and the message", (code) => {
    const { text } = show({ state: "failed", error: error(code), retryInMs: Infinity });
    expect(text).toContain(headline({ state: "failed", error: error(code), words: ENGLISH }));
    expect(text).toContain(error(code).message);
    expect(button()!.textContent).toBe(ENGLISH.retryButton);
  });

  test("tells when the next automatic try comes", () => {
    expect(show({ state: "failed", error: error("camera-busy"), retryInMs: 3200 }).text).toContain("within 4 s");
    expect(button()).toBe(null);
    expect(show({ state: "failed", error: error("worker-crash"), retryInMs: null }).text).toContain(
      ENGLISH.retryRunning,
    );
  });

  test("marks the demo, and gives its reason", () => {
    const { text } = show({ demo: true, error: error("camera-missing") });
    expect(text).toMatch(/demo/i);
    expect(text).toContain(ENGLISH.missingTitle);
  });

  test("invites people while nobody is in view, unless no invitation is wanted", () => {
    expect(show({ people: 0 }).text).toContain(ENGLISH.nobody);
    show({ people: 1 });
    expect(host.shadowRoot!.querySelector("[part~=panel]")!.hasAttribute("data-away")).toBe(true);
    expect(show({ people: null }).text).toBe("");
  });

  test("shows the notice in every state, and the light while a camera is on", () => {
    const notice = () => host.shadowRoot!.querySelector<HTMLElement>("[part~=notice]")!;
    for (const state of ["idle", "starting", "running", "paused", "failed"] as const) {
      show({ state });
      expect(notice().innerText).toContain(ENGLISH.noticeWhere);
      expect(notice().querySelector("[part~=light]")).toBe(null);
    }
    show({ light: true });
    expect(notice().querySelector("[part~=light]")!.getAttribute("aria-label")).toBe(ENGLISH.cameraOn);
  });
});

describe("axe finds no violation", () => {
  const states: readonly Partial<PanelModel>[] = [
    { state: "idle" },
    { state: "starting" },
    { state: "running", light: true },
    { state: "running", demo: true, error: error("camera-missing") },
    { state: "paused" },
    { state: "failed", error: error("camera-denied"), retryInMs: Infinity },
  ];

  test.each(states)("%o", async (wishes) => {
    for (const theme of ["dark", "light", "contrast"]) {
      host.setAttribute("theme", theme);
      show(wishes);
      // Judge the colours after the fade-in.
      for (const animation of host.shadowRoot!.getAnimations()) animation.finish();
      const { violations } = await axe.run(host, { rules: { "landmark-one-main": { enabled: false } } });
      expect(violations.map(({ id, nodes }) => `${theme} ${id}: ${nodes[0]?.html}`)).toEqual([]);
    }
  });
});

describe("the announcer", () => {
  beforeEach(() => void vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] }));
  afterEach(() => void vi.useRealTimers());

  test("speaks a text that has settled, and none that changed quickly", () => {
    const announcer = new Announcer();
    expect(announcer.region.getAttribute("role")).toBe("status");
    announcer.say("one");
    vi.advanceTimersByTime(500);
    announcer.say("two");
    vi.advanceTimersByTime(900);
    expect(announcer.region.textContent).toBe("");
    vi.advanceTimersByTime(200);
    expect(announcer.region.textContent).toBe("two");
    announcer.say("three");
    vi.advanceTimersByTime(500);
    announcer.say("two");
    vi.advanceTimersByTime(10_000);
    expect(announcer.region.textContent).toBe("two");
  });

  test("leaves time between two sentences", () => {
    const announcer = new Announcer();
    announcer.say("one");
    vi.advanceTimersByTime(1000);
    expect(announcer.region.textContent).toBe("one");
    announcer.say("two");
    vi.advanceTimersByTime(2900);
    expect(announcer.region.textContent).toBe("one");
    vi.advanceTimersByTime(200);
    expect(announcer.region.textContent).toBe("two");
    announcer.say("three");
    announcer.dispose();
    vi.advanceTimersByTime(10_000);
    expect(announcer.region.textContent).toBe("");
  });

  test("describes the people in view", () => {
    const face = { label: "sad", certain: true } as Face;
    expect(describePeople([], ENGLISH)).toBe("Nobody in view");
    expect(describePeople([face], ENGLISH)).toBe("Apparent expression: sad");
    expect(describePeople([{ ...face, certain: false }], ENGLISH)).toBe("");
    expect(describePeople([face, face], ENGLISH)).toBe("2 people in view");
  });
});
