import { LitElement } from "lit";
import {
  type EngineName,
  type FrameOptions,
  MAX_FACES,
  MODELS,
  type Prior,
  type Privacy,
  ROTATIONS,
  type Range,
  type Rotation,
} from "./types.ts";

/** `auto`: int8 where the browser has WebAssembly SIMD, else float. */
export type EngineChoice = EngineName | "auto";
/** The drawing over the picture. `full` is `boxes` together with the bars and the last minute. */
export type OverlayStyle = "full" | "boxes" | "minimal" | "emoji" | "none";
/** The colours of everything that is drawn. */
export type Theme = (typeof THEMES)[number];

const ENGINES = ["auto", "int8", "float"] as const;
const OVERLAYS = ["full", "boxes", "minimal", "emoji", "none"] as const;
const PRIVACIES = ["show", "blur", "hide"] as const;
const RANGES = ["far", "near"] as const;
const PRIORS = ["balanced", "training"] as const;
const PACES = ["adaptive", "measure"] as const;
const THEMES = ["dark", "light", "contrast", "auto"] as const;
/**
 * Above 640x480, Chromium's V4L2 code prefers MJPEG, which costs time to decode. The networks need fewer pixels than
 * that.
 */
const CAMERA_WIDTH = 640;
/** Larger than any camera's side, pixels. */
const LARGEST_SIDE = 16_384;
const DEFAULT_MODEL = "edge";
const OWN_URL = import.meta.url;
/**
 * The folder with the worker, the networks and the languages. It is computed in two steps, because bundlers read
 * `new URL("…", import.meta.url)` as the name of a file to include.
 */
const OWN_FOLDER = new URL("./", OWN_URL).href;

/**
 * The element's attributes, and a property for each. The accessors read the attributes, so that both always agree. A
 * value that makes no sense counts as the default. The description of the element says what each attribute means.
 */
export abstract class EmotionCamAttributes extends LitElement {
  static override properties = {
    autostart: { type: Boolean, noAccessor: true },
    src: { noAccessor: true },
    keepRunning: { type: Boolean, attribute: "keep-running", noAccessor: true },
    demoSrc: { attribute: "demo-src", noAccessor: true },
    camera: { noAccessor: true },
    cameraWidth: { attribute: "camera-width", noAccessor: true },
    cameraHeight: { attribute: "camera-height", noAccessor: true },
    rotate: { noAccessor: true },
    mirror: { noAccessor: true },
    maxFaces: { attribute: "max-faces", noAccessor: true },
    maxFps: { attribute: "max-fps", noAccessor: true },
    minScore: { attribute: "min-score", noAccessor: true },
    smoothing: { noAccessor: true },
    model: { noAccessor: true },
    engine: { noAccessor: true },
    lang: { noAccessor: true },
    assetBase: { attribute: "asset-base", noAccessor: true },
    overlay: { noAccessor: true },
    privacy: { noAccessor: true },
    range: { noAccessor: true },
    theme: { noAccessor: true },
    pace: { noAccessor: true },
    prior: { noAccessor: true },
  };

  get autostart(): boolean {
    return this.hasAttribute("autostart") && this.getAttribute("autostart") !== "false";
  }
  set autostart(value: boolean) {
    this.#write("autostart", value === true ? "" : null);
  }

  get keepRunning(): boolean {
    return this.hasAttribute("keep-running") && this.getAttribute("keep-running") !== "false";
  }
  set keepRunning(value: boolean) {
    this.#write("keep-running", value === true ? "" : null);
  }

  get src(): string {
    return this.getAttribute("src") ?? "";
  }
  set src(value: string) {
    this.#write("src", value);
  }

  get demoSrc(): string {
    return this.getAttribute("demo-src") ?? "";
  }
  set demoSrc(value: string) {
    this.#write("demo-src", value);
  }

  get camera(): string {
    return this.getAttribute("camera") ?? "";
  }
  set camera(value: string) {
    this.#write("camera", value);
  }

  /** Pixels; the camera gives the nearest size that it has. */
  get cameraWidth(): number {
    const height = this.#sideOf("camera-height");
    return this.#sideOf("camera-width") ?? (height === null ? CAMERA_WIDTH : Math.round((height * 4) / 3));
  }
  set cameraWidth(value: number) {
    this.#write("camera-width", value);
  }

  /** Pixels; the camera gives the nearest size that it has. */
  get cameraHeight(): number {
    return this.#sideOf("camera-height") ?? Math.round((this.cameraWidth * 3) / 4);
  }
  set cameraHeight(value: number) {
    this.#write("camera-height", value);
  }

  get rotate(): Rotation {
    const value = this.getAttribute("rotate");
    return ROTATIONS.find((rotation) => String(rotation) === value) ?? 0;
  }
  set rotate(value: Rotation) {
    this.#write("rotate", value);
  }

  /** True if the picture is mirrored. Without the attribute, this depends on the source. */
  get mirror(): boolean {
    const value = this.getAttribute("mirror");
    if (value === "" || value === "true") return true;
    if (value === "false") return false;
    return this.isMirrorExpected;
  }
  set mirror(value: boolean) {
    this.#write("mirror", value);
  }

