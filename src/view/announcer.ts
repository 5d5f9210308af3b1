import type { Face } from "../types.ts";
import { type Words, fill } from "./words.ts";

/** Something must hold for this long before it is said: what passes quickly is not worth an interruption. */
const SETTLE_MS = 1000;
/** The least time between two sentences, so that a listener can hear one to its end. */
const APART_MS = 3000;

/**
 * Says to screen readers what changed, once it has settled.
 * https://www.w3.org/WAI/WCAG22/Techniques/aria/ARIA22
 */
export class Announcer {
  /** Made when it is first wanted: on a server there are no elements. */
  #region: HTMLElement | undefined;
  #said = "";
  #wanted = "";
  #saidAtMs = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** To be put into the page, and to stay there. */
  get region(): HTMLElement {
    return (this.#region ??= makeRegion());
  }

  /** Wants something said; what was wanted before and not said yet is dropped. An empty text is silence. */
  say(text: string): void {
    if (text === this.#wanted) return;
    this.#wanted = text;
    clearTimeout(this.#timer);
    if (text === this.#said) return;
    const waitMs = Math.max(SETTLE_MS, this.#saidAtMs + APART_MS - performance.now());
    this.#timer = setTimeout(() => this.#speak(text), waitMs);
  }

  /** Says nothing more. */
  dispose(): void {
    clearTimeout(this.#timer);
    this.#said = this.#wanted = this.region.textContent = "";
  }

  #speak(text: string): void {
    this.#said = text;
    this.#saidAtMs = performance.now();
    this.region.textContent = text;
  }
}

/** @returns A sentence about who is in view; nothing where a face's expression is not sure enough to be named. */
export function describePeople(faces: readonly Face[], words: Words): string {
  const [face] = faces;
  if (face === undefined) return words.sayNobody;
  if (faces.length > 1) return fill(words.sayPeople, { count: faces.length });
  return face.certain ? fill(words.sayExpression, { expression: words[face.label] }) : "";
}

function makeRegion(): HTMLElement {
  const region = document.createElement("span");
  region.className = "announcement";
  region.setAttribute("role", "status");
  return region;
}
