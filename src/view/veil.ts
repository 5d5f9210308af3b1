import type { CoarsePicture, Privacy } from "../types.ts";
import { type ShownFrame, type Size, placeBox } from "./layout.ts";

const WHOLE = { x: 0, y: 0, width: 1, height: 1 };

/** A frame and how much of it may be seen. */
export interface VeiledScene extends ShownFrame {
  readonly privacy: Privacy;
  /** The frame at very low resolution; `null` if it was not requested. */
  readonly coarse: CoarsePicture | null;
}

/**
 * Covers the picture where faces must not be seen. It covers the whole picture, because a face that is not found yet, or
 * has moved since the last result, would otherwise show for a moment.
 *
 * The style sheet hides the picture by the element's attribute, before the first frame and without any script. This class
 * only paints the coarse picture over it (`blur`), or nothing (`hide`). The coarse picture comes from the worker, which
 * has the frame's pixels: when frames are drawn onto a canvas here, Chromium keeps each of them, up to 500 MB.
 */
export class Veil {
  readonly #canvas = document.createElement("canvas");
  readonly #context = this.#canvas.getContext("2d", { alpha: false });

  #transform = "";

  constructor(layer: HTMLElement) {
    this.#canvas.className = "veil";
    this.#canvas.setAttribute("part", "veil");
    this.#canvas.hidden = true;
    layer.prepend(this.#canvas);
  }

  /**
   * Paint the coarse picture of one frame, or hide it.
   *
   * @param layer Size of the layer that the picture fills, CSS pixels.
   */
  draw(scene: VeiledScene, layer: Size): void {
    const { privacy, coarse, frameWidth, mirror } = scene;
    this.#hide(privacy !== "blur" || frameWidth === 0 || coarse === null);
    if (this.#canvas.hidden || coarse === null) return;
    const { width, height, rgba } = coarse;
    if (this.#canvas.width !== width || this.#canvas.height !== height) Object.assign(this.#canvas, { width, height });
    const place = placeBox(WHOLE, scene, layer);
    const [x, across] = mirror ? [place.x + place.width, -place.width] : [place.x, place.width];
    const transform = `translate(${x}px, ${place.y}px) scale(${across / width}, ${place.height / height})`;
    if (transform !== this.#transform) this.#canvas.style.transform = transform;
    this.#transform = transform;
    this.#context?.putImageData(new ImageData(rgba, width, height), 0, 0);
  }

  clear(): void {
    this.#hide(true);
  }

  /** Setting an attribute to the value that it has makes the browser compute styles. */
  #hide(isHidden: boolean): void {
    if (this.#canvas.hidden !== isHidden) this.#canvas.hidden = isHidden;
  }

  remove(): void {
    this.#canvas.remove();
  }
}