  get maxFaces(): number {
    const value = numberIn(this.getAttribute("max-faces"), 1, MAX_FACES);
    return value !== null && Number.isInteger(value) ? value : 4;
  }
  set maxFaces(value: number) {
    this.#write("max-faces", value);
  }

  /** `Infinity` where all frames are processed. */
  get maxFps(): number {
    return numberIn(this.getAttribute("max-fps"), Number.MIN_VALUE, Infinity) ?? Infinity;
  }
  set maxFps(value: number) {
    this.#write("max-fps", value);
  }

  get minScore(): number {
    return numberIn(this.getAttribute("min-score"), 0, 1) ?? 0.5;
  }
  set minScore(value: number) {
    this.#write("min-score", value);
  }

  get smoothing(): number {
    return numberIn(this.getAttribute("smoothing"), 0, 1) ?? 0.5;
  }
  set smoothing(value: number) {
    this.#write("smoothing", value);
  }

  /** A shipped model's name, or the absolute URL of a contract: a value with a slash or a dot is a URL. */
  get model(): string {
    const value = this.getAttribute("model") ?? "";
    if (!/[/.]/.test(value)) return oneOf(MODELS, value, DEFAULT_MODEL);
    return URL.canParse(value, document.baseURI) ? new URL(value, document.baseURI).href : DEFAULT_MODEL;
  }
  set model(value: string) {
    this.#write("model", value);
  }

  get engine(): EngineChoice {
    return oneOf(ENGINES, this.getAttribute("engine"), "auto");
  }
  set engine(value: EngineChoice) {
    this.#write("engine", value);
  }

  /** The folder's absolute URL, ending in a slash. */
  get assetBase(): string {
    return folderOf(this.getAttribute("asset-base")) ?? OWN_FOLDER;
  }
  set assetBase(value: string) {
    this.#write("asset-base", value);
  }

  get overlay(): OverlayStyle {
    return oneOf(OVERLAYS, this.getAttribute("overlay"), "full");
  }
  set overlay(value: OverlayStyle) {
    this.#write("overlay", value);
  }

  get privacy(): Privacy {
    return oneOf(PRIVACIES, this.getAttribute("privacy"), "show");
  }
  set privacy(value: Privacy) {
    this.#write("privacy", value);
  }

  get range(): Range {
    return oneOf(RANGES, this.getAttribute("range"), "far");
  }
  set range(value: Range) {
    this.#write("range", value);
  }

  get theme(): Theme {
    return oneOf(THEMES, this.getAttribute("theme"), "dark");
  }
  set theme(value: Theme) {
    this.#write("theme", value);
  }

  get pace(): FrameOptions["pace"] {
    return oneOf(PACES, this.getAttribute("pace"), "adaptive");
  }
  set pace(value: FrameOptions["pace"]) {
    this.#write("pace", value);
  }

  get prior(): Prior {
    return oneOf(PRIORS, this.getAttribute("prior"), "balanced");
  }
  set prior(value: Prior) {
    this.#write("prior", value);
  }

  /** True if people expect the present or next source to act as a mirror. */
  protected abstract get isMirrorExpected(): boolean;

  /**
   * The options that are sent with each frame.
   *
   * @param source The number of the source that the frame is of.
   */
  protected frameOptions(source: number): FrameOptions {
    const { maxFaces, minScore, smoothing, range, pace, prior } = this;
    return { maxFaces, minScore, smoothing, range, pace, prior, coarse: this.privacy === "blur", source };
  }

  /** Update the element. The attributes are read where they are needed. */
  override attributeChangedCallback(_name: string, before: string | null, after: string | null): void {
    if (before !== after) this.requestUpdate();
  }

  /** @returns A camera's width or height in pixels; `null` where the attribute is missing or makes no sense. */
  #sideOf(name: string): number | null {
    const value = numberIn(this.getAttribute(name), 1, LARGEST_SIDE);
    return value !== null && Number.isInteger(value) ? value : null;
  }

  #write(name: string, value: unknown): void {
    if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
      this.setAttribute(name, String(value));
    else this.removeAttribute(name);
  }
}

/** @returns The folder's absolute URL, ending in a slash; `null` where the value is not the URL of a folder. */
function folderOf(value: string | null): string | null {
  if (value === null || value.trim() === "") return null;
  try {
    const { origin, protocol, pathname } = new URL(value, document.baseURI);
    // data: and blob: URLs have no folder.
    if (!pathname.startsWith("/")) return null;
    const base = origin === "null" ? `${protocol}//` : origin;
    return pathname.endsWith("/") ? `${base}${pathname}` : `${base}${pathname}/`;
  } catch {
    return null;
  }
}

function oneOf<T extends string>(choices: readonly T[], value: string | null, fallback: T): T {
  return choices.find((choice) => choice === value) ?? fallback;
}

function numberIn(value: string | null, least: number, most: number): number | null {
  if (value === null || value.trim() === "") return null;
  const number = Number(value);
  return number >= least && number <= most ? number : null;
}
