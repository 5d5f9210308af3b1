import type { ReactiveController } from "lit";

/** An element that returns to the page within this time was moved, and goes on as if it had stayed. */
const MOVE_MS = 100;

/** The element's reactions to its stay in the page. */
export interface PageReactions {
  onEnter(): void;
  /** The element is back in the page, perhaps at another place. */
  onMove(): void;
  onLeave(): void;
}

/** Tells an element that was moved within the page from one that has left it. */
export class PageKeeper implements ReactiveController {
  readonly #reactions: PageReactions;
  #leaving: ReturnType<typeof setTimeout> | undefined;

  constructor(reactions: PageReactions) {
    this.#reactions = reactions;
  }

  hostConnected(): void {
    if (this.#leaving === undefined) return this.#reactions.onEnter();
    clearTimeout(this.#leaving);
    this.#leaving = undefined;
    this.#reactions.onMove();
  }

  hostDisconnected(): void {
    this.#leaving = setTimeout(() => {
      this.#leaving = undefined;
      this.#reactions.onLeave();
    }, MOVE_MS);
  }
}
