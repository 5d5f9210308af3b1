import { html, type TemplateResult } from "lit";
import { type CameraDevice, listCameras, openCamera } from "./camera/camera.ts";
import { frames } from "./camera/frames.ts";
import { untilWorthRetrying } from "./camera/retry.ts";
import { type Source, type Stage, play, showCamera, showFile, sizeOf } from "./camera/source.ts";
import { EmotionCamAttributes } from "./emotion-cam.attributes.ts";
import { styles } from "./emotion-cam.styles.ts";
import { EmotionCamError, ERRORS, isOfSource } from "./errors.ts";
import { type EmotionCamEventMap, EmotionErrorEvent, EmotionFrameEvent, EmotionReadyEvent } from "./events.ts";
import { People } from "./people.ts";
import { Life } from "./recovery.ts";
import { createClient } from "./runtime/client.ts";
import type { Face, FrameResult, RuntimeInfo } from "./types.ts";
import { Announcer, describePeople } from "./view/announcer.ts";
import { Drawing } from "./view/drawing.ts";
import { type PanelModel, headline, statePanel } from "./view/state-panel.ts";
import { ENGLISH_LANGUAGE, type Language, type SomeWords, addLanguage, languages, loadLanguage } from "./view/words.ts";

export type { CameraDevice } from "./camera/camera.ts";
export type { SomeWords } from "./view/words.ts";

/** What the element is doing. */
export type EmotionCamState = (typeof STATES)[number];

const STATES = ["idle", "starting", "running", "paused", "failed"] as const;

type Client = ReturnType<typeof createClient>;

/** Being taken out of the page for less than this is a move, and costs nothing. */
const MOVE_MS = 100;
/** A source being followed, from its first try to its end. */
interface Session {
  readonly abort: AbortController;
  /** What it was begun for. */
  readonly key: string;
  /** Settles when everything of it has ended. */
  readonly done: Promise<void>;
}

