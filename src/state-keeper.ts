import type { ReactiveController, ReactiveControllerHost } from "lit";
import type { EmotionCamState } from "./types.ts";

const STATES: readonly EmotionCamState[] = ["idle", "starting", "running", "paused", "failed"];

/** Everything that style sheets can select an element by. */
export interface ShownState {
  readonly state: EmotionCamState;
  readonly demo: boolean;
  readonly camera: boolean;
  readonly people: boolean;
}

/** Shows what an element is doing: as the attributes `state` and `demo`, and as states for style sheets. */
export class StateKeeper implements ReactiveController {
  readonly #element: ReactiveControllerHost & HTMLElement;
  readonly #read: () => ShownState;
  readonly #set: CustomStateSet | undefined;
  readonly #look = () => this.show();

  /**
   * @param read Reads the state, which may depend on whether the page is visible.
   * @param set The element's states for style sheets; `undefined` in browsers that have none.
   */
  constructor(element: ReactiveControllerHost & HTMLElement, read: () => ShownState, set: CustomStateSet | undefined) {
    this.#element = element;
    this.#read = read;
    this.#set = set;
    element.addController(this);
  }

  hostConnected(): void {
    document.addEventListener("visibilitychange", this.#look);
    this.show();
  }

  hostDisconnected(): void {
    document.removeEventListener("visibilitychange", this.#look);
  }

  hostUpdated(): void {
    const { state, ...flags } = this.#read();
    for (const name of STATES) toggleState(this.#set, name, name === state);
    for (const [name, is] of Object.entries(flags)) toggleState(this.#set, name, is);
  }

  /** Set the attributes, and update the element where they change. Call this when the state may have changed. */
  show(): void {
    const element = this.#element;
    const { state, demo } = this.#read();
    if (element.getAttribute("state") === state && element.hasAttribute("demo") === demo) return;
    element.setAttribute("state", state);
    element.toggleAttribute("demo", demo);
    element.requestUpdate();
  }
}

/**
 * Add a state to the set, or delete it. Chromium before version 125 wants names that begin with two dashes, and matches
 * `:--running`.
 * https://html.spec.whatwg.org/multipage/custom-elements.html#custom-state-pseudo-class
 */
function toggleState(set: CustomStateSet | undefined, name: string, is: boolean): void {
  if (!is) return void (set?.delete(name), set?.delete(`--${name}`));
  try {
    set?.add(name);
  } catch {
    set?.add(`--${name}`);
  }
}
