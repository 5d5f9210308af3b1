import type { ReactiveController, ReactiveControllerHost } from "lit";
import { ENGLISH_LANGUAGE, type Language, languages, loadLanguage } from "./view/words.ts";

/** The element whose language is kept. */
type Speaker = ReactiveControllerHost & HTMLElement & { readonly assetBase: string };

/**
 * Loads the language of an element: its own `lang` or that of the nearest ancestor, else the browser's. It is English
 * until the language is loaded, and where there is no such language.
 */
export class LanguageKeeper implements ReactiveController {
  readonly #element: Speaker;
  #language: Language = ENGLISH_LANGUAGE;
  /** The tag that was asked for last. */
  #asked = "";
  #connected = new AbortController();

  constructor(element: Speaker) {
    this.#element = element;
    element.addController(this);
  }

  get language(): Language {
    return this.#language;
  }

  hostConnected(): void {
    this.#connected = new AbortController();
    languages.addEventListener("change", () => this.#loadAgain(), { signal: this.#connected.signal });
  }

  hostDisconnected(): void {
    this.#connected.abort();
  }

  hostUpdated(): void {
    void this.#load();
  }

  async #load(): Promise<void> {
    const wanted = this.#element.closest<HTMLElement>("[lang]:not([lang=''])")?.lang ?? navigator.language;
    if (this.#asked === wanted) return;
    this.#asked = wanted;
    const language = await loadLanguage(wanted, this.#element.assetBase);
    if (this.#asked !== wanted || language === this.#language) return;
    this.#language = language;
    this.#element.requestUpdate();
  }

  #loadAgain(): void {
    this.#asked = "";
    this.#element.requestUpdate();
  }
}