interface Progress {
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

interface Starting {
  readonly promise: Promise<RuntimeInfo>;
  resolve(runtime: RuntimeInfo): void;
  reject(reason: unknown): void;
}

/**
 * Shows the camera and says which expression the faces in it show. Everything is computed on this device; no picture
 * leaves it.
 *
 * @element emotion-cam
 *
 * @attr {boolean} autostart - Starts by itself; without it the element explains itself and waits for a press.
 * @attr {string} src - A clip or picture in place of the camera.
 * @attr {string} demo-src - A clip or picture that is played, marked as a demo, while no camera can be had.
 * @attr {string} camera - A camera's `deviceId`, its label or a part of it, `user` or `environment`.
 * @attr {boolean} mirror - Mirrors the picture. Default: cameras that look at the viewer are mirrored, as people know
 * themselves from mirrors; cameras that look away, clips and pictures are not. `mirror="false"` never mirrors.
 * @attr {number} max-faces - Faces that are followed at once, 1 to 32. Default: 4.
 * @attr {number} max-fps - Frames a second that are looked at, at most. Default: all of them.
 * @attr {number} min-score - The detector's score from which something is a face, 0 to 1. Default: 0.5.
 * @attr {number} smoothing - How strongly scores are smoothed over time, 0 (not) to 1 (slowly). Default: 0.5.
 * @attr {string} model - `edge`, `edge-fer2013`, `seed`, or the URL of a model's contract. Default: `edge`.
 * @attr {"auto"|"int8"|"float"} engine - What computes. Default: `auto`.
 * @attr {string} lang - The language of everything said. Default: the page's, else the browser's, else English.
 * @attr {string} asset-base - The folder of the worker, the networks and the languages. Default: this module's own.
 * @attr {"full"|"boxes"|"minimal"|"emoji"|"none"} overlay - What is drawn over the picture. Default: `full`.
 * @attr {"show"|"blur"|"hide"} privacy - What happens to the pixels of faces on the screen. Default: `show`.
 * @attr {"far"|"near"} range - `near` looks at the whole frame alone; `far` looks closer too. Default: `far`.
 * @attr {"dark"|"light"|"contrast"|"auto"} theme - The colours of all that is drawn and written; `auto` is what the
 * system asks for. Default: `dark`.
 * @attr {"adaptive"|"measure"} pace - `measure` skips nothing, for benches. Default: `adaptive`.
 * @attr {"idle"|"starting"|"running"|"paused"|"failed"} state - Read-only: what the element is doing.
 * @attr {boolean} demo - Read-only: whether the demo plays because no camera can be had.
 *
 * @fires {EmotionReadyEvent} emotion-ready - The networks are loaded; carries `runtime`.
 * @fires {EmotionFrameEvent} emotion-frame - A frame was answered; carries `faces`, `timeMs`, `timings` and
 * `presentedFrames`.
 * @fires {EmotionChangeEvent} emotion-change - A face's label changed, or a face is new; carries `face`, `label` and
 * `previousLabel`.
 * @fires {EmotionPresenceEvent} emotion-presence - Somebody came or left; carries `count`.
 * @fires {EmotionErrorEvent} emotion-error - Something failed; carries `error`. Said once, until all is well again.
 *
 * @slot permission - In place of the words that explain what the camera is for, before it is asked for.
 * @slot loading - In place of the words and the line that show how far the start has come.
 * @slot error - In place of the words that say what is wrong.
 * @slot notice - In place of the notice that expressions are shown and that nothing is stored.
 * @slot label - In place of the icon and the word of the largest face; the page keeps it up to date.
 *
 * @csspart stage - Holds the picture; mirrored where it is.
 * @csspart video - The camera's or the clip's picture.
 * @csspart picture - The still picture.
 * @csspart overlay - Lies over the picture and holds what is drawn on faces.
 * @csspart marks - The corner marks around one face.
 * @csspart chip - The icon and the word of one face.
 * @csspart fill - The chip's filled part, as wide as the confidence.
 * @csspart icon - Each icon.
 * @csspart word - Each expression's word.
 * @csspart veil - The coarse picture of `privacy="blur"`.
 * @csspart strip - The bottom of the picture: bars or columns, and the last minute.
 * @csspart bars - The seven bars of the one face.
 * @csspart columns - One column for each of several faces.
 * @csspart bar - One of the seven: its track, icon and word.
 * @csspart track - What a bar's level rises in.
 * @csspart level - How much of a bar is filled.
 * @csspart column - What one of several faces shows: its stack, icon and word.
 * @csspart stack - The seven shares of a column.
 * @csspart past - The last minute.
 * @csspart ribbon - The colours of the last minute.
 * @csspart caption - What is written beside the ribbon.
 * @csspart panel - Whatever is said in words over the picture.
 * @csspart title - The panel's heading.
 * @csspart text - Each paragraph of the panel.
 * @csspart button - The button that starts, or tries again.
 * @csspart stop - The button that ends; not there where it started by itself.
 * @csspart progress - The line that moves while the networks load.
 * @csspart done - How far that line has come.
 * @csspart detail - The failure's message, for whoever looks after the page.
 * @csspart demo - The tag that says that a demo plays.
 * @csspart notice - What is done with the picture.
 * @csspart light - Is there while the camera is on.
 *
 * @cssprop --emotion-cam-happy - The colour of happy.
 * @cssprop --emotion-cam-surprised - The colour of surprised.
 * @cssprop --emotion-cam-neutral - The colour of neutral.
 * @cssprop --emotion-cam-sad - The colour of sad.
 * @cssprop --emotion-cam-fearful - The colour of fearful.
 * @cssprop --emotion-cam-disgusted - The colour of disgusted.
 * @cssprop --emotion-cam-angry - The colour of angry.
 * @cssprop --emotion-cam-unsure - The colour of marks without a word.
 * @cssprop --emotion-cam-surface - What is behind everything.
 * @cssprop --emotion-cam-ink - What is written on it.
 * @cssprop --emotion-cam-ink-soft - What is written there and matters less.
 * @cssprop --emotion-cam-chip-ink - What is written on the seven colours.
 * @cssprop --emotion-cam-chip-rest - What the unfilled part of a chip is mixed with.
 * @cssprop --emotion-cam-light - The colour of the camera's light.
 * @cssprop --emotion-cam-accent - The colour of the button and of the line while loading. Default: that of happy.
 * @cssprop --emotion-cam-veil - How much of the surface lies between the picture and what is written, in percent.
 * @cssprop --emotion-cam-font - The font family.
 * @cssprop --emotion-cam-word-size - The size of words. Default: 3.2 % of the smaller side, at least 14 px.
 * @cssprop --emotion-cam-small-size - The size of small print. Default: 1.8 % of the smaller side, at least 14 px.
 * @cssprop --emotion-cam-radius - How round the boxes behind words are. Default: `0.6em`.
 * @cssprop --emotion-cam-stroke - How thick the corner marks are. Default: by the element's size.
 *
 * @cssstate idle - Waits for a press.
 * @cssstate starting - The camera or the networks are not there yet.
 * @cssstate running - Frames are answered.
 * @cssstate paused - The page is hidden.
 * @cssstate failed - Something failed.
 * @cssstate demo - The demo plays because no camera can be had.
 * @cssstate camera - A camera is on.
 * @cssstate people - Somebody is in view.
 */
export class EmotionCam extends EmotionCamAttributes {
  static override styles = styles;

