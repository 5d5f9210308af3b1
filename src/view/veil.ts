import type { CoarsePicture, Privacy } from "../types.ts";
import { type Picture, type Size, placeBox } from "./layout.ts";

const WHOLE = { x: 0, y: 0, width: 1, height: 1 };

/** What is shown, and what happens to it. */
export interface VeiledScene extends Picture {
  readonly privacy: Privacy;
  /** The frame in a few points; `null` where it was not asked for. */
  readonly coarse: CoarsePicture | null;
}

/**
 * Takes the picture's place where faces are not to be seen. The whole picture is veiled and not the faces alone: a
 * face that is not found yet, or moved since the frame that was looked at, would show for a moment. What hides the
 * picture is the style sheet, by the element's attribute, before the first frame and without any script; this only
 * paints the coarse picture over it (`blur`), or nothing (`hide`). The coarse picture comes from the worker, which has
 * the frame's pixels: what is drawn onto a canvas Chromium keeps, every whole frame of it.
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

  /**
   * To be called for each new frame.
   *
   * @param layer What the picture fills, CSS pixels.
   */
  draw(scene: VeiledScene, layer: Size): void {
    const { privacy, coarse, frameWidth, mirror } = scene;
    this.#canvas.hidden = privacy !== "blur" || frameWidth === 0 || coarse === null;
    if (this.#canvas.hidden || coarse === null) return;
    const { width, height, rgba } = coarse;
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    const place = placeBox(WHOLE, scene, layer);
    const [x, across] = mirror ? [place.x + place.width, -place.width] : [place.x, place.width];
    this.#canvas.style.transform = `translate(${x}px, ${place.y}px) scale(${across / width}, ${place.height / height})`;
    this.#context?.putImageData(new ImageData(rgba, width, height), 0, 0);
  }

  clear(): void {
    this.#canvas.hidden = true;
  }

  remove(): void {
    this.#canvas.remove();
  }
}
