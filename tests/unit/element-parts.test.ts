/** The parts of the element that need no browser. */
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { EmotionChangeEvent, EmotionFrameEvent, EmotionPresenceEvent } from "../../src/events.ts";
import { countPageTime, pageTimeMs } from "../../src/page-time.ts";
import { PageKeeper } from "../../src/page-keeper.ts";
import { Presenter } from "../../src/presenter.ts";
import { register } from "../../src/registration.ts";
import { StateKeeper, type ShownState } from "../../src/state-keeper.ts";
import type { Face, FrameResult, Hint } from "../../src/types.ts";
import { VERSION } from "../../src/version.ts";
import { type Source, looksAtViewer } from "../../src/camera/source.ts";
import { Announcer } from "../../src/view/announcer.ts";
import { ENGLISH_LANGUAGE } from "../../src/view/words.ts";

/** A registry as in a page, without elements. */
function madeRegistry(present: Record<string, unknown> = {}) {
  const classes = new Map(Object.entries(present));
  const define = vi.fn((tag: string, element: unknown) => void classes.set(tag, element));
  return { get: (tag: string) => classes.get(tag), define } as unknown as CustomElementRegistry & {
    define: typeof define;
  };
}

/** A class as another bundle of this package has it. */
function otherCopy(version: string): CustomElementConstructor {
  return class {
    static readonly version = version;
    static define(): void {}
    static addLanguage(): void {}
  } as unknown as CustomElementConstructor;
}

class Own {}
class Extended extends Own {}
const [OWN, EXTENDED] = [Own, Extended] as unknown as CustomElementConstructor[];

describe("registration", () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  afterEach(() => warn.mockClear());

  test("defines a free tag, and does nothing the second time", () => {
    const registry = madeRegistry();
    register("emotion-cam", OWN!, OWN!, registry);
    register("emotion-cam", OWN!, OWN!, registry);
    expect(registry.define.mock.calls).toEqual([["emotion-cam", OWN]]);
  });

  test("leaves the tag to another copy of the same version without a warning", () => {
    const registry = madeRegistry({ "emotion-cam": otherCopy(VERSION) });
    register("emotion-cam", OWN!, OWN!, registry);
    expect(registry.define).not.toHaveBeenCalled();
    expect(warn).not.toHaveBeenCalled();
  });

  test("warns of copies of other versions, once only", () => {
    register("emotion-cam", OWN!, OWN!, madeRegistry({ "emotion-cam": otherCopy("0.0.1") }));
    register("emotion-cam", OWN!, OWN!, madeRegistry({ "emotion-cam": otherCopy("0.0.2") }));
    expect(warn.mock.calls).toEqual([[expect.stringContaining("version 0.0.1 of emotion-cam")]]);
  });

  test("lets the registry refuse a tag that a foreign class or this package's own class has", () => {
    const foreign = madeRegistry({ "emotion-cam": class {} });
    register("emotion-cam", OWN!, OWN!, foreign);
    expect(foreign.define).toHaveBeenCalledWith("emotion-cam", OWN);
    const own = madeRegistry({ "emotion-cam": EXTENDED });
    register("emotion-cam", OWN!, OWN!, own);
    expect(own.define).toHaveBeenCalledWith("emotion-cam", OWN);
  });

  test("does nothing on a server", () => {
    expect(() => register("emotion-cam", OWN!, OWN!, undefined)).not.toThrow();
  });
});

describe("page keeper", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  test("tells a move from a departure, and enters anew after a departure", () => {
    const log: string[] = [];
    const keeper = new PageKeeper({
      onEnter: () => log.push("enter"),
      onMove: () => log.push("move"),
      onLeave: () => log.push("leave"),
    });
    keeper.hostConnected();
    keeper.hostDisconnected();
    keeper.hostConnected();
    vi.runAllTimers();
    expect(log).toEqual(["enter", "move"]);
    keeper.hostDisconnected();
    vi.runAllTimers();
    keeper.hostConnected();
    expect(log).toEqual(["enter", "move", "leave", "enter"]);
  });
});

/** An element with attributes and no page. */
class MadeElement {
  readonly attributes = new Map<string, string>();
  updates = 0;
  addController(): void {}
  requestUpdate(): void {
    this.updates += 1;
  }
  getAttribute(name: string): string | null {
    return this.attributes.get(name) ?? null;
  }
  hasAttribute(name: string): boolean {
    return this.attributes.has(name);
  }
  setAttribute(name: string, value: string): void {
    this.attributes.set(name, value);
  }
  toggleAttribute(name: string, is: boolean): void {
    if (is) this.attributes.set(name, "");
    else this.attributes.delete(name);
  }
}

/** The states of a browser that takes every name, or as Chromium before version 125 only names with two dashes. */
class MadeStates extends Set<string> {
  readonly wantsDashes: boolean;
  constructor(wantsDashes: boolean) {
    super();
    this.wantsDashes = wantsDashes;
  }
  override add(name: string): this {
    if (this.wantsDashes && !name.startsWith("--")) throw new SyntaxError(name);
    return super.add(name);
  }
}

