import { html, type TemplateResult } from "lit";
import { type CameraDevice, listCameras } from "./camera/camera.ts";
import { type SourceObject, isSourceObject, looksAtViewer, play, sizeOf } from "./camera/source.ts";
import { EmotionCamAttributes } from "./emotion-cam.attributes.ts";
import { type EmotionCamEventMap, EmotionErrorEvent, EmotionReadyEvent } from "./events.ts";
import { FocusKeeper } from "./focus-keeper.ts";
import { LanguageKeeper } from "./language-keeper.ts";
import { PageKeeper } from "./page-keeper.ts";
import { Presenter, type PresenterHost } from "./presenter.ts";
import { Recognition, type RecognitionHost } from "./recognition.ts";
import { register } from "./registration.ts";
import { RenderingKeeper } from "./rendering-keeper.ts";
import { type ShownState, StateKeeper } from "./state-keeper.ts";
import type { EmotionCamState, Rotation, RuntimeInfo, Snapshot } from "./types.ts";
import { VERSION } from "./version.ts";
import type { DrawnScene } from "./view/drawing.ts";
import { turned } from "./view/layout.ts";
import { type PanelModel, headline, statePanel } from "./view/state-panel.ts";
import { styles } from "./view/styles.ts";
import { type SomeWords, addLanguage } from "./view/words.ts";

export type { CameraDevice } from "./camera/camera.ts";
export type { SourceObject } from "./camera/source.ts";
export type { EmotionCamState } from "./types.ts";
export type { SomeWords } from "./view/words.ts";

