import type { Face } from "../types.ts";
import { Damper } from "./damper.ts";
import { iconPath } from "./icons.ts";
import { type Rect, type Size, placeMarks, placeChip } from "./layout.ts";
import { UNSURE_COLOUR, colourOf } from "./palette.ts";
import type { Words } from "./words.ts";

export type MarkStyle = "full" | "boxes" | "minimal" | "emoji";

/** Shares of the layer's smaller side: 4, 24 and 64 px at 1080p, each with the smallest size that is still legible. */
const STROKE = { share: 4 / 1080, leastPx: 2 };
const TEXT = { leastShare: 24 / 1080, mostShare: 64 / 1080, leastPx: 14 };
/** Size of the chip's text, as a share of the marks' width. */
const TEXT_OF_FACE = 0.17;
/** The text changes its size in steps of at least this, because each change costs a layout. */
const TEXT_STEP_PX = 2;
/** Length of a corner's arms, as a share of the marks' shorter side; radius of its curve, as a share of the arms. */
const ARM = 0.2;
const ROUND = 0.6;
/** Duration of the fade when a face leaves. */
const FADE_MS = 200;

const SVG = "http://www.w3.org/2000/svg";

/** The drawing of one face: four corner marks and a chip, or one large icon over the face. */
export class FaceMark {
  readonly #corners = document.createElementNS(SVG, "svg");
  readonly #lines = [document.createElementNS(SVG, "path"), document.createElementNS(SVG, "path")];
  readonly #chip = document.createElement("div");
  readonly #fill = document.createElement("span");
  readonly #icon = document.createElementNS(SVG, "path");
  readonly #word = document.createElement("span");
  readonly #slot = document.createElement("slot");
  /** Reports the chip's size after layout. Reading the size directly would force a layout for each chip. */
  readonly #measure = new ResizeObserver(([entry]) => this.#fit(entry!.borderBoxSize[0]!));
  readonly #x: Damper;
  readonly #y: Damper;
  readonly #width: Damper;
  readonly #height: Damper;
  #goal: Rect;
  #style: MarkStyle = "full";
  #textPx = 0;
  #shown = "";
  #chipSize: Size = { width: 0, height: 0 };
  /** Arguments of the last drawing; `null` before the first. */
  #drawn: { readonly marks: Rect; readonly layer: Size; readonly obstacles: readonly Rect[] } | null = null;

