import type { FrameResult } from "../types.ts";
import { FaceOverlay, type OverlayScene } from "./face-overlay.ts";
import { ExpressionStrip } from "./strip.ts";

/** The parts over the picture that no chip may cover. */
const OBSTACLES = ".notice, .tag, .strip";

/** A page may change the fit of the picture at any time. Reading it may compute styles, so it is read this seldom. */
const FIT_EVERY_MS = 1000;

/** Settings for drawing one frame. */
export interface DrawnScene extends Omit<OverlayScene, "fit" | "coarse"> {
  /** The `<video>` or `<img>` that shows the frames. */
  readonly picture: HTMLElement;
}

/** Draws the faces over the picture, and the strip below them. */
export class Drawing {
  readonly #overlay: FaceOverlay;
  readonly #strip: ExpressionStrip;
  readonly #root: ParentNode;
  readonly #layer: HTMLElement;
  /** Obstacles change their size when a font arrives late or the language changes. */
  readonly #watch = new ResizeObserver(() => this.makeWay());
  readonly #watched = new WeakSet<Element>();
  #fit: "cover" | "contain" = "cover";
  #fitReadMs = Number.NEGATIVE_INFINITY;

  /** @param root Contains the layers `.overlay` and `.strip`. */
  constructor(root: ParentNode) {
    this.#root = root;
    this.#layer = root.querySelector<HTMLElement>(".overlay")!;
    const strip = root.querySelector<HTMLElement>(".strip")!;
    this.#overlay = new FaceOverlay(this.#layer);
    this.#strip = new ExpressionStrip(strip);
    for (const part of [this.#layer, strip]) this.#watchOnce(part);
  }

  /** Observe a part once only: each call to `observe` reports the part again, which would make an endless loop. */
  #watchOnce(part: Element): void {
    if (this.#watched.has(part)) return;
    this.#watched.add(part);
    this.#watch.observe(part);
  }

  /** Measure the obstacles again, so that the chips keep clear of them. Call this after the panel may have changed. */
  makeWay(): void {
    this.#fitReadMs = Number.NEGATIVE_INFINITY;
    const { left, top } = this.#layer.getBoundingClientRect();
    const obstacles = [...this.#root.querySelectorAll(OBSTACLES)];
    for (const obstacle of obstacles) this.#watchOnce(obstacle);
    const rects = obstacles.map((obstacle) => obstacle.getBoundingClientRect());
    const visible = rects.filter(({ width }) => width > 0);
    this.#overlay.avoid(visible.map(({ x, y, width, height }) => ({ x: x - left, y: y - top, width, height })));
  }

  /** Draw the result of one frame. */
  show({ faces, timeMs, coarse }: FrameResult, { picture, ...scene }: DrawnScene): void {
    this.#overlay.show(faces, { ...scene, fit: this.#fitOf(picture), coarse: coarse ?? null });
    this.#strip.show(faces, timeMs, scene.words, scene.mirror);
  }

  #fitOf(picture: HTMLElement): "cover" | "contain" {
    const nowMs = performance.now();
    if (nowMs - this.#fitReadMs >= FIT_EVERY_MS) {
      this.#fit = getComputedStyle(picture).objectFit === "contain" ? "contain" : "cover";
      this.#fitReadMs = nowMs;
    }
    return this.#fit;
  }

  /** Remove everything drawn, for example when the source ends. */
  clear(): void {
    this.#overlay.clear();
    this.#strip.clear();
  }

  dispose(): void {
    this.#watch.disconnect();
    this.#overlay.dispose();
  }
}