  #state: EmotionCamState = "idle";
  #runtime: RuntimeInfo | null = null;
  #session: Session | null = null;
  /** Settles when the newest session has ended; the next one begins then, for they share the video and the worker. */
  #ended: Promise<void> = Promise.resolve();
  #demoSession: Session | null = null;
  #starting: Starting | null = null;
  /** Whether `autostart` was there when it was last looked at. */
  #autostarted = false;
  #engine: { readonly client: Client; readonly abort: AbortController; readonly key: string } | null = null;
  #source: Source | null = null;
  #failure: { readonly error: EmotionCamError; readonly retryInMs: number | null } | null = null;
  /** Codes that were told of since all was well. */
  readonly #told = new Set<string>();
  readonly #people = new People();
  #progress: Progress | null = null;
  #language: Language = ENGLISH_LANGUAGE;
  /** The language that was asked for last. */
  #asked = "en";
  readonly #states: CustomStateSet | undefined = this.attachInternals?.().states;
  /** Whether a button of the element had the focus when it was taken away. */
  #lostFocus = false;
  #page = new AbortController();
  #leaving: ReturnType<typeof setTimeout> | undefined;
  #drawing: Drawing | null = null;
  readonly #announcer = new Announcer();
  /** Failures are told by the panel, and by the event. */
  readonly #press = () => void this.start().catch(() => {});
  readonly #halt = () => void this.stop();

  /**
   * Registers the element under a tag; does nothing where it has the tag already, and on servers.
   *
   * @throws DOMException `NotSupportedError` where the tag is another element's.
   */
  static define(
    tag = "emotion-cam",
    registry: CustomElementRegistry | undefined = globalThis.customElements,
  ): typeof EmotionCam {
    if (registry !== undefined && registry.get(tag) !== this) registry.define(tag, this);
    return this;
  }

  /**
   * Teaches all elements a language, or other words in one that they know; `lang/en.json` says what there is to say.
   *
   * @param tag As in HTML's `lang`; without a region it is for all regions.
   * @param words What is left out is said as before.
   * @throws RangeError Where the tag is none. TypeError where a key or a value is not what the element says.
   */
  static addLanguage(tag: string, words: SomeWords): void {
    addLanguage(tag, words);
  }

  /** Puts the focus on the element's button, where it has one. */
  override focus(options?: FocusOptions): void {
    const button = this.shadowRoot?.querySelector("button");
    if (button == null) super.focus(options);
    else button.focus(options);
  }

  get state(): EmotionCamState {
    return this.#state === "running" && document.hidden ? "paused" : this.#state;
  }

  protected override get isMirrorExpected(): boolean {
    return this.#source === null ? this.src === "" : looksAtViewer(this.#source);
  }

  /** Whether the demo plays because no camera can be had. */
  get demo(): boolean {
    return this.#demoSession !== null && this.#state === "running";
  }

  /** What computes, and the networks with their checksums; `null` until `emotion-ready`. */
  get runtime(): RuntimeInfo | null {
    return this.#runtime;
  }

