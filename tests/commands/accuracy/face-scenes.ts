/** Training faces without hair and shoulders, put into scenes in which the detector can find them. */
import type { Sighting } from "../../../src/pipeline/geometry.ts";
import type { Square } from "../../../src/pipeline/stages.ts";
import type { LookOptions } from "../../../src/runtime/lab.ts";
import type { Random } from "../../seeded.ts";
import { type LabBrowser, toBase64 } from "../shared/lab-browser.ts";
import { type Faces, pixelsOf } from "../shared/npy.ts";

/** The size of random scenes, pixels. */
export const FRAME = { width: 640, height: 480 };

/** A picture, and the place of the face in it. */
export interface Scene {
  /** Size of the picture, pixels. */
  readonly width: number;
  readonly height: number;
  /** Centre and side of the face's square, pixels. */
  readonly centerX: number;
  readonly centerY: number;
  readonly side: number;
  /** Clockwise, radians. */
  readonly roll: number;
  /** Factor for the gray levels; 1 leaves them alone. */
  readonly brightness: number;
}

/** One face in its scene, as the page gets it. */
export interface StagedFace {
  /** Gray levels, `size` x `size`, as base64. */
  readonly gray: string;
  /** Side of the face, pixels. */
  readonly size: number;
  readonly scene: Scene;
  /** Area to search for the face, in the scene's pixels; the whole scene if absent. */
  readonly square?: Square;
}

declare global {
  interface Window {
    stageFace(face: StagedFace): ImageBitmap;
  }
}

/**
 * Define `window.stageFace` in the page: it draws the enlarged face on a background in the face's own light. The page gets
 * this function as text, so it uses nothing outside itself.
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
    // Reduced to two by two pixels and enlarged, the face leaves its light and no edges that look like a face.
    const light = new OffscreenCanvas(2, 2);
    light.getContext("2d")!.drawImage(face, 0, 0, 2, 2);
    context.drawImage(light, 0, 0, scene.width, scene.height);
    context.translate(scene.centerX, scene.centerY);
    context.rotate(scene.roll);
    context.drawImage(face, -scene.side / 2, -scene.side / 2, scene.side, scene.side);
    return canvas.transferToImageBitmap();
  };
}

/** Draws faces in scenes on the lab's page, and asks the lab about them. */
export class Stage {
  readonly #lab: LabBrowser;

  private constructor(lab: LabBrowser) {
    this.#lab = lab;
  }

  static async open(lab: LabBrowser): Promise<Stage> {
    await lab.page.evaluate(installStage);
    return new Stage(lab);
  }

  /** @returns The first face found in each scene, in the scene's pixels; `null` if there is none. */
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

  /** @returns Seven probabilities for the first face found in each scene, cropped as on a camera; `null` if there is none. */
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

/**
 * Make a scene of 640x480 with the face's square at a random place, in random light.
 *
 * @param side Side of the face's square, pixels.
 * @param margin How far the square's centre stays from the edges, pixels.
 * @param mostRoll The face is rolled by this at most, either way, radians.
 */
export function randomScene(random: Random, side: number, margin: number, mostRoll: number): Scene {
  const inside = (length: number) => margin + (length - 2 * margin) * random();
  return {
    ...FRAME,
    centerX: inside(FRAME.width),
    centerY: inside(FRAME.height),
    side,
    roll: mostRoll * (2 * random() - 1),
    brightness: 0.8 + 0.4 * random(),
  };
}

/** Put one face of a file into a scene. */
export function stagedFace(faces: Faces, index: number, scene: Scene): StagedFace {
  return { gray: toBase64(pixelsOf(faces, index)), size: faces.size, scene };
}
