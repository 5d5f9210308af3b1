/** The built site's page `lab.html` in a headless browser: the shipped runtime, driven from Node. */
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Page, chromium } from "playwright";
import { createServer } from "../../../kiosk/server.ts";
import type { Sighting } from "../../../src/pipeline/geometry.ts";
import type { Lab, LookOptions } from "../../../src/runtime/lab.ts";
import { type EngineName, LABELS, type Prior, type RuntimeInfo } from "../../../src/types.ts";
import { CHROMIUM_ARGS, chromiumPath } from "../../chromium.ts";
import { InputError } from "./input-error.ts";

const DIST = fileURLToPath(new URL("../../../dist/", import.meta.url));
/** Without `--model`, the first of these that the build has. */
const PREFERRED_MODELS = ["edge", "seed"];

declare global {
  interface Window {
    /** The lab that is open on the page. */
    lab: Lab;
  }
}

/** The faces of one picture. */
export interface PictureFaces {
  readonly width: number;
  readonly height: number;
  /** In pixels. */
  readonly faces: readonly Sighting[];
}

/** Encode bytes as text, to hand them to the page. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

/**
 * Read the option `--model`.
 *
 * @returns The asked name, or the default model's.
 * @throws InputError if the build has no such model.
 */
export function chooseModel(asked: string | undefined): string {
  const folder = `${DIST}models`;
  const shipped = existsSync(folder) ? readdirSync(folder).filter((name) => name !== "blazeface") : [];
  const model = asked ?? PREFERRED_MODELS.find((name) => shipped.includes(name));
  if (model !== undefined && shipped.includes(model)) return model;
  throw new InputError(
    `--model ${asked ?? ""}: the build has no such model, but ${shipped.join(", ") || "none at all"}`,
  );
}

/**
 * Read the option `--engine`.
 *
 * @throws InputError if there is no such engine.
 */
export function chooseEngine(asked: string | undefined): EngineName | "auto" {
  if (asked === undefined) return "auto";
  if (asked === "int8" || asked === "float") return asked;
  throw new InputError(`--engine ${asked}: the engines are int8 and float`);
}

/**
 * Read the option `--prior`.
 *
 * @throws InputError if there is no such prior.
 */
export function choosePrior(asked: string | undefined): Prior {
  if (asked === undefined) return "balanced";
  if (asked === "balanced" || asked === "training") return asked;
  throw new InputError(`--prior ${asked}: the priors are balanced and training`);
}

/** The lab's page in its browser. */
export class LabBrowser {
  readonly runtime: RuntimeInfo;
  /** Has `window.lab`. */
  readonly page: Page;

  private constructor(page: Page, runtime: RuntimeInfo) {
    this.page = page;
    this.runtime = runtime;
  }

  /**
   * Open the lab, let `work` use it, and close everything.
   *
   * @throws InputError if the asked engine does not run here.
   */
  static async use<T>(
    options: { readonly model: string; readonly engine: EngineName | "auto" },
    work: (lab: LabBrowser) => Promise<T>,
  ): Promise<T> {
    const site = await createServer({ site: DIST, port: 0 });
    try {
      const browser = await chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_ARGS] });
      try {
        const page = await browser.newPage();
        await page.goto(`${site.url}lab.html`);
        const runtime = await page.evaluate(
          async (given) => {
            window.lab = await window.openLab(given);
            return window.lab.runtime;
          },
          { assetBase: site.url, ...options },
        );
        if (options.engine !== "auto" && runtime.engine !== options.engine) {
          throw new InputError(`--engine ${options.engine}: this build or browser runs only ${runtime.engine}`);
        }
        return await work(new LabBrowser(page, runtime));
      } finally {
        await browser.close();
      }
    } finally {
      await site.close();
    }
  }

  /**
   * Classify faces.
   *
   * @param gray `count` squares of gray levels, one after the other, of the classifier's input size.
   * @param prior How frequent each expression is taken to be.
   * @returns Seven probabilities for each face, in the order of `LABELS`.
   */
  async classify(gray: Uint8Array, count: number, prior: Prior = "balanced"): Promise<readonly Float32Array[]> {
    const rows = await this.page.evaluate(
      async ([base64, faces, asked]) => {
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        return Array.from(await window.lab.classify(bytes, faces, asked));
      },
      [toBase64(gray), count, prior] as const,
    );
    return Array.from({ length: count }, (_, i) =>
      Float32Array.from(rows.slice(i * LABELS.length).slice(0, LABELS.length)),
    );
  }

  /**
   * Find the faces in a picture.
   *
   * @param picture A JPEG, PNG or WebP file.
   * @returns `null` if the browser cannot read the picture.
   */
  async detect(picture: Uint8Array, options: LookOptions): Promise<PictureFaces | null> {
    return this.page.evaluate(
      async ([base64, lookOptions]) => {
        const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
        const bitmap = await createImageBitmap(new Blob([bytes])).catch(() => null);
        if (!bitmap) return null;
        const { width, height } = bitmap;
        const faces = await window.lab.detect(bitmap, lookOptions);
        bitmap.close();
        return { width, height, faces };
      },
      [toBase64(picture), options] as const,
    );
  }
}
