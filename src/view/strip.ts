import type { Face, Label } from "../types.ts";
import { iconPath } from "./icons.ts";
import { SHOWN_ORDER, UNSURE_COLOUR, colourOf, largest } from "./palette.ts";
import { RIBBON_MS, type Sample, ribbon } from "./ribbon.ts";
import type { Words } from "./words.ts";

/** The bars are updated ten times a second: people see no difference from every frame, at a third of the cost. */
const SHOW_EVERY_MS = 100;
/** A bar follows its score in steps of at least this: two pixels of a bar of 100, less than anybody sees from afar. */
const LEVEL_STEP = 0.02;
/** Interval between two samples of the ribbon: 240 samples a minute. */
const SAMPLE_EVERY_MS = 250;

const SVG = "http://www.w3.org/2000/svg";

/** The elements of one bar. */
interface Bar {
  readonly root: HTMLElement;
  readonly level: HTMLElement;
  readonly word: HTMLElement;
  /** The score that it shows; NaN before the first. */
  shown: number;
}

/** A column, and the face that it shows. */
interface Column {
  readonly root: HTMLElement;
  shown: Face | null;
}

/**
 * The strip at the bottom of the screen: seven bars for a single face, or one column for each of several faces; and the
 * last minute of the largest face as a ribbon.
 */
export class ExpressionStrip {
  readonly #layer: HTMLElement;
  readonly #bars = document.createElement("div");
  readonly #columns = document.createElement("div");
  readonly #past = document.createElement("div");
  readonly #ribbon = document.createElement("div");
  readonly #caption = document.createElement("span");
  readonly #barOf: ReadonlyMap<Label, Bar>;
  readonly #columnAt: Column[] = [];
  #words: Words | null = null;
  #samples: Sample[] = [];
  #shownAtMs = -Infinity;
  #people = "";
  #shownPast = "";

