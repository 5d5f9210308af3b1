import type { FrameResult } from "../types.ts";
import { FaceOverlay, type OverlayScene } from "./face-overlay.ts";
import { ExpressionStrip } from "./strip.ts";

/** All that is drawn over the picture: the faces, and the strip below them. */
export class Drawing {
  readonly #overlay: FaceOverlay;
  readonly #strip: ExpressionStrip;

  /** @param root Holds the layers `.overlay` and `.strip`. */
  constructor(root: ParentNode) {
    this.#overlay = new FaceOverlay(root.querySelector<HTMLElement>(".overlay")!);
    this.#strip = new ExpressionStrip(root.querySelector<HTMLElement>(".strip")!);
  }

  /** To be called for each answered frame. */
  show({ faces, timeMs }: FrameResult, scene: Omit<OverlayScene, "fit">): void {
    const fit = getComputedStyle(scene.picture).objectFit === "contain" ? "contain" : "cover";
    this.#overlay.show(faces, { ...scene, fit });
    this.#strip.show(faces, timeMs, scene.words, scene.mirror);
  }

  /** Takes everything off, as when the source is gone. */
  clear(): void {
    this.#overlay.clear();
    this.#strip.clear();
  }

  dispose(): void {
    this.#overlay.dispose();
  }
}
