import type { ReactiveController, ReactiveControllerHost } from "lit";

/** Keeps the focus on the element's button while the buttons change with the states. */
export class FocusKeeper implements ReactiveController {
  readonly #element: ReactiveControllerHost & HTMLElement;
  /** True if a button of the element had the focus when it was removed. */
  #isLost = false;

  constructor(element: ReactiveControllerHost & HTMLElement) {
    this.#element = element;
    element.addController(this);
  }

  /** The first button of the element, if it has one. */
  get button(): HTMLButtonElement | null {
    return this.#element.shadowRoot?.querySelector("button") ?? null;
  }

  hostUpdate(): void {
    this.#isLost ||= this.#focused !== null;
  }

  hostUpdated(): void {
    const { activeElement, body } = document;
    const isElsewhere = activeElement !== null && activeElement !== body && activeElement !== this.#element;
    const { button } = this;
    if (this.#isLost && this.#focused === null && !isElsewhere) button?.focus();
    this.#isLost &&= button === null && !isElsewhere;
  }

  get #focused(): Element | null {
    return this.#element.shadowRoot?.activeElement ?? null;
  }
}