  constructor(layer: HTMLElement, face: Rect) {
    this.#goal = face;
    this.#x = new Damper(face.x);
    this.#y = new Damper(face.y);
    this.#width = new Damper(face.width);
    this.#height = new Damper(face.height);
    this.#corners.setAttribute("class", "corners");
    this.#corners.setAttribute("part", "marks");
    this.#corners.append(...this.#lines);
    this.#lines[0]!.setAttribute("class", "halo");
    this.#chip.className = "chip";
    this.#chip.setAttribute("part", "chip");
    this.#fill.className = "fill";
    this.#fill.setAttribute("part", "fill");
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("class", "icon");
    drawing.setAttribute("part", "icon");
    drawing.setAttribute("viewBox", "0 0 24 24");
    drawing.append(this.#icon);
    this.#word.className = "word";
    this.#word.setAttribute("part", "word");
    this.#slot.append(drawing, this.#word);
    this.#chip.append(this.#fill, this.#slot);
    layer.append(this.#corners, this.#chip);
    this.#measure.observe(this.#chip);
  }

  /** Set where the face is now, in CSS pixels of the layer. */
  aim(face: Rect): void {
    this.#goal = face;
  }

  /**
   * Set what the face shows now.
   *
   * @param isFirst True for the one face whose chip the page may fill, through the slot `label`.
   */
  say({ label, certain, confidence }: Face, words: Words, style: MarkStyle, isFirst: boolean): void {
    this.#style = style;
    const slot = isFirst ? "label" : "label-of-others";
    if (this.#slot.name !== slot) this.#slot.name = slot;
    const colour = certain ? colourOf(label) : UNSURE_COLOUR;
    for (const part of [this.#corners, this.#chip]) {
      part.style.setProperty("--_colour", colour);
      part.dataset["style"] = style;
      part.toggleAttribute("data-unsure", !certain);
    }
    this.#fill.style.transform = `scaleX(${confidence.toFixed(2)})`;
    const shown = `${label} ${words[label]} ${style}`;
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#icon.setAttribute("d", iconPath(label));
    this.#word.textContent = words[label];
  }

  /**
   * Ease towards the face.
   *
   * @param stepMs Milliseconds since the last step, 0 or more.
   * @returns True once the marks have arrived.
   */
  step(stepMs: number): boolean {
    const arrived = [
      this.#x.step(this.#goal.x, stepMs),
      this.#y.step(this.#goal.y, stepMs),
      this.#width.step(this.#goal.width, stepMs),
      this.#height.step(this.#goal.height, stepMs),
    ];
    return arrived.every(Boolean);
  }

  /** Move to the face at once. */
  jump(): void {
    this.#x.jump(this.#goal.x);
    this.#y.jump(this.#goal.y);
    this.#width.jump(this.#goal.width);
    this.#height.jump(this.#goal.height);
  }

  /**
   * Draw the marks and the chip at their current place.
   *
   * @param layer Size of the layer, CSS pixels.
   * @param obstacles Boxes that the chip must not cover, CSS pixels.
   */
  draw(layer: Size, obstacles: readonly Rect[]): void {
    const face = { x: this.#x.value, y: this.#y.value, width: this.#width.value, height: this.#height.value };
    const marks = placeMarks(face, layer);
    const smaller = Math.min(layer.width, layer.height);
    if (this.#style === "emoji") return this.#drawIcon(marks);
    this.#drawCorners(marks, Math.max(STROKE.leastPx, smaller * STROKE.share));
    this.#sizeText(marks.width, smaller);
    this.#drawn = { marks, layer, obstacles };
    this.#placeChip();
  }

  /** Remove the drawing from the layer, with or without a fade. */
  remove(fades: boolean): void {
    this.#measure.disconnect();
    for (const part of [this.#corners, this.#chip]) {
      if (!fades) part.remove();
      else
        part.animate({ opacity: 0 }, { duration: FADE_MS, fill: "forwards" }).finished.then(
          () => part.remove(),
          () => {},
        );
    }
  }

  #drawCorners(marks: Rect, strokePx: number): void {
    this.#corners.style.transform = `translate(${marks.x.toFixed(1)}px, ${marks.y.toFixed(1)}px)`;
    this.#corners.style.setProperty("--_stroke", `${strokePx.toFixed(2)}px`);
    const path = cornerPath(marks);
    for (const line of this.#lines) line.setAttribute("d", path);
  }

  #sizeText(marksWidth: number, smaller: number): void {
    const least = Math.max(TEXT.leastPx, smaller * TEXT.leastShare);
    const most = Math.max(TEXT.leastPx, smaller * TEXT.mostShare);
    const wanted = Math.max(least, Math.min(marksWidth * TEXT_OF_FACE, most));
    if (Math.abs(wanted - this.#textPx) < TEXT_STEP_PX) return;
    this.#textPx = wanted;
    this.#chip.style.fontSize = `${wanted.toFixed(1)}px`;
  }

  #fit({ inlineSize, blockSize }: ResizeObserverSize): void {
    this.#chipSize = { width: inlineSize, height: blockSize };
    if (this.#style !== "emoji") this.#placeChip();
  }

  #placeChip(): void {
    if (this.#drawn === null) return;
    const { marks, layer, obstacles } = this.#drawn;
    const place = placeChip(this.#chipSize, marks, layer, obstacles);
    this.#chip.toggleAttribute("data-away", place === null);
    if (place !== null) this.#chip.style.transform = `translate(${place.x.toFixed(1)}px, ${place.y.toFixed(1)}px)`;
  }

  #drawIcon(marks: Rect): void {
    const side = Math.max(marks.width, marks.height);
    const x = marks.x + (marks.width - side) / 2;
    const y = marks.y + (marks.height - side) / 2;
    this.#chip.style.fontSize = `${side.toFixed(1)}px`;
    this.#chip.removeAttribute("data-away");
    this.#chip.style.transform = `translate(${x.toFixed(1)}px, ${y.toFixed(1)}px)`;
    this.#textPx = 0;
  }
}

/** @returns An SVG path of four rounded corners, for a box whose top-left corner is (0, 0). */
function cornerPath({ width: w, height: h }: Size): string {
  const arm = Math.min(w, h) * ARM;
  const r = arm * ROUND;
  const line = (...points: number[]) => points.map((value) => value.toFixed(1)).join(" ");
  return [
    `M${line(0, arm)}V${line(r)}Q${line(0, 0, r, 0)}H${line(arm)}`,
    `M${line(w - arm, 0)}H${line(w - r)}Q${line(w, 0, w, r)}V${line(arm)}`,
    `M${line(w, h - arm)}V${line(h - r)}Q${line(w, h, w - r, h)}H${line(w - arm)}`,
    `M${line(arm, h)}H${line(r)}Q${line(0, h, 0, h - r)}V${line(h - arm)}`,
  ].join("");
}
