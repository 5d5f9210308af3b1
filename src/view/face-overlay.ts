import { countPageTime } from "../page-time.ts";
import type { Face } from "../types.ts";
import { FaceMark, type MarkStyle } from "./face-mark.ts";
import { type Rect, type Size, placeBox } from "./layout.ts";
import { largest } from "./palette.ts";
import { Veil, type VeiledScene } from "./veil.ts";
import type { Words } from "./words.ts";

/** Longest step of the animation. It applies after a pause, for example while the page was hidden. */
const LONGEST_STEP_MS = 100;

/** Settings for drawing the faces of one frame. */
export interface OverlayScene extends VeiledScene {
  readonly style: MarkStyle | "none";
  readonly words: Words;
}

/**
 * Draws the faces over the picture: corner marks and a chip for each, eased from frame to frame. The animation runs
 * between results, only while marks really move, and stops once they have arrived. It moves small elements that the
 * compositor holds, instead of painting a canvas: without a GPU, the cost is the area that is repainted.
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
  /** Handle of the pending animation frame; 0 if there is none. */
  #request = 0;
  #steppedAtMs = 0;
  readonly #stepAt = (nowMs: number) => this.#step(nowMs);

  /** @param layer Lies over the picture and has its size; the overlay fills it. */
  constructor(layer: HTMLElement) {
    this.#layer = layer;
    this.#veil = new Veil(layer);
    this.#size = { width: layer.clientWidth, height: layer.clientHeight };
    this.#watch = new ResizeObserver(() => this.#resize());
    this.#watch.observe(layer);
  }

  /** Draw the faces of one frame. */
  show(faces: readonly Face[], scene: OverlayScene): void {
    this.#shown = { faces, scene };
    this.#veil.draw(scene, this.#size);
    const seen = scene.style === "none" ? [] : faces;
    const first = largest(seen);
    let moves = false;
    for (const face of seen) {
      if (this.#follow(face, scene, scene.style as MarkStyle, face === first)) moves = true;
    }
    for (const [id, mark] of this.#marks) {
      if (seen.some((face) => face.id === id)) continue;
      mark.remove(!this.#stillness.matches);
      this.#marks.delete(id);
    }
    if (moves) this.#move();
  }

  /** Set the boxes that no chip may cover, in CSS pixels of the layer. */
  avoid(obstacles: readonly Rect[]): void {
    this.#obstacles = obstacles;
    for (const mark of this.#marks.values()) mark.draw(this.#size, obstacles);
  }

  /** Remove everything drawn, for example when the source ends. */
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

  /** @returns True where the face's marks have to be drawn anew. */
  #follow(face: Face, scene: OverlayScene, style: MarkStyle, isFirst: boolean): boolean {
    const place = placeBox(face.box, scene, this.#size);
    const known = this.#marks.get(face.id);
    const mark = known ?? new FaceMark(this.#layer, place);
    if (known === undefined) this.#marks.set(face.id, mark);
    const moves = mark.aim(place);
    const isRestyled = mark.say(face, scene.words, style, isFirst);
    if (moves && this.#stillness.matches) mark.jump();
    return moves || isRestyled;
  }

  #resize(): void {
    this.#size = { width: this.#layer.clientWidth, height: this.#layer.clientHeight };
    if (this.#shown === null) return;
    this.show(this.#shown.faces, this.#shown.scene);
    for (const mark of this.#marks.values()) mark.jump();
    this.#move();
  }

  #move(): void {
    if (this.#request !== 0) return;
    this.#steppedAtMs = performance.now();
    this.#request = requestAnimationFrame(this.#stepAt);
  }

  #step(nowMs: number): void {
    const startMs = performance.now();
    const stepMs = Math.max(0, Math.min(nowMs - this.#steppedAtMs, LONGEST_STEP_MS));
    this.#steppedAtMs = nowMs;
    let arrived = true;
    for (const mark of this.#marks.values()) {
      if (!mark.step(stepMs)) arrived = false;
      mark.draw(this.#size, this.#obstacles);
    }
    this.#request = arrived ? 0 : requestAnimationFrame(this.#stepAt);
    countPageTime(startMs);
  }
}
