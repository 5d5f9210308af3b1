import type { Privacy } from "../types.ts";
import type { Picture } from "./layout.ts";

/**
 * How many points wide the veiled picture is. Of a head that fills the frame's height some 20 points remain, of one at
 * arm's length eight, of one that the detector cannot see yet three: too few to tell anybody by.
 */
const POINTS = 28;

/** What is shown, and what happens to it. */
export interface VeiledScene extends Picture {
  readonly privacy: Privacy;
  /** Where the picture comes from. */
  readonly picture: HTMLVideoElement | HTMLImageElement;
}

/**
 * Takes the picture's place where faces are not to be seen. The whole picture is veiled and not the faces alone: a
 * face that is not found yet, or moved since the frame that was looked at, would show for a moment. What hides the
 * picture is the style sheet, by the element's attribute, before the first frame and without any script; this only
 * paints the coarse picture over it (`blur`), or nothing (`hide`).
 */
export class Veil {
  readonly #canvas = document.createElement("canvas");
  readonly #context = this.#canvas.getContext("2d", { alpha: false });

  constructor(layer: HTMLElement) {
    this.#canvas.className = "veil";
    this.#canvas.setAttribute("part", "veil");
    this.#canvas.hidden = true;
    layer.prepend(this.#canvas);
  }

  /** To be called for each new frame. */
  draw({ privacy, picture, frameWidth, frameHeight, mirror, fit }: VeiledScene): void {
    this.#canvas.hidden = privacy !== "blur" || frameWidth === 0;
    if (this.#canvas.hidden || this.#context === null) return;
    const height = Math.max(1, Math.round((POINTS * frameHeight) / frameWidth));
    if (this.#canvas.width !== POINTS || this.#canvas.height !== height)
      Object.assign(this.#canvas, { width: POINTS, height });
    this.#canvas.style.objectFit = fit;
    this.#canvas.style.transform = mirror ? "scaleX(-1)" : "none";
    this.#context.imageSmoothingQuality = "medium";
    this.#context.drawImage(picture, 0, 0, POINTS, height);
  }

  clear(): void {
    this.#canvas.hidden = true;
  }

  remove(): void {
    this.#canvas.remove();
  }
}