  /**
   * Starts the camera, or the source that `src` names; asks for permission where there is none yet. Goes on trying by
   * itself after failures that pass.
   *
   * @returns What computes, once the first frame is answered.
   * @throws EmotionCamError The first failure. DOMException `AbortError` where it is stopped before.
   */
  start(): Promise<RuntimeInfo> {
    if (this.#runtime !== null && this.#state === "running" && !this.demo) return Promise.resolve(this.#runtime);
    this.#starting ??= pending();
    const { promise } = this.#starting;
    if (this.isConnected && (this.#session === null || this.#state === "failed")) this.#begin();
    return promise;
  }

  /** Stops, and turns the camera off. */
  async stop(): Promise<void> {
    await this.#end();
  }

  /**
   * The cameras that the browser knows of, for a choice by `camera`; nameless until the permission is granted.
   *
   * @throws EmotionCamError `insecure-context`, `unsupported-browser`.
   */
  listCameras(): Promise<readonly CameraDevice[]> {
    return listCameras();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.#leaving !== undefined) return this.#stay();
    this.#page = new AbortController();
    document.addEventListener("visibilitychange", () => this.#showState(), { signal: this.#page.signal });
    languages.addEventListener("change", () => this.#learnAnew(), { signal: this.#page.signal });
    this.#showState();
    this.#autostarted = this.autostart;
    if (this.autostart || this.#starting !== null) this.#begin();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#leaving = setTimeout(() => this.#leave(), MOVE_MS);
  }

  protected override render(): TemplateResult {
    const shows = this.#source?.kind;
    const { tag, direction } = this.#language;
    return html`<div class="all" lang=${tag} dir=${direction}>
      <div class="stage" part="stage" data-mirror=${this.mirror}>
        <video part="video" .muted=${true} loop playsinline ?hidden=${shows === "picture"}></video>
        <img part="picture" alt="" ?hidden=${shows !== "picture"} />
      </div>
      <div class="overlay" part="overlay" aria-hidden="true"></div>
      <div class="strip" part="strip" aria-hidden="true" ?hidden=${this.overlay !== "full"}></div>
      ${statePanel(this.#panel)} ${this.#announcer.region}
    </div>`;
  }

  protected override willUpdate(): void {
    if (!this.isConnected) return;
    this.#lostFocus ||= this.#focused !== null;
    const autostarts = this.autostart && !this.#autostarted && this.#session === null;
    this.#autostarted = this.autostart;
    if (autostarts || (this.#session !== null && this.#session.key !== this.#key)) this.#begin();
  }

  protected override updated(): void {
    void this.#learn();
    this.#keepFocus();
    this.#drawing?.makeWay();
    this.#showStates();
    const { words } = this.#language;
    if (this.state !== "running")
      this.#announcer.say(headline({ state: this.state, error: this.#failure?.error ?? null, words }));
  }

  get #focused(): Element | null {
    return this.shadowRoot?.activeElement ?? null;
  }

  /** Buttons come and go with the states; whoever uses the keyboard stays on the one that is there. */
  #keepFocus(): void {
    const isElsewhere =
      document.activeElement !== null && ![document.body, this].includes(document.activeElement as HTMLElement);
    const button = this.shadowRoot?.querySelector("button") ?? null;
    if (this.#lostFocus && this.#focused === null && !isElsewhere) button?.focus();
    this.#lostFocus &&= button === null && !isElsewhere;
  }

  /** What the state attribute says and more, for style sheets: `:state(running)`. */
  #showStates(): void {
    const states: Record<string, boolean> = {
      demo: this.demo,
      camera: this.#source?.kind === "camera",
      people: this.#people.count > 0,
    };
    for (const state of STATES) states[state] = this.state === state;
    for (const [name, is] of Object.entries(states)) toggleState(this.#states, name, is);
  }

  get #panel(): PanelModel {
    const source = this.#source;
    return {
      state: this.state,
      demo: this.demo,
      error: this.#failure?.error ?? null,
      retryInMs: this.#failure?.retryInMs ?? null,
      progress: this.#progress,
      people: this.overlay === "full" ? this.#people.count : null,
      camera: this.src === "",
      light: source?.kind === "camera",
      words: this.#language.words,
      start: this.#press,
      // Whoever pressed to start may press to end; what started by itself is the page's to end.
      stop: this.#session === null || this.autostart ? null : this.#halt,
    };
  }

  /** What a session was begun for; everything else rides on the next frame. */
  get #key(): string {
    return JSON.stringify([this.src, this.camera, this.demoSrc, this.#engineKey]);
  }

  get #engineKey(): string {
    return JSON.stringify([this.assetBase, this.engine, this.model]);
  }

  get #stage(): Stage {
    return { video: this.#part("video"), picture: this.#part("img") };
  }

  #part<Tag extends keyof HTMLElementTagNameMap>(selector: Tag | `.${string}`): HTMLElementTagNameMap[Tag] {
    return this.renderRoot.querySelector(selector)!;
  }

  #enter(state: EmotionCamState): void {
    this.#state = state;
    this.#showState();
  }

  #showState(): void {
    if (this.getAttribute("state") === this.state && this.hasAttribute("demo") === this.demo) return;
    this.setAttribute("state", this.state);
    this.toggleAttribute("demo", this.demo);
    this.requestUpdate();
  }

  #begin(): void {
    this.#session?.abort.abort();
    const abort = new AbortController();
    this.#failure = null;
    this.#told.clear();
    this.#enter("starting");
    this.#ended = this.#run(this.#ended, abort.signal);
    this.#session = { abort, key: this.#key, done: this.#ended };
  }

  async #end(): Promise<void> {
    const session = this.#session;
    this.#session = null;
    this.#failure = null;
    this.#starting?.reject(new DOMException("The element was stopped before it ran.", "AbortError"));
    this.#starting = null;
    session?.abort.abort();
    this.#enter("idle");
    await session?.done;
  }

  /** It was moved: browsers stop a video that is out of the page for a moment. */
  #stay(): void {
    clearTimeout(this.#leaving);
    this.#leaving = undefined;
    const element = this.#source?.element;
    if (element instanceof HTMLVideoElement) play(element);
  }

  #leave(): void {
    this.#leaving = undefined;
    this.#page.abort();
    this.#dropEngine();
    void this.#end();
    this.#drawing?.dispose();
    this.#drawing = null;
    this.#announcer.dispose();
  }

