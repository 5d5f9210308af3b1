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
/** Size of the large icon's text, as a multiple of the icon: a smaller icon is scaled down, which costs no layout. */
const ICON_ROOM = 1.1;
/** The chip's fill follows the confidence in steps of at least this: two pixels of a chip of 60. */
const FILL_STEP = 0.04;
/** A face that moves by less than this keeps its marks where they are; by less than a whole pixel, it moves them at once. */
const STILL_DEVICE_PX = 0.5;
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
  /** True while the marks lie at their goal. */
  #rests = true;
  #style: MarkStyle | null = null;
  /** Size of the chip's text; NaN before it is set for the style. */
  #textPx = Number.NaN;
  #colour = "";
  #shown = "";
  #filled = Number.NaN;
  #chipSize: Size = { width: 0, height: 0 };
  /** Arguments of the last drawing; `null` before the first. */
  #drawn: { readonly marks: Rect; readonly layer: Size; readonly obstacles: readonly Rect[] } | null = null;
  /** The size that the corners' path was last drawn for. */
  #corner: Size = { width: Number.NaN, height: Number.NaN };
  #strokePx = Number.NaN;
  #cornersAt = "";
  #chipAt = "";

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

  /**
   * Set where the face is now, in CSS pixels of the layer.
   *
   * @returns True where the marks have to move.
   */
  aim(face: Rect): boolean {
    const pixel = 1 / devicePixelRatio;
    const away = this.#rests ? distance(face, this.#goal) : Number.POSITIVE_INFINITY;
    if (away < STILL_DEVICE_PX * pixel) return false;
    this.#goal = face;
    if (away <= pixel) this.jump();
    else this.#rests = false;
    return true;
  }

  /**
   * Set what the face shows now.
   *
   * @param isFirst True for the one face whose chip the page may fill, through the slot `label`.
   * @returns True where the style has changed, so that the marks have to be drawn.
   */
  say({ label, certain, confidence }: Face, words: Words, style: MarkStyle, isFirst: boolean): boolean {
    const slot = isFirst ? "label" : "label-of-others";
    if (this.#slot.name !== slot) this.#slot.name = slot;
    this.#tint(certain ? colourOf(label) : UNSURE_COLOUR, certain);
    this.#fillTo(confidence);
    const isRestyled = style !== this.#style;
    if (isRestyled) this.#restyle(style);
    const shown = `${label} ${words[label]}`;
    if (shown === this.#shown) return isRestyled;
    this.#shown = shown;
    this.#icon.setAttribute("d", iconPath(label));
    this.#word.textContent = words[label];
    return isRestyled;
  }

  /**
   * Ease towards the face.
   *
   * @param stepMs Milliseconds since the last step, 0 or more.
   * @returns True once the marks have arrived.
   */
  step(stepMs: number): boolean {
    if (this.#rests) return true;
    const goal = this.#goal;
    const x = this.#x.step(goal.x, stepMs);
    const y = this.#y.step(goal.y, stepMs);
    const width = this.#width.step(goal.width, stepMs);
    const height = this.#height.step(goal.height, stepMs);
    return (this.#rests = x && y && width && height);
  }

  /** Move to the face at once. */
  jump(): void {
    this.#x.jump(this.#goal.x);
    this.#y.jump(this.#goal.y);
    this.#width.jump(this.#goal.width);
    this.#height.jump(this.#goal.height);
    this.#rests = true;
  }

  /**
   * Draw the marks and the chip at their current place. Only what has changed is written, and a move changes nothing but
   * transforms: the browser's compositor applies them without layout and without painting.
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

  #restyle(style: MarkStyle): void {
    this.#style = style;
    this.#textPx = Number.NaN;
    for (const part of [this.#corners, this.#chip]) part.dataset["style"] = style;
  }

  /** Colour the marks and the chip, where the colour changes. */
  #tint(colour: string, certain: boolean): void {
    if (colour === this.#colour) return;
    this.#colour = colour;
    for (const part of [this.#corners, this.#chip]) {
      part.style.setProperty("--_colour", colour);
      part.toggleAttribute("data-unsure", !certain);
    }
  }

  #fillTo(confidence: number): void {
    if (Math.abs(confidence - this.#filled) < FILL_STEP) return;
    this.#filled = confidence;
    this.#fill.style.transform = `scaleX(${confidence.toFixed(2)})`;
  }

  #drawCorners(marks: Rect, strokePx: number): void {
    const at = translation(marks);
    if (at !== this.#cornersAt) this.#corners.style.transform = at;
    this.#cornersAt = at;
    if (strokePx !== this.#strokePx) this.#corners.style.setProperty("--_stroke", `${strokePx.toFixed(2)}px`);
    this.#strokePx = strokePx;
    const [width, height] = [snap(marks.width), snap(marks.height)];
    if (width === this.#corner.width && height === this.#corner.height) return;
    this.#corner = { width, height };
    const path = cornerPath(this.#corner);
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
    if (place !== null) this.#moveChip(translation(place));
  }

  #moveChip(transform: string): void {
    if (transform !== this.#chipAt) this.#chip.style.transform = transform;
    this.#chipAt = transform;
  }

  #drawIcon(marks: Rect): void {
    const side = Math.max(marks.width, marks.height);
    const x = marks.x + (marks.width - side) / 2;
    const y = marks.y + (marks.height - side) / 2;
    if (!(side <= this.#textPx && side * ICON_ROOM ** 2 >= this.#textPx)) {
      this.#textPx = side * ICON_ROOM;
      this.#chip.style.fontSize = `${this.#textPx.toFixed(1)}px`;
    }
    this.#chip.removeAttribute("data-away");
    this.#moveChip(`${translation({ x, y })} scale(${(side / this.#textPx).toFixed(3)})`);
  }
}

/** @returns How far the edges of two boxes are apart at most, CSS pixels. */
function distance(a: Rect, b: Rect): number {
  const right = a.x + a.width - b.x - b.width;
  const bottom = a.y + a.height - b.y - b.height;
  return Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y), Math.abs(right), Math.abs(bottom));
}

/** Round to whole pixels of the screen: on them, lines are sharp and the compositor need not interpolate. */
function snap(value: number): number {
  return Math.round(value * devicePixelRatio) / devicePixelRatio;
}

function translation({ x, y }: { readonly x: number; readonly y: number }): string {
  return `translate(${snap(x)}px, ${snap(y)}px)`;
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
