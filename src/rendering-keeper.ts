import type { ReactiveController, ReactiveControllerHost } from "lit";

/** An element that is not rendered for this long counts as away. A tab or a page that is rebuilt takes less. */
const AWAY_MS = 2000;

/**
 * Reports whether an element is rendered: whether it has a box with an area. It has none in a closed `<dialog>` or
 * `<details>`, with `hidden`, and in a box of 0x0. An element that is scrolled out of view is rendered.
 */
export class RenderingKeeper implements ReactiveController {
  readonly #element: ReactiveControllerHost & HTMLElement;
  readonly #onChange: () => void;
  #resizes: ResizeObserver | undefined;
  /** Reports the end of a box in `<details>`, whose size browsers keep while it is closed. */
  #intersections: IntersectionObserver | undefined;
  #away: ReturnType<typeof setTimeout> | undefined;

  /** @param onChange Called when the element may have become rendered, and when it was not rendered for 2 s. */
  constructor(element: ReactiveControllerHost & HTMLElement, onChange: () => void) {
    this.#element = element;
    this.#onChange = onChange;
    element.addController(this);
  }

  /** True while the element is rendered. */
  get isRendered(): boolean {
    const { offsetWidth, offsetHeight } = this.#element;
    // Browsers of before 2024 may lack the method. There, a closed `<details>` leaves no box.
    return offsetWidth > 0 && offsetHeight > 0 && (this.#element.checkVisibility?.() ?? true);
  }

  hostConnected(): void {
    const look = () => this.#look();
    this.#resizes = new ResizeObserver(look);
    this.#intersections = new IntersectionObserver(look);
    this.lookAgain();
  }

  /**
   * Report in the next frame whether the element is rendered. The observers tell changes from one frame to the next, and
   * so nothing of an element that was hidden and shown in between.
   */
  lookAgain(): void {
    for (const observer of [this.#resizes, this.#intersections]) {
      observer?.disconnect();
      observer?.observe(this.#element);
    }
  }

  hostDisconnected(): void {
    this.#resizes?.disconnect();
    this.#intersections?.disconnect();
    this.#forget();
  }

  #look(): void {
    if (this.isRendered) {
      this.#forget();
      this.#onChange();
    } else {
      this.#away ??= setTimeout(() => {
        this.#forget();
        this.#onChange();
      }, AWAY_MS);
    }
  }

  #forget(): void {
    clearTimeout(this.#away);
    this.#away = undefined;
  }
}