  /** One session: the source, and the demo in its place while it cannot be had. */
  async #run(before: Promise<void>, signal: AbortSignal): Promise<void> {
    await Promise.allSettled([before, this.updateComplete]);
    try {
      await this.#persist(() => this.#open(signal), false, signal);
    } finally {
      await this.#endDemo();
    }
  }

  async #open(signal: AbortSignal): Promise<Source> {
    // The networks load while the permission is asked for.
    this.#loadEngine();
    if (this.src !== "") return showFile(this.src, this.#stage, signal);
    const camera = await openCamera(this.camera, signal);
    // Both are shown in the same video.
    await this.#endDemo();
    if (signal.aborted) camera.close();
    signal.throwIfAborted();
    return showCamera(camera, this.#stage);
  }

  /** Every failure comes through here: it is told, and after a while or a change the source is opened again. */
  async #persist(open: () => Promise<Source>, demo: boolean, signal: AbortSignal): Promise<void> {
    const life = new Life();
    while (!signal.aborted) {
      life.begin();
      try {
        await this.#follow(await open(), demo, signal, life);
      } catch (cause) {
        if (signal.aborted) return;
        const error = toError(cause);
        const delayMs = life.fail(error.code, performance.now());
        this.#fail(error, delayMs, demo);
        if (!demo && wantsDemo(error, life.failures)) this.#beginDemo();
        await untilWorthRetrying(error, delayMs, signal).catch(() => {});
      }
    }
  }

  async #follow(source: Source, demo: boolean, signal: AbortSignal, life: Life): Promise<void> {
    const close = () => source.close();
    signal.addEventListener("abort", close);
    this.#source = source;
    if (this.#state === "failed" && !demo) this.#restart();
    this.requestUpdate();
    try {
      const client = this.#loadEngine();
      await untilReady(client, signal);
      const wishes = { signal, lost: source.lost, maxFps: () => this.maxFps };
      for await (const { frame, timeMs, presentedFrames } of frames(source.element, wishes)) {
        const result = await client.process(frame, timeMs, this.frameOptions).catch(passOver);
        signal.throwIfAborted();
        if (result === null) {
          // The worker is being started again; the camera stays on.
          await untilReady(client, signal);
          continue;
        }
        life.thrive(performance.now());
        this.#answer(result, presentedFrames, demo);
      }
    } finally {
      signal.removeEventListener("abort", close);
      close();
      this.#source = null;
      this.#empty();
    }
  }