/**
 * Shows the camera, and the expression that each face in it appears to show. Everything is computed on this device; no
 * picture leaves it.
 *
 * @element emotion-cam
 *
 * @attr {boolean} autostart - Starts by itself. Without it, the element explains itself and waits for a press.
 * @attr {boolean} keep-running - Goes on while the element is not rendered. Without it, the element pauses and turns the
 * camera off 2 s after it has lost its box (closed dialog, `hidden`, 0x0), and goes on by itself.
 * @attr {string} src - URL of a clip or a picture that takes the camera's place.
 * @attr {string} demo-src - URL of a clip or a picture that plays, marked as a demo, while there is no camera.
 * @attr {string} camera - A camera's `deviceId`, its label or a part of it, `user` or `environment`.
 * @attr {number} camera-width - Width that is wished of the camera, in pixels. It gives the nearest size that it has.
 * Default: 640, or 4/3 of `camera-height`.
 * @attr {number} camera-height - Height that is wished of the camera, in pixels. Default: 3/4 of the width.
 * @attr {"0"|"90"|"180"|"270"} rotate - Turns the picture of a camera that is mounted turned, clockwise, in degrees. It is
 * analysed and shown turned. The demo is not turned. Default: `0`.
 * @attr {boolean} mirror - Mirrors the picture. Default: a camera is mirrored unless it looks away from the viewer;
 * clips and pictures are not. `mirror="false"` never mirrors.
 * @attr {number} max-faces - Most faces that are followed at once, 1 to 16. Default: 4.
 * @attr {number} max-fps - Most frames a second that are processed. Default: all of them.
 * @attr {number} min-score - The detector's score from which something counts as a face, 0 to 1. Default: 0.5.
 * @attr {number} smoothing - How strongly scores are smoothed over time, from 0 (none) to 1 (slow). Default: 0.5.
 * @attr {string} model - `edge`, `edge-fer2013`, `seed`, or the URL of a model's contract. Default: `edge`.
 * @attr {"balanced"|"training"} prior - How frequent each expression is taken to be. `balanced` sees rare expressions
 * sooner, for people who pose. `training` takes the mix of the training faces, for people who do not. Default: `balanced`.
 * @attr {"auto"|"int8"|"float"} engine - The engine that runs the networks. `auto` takes `int8` where the browser has
 * WebAssembly SIMD. Default: `auto`.
 * @attr {string} lang - The language of all words. Default: that of the page, else that of the browser, else English.
 * @attr {string} asset-base - URL of the folder with the worker, the networks and the languages. Default: the folder of
 * this module.
 * @attr {"full"|"boxes"|"minimal"|"emoji"|"none"} overlay - What is drawn over the picture. Default: `full`.
 * @attr {"show"|"blur"|"hide"} privacy - How the screen shows the pixels of the picture. Default: `show`.
 * @attr {"far"|"near"} range - `near` searches only the whole frame; `far` also searches enlarged parts of it, for
 * small faces. Default: `far`.
 * @attr {"dark"|"light"|"contrast"|"auto"} theme - The colours of everything that is drawn. `auto` follows the system's
 * settings. Default: `dark`.
 * @attr {"adaptive"|"measure"} pace - `measure` skips no work; it is for benchmarks. Default: `adaptive`.
 * @attr {"idle"|"starting"|"running"|"paused"|"failed"} state - Read-only: what the element is doing.
 * @attr {boolean} demo - Read-only: whether the demo plays because there is no camera.
 *
 * @fires {EmotionReadyEvent} emotion-ready - The networks are loaded; carries `runtime`.
 * @fires {EmotionFrameEvent} emotion-frame - A frame was answered; carries `faces`, `timeMs`, `timings`,
 * `presentedFrames`, `source` and `pageMs`.
 * @fires {EmotionChangeEvent} emotion-change - A face is new or its label changed; carries `face`, `label` and
 * `previousLabel`.
 * @fires {EmotionPresenceEvent} emotion-presence - A person came into view or left it; carries `count`.
 * @fires {EmotionErrorEvent} emotion-error - Something failed; carries `error`. Each code is reported once, until the
 * source works again.
 *
 * @slot permission - Replaces the words that explain the use of the camera, before the browser asks for it.
 * @slot loading - Replaces the words and the progress line of the start.
 * @slot error - Replaces the words that say what is wrong.
 * @slot notice - Replaces the notice that expressions are shown and that nothing is stored.
 * @slot label - Replaces the icon and the word of the largest face. The page has to update it.
 *
 * @csspart stage - Holds the picture, and mirrors it.
 * @csspart video - The picture of the camera or the clip.
 * @csspart picture - The still picture.
 * @csspart overlay - Lies over the picture and holds the marks of the faces.
 * @csspart marks - The corner marks around one face.
 * @csspart chip - The icon and the word of one face.
 * @csspart fill - The filled part of a chip: its width is the confidence.
 * @csspart icon - Each icon.
 * @csspart word - The word of each expression.
 * @csspart veil - The coarse picture of `privacy="blur"`.
 * @csspart strip - The lower edge of the picture, with the bars or the columns and the last minute.
 * @csspart bars - The seven bars of a single face.
 * @csspart columns - The columns of several faces.
 * @csspart bar - One of the seven bars, with its track, icon and word.
 * @csspart track - The full length of a bar.
 * @csspart level - The filled part of a bar.
 * @csspart column - The column of one of several faces, with its stack, icon and word.
 * @csspart stack - The seven shares of a column.
 * @csspart past - The last minute.
 * @csspart ribbon - The colours of the last minute.
 * @csspart caption - The words beside the ribbon.
 * @csspart panel - The words over the picture.
 * @csspart title - The heading of the panel.
 * @csspart text - Each paragraph of the panel.
 * @csspart button - The button that starts, or tries again.
 * @csspart stop - The button that stops. An element that started by itself has none.
 * @csspart progress - The line that shows the progress of the start.
 * @csspart done - The finished part of that line.
 * @csspart detail - The message of the error, for the person who maintains the page.
 * @csspart demo - The tag that says that the demo plays.
 * @csspart notice - The notice that says what happens to the picture.
 * @csspart light - The light that shows that the camera is on.
 *
 * @cssprop --emotion-cam-happy - The colour of happy.
 * @cssprop --emotion-cam-surprised - The colour of surprised.
 * @cssprop --emotion-cam-neutral - The colour of neutral.
 * @cssprop --emotion-cam-sad - The colour of sad.
 * @cssprop --emotion-cam-fearful - The colour of fearful.
 * @cssprop --emotion-cam-disgusted - The colour of disgusted.
 * @cssprop --emotion-cam-angry - The colour of angry.
 * @cssprop --emotion-cam-unsure - The colour of marks without a word.
 * @cssprop --emotion-cam-surface - The colour of the background.
 * @cssprop --emotion-cam-ink - The colour of text on the background.
 * @cssprop --emotion-cam-ink-soft - The colour of less important text on the background.
 * @cssprop --emotion-cam-chip-ink - The colour of text on the seven colours.
 * @cssprop --emotion-cam-chip-rest - The colour that is mixed into the unfilled part of a chip.
 * @cssprop --emotion-cam-light - The colour of the camera's light.
 * @cssprop --emotion-cam-accent - The colour of the button and of the progress line. Default: that of happy.
 * @cssprop --emotion-cam-veil - How much the background covers the picture behind text, in percent.
 * @cssprop --emotion-cam-font - The font family.
 * @cssprop --emotion-cam-word-size - The size of words. Default: 3.2 % of the smaller side, at least 14 px.
 * @cssprop --emotion-cam-small-size - The size of small print. Default: 1.8 % of the smaller side, at least 14 px.
 * @cssprop --emotion-cam-radius - The corner radius of the boxes behind words. Default: `0.6em`.
 * @cssprop --emotion-cam-stroke - The thickness of the corner marks. Default: follows the element's size.
 *
 * @cssstate idle - The element waits for a press.
 * @cssstate starting - The camera or the networks are not ready yet.
 * @cssstate running - Frames are answered.
 * @cssstate paused - The page is hidden, or the element is not rendered.
 * @cssstate failed - Something failed.
 * @cssstate demo - The demo plays because there is no camera.
 * @cssstate camera - A camera is on.
 * @cssstate people - At least one person is in view.
 */