describe("state keeper", () => {
  const idle: ShownState = { state: "idle", demo: false, camera: false, people: false };

  function keep(set: Set<string> | undefined) {
    const element = new MadeElement();
    const shown = { now: idle };
    const keeper = new StateKeeper(element as never, () => shown.now, set as CustomStateSet | undefined);
    return { element, shown, keeper };
  }

  test("shows the state as attributes, and updates the element only where they change", () => {
    const { element, shown, keeper } = keep(undefined);
    keeper.show();
    keeper.show();
    expect([...element.attributes]).toEqual([["state", "idle"]]);
    expect(element.updates).toBe(1);
    shown.now = { ...idle, state: "running", demo: true };
    keeper.show();
    expect([...element.attributes]).toEqual([
      ["state", "running"],
      ["demo", ""],
    ]);
    expect(element.updates).toBe(2);
    expect(() => keeper.hostUpdated()).not.toThrow();
  });

  test.each([false, true])("shows the states for style sheets; names with two dashes: %s", (wantsDashes) => {
    const set = new MadeStates(wantsDashes);
    const { shown, keeper } = keep(set);
    const names = (...plain: string[]) => plain.map((name) => (wantsDashes ? `--${name}` : name));
    shown.now = { state: "running", demo: false, camera: true, people: true };
    keeper.hostUpdated();
    expect([...set]).toEqual(names("running", "camera", "people"));
    shown.now = idle;
    keeper.hostUpdated();
    expect([...set]).toEqual(names("idle"));
  });
});

describe("presenter", () => {
  const face = (id: number, label: Face["label"] = "happy") => ({ id, label, certain: true }) as Face;
  const result = (faces: readonly Face[], hint?: Hint) => ({ faces, ...(hint ? { hint } : {}) }) as FrameResult;

  function present() {
    const events: Event[] = [];
    const said: string[] = [];
    const announcer = new Announcer();
    vi.spyOn(announcer, "say").mockImplementation((text) => void said.push(text));
    const state = { changes: 0, isRunning: true };
    const { words } = ENGLISH_LANGUAGE;
    const presenter = new Presenter(
      {
        root: () => ({}) as ParentNode,
        scene: () => null,
        words: () => words,
        isRunning: () => state.isRunning,
        tell: (event) => events.push(event),
        onChange: () => void state.changes++,
      },
      announcer,
    );
    return { presenter, events, said, state, words };
  }

  test("reports the frame first, then who came, then the expressions", () => {
    const { presenter, events, state } = present();
    presenter.show(result([face(1)]), 7, 2);
    expect(events.map(({ constructor }) => constructor)).toEqual([
      EmotionFrameEvent,
      EmotionPresenceEvent,
      EmotionChangeEvent,
    ]);
    expect(events[0]).toMatchObject({ presentedFrames: 7, source: 2 });
    expect([presenter.count, state.changes]).toEqual([1, 1]);
    presenter.show(result([face(1)]), 8, 2);
    expect(events.slice(3).map(({ constructor }) => constructor)).toEqual([EmotionFrameEvent]);
    expect(state.changes).toBe(1);
  });

  test("each frame tells the page's time since the frame before: none is lost, and none told twice", () => {
    const { presenter, events } = present();
    const told = () => events.filter((event) => event instanceof EmotionFrameEvent).map(({ pageMs }) => pageMs);
    const sinceMs = pageTimeMs();
    for (let frame = 0; frame < 5; frame++) {
      countPageTime(performance.now() - 10);
      presenter.show(result([face(1)]), frame, 1);
    }
    const all = told();
    for (const pageMs of all) expect(pageMs).toBeGreaterThanOrEqual(10);
    const untoldMs = pageTimeMs() - sinceMs - all.reduce((sum, pageMs) => sum + pageMs, 0);
    // The last frame's own presentation is told with the next frame.
    countPageTime(performance.now());
    presenter.show(result([]), 5, 1);
    expect(told().at(-1)).toBeGreaterThanOrEqual(untoldMs - 1e-6);
  });

  test("keeps the hint in words while people are in view, so that the panel can fade out", () => {
    const { presenter } = present();
    presenter.show(result([face(1)]), 1, 1);
    presenter.show(result([face(1)], "step-back"), 2, 1);
    expect([presenter.hint, presenter.saidHint]).toEqual(["step-back", "step-back"]);
    presenter.show(result([face(1)]), 3, 1);
    expect([presenter.hint, presenter.saidHint]).toEqual([null, "step-back"]);
    presenter.clear();
    expect([presenter.hint, presenter.saidHint, presenter.count]).toEqual([null, null, 0]);
  });

  test("announces the hint instead of an empty view, and nothing while the element does not run", () => {
    const { presenter, said, state, words } = present();
    presenter.show(result([]), 1, 1);
    presenter.show(result([], "too-dark"), 2, 1);
    presenter.show(result([face(1)]), 3, 1);
    expect(said[0]).toBe(words.sayNobody);
    expect(said[1]).not.toBe(words.sayNobody);
    expect(said[2]).toContain(words.happy);
    state.isRunning = false;
    presenter.show(result([]), 4, 1);
    expect(said).toHaveLength(3);
  });
});

describe("sources as mirrors", () => {
  const looks = (kind: Source["kind"], facing: Source["facing"]) => looksAtViewer({ kind, facing } as Source);

  test("a camera looks at the viewer unless it looks away; a stream of the page only where it says so", () => {
    expect([looks("camera", "user"), looks("camera", "unknown"), looks("camera", "environment")]).toEqual([
      true,
      true,
      false,
    ]);
    expect([looks("object", "user"), looks("object", "unknown"), looks("clip", "unknown")]).toEqual([
      true,
      false,
      false,
    ]);
  });
});