  #beginDemo(): void {
    if (this.demoSrc === "" || this.#demoSession !== null) return;
    const abort = new AbortController();
    const open = () => showFile(this.demoSrc, this.#stage, abort.signal);
    this.#demoSession = { abort, key: this.demoSrc, done: this.#persist(open, true, abort.signal) };
  }

  async #endDemo(): Promise<void> {
    const demo = this.#demoSession;
    demo?.abort.abort();
    await demo?.done;
    this.#demoSession = null;
  }

  /** The networks, loading or loaded; anew where they failed or others are wanted. */
  #loadEngine(): Client {
    if (this.#engine?.key === this.#engineKey) return this.#engine.client;
    this.#dropEngine();
    requireBrowser();
    const abort = new AbortController();
    const { assetBase, engine, model } = this;
    const client = createClient(
      { assetBase, engine, model },
      {
        workerUrl: new URL("worker.js", assetBase),
        signal: abort.signal,
        onProgress: (loadedBytes, totalBytes) => this.#load({ loadedBytes, totalBytes }),
        onReady: (runtime) => this.#equip(runtime),
        onError: (error, retryInMs) => this.#failEngine(error, retryInMs),
      },
    );
    this.#engine = { client, abort, key: this.#engineKey };
    return client;
  }

  #dropEngine(): void {
    this.#engine?.abort.abort();
    this.#engine = null;
    this.#runtime = null;
    this.#progress = null;
  }

  #load(progress: Progress): void {
    this.#progress = progress;
    // Of the worker's next try nothing was seen yet; now it is under way.
    if (this.#failure !== null && !isOfSource(this.#failure.error.code)) {
      this.#failure = { error: this.#failure.error, retryInMs: null };
    }
    this.requestUpdate();
  }

  #equip(runtime: RuntimeInfo): void {
    this.#runtime = runtime;
    if (this.#failure !== null && !isOfSource(this.#failure.error.code)) this.#restart();
    this.requestUpdate();
    this.#tell(new EmotionReadyEvent(runtime));
  }

  #answer(result: FrameResult, presentedFrames: number, demo: boolean): void {
    if (!demo) this.#recover();
    this.#enter("running");
    this.#draw(result);
    this.#tell(new EmotionFrameEvent(result, presentedFrames));
    this.#tellPeople(result.faces);
  }

  /** What failed is there again; the first answer is still to come. */
  #restart(): void {
    this.#failure = null;
    this.#enter("starting");
  }

  #recover(): void {
    this.#failure = null;
    this.#told.clear();
    if (this.#runtime !== null) this.#starting?.resolve(this.#runtime);
    this.#starting = null;
  }

  /** @param retryInMs When it is tried again, milliseconds. */
  #fail(error: EmotionCamError, retryInMs: number, demo: boolean): void {
    if (!isOfSource(error.code) && !error.recoverable) this.#dropEngine();
    if (!demo) this.#failure = { error, retryInMs };
    // The demo goes on while the camera is looked for.
    if (demo || this.#demoSession === null || !isOfSource(error.code)) this.#enter("failed");
    this.requestUpdate();
    this.#starting?.reject(error);
    this.#starting = null;
    if (this.#told.has(error.code)) return;
    this.#told.add(error.code);
    this.#tell(new EmotionErrorEvent(error));
  }

  /** What fails while nobody waits for it is started again in silence. */
  #failEngine(error: EmotionCamError, retryInMs: number): void {
    if (this.#session !== null) this.#fail(error, retryInMs, false);
    else if (!error.recoverable) this.#dropEngine();
  }

  #draw(result: FrameResult): void {
    if (this.#source === null) return;
    const { element } = this.#source;
    const { width, height } = sizeOf(element);
    this.#drawing ??= new Drawing(this.renderRoot);
    this.#drawing.show(result, {
      picture: element,
      frameWidth: width,
      frameHeight: height,
      mirror: this.mirror,
      style: this.overlay,
      privacy: this.privacy,
      words: this.#language.words,
    });
  }

  /** Own language first, then the page's, then the browser's; English where none of them is had. */
  get #wantedLanguage(): string {
    return this.closest<HTMLElement>("[lang]:not([lang=''])")?.lang ?? navigator.language;
  }

  async #learn(): Promise<void> {
    const wanted = this.#wantedLanguage;
    if (this.#asked === wanted) return;
    this.#asked = wanted;
    const language = await loadLanguage(wanted, this.assetBase);
    if (this.#asked !== wanted) return;
    this.#language = language;
    this.requestUpdate();
  }

  #learnAnew(): void {
    this.#asked = "";
    this.requestUpdate();
  }

  #tell(event: Event): void {
    this.dispatchEvent(event);
  }

  #tellPeople(faces: readonly Face[]): void {
    const before = this.#people.count;
    for (const event of this.#people.meet(faces)) this.#tell(event);
    if (before !== this.#people.count) this.requestUpdate();
    if (this.#state === "running") this.#announcer.say(describePeople(faces, this.#language.words));
  }

  /** Nobody is in a source that is gone. */
  #empty(): void {
    this.#drawing?.clear();
    this.#tellPeople([]);
  }
}