export class EmotionCam extends EmotionCamAttributes {
  static override styles = styles;
  static override properties = {
    ...EmotionCamAttributes.properties,
    srcObject: { attribute: false, noAccessor: true },
  };

  readonly #recognition = new Recognition(this.#recognitionHost);
  readonly #presenter = new Presenter(this.#presenterHost);
  readonly #focusKeeper = new FocusKeeper(this);
  readonly #renderingKeeper = new RenderingKeeper(this, () => this.#recognition.attend());
  readonly #languageKeeper = new LanguageKeeper(this);
  readonly #stateKeeper = new StateKeeper(this, () => this.#shownState, this.attachInternals?.().states);
  #srcObject: SourceObject | null = null;
  /** The value of `autostart` at the last update. */
  #autostarted = false;
  /** The value of `keep-running` at the last update. */
  #keptRunning = false;
  /** The panel and the event report failures, so the promise's rejection is passed over. */
  readonly #press = () => void this.start().catch(() => {});
  readonly #halt = () => void this.stop();

  /** The version of this package. */
  static readonly version = VERSION;

  /**
   * Register the element under a tag. Do nothing where this class has the tag already, where another copy of this package
   * has it, and on servers.
   *
   * @throws DOMException `NotSupportedError` where another class has the tag.
   */
  static define(
    tag = "emotion-cam",
    registry: CustomElementRegistry | undefined = globalThis.customElements,
  ): typeof EmotionCam {
    register(tag, this, EmotionCam, registry);
    return this;
  }

  /**
   * Teach all elements a language, or change words of a language that they know. `lang/en.json` lists the words.
   *
   * @param tag A language tag as in HTML's `lang`. A tag without a region is for all regions.
   * @param words Words that are left out stay as they are.
   * @throws RangeError Where the tag is not a language tag. TypeError where a key or a value is not one of the words.
   */
  static addLanguage(tag: string, words: SomeWords): void {
    addLanguage(tag, words);
  }