  /** @param layer The strip fills it, and writes `one`, `many` or `none` to its `data-people`. */
  constructor(layer: HTMLElement) {
    this.#layer = layer;
    this.#bars.className = "bars";
    this.#bars.setAttribute("part", "bars");
    this.#columns.className = "columns";
    this.#columns.setAttribute("part", "columns");
    this.#past.className = "past";
    this.#past.setAttribute("part", "past");
    this.#ribbon.className = "ribbon";
    this.#ribbon.setAttribute("part", "ribbon");
    this.#caption.className = "caption";
    this.#caption.setAttribute("part", "caption");
    this.#past.append(this.#ribbon, this.#caption);
    this.#barOf = new Map(SHOWN_ORDER.map((label) => [label, makeBar(label)]));
    this.#bars.append(...[...this.#barOf.values()].map(({ root }) => root));
    layer.replaceChildren(this.#bars, this.#columns, this.#past);
  }

  /**
   * Draw the faces of one frame.
   *
   * @param timeMs The frame's time in milliseconds. If it goes back, the ribbon starts again.
   * @param mirror True if the picture is mirrored; the columns follow the order of the faces on screen.
   */
  show(faces: readonly Face[], timeMs: number, words: Words, mirror = false): void {
    const goesBack = timeMs < this.#shownAtMs;
    if (timeMs - this.#shownAtMs < SHOW_EVERY_MS && !goesBack) return;
    this.#shownAtMs = timeMs;
    if (goesBack) this.#samples = [];
    this.#say(words);
    this.#showPeople(faces.length > 1 ? "many" : faces.length === 1 ? "one" : "none");
    const face = largest(faces);
    if (faces.length > 1) this.#showColumns(faces, words, mirror);
    else if (face !== undefined) this.#showBars(face);
    this.#remember(face, timeMs);
  }

  /** Remove everything drawn, and forget the last minute. */
  clear(): void {
    this.#samples = [];
    this.#shownAtMs = -Infinity;
    this.#showRibbon("none");
    this.#showPeople("none");
  }

  #showPeople(people: string): void {
    if (people !== this.#people) this.#layer.dataset["people"] = people;
    this.#people = people;
  }

  #showRibbon(background: string): void {
    if (background !== this.#shownPast) this.#ribbon.style.background = background;
    this.#shownPast = background;
  }

  #say(words: Words): void {
    if (words === this.#words) return;
    this.#words = words;
    this.#caption.textContent = words.lastMinute;
    for (const [label, bar] of this.#barOf) bar.word.textContent = words[label];
    for (const column of this.#columnAt) column.shown = null;
  }

  #showBars({ scores, label, certain }: Face): void {
    this.#bars.toggleAttribute("data-unsure", !certain);
    for (const [of, bar] of this.#barOf) {
      bar.root.toggleAttribute("data-top", of === label && certain);
      if (Math.abs(scores[of] - bar.shown) < LEVEL_STEP) continue;
      bar.shown = scores[of];
      bar.level.style.setProperty("--_level", scores[of].toFixed(3));
    }
  }

  #showColumns(faces: readonly Face[], words: Words, mirror: boolean): void {
    const middle = ({ box }: Face) => (box.x + box.width / 2) * (mirror ? -1 : 1);
    const sorted = [...faces].sort((a, b) => middle(a) - middle(b));
    while (this.#columnAt.length > sorted.length) this.#columnAt.pop()!.root.remove();
    while (this.#columnAt.length < sorted.length) {
      const column = { root: makeColumn(), shown: null };
      this.#columnAt.push(column);
      this.#columns.append(column.root);
    }
    for (const [index, face] of sorted.entries()) {
      const column = this.#columnAt[index]!;
      if (column.shown !== null && looksSame(column.shown, face)) continue;
      column.shown = face;
      fillColumn(column.root, face, words);
    }
  }

  #remember(face: Face | undefined, timeMs: number): void {
    const label = face === undefined ? "nobody" : face.certain ? face.label : "unsure";
    const last = this.#samples.at(-1);
    if (last !== undefined && timeMs - last.timeMs < SAMPLE_EVERY_MS) return;
    this.#samples.push({ timeMs, label });
    // The sample that reaches into the last minute is kept, so that the ribbon of a minute without change stays the same.
    while (this.#samples.length > 1 && this.#samples[1]!.timeMs <= timeMs - RIBBON_MS) this.#samples.shift();
    this.#showRibbon(ribbon(this.#samples, timeMs));
  }
}

function makeBar(label: Label): Bar {
  const root = document.createElement("div");
  root.className = "bar";
  root.setAttribute("part", "bar");
  root.style.setProperty("--_colour", colourOf(label));
  const track = document.createElement("span");
  track.className = "track";
  track.setAttribute("part", "track");
  const level = document.createElement("span");
  level.className = "level";
  level.setAttribute("part", "level");
  track.append(level);
  const { drawing, path } = makeIcon();
  path.setAttribute("d", iconPath(label));
  const word = document.createElement("span");
  word.className = "word";
  word.setAttribute("part", "word");
  root.append(track, drawing, word);
  return { root, level, word, shown: Number.NaN };
}

/** @returns Whether a column shows two faces alike. */
function looksSame(a: Face, b: Face): boolean {
  if (a.label !== b.label || a.certain !== b.certain) return false;
  return SHOWN_ORDER.every((label) => Math.abs(a.scores[label] - b.scores[label]) < LEVEL_STEP);
}

function makeColumn(): HTMLElement {
  const column = document.createElement("div");
  column.className = "column";
  column.setAttribute("part", "column");
  const stack = document.createElement("span");
  stack.className = "stack";
  stack.setAttribute("part", "stack");
  for (const label of SHOWN_ORDER) {
    const share = document.createElement("span");
    share.style.background = colourOf(label);
    stack.append(share);
  }
  const word = document.createElement("span");
  word.className = "word";
  word.setAttribute("part", "word");
  column.append(stack, makeIcon().drawing, word);
  return column;
}

function fillColumn(column: HTMLElement, { scores, label, certain }: Face, words: Words): void {
  column.style.setProperty("--_colour", certain ? colourOf(label) : UNSURE_COLOUR);
  column.toggleAttribute("data-unsure", !certain);
  const [stack, drawing, word] = column.children;
  let above = 0;
  for (const [index, of] of SHOWN_ORDER.entries()) {
    const share = stack!.children[index] as HTMLElement;
    share.style.transform = `translateY(${(100 * above).toFixed(1)}%) scaleY(${scores[of].toFixed(3)})`;
    above += scores[of];
  }
  drawing!.firstElementChild!.setAttribute("d", iconPath(label));
  if (word!.textContent !== words[label]) word!.textContent = words[label];
}

function makeIcon(): { readonly drawing: SVGSVGElement; readonly path: SVGPathElement } {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("class", "icon");
  drawing.setAttribute("part", "icon");
  drawing.setAttribute("viewBox", "0 0 24 24");
  const path = document.createElementNS(SVG, "path");
  drawing.append(path);
  return { drawing, path };
}