/** What the worker and the drawing stand on; without it nothing can be tried. */
function requireBrowser(): void {
  const missing = ["WebAssembly", "Worker", "OffscreenCanvas"].filter((feature) => !(feature in globalThis));
  if (missing.length === 0) return;
  throw new EmotionCamError(
    "unsupported-browser",
    `This browser lacks ${missing.join(", ")}. Open the page in a current Chrome, Edge, Firefox or Safari.`,
  );
}

function wantsDemo({ code }: EmotionCamError, failures: number): boolean {
  return failures >= (ERRORS[code].demoAfter ?? Infinity);
}

/** A worker that is started again told of its failure itself. */
function passOver(error: unknown): null {
  if (error instanceof EmotionCamError && error.recoverable) return null;
  throw error;
}

/**
 * Waits for the networks, however often they have to be started: the source stays on meanwhile.
 *
 * @throws EmotionCamError A failure that no start can help. The signal's reason.
 */
async function untilReady(client: Client, signal: AbortSignal): Promise<void> {
  while ((await unlessAborted(client.ready, signal).catch(passOver)) === null) signal.throwIfAborted();
}

/** @throws The signal's reason, as soon as it is there. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let abort = () => {};
  const aborted = new Promise<never>((_, reject) => (abort = () => reject(signal.reason)));
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function toError(cause: unknown): EmotionCamError {
  if (cause instanceof EmotionCamError) return cause;
  return new EmotionCamError(
    "worker-crash",
    `Something failed that was not foreseen (${String(cause)}). It is started anew; please report it.`,
    { cause },
  );
}

/** Before version 125 Chromium wants names that begin with two dashes: there it is `:--running`. */
function toggleState(states: CustomStateSet | undefined, name: string, is: boolean): void {
  if (!is) return void (states?.delete(name), states?.delete(`--${name}`));
  try {
    states?.add(name);
  } catch {
    states?.add(`--${name}`);
  }
}

function looksAtViewer(source: Source): boolean {
  return source.kind === "camera" && source.facing !== "environment";
}

function pending(): Starting {
  let settle!: Pick<Starting, "resolve" | "reject">;
  const promise = new Promise<RuntimeInfo>((resolve, reject) => (settle = { resolve, reject }));
  // The failure is told by emotion-error too; whoever does not wait for the start is not to be alarmed twice.
  promise.catch(() => {});
  return { promise, ...settle };
}

declare global {
  interface HTMLElementTagNameMap {
    "emotion-cam": EmotionCam;
  }
}

/** The element's own events are typed in listeners. */
export interface EmotionCam {
  addEventListener<Type extends keyof EmotionCamEventMap>(
    type: Type,
    listener: (this: EmotionCam, event: EmotionCamEventMap[Type]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener<Type extends keyof HTMLElementEventMap>(
    type: Type,
    listener: (this: EmotionCam, event: HTMLElementEventMap[Type]) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}
