import axe from "axe-core";
import { afterEach, describe, expect, test, vi } from "vitest";
import { userEvent } from "vitest/browser";
import { EmotionCam } from "../../src/index.ts";

EmotionCam.define();

const FAKE_RUNTIME = "/tests/browser/fake-runtime/";
const PICTURE = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"><rect width="64" height="48" fill="red"/></svg>',
)}`;
const THEMES = ["dark", "light", "contrast", "auto"] as const;

let element: EmotionCam;

afterEach(() => {
  element.remove();
  vi.restoreAllMocks();
});

function put(attributes: Record<string, string> = {}): EmotionCam {
  element = document.createElement("emotion-cam");
  element.setAttribute("asset-base", FAKE_RUNTIME);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  document.body.append(element);
  return element;
}

/** The time limit is generous, because the machine may be busy. */
const eventually = (expectation: () => void) => vi.waitFor(expectation, { timeout: 20_000 });

const reach = (state: string) => eventually(() => expect(element.getAttribute("state")).toBe(state));

function refuse(name: string): void {
  vi.spyOn(navigator.mediaDevices, "getUserMedia").mockRejectedValue(new DOMException("made by the test", name));
}

const part = (name: string) => element.shadowRoot!.querySelector<HTMLElement>(`[part~=${name}]`);

/** A way to bring the element into each state. */
const STATES: Readonly<Record<string, () => unknown>> = {
  idle: async () => {
    put();
    await reach("idle");
  },
  "starting, the permission asked for": async () => {
    vi.spyOn(navigator.mediaDevices, "getUserMedia").mockReturnValue(new Promise(() => {}));
    void put().start();
    await reach("starting");
  },
  "running, somebody there": async () => {
    await put({ src: PICTURE }).start();
    await eventually(() => expect(element.matches(":state(people)")).toBe(true));
  },
  "running, nobody there": async () => {
    await put({ src: PICTURE }).start();
    await reach("running");
  },
  "running, the camera on": async () => {
    await put().start();
    await eventually(() => expect(part("light")).not.toBe(null));
  },
  demo: async () => {
    refuse("NotFoundError");
    put({ autostart: "", "demo-src": PICTURE });
    await eventually(() => expect(part("demo")).not.toBe(null));
  },
  paused: async () => {
    await put({ src: PICTURE }).start();
    vi.spyOn(document, "hidden", "get").mockReturnValue(true);
    document.dispatchEvent(new Event("visibilitychange"));
    await reach("paused");
  },
  "failed, a person is needed": async () => {
    refuse("NotAllowedError");
    put({ autostart: "" });
    await reach("failed");
  },
  "failed, tried again": async () => {
    refuse("NotReadableError");
    put({ autostart: "" });
    await reach("failed");
  },
  "failed, the source": async () => {
    put({ autostart: "", src: "/not-there.mp4" });
    await reach("failed");
  },
};

describe("axe finds nothing", () => {
  test.each(Object.keys(STATES))("%s", async (name) => {
    await STATES[name]!();
    for (const theme of THEMES) {
      for (const overlay of ["full", "emoji"]) {
        element.setAttribute("theme", theme);
        element.setAttribute("overlay", overlay);
        await element.updateComplete;
        // The check is not about elements that fade in.
        for (const animation of element.shadowRoot!.getAnimations()) animation.finish();
        const { violations } = await axe.run(element, { rules: { "landmark-one-main": { enabled: false } } });
        expect(violations.map(({ id, nodes }) => `${theme} ${overlay} ${id}: ${nodes[0]?.html}`)).toEqual([]);
      }
    }
  });
});

describe("by keyboard alone", () => {
  test("it starts and stops, and the focus stays on its button", async () => {
    put({ src: PICTURE });
    await element.updateComplete;
    await userEvent.tab();
    expect(document.activeElement).toBe(element);
    expect(element.shadowRoot!.activeElement).toBe(part("button"));
    await userEvent.keyboard("{Enter}");
    await reach("running");
    await eventually(() => expect(element.shadowRoot!.activeElement).toBe(part("stop")));
    expect(part("stop")!.getAttribute("aria-label")).toBe("Stop");
    await userEvent.keyboard(" ");
    await reach("idle");
    await eventually(() => expect(element.shadowRoot!.activeElement).toBe(part("button")));
    await userEvent.keyboard("{Enter}");
    await reach("running");
  });

  test("focus() moves to its button", async () => {
    put();
    await element.updateComplete;
    element.focus();
    expect(element.shadowRoot!.activeElement).toBe(part("button"));
  });

  test("other elements keep the focus", async () => {
    const elsewhere = document.createElement("input");
    document.body.append(elsewhere);
    put({ src: PICTURE });
    await element.updateComplete;
    element.focus();
    const running = element.start();
    elsewhere.focus();
    await running;
    await element.updateComplete;
    expect(document.activeElement).toBe(elsewhere);
    elsewhere.remove();
  });

  test("an element that started by itself has no button to stop it", async () => {
    put({ src: PICTURE, autostart: "" });
    await reach("running");
    await element.updateComplete;
    expect(part("stop")).toBe(null);
  });
});

describe("states for style sheets", () => {
  test("are those of the attribute, and of the camera and the people", async () => {
    put();
    await element.updateComplete;
    expect([":state(idle)", ":state(running)", ":state(camera)"].map((name) => element.matches(name))).toEqual([
      ...[true, false, false],
    ]);
    await element.start();
    await eventually(() => expect(element.matches(":state(running):state(camera):not(:state(idle))")).toBe(true));
    await eventually(() => expect(element.matches(":state(people)")).toBe(true));
    await element.stop();
    await eventually(() => expect(element.matches(":state(idle):not(:state(camera), :state(people))")).toBe(true));
  });
});

describe("slots", () => {
  test.each([
    ["permission", "idle"],
    ["loading", "starting, the permission asked for"],
    ["error", "failed, a person is needed"],
    ["notice", "idle"],
    ["label", "running, somebody there"],
  ])("%s: the page's words replace those of the element", async (slot, state) => {
    await STATES[state]!();
    const own = document.createElement("b");
    own.slot = slot;
    own.textContent = "words of the page";
    element.append(own);
    await element.updateComplete;
    await eventually(() => expect(own.assignedSlot?.name).toBe(slot));
    expect(own.getBoundingClientRect().width).toBeGreaterThan(0);
  });
});

describe("languages", () => {
  test("a language that the page adds is shown at once, with its direction and its tag", async () => {
    put({ lang: "he" });
    await element.updateComplete;
    const all = element.shadowRoot!.querySelector(".all")!;
    expect([part("title")!.textContent, all.getAttribute("lang"), all.getAttribute("dir")]).toEqual([
      ...["See which expression your face shows", "en", "ltr"],
    ]);
    EmotionCam.addLanguage("he", { startTitle: "ראו איזו הבעה רואים על פניכם" });
    await eventually(() => expect(part("title")!.textContent).toBe("ראו איזו הבעה רואים על פניכם"));
    expect([all.getAttribute("lang"), all.getAttribute("dir")]).toEqual(["he", "rtl"]);
  });

  test("right to left, the notice and the demo change sides and the picture does not", async () => {
    EmotionCam.addLanguage("he", {});
    refuse("NotFoundError");
    put({ autostart: "", "demo-src": PICTURE, lang: "he" });
    element.style.width = "900px";
    await eventually(() => expect(part("demo")).not.toBe(null));
    await eventually(() => {
      const { left, right } = element.getBoundingClientRect();
      expect(part("notice")!.getBoundingClientRect().left - left).toBeLessThan(40);
      expect(right - part("demo")!.getBoundingClientRect().right).toBeLessThan(40);
    });
    expect(getComputedStyle(part("overlay")!).direction).toBe("ltr");
  });
});
