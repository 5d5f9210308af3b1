/** Bare training faces put into scenes in which the detector can find them. */
import type { Sighting } from "../../../src/pipeline/geometry.ts";
import type { Square } from "../../../src/pipeline/stages.ts";
import type { LookOptions } from "../../../src/runtime/lab.ts";
import { type LabBrowser, toBase64 } from "../shared/lab-browser.ts";
import type { Faces } from "../shared/npy.ts";

/** Where a face is put. */
export interface Scene {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
  /** Where the face's square is put, pixels: centre and side. */
  readonly centerX: number;
  readonly centerY: number;
  readonly side: number;
  /** Clockwise, radians. */
  readonly roll: number;
  /** Factor of the gray levels, about 1. */
  readonly brightness: number;
}

/** One bare face in its scene, as it goes to the page. */
export interface StagedFace {
  /** Gray levels, `size` x `size`, as base64. */
  readonly gray: string;
  /** Side of the face, pixels. */
  readonly size: number;
  readonly scene: Scene;
  /** Where to look for it, the scene's pixels; without, everywhere. */
  readonly square?: Square;
}

declare global {
  interface Window {
    stageFace(face: StagedFace): ImageBitmap;
  }
}

/**
 * Puts `window.stageFace` on the page: the face, enlarged, on a background of its own light. Handed over as text, so it
 * uses nothing around it.
 */
function installStage(): void {
  window.stageFace = ({ gray, size, scene }) => {
    const levels = Uint8Array.from(atob(gray), (character) => character.charCodeAt(0));
    const face = new OffscreenCanvas(size, size);
    const image = new ImageData(size, size);
    levels.forEach((level, i) => image.data.set([level, level, level, 255], 4 * i));
    face.getContext("2d")!.putImageData(image, 0, 0);

    const canvas = new OffscreenCanvas(scene.width, scene.height);
    const context = canvas.getContext("2d", { willReadFrequently: true })!;
    context.imageSmoothingQuality = "high";
    context.filter = `brightness(${scene.brightness})`;
    // Two pixels square and enlarged, the face's own light is left of it, without an edge that looks like one.
    const light = new OffscreenCanvas(2, 2);
    light.getContext("2d")!.drawImage(face, 0, 0, 2, 2);
    context.drawImage(light, 0, 0, scene.width, scene.height);
    context.translate(scene.centerX, scene.centerY);
    context.rotate(scene.roll);
    context.drawImage(face, -scene.side / 2, -scene.side / 2, scene.side, scene.side);
    return canvas.transferToImageBitmap();
  };
}

/** Staged faces on the lab's page. */
export class Stage {
  readonly #lab: LabBrowser;

  private constructor(lab: LabBrowser) {
    this.#lab = lab;
  }

  static async open(lab: LabBrowser): Promise<Stage> {
    await lab.page.evaluate(installStage);
    return new Stage(lab);
  }

  /** @returns The first face found in each scene, in the scene's pixels; `null` where there is none. */
  async find(faces: readonly StagedFace[], options: LookOptions): Promise<readonly (Sighting | null)[]> {
    return this.#lab.page.evaluate(
      async ([staged, lookOptions]) => {
        const found: (Sighting | null)[] = [];
        for (const face of staged) {
          const [first] = await window.lab.detect(window.stageFace(face), lookOptions);
          found.push(first ?? null);
        }
        return found;
      },
      [faces, options] as const,
    );
  }

  /** @returns Seven probabilities for the first face found in each scene, cropped as live ones are, or `null`. */
  async express(faces: readonly StagedFace[], options: LookOptions): Promise<readonly (Float32Array | null)[]> {
    const rows = await this.#lab.page.evaluate(
      async ([staged, lookOptions]) => {
        const answers: (number[] | null)[] = [];
        for (const face of staged) {
          const place = face.square && { square: face.square };
          const scores = await window.lab.express(window.stageFace(face), { ...lookOptions, ...place });
          answers.push(scores && Array.from(scores));
        }
        return answers;
      },
      [faces, options] as const,
    );
    return rows.map((row) => row && Float32Array.from(row));
  }
}

/** One face of a file, in a scene. */
export function stagedFace({ pixels, size }: Faces, index: number, scene: Scene): StagedFace {
  const area = size * size;
  return { gray: toBase64(pixels.subarray(index * area, (index + 1) * area)), size, scene };
}
