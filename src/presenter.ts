import { EmotionFrameEvent } from "./events.ts";
import { countPageTime, pageTimeMs } from "./page-time.ts";
import { People } from "./people.ts";
import type { Face, FrameResult, Hint } from "./types.ts";
import { Announcer, describePeople } from "./view/announcer.ts";
import { type DrawnScene, Drawing } from "./view/drawing.ts";
import { hintText } from "./view/state-panel.ts";
import type { Words } from "./view/words.ts";

/** The presenter's view of its element: the questions that it asks, and the reports that it makes. */
export interface PresenterHost {
  /** Contains the layers that are drawn on. */
  root(): ParentNode;
  /** @returns The settings for drawing the next result; `null` where no source is shown. */
  scene(): DrawnScene | null;
  words(): Words;
  /** @returns True if people are announced now. Otherwise the element announces its state. */
  isRunning(): boolean;
  tell(event: Event): void;
  /** The hint, or the number of people, has changed. */
  onChange(): void;
}

/** Presents results: draws the faces, reports arrivals and changes as events, keeps the hint, and announces all of it. */
export class Presenter {
  readonly #host: PresenterHost;
  readonly #announcer: Announcer;
  readonly #people = new People();
  #drawing: Drawing | null = null;
  #hint: Hint | null = null;
  #saidHint: Hint | null = null;
  /** The page's time up to the frame before. */
  #toldPageMs = pageTimeMs();

  constructor(host: PresenterHost, announcer = new Announcer()) {
    this.#host = host;
    this.#announcer = announcer;
  }

  /** The number of people in view. */
  get count(): number {
    return this.#people.count;
  }

  /** The hint of the newest result. */
  get hint(): Hint | null {
    return this.#hint;
  }

  /** The hint that the panel says. It stays while the panel fades out. */
  get saidHint(): Hint | null {
    return this.#saidHint;
  }

  /** The live region of the announcements. */
  get region(): HTMLElement {
    return this.#announcer.region;
  }

  /**
   * Present the result of one frame.
   *
   * @param presentedFrames Frames that the source has shown so far, where the browser tells.
   * @param source The number of the source.
   */
  show(result: FrameResult, presentedFrames: number, source: number): void {
    const startMs = performance.now();
    this.#draw(result);
    this.#advise(result.hint ?? null);
    this.#host.tell(new EmotionFrameEvent(result, presentedFrames, source, this.#pageMs()));
    this.#meet(result.faces);
    countPageTime(startMs);
  }

  /** @returns The page's time since this was last called. */
  #pageMs(): number {
    const beforeMs = this.#toldPageMs;
    this.#toldPageMs = pageTimeMs();
    return this.#toldPageMs - beforeMs;
  }

  /** Present that no source is shown any more. */
  clear(): void {
    this.#drawing?.clear();
    this.#hint = this.#saidHint = null;
    this.#meet([]);
    this.#host.onChange();
  }

  /** Announce a text, once it has settled. */
  say(text: string): void {
    this.#announcer.say(text);
  }

  /** Keep the drawing clear of the panel, after the panel may have changed. */
  makeWay(): void {
    this.#drawing?.makeWay();
  }

  dispose(): void {
    this.#drawing?.dispose();
    this.#drawing = null;
    this.#announcer.dispose();
  }

  #draw(result: FrameResult): void {
    const scene = this.#host.scene();
    if (scene === null) return;
    this.#drawing ??= new Drawing(this.#host.root());
    this.#drawing.show(result, scene);
  }

  #advise(hint: Hint | null): void {
    if (hint !== null || this.count === 0) this.#saidHint = hint;
    if (hint !== this.#hint) this.#host.onChange();
    this.#hint = hint;
  }

  #meet(faces: readonly Face[]): void {
    const before = this.count;
    for (const event of this.#people.meet(faces)) this.#host.tell(event);
    if (before !== this.count) this.#host.onChange();
    if (!this.#host.isRunning()) return;
    const words = this.#host.words();
    const isAdvised = faces.length === 0 && this.#hint !== null;
    this.#announcer.say(isAdvised ? hintText(this.#hint!, words) : describePeople(faces, words));
  }
}
