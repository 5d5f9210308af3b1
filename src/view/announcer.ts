import type { Face } from "../types.ts";
import { type Words, fill } from "./words.ts";

/** A text is spoken only after it has held for this long, so that brief changes do not interrupt the listener. */
const SETTLE_MS = 1000;
/** Least time between two sentences, so that a listener can hear each to its end. */
const APART_MS = 3000;

/**
 * Tells screen readers about changes that have settled.
 * https://www.w3.org/WAI/WCAG22/Techniques/aria/ARIA22
 */
export class Announcer {
  /** Created at first use, because a server has no DOM. */
  #region: HTMLElement | undefined;
  #spoken = "";
  #wanted = "";
  #saidAtMs = -Infinity;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** The live region. Put it into the page once and leave it there. */
  get region(): HTMLElement {
    return (this.#region ??= makeRegion());
  }

  /** Speak a text once it has settled. It replaces a text that is still waiting. An empty text is silence. */
  say(text: string): void {
    if (text === this.#wanted) return;
    this.#wanted = text;
    clearTimeout(this.#timer);
    if (text === this.#spoken) return;
    const waitMs = Math.max(SETTLE_MS, this.#saidAtMs + APART_MS - performance.now());
    this.#timer = setTimeout(() => this.#speak(text), waitMs);
  }

  /** Clear the region and drop a text that is still waiting. */
  dispose(): void {
    clearTimeout(this.#timer);
    this.#spoken = this.#wanted = this.region.textContent = "";
  }

  #speak(text: string): void {
    this.#spoken = text;
    this.#saidAtMs = performance.now();
    this.region.textContent = text;
  }
}

/** @returns A sentence about the people in view; empty if one face's expression is too uncertain to be named. */
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
