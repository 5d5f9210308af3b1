import type { FrameResult } from "../types.ts";
import { FaceOverlay, type OverlayScene } from "./face-overlay.ts";
import { ExpressionStrip } from "./strip.ts";

/** What stands on the picture beside the faces' own marks. */
const THINGS = ".notice, .tag, .strip";

/** What is drawn over, and how. */
export interface DrawnScene extends Omit<OverlayScene, "fit" | "coarse"> {
  /** What shows the frames. */
  readonly picture: HTMLElement;
}

/** All that is drawn over the picture: the faces, and the strip below them. */
export class Drawing {
  readonly #overlay: FaceOverlay;
  readonly #strip: ExpressionStrip;
  readonly #root: ParentNode;
  readonly #layer: HTMLElement;
  readonly #watch = new ResizeObserver(() => this.makeWay());
  /** A font that arrives late, or another language, makes things larger or smaller. */
  readonly #watched = new WeakSet<Element>();

  /** @param root Holds the layers `.overlay` and `.strip`. */
  constructor(root: ParentNode) {
    this.#root = root;
    this.#layer = root.querySelector<HTMLElement>(".overlay")!;
    const strip = root.querySelector<HTMLElement>(".strip")!;
    this.#overlay = new FaceOverlay(this.#layer);
    this.#strip = new ExpressionStrip(strip);
    for (const part of [this.#layer, strip]) this.#watchOnce(part);
  }

  /** Whoever is watched a second time is told of at once, and that would never end. */
  #watchOnce(thing: Element): void {
    if (this.#watched.has(thing)) return;
    this.#watched.add(thing);
    this.#watch.observe(thing);
  }

  /** To be called when other things may stand on the picture than before: the faces' words keep clear of them. */
  makeWay(): void {
    const { left, top } = this.#layer.getBoundingClientRect();
    const things = [...this.#root.querySelectorAll(THINGS)];
    for (const thing of things) this.#watchOnce(thing);
    const rects = things.map((thing) => thing.getBoundingClientRect());
    const there = rects.filter(({ width }) => width > 0);
    this.#overlay.avoid(there.map(({ x, y, width, height }) => ({ x: x - left, y: y - top, width, height })));
  }

  /** To be called for each answered frame. */
  show({ faces, timeMs, coarse }: FrameResult, { picture, ...scene }: DrawnScene): void {
    const fit = getComputedStyle(picture).objectFit === "contain" ? "contain" : "cover";
    this.#overlay.show(faces, { ...scene, fit, coarse: coarse ?? null });
    this.#strip.show(faces, timeMs, scene.words, scene.mirror);
  }

  /** Takes everything off, as when the source is gone. */
  clear(): void {
    this.#overlay.clear();
    this.#strip.clear();
  }

  dispose(): void {
    this.#watch.disconnect();
    this.#overlay.dispose();
  }
}
