import type { Face } from "../types.ts";
import { FaceMark, type MarkStyle } from "./face-mark.ts";
import { type Rect, type Size, placeBox } from "./layout.ts";
import { largest } from "./palette.ts";
import { Veil, type VeiledScene } from "./veil.ts";
import type { Words } from "./words.ts";

/** After a pause (a hidden page) the drawing goes on as if no more than this had passed. */
const LONGEST_STEP_MS = 100;

/** What the faces are drawn over, and how. */
export interface OverlayScene extends VeiledScene {
  readonly style: MarkStyle | "none";
  readonly words: Words;
}

/**
 * Draws the faces over the picture: corner marks and a chip for each, eased from frame to frame. Between results it
 * moves by itself, and rests as soon as everything has arrived. Small parts that are moved, no canvas: where there is
 * no GPU, what is repainted is what costs.
 */
export class FaceOverlay {
  readonly #layer: HTMLElement;
  readonly #veil: Veil;
  readonly #marks = new Map<number, FaceMark>();
  readonly #stillness = matchMedia("(prefers-reduced-motion: reduce)");
  readonly #watch: ResizeObserver;
  #size: Size;
  #obstacles: readonly Rect[] = [];
  #shown: { readonly faces: readonly Face[]; readonly scene: OverlayScene } | null = null;
  /** Of the animation frame that was asked for; 0 where none was. */
  #request = 0;
  #steppedAtMs = 0;

  /** @param layer Lies over the picture and is as large; it is filled with what is drawn. */
  constructor(layer: HTMLElement) {
    this.#layer = layer;
    this.#veil = new Veil(layer);
    this.#size = { width: layer.clientWidth, height: layer.clientHeight };
    this.#watch = new ResizeObserver(() => this.#resize());
    this.#watch.observe(layer);
  }

  /** To be called for each answered frame. */
  show(faces: readonly Face[], scene: OverlayScene): void {
    this.#shown = { faces, scene };
    this.#veil.draw(scene, this.#size);
    const seen = scene.style === "none" ? [] : faces;
    const first = largest(seen);
    for (const face of seen) this.#follow(face, scene, scene.style as MarkStyle, face === first);
    const ids = new Set(seen.map(({ id }) => id));
    for (const [id, mark] of this.#marks) {
      if (ids.has(id)) continue;
      mark.remove(!this.#stillness.matches);
      this.#marks.delete(id);
    }
    this.#move();
  }

  /** Tells what else stands on the layer: no chip lies on it. */
  avoid(obstacles: readonly Rect[]): void {
    this.#obstacles = obstacles;
    for (const mark of this.#marks.values()) mark.draw(this.#size, obstacles);
  }

  /** Takes everything off, as when the source is gone. */
  clear(): void {
    this.#shown = null;
    this.#veil.clear();
    for (const mark of this.#marks.values()) mark.remove(false);
    this.#marks.clear();
  }

  dispose(): void {
    this.clear();
    this.#watch.disconnect();
    cancelAnimationFrame(this.#request);
    this.#request = 0;
    this.#veil.remove();
  }

  #follow(face: Face, scene: OverlayScene, style: MarkStyle, isFirst: boolean): void {
    const place = placeBox(face.box, scene, this.#size);
    let mark = this.#marks.get(face.id);
    if (mark === undefined) this.#marks.set(face.id, (mark = new FaceMark(this.#layer, place)));
    mark.aim(place);
    mark.say(face, scene.words, style, isFirst);
    if (this.#stillness.matches) mark.jump();
  }

  #resize(): void {
    this.#size = { width: this.#layer.clientWidth, height: this.#layer.clientHeight };
    if (this.#shown === null) return;
    this.show(this.#shown.faces, this.#shown.scene);
    for (const mark of this.#marks.values()) mark.jump();
  }

  #move(): void {
    if (this.#request !== 0) return;
    this.#steppedAtMs = performance.now();
    this.#request = requestAnimationFrame((nowMs) => this.#step(nowMs));
  }

  #step(nowMs: number): void {
    const stepMs = Math.max(0, Math.min(nowMs - this.#steppedAtMs, LONGEST_STEP_MS));
    this.#steppedAtMs = nowMs;
    const arrived = [...this.#marks.values()].map((mark) => mark.step(stepMs));
    for (const mark of this.#marks.values()) mark.draw(this.#size, this.#obstacles);
    this.#request = arrived.every(Boolean) ? 0 : requestAnimationFrame((laterMs) => this.#step(laterMs));
  }
}