  constructor() {
    super();
    const reactions = { onEnter: () => this.#enter(), onMove: () => this.#move(), onLeave: () => this.#leave() };
    this.addController(new PageKeeper(reactions));
  }

  /** Move the focus to the element's button, where it has one. */
  override focus(options?: FocusOptions): void {
    const { button } = this.#focusKeeper;
    if (button === null) super.focus(options);
    else button.focus(options);
  }

  get state(): EmotionCamState {
    const { name } = this.#recognition.phase;
    const state = name === "demo" ? "running" : name;
    return state === "running" && document.hidden ? "paused" : state;
  }

  /**
   * A source of the page's own, in place of `src` and the camera: a `MediaStream`, or a `<video>` or `<canvas>` whose
   * picture is captured. The element never stops its tracks. Other values count as `null`.
   */
  get srcObject(): SourceObject | null {
    return this.#srcObject;
  }
  set srcObject(value: SourceObject | null) {
    this.#srcObject = isSourceObject(value) ? value : null;
    this.requestUpdate();
  }

  /** True while the demo plays because there is no camera. */
  get demo(): boolean {
    return this.#recognition.phase.name === "demo";
  }

  /** The engine, and the networks with their checksums; `null` until `emotion-ready`. */
  get runtime(): RuntimeInfo | null {
    return this.#recognition.runtime;
  }

  protected override get isMirrorExpected(): boolean {
    const { source } = this.#recognition;
    return source === null ? this.#wantsCamera : looksAtViewer(source);
  }

  /**
   * Start the camera, or the source that `src` names. Ask for the permission where it was not given yet. After
   * recoverable failures the element tries again by itself.
   *
   * @returns The runtime, once the first frame is answered.
   * @throws EmotionCamError The first failure. DOMException `AbortError` where it is stopped before.
   */
  start(): Promise<RuntimeInfo> {
    return this.#recognition.start(this.isConnected);
  }

  /** Stop, and turn the camera off. */
  async stop(): Promise<void> {
    await this.#recognition.stop();
  }

  /**
   * List the cameras that the browser knows, as choices for `camera`. Their labels are empty until the permission is
   * granted.
   *
   * @throws EmotionCamError `insecure-context`, `unsupported-browser`.
   */
  listCameras(): Promise<readonly CameraDevice[]> {
    return listCameras();
  }

  /**
   * Take the newest frame together with the faces in it. The picture is turned as `rotate` says, and not mirrored. What
   * becomes of it is up to the page.
   *
   * @returns The next frame that is answered. Close its `image` when it is not needed any more.
   * @throws DOMException `InvalidStateError` where nothing runs. `NotAllowedError` where `privacy` is not `show`.
   * `AbortError` where the source ends before.
   */
  async snapshot(): Promise<Snapshot> {
    if (this.privacy !== "show")
      throw new DOMException(`No snapshot is taken while privacy is "${this.privacy}".`, "NotAllowedError");
    return this.#recognition.snapshot();
  }

  protected override render(): TemplateResult {
    const shows = this.#recognition.source?.kind;
    const { tag, direction } = this.#languageKeeper.language;
    return html`<div class="all" lang=${tag} dir=${direction}>
      <div class="stage" part="stage" data-mirror=${this.mirror} data-turn=${this.#turn(this.demo)}>
        <video part="video" .muted=${true} loop playsinline ?hidden=${shows === "picture"}></video>
        <img part="picture" alt="" ?hidden=${shows !== "picture"} />
      </div>
      <div class="overlay" part="overlay" aria-hidden="true"></div>
      <div class="strip" part="strip" aria-hidden="true" ?hidden=${this.overlay !== "full"}></div>
      ${statePanel(this.#panel)} ${this.#presenter.region}
    </div>`;
  }

  protected override willUpdate(): void {
    if (!this.isConnected) return;
    const isIdle = this.#recognition.phase.name === "idle";
    const autostarts = this.autostart && !this.#autostarted && isIdle;
    this.#autostarted = this.autostart;
    if (autostarts || this.#recognition.isOutdated) this.#recognition.begin();
    if (this.keepRunning !== this.#keptRunning) this.#recognition.attend();
    this.#keptRunning = this.keepRunning;
  }

  protected override updated(): void {
    this.#presenter.makeWay();
    if (this.state !== "running") this.#presenter.say(headline(this.#panel));
  }

  get #recognitionHost(): RecognitionHost {
    return {
      wish: () => {
        const { srcObject, src, camera, cameraWidth, cameraHeight, demoSrc, assetBase, engine, model } = this;
        const cameraSize = { width: cameraWidth, height: cameraHeight };
        return { srcObject, src, camera, cameraSize, demoSrc, engine: { assetBase, engine, model } };
      },
      mayRun: () => this.keepRunning || this.#renderingKeeper.isRendered,
      turn: (isDemo) => this.#turn(isDemo),
      stage: () => ({ video: this.#find("video"), picture: this.#find("img") }),
      onRest: () => this.#renderingKeeper.lookAgain(),
      rendered: () => this.updateComplete,
      maxFps: () => this.maxFps,
      frameOptions: (source) => this.frameOptions(source),
      onChange: () => {
        this.#stateKeeper.show();
        this.requestUpdate();
      },
      onReady: (runtime) => this.dispatchEvent(new EmotionReadyEvent(runtime)),
      onError: (error) => this.dispatchEvent(new EmotionErrorEvent(error)),
      onResult: (result, presentedFrames, source) => {
        this.#stateKeeper.show();
        this.#presenter.show(result, presentedFrames, source);
      },
      onEmpty: () => this.#presenter.clear(),
    };
  }

  get #presenterHost(): PresenterHost {
    return {
      root: () => this.renderRoot,
      scene: () => this.#scene,
      words: () => this.#languageKeeper.language.words,
      isRunning: () => this.state === "running",
      tell: (event) => this.dispatchEvent(event),
      onChange: () => this.requestUpdate(),
    };
  }

  /** The settings for drawing a result; `null` where no source is shown. */
  get #scene(): DrawnScene | null {
    const { source } = this.#recognition;
    if (source === null) return null;
    const { width, height } = turned(sizeOf(source.element), this.#turn(this.demo));
    const { mirror, overlay: style, privacy } = this;
    const { words } = this.#languageKeeper.language;
    return { picture: source.element, frameWidth: width, frameHeight: height, mirror, style, privacy, words };
  }

  get #panel(): PanelModel {
    const { phase, source, progress } = this.#recognition;
    const { count, hint, saidHint } = this.#presenter;
    const failure = "failure" in phase ? phase.failure : null;
    return {
      state: this.state,
      demo: this.demo,
      error: failure?.error ?? null,
      retryInMs: failure?.retryInMs ?? null,
      progress,
      people: this.overlay === "full" ? (hint === null ? count : 0) : null,
      hint: saidHint,
      camera: this.#wantsCamera,
      light: source?.kind === "camera",
      words: this.#languageKeeper.language.words,
      start: this.#press,
      // A person who pressed to start may press to stop. An element that started by itself is the page's to stop.
      stop: phase.name === "idle" || this.autostart ? null : this.#halt,
    };
  }

  get #wantsCamera(): boolean {
    return this.src === "" && this.#srcObject === null;
  }

  /** @returns How far the picture is turned. The demo is upright. */
  #turn(isDemo: boolean): Rotation {
    return isDemo ? 0 : this.rotate;
  }

  #find<Tag extends keyof HTMLElementTagNameMap>(tag: Tag): HTMLElementTagNameMap[Tag] {
    return this.renderRoot.querySelector(tag)!;
  }

  get #shownState(): ShownState {
    const { state, demo } = this;
    return { state, demo, camera: this.#recognition.source?.kind === "camera", people: this.#presenter.count > 0 };
  }

  #enter(): void {
    this.#autostarted = this.autostart;
    if (this.autostart || this.#recognition.isAwaited) this.#recognition.begin();
  }

  /** Browsers pause a video that is out of the page for a moment. */
  #move(): void {
    const element = this.#recognition.source?.element;
    if (element instanceof HTMLVideoElement) play(element);
  }

  #leave(): void {
    this.#recognition.dispose();
    this.#presenter.dispose();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "emotion-cam": EmotionCam;
  }
}

/** Gives listeners the types of the element's own events. */
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
