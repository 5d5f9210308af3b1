import type { Source, SourceObject } from "./camera/source.ts";
import { EngineLife, type Progress } from "./engine-life.ts";
import { type EmotionCamError, isOfSource } from "./errors.ts";
import type { RuntimeOptions, createClient } from "./runtime/client.ts";
import { type CameraRoom, Session, type SessionHost, type SessionWish } from "./session.ts";
import { IDLE, type Phase, type Status, type StatusEvent, after, phaseOf } from "./status.ts";
import type { FrameOptions, FrameResult, RuntimeInfo, Snapshot } from "./types.ts";

/** Everything for which a session is begun. The other settings are read anew for each frame. */
export interface Wish extends SessionWish {
  readonly engine: RuntimeOptions;
}

/** The recognition's view of its element: the questions that it asks, and the reports that it makes. */
export interface RecognitionHost extends Pick<SessionHost, "stage" | "maxFps" | "turn"> {
  /** @returns True if the element is rendered, or is to go on while it is not. */
  mayRun(): boolean;
  /** @returns The session that the element's attributes now ask for. */
  wish(): Wish;
  /**
   * The options of the next frame; read anew for each.
   *
   * @param source The number of the source that is shown.
   */
  frameOptions(source: number): FrameOptions;
  /** Resolves when the elements of the stage exist. */
  rendered(): Promise<unknown>;
  /** The element waits until it may run: call {@link Recognition.attend} in the next frame, and whenever that changes. */
  onRest(): void;
  /** The phase, the source or the progress changed. */
  onChange(): void;
  onReady(runtime: RuntimeInfo): void;
  /** Something failed. Each code is reported once, until frames of the source are answered again. */
  onError(error: EmotionCamError): void;
  onResult(result: FrameResult, presentedFrames: number, source: number): void;
  /** No source is shown any more, and so nobody. */
  onEmpty(): void;
}

/** Settles the promise that {@link Recognition.start} has returned. */
interface Start {
  readonly promise: Promise<RuntimeInfo>;
  resolve(runtime: RuntimeInfo): void;
  reject(reason: unknown): void;
}

/** Starts and stops an element's sessions, keeps its engine, and holds its state. Knows nothing of Lit and the DOM. */
export class Recognition {
  readonly #host: RecognitionHost;
  readonly #engine: EngineLife;
  readonly #room: CameraRoom | undefined;
  #status: Status = IDLE;
  #phase: Phase = phaseOf(IDLE);
  /** The newest session; it may have ended. */
  #session: { readonly session: Session; readonly key: string; readonly srcObject: SourceObject | null } | null = null;
  #start: Start | null = null;
  #source: Source | null = null;
  /** The number of sources that were opened. Each frame carries it, so that no face of the source before stays on. */
  #sourceNumber = 0;
  /** Codes that were reported since frames of the source were answered last. */
  readonly #reported = new Set<string>();

  /**
   * @param create Starts a worker; for tests.
   * @param room Opens sources; for tests.
   */
  constructor(host: RecognitionHost, create?: typeof createClient, room?: CameraRoom) {
    this.#host = host;
    this.#room = room;
    this.#engine = new EngineLife(
      {
        onLoad: () => this.#change({ type: "load" }),
        onReady: (runtime) => {
          this.#change({ type: "ready" });
          host.onReady(runtime);
        },
        onError: (error, retryInMs) => this.#fail("engine", error, retryInMs),
      },
      create,
    );
  }

  get phase(): Phase {
    return this.#phase;
  }

  /** The source that is shown: the wished one, or the demo. */
  get source(): Source | null {
    return this.#source;
  }

  /** `null` until the networks are ready. */
  get runtime(): RuntimeInfo | null {
    return this.#engine.runtime;
  }

  get progress(): Progress | null {
    return this.#engine.progress;
  }

  /** True while a promise of {@link start} is not settled. */
  get isAwaited(): boolean {
    return this.#start !== null;
  }

  /** True if the session was begun with other settings than the element now has. */
  get isOutdated(): boolean {
    if (this.#phase.name === "idle" || this.#phase.name === "paused") return false;
    const wish = this.#host.wish();
    return this.#session?.key !== keyOf(wish) || this.#session.srcObject !== wish.srcObject;
  }

  /**
   * Start, unless a session is on its way. A failed session begins anew.
   *
   * @param mayBegin Whether the element is in the page; else the caller calls {@link begin} later.
   * @returns Resolves with the first answered frame of the source.
   * @throws EmotionCamError The first failure. DOMException `AbortError` where it is stopped before.
   */
  start(mayBegin: boolean): Promise<RuntimeInfo> {
    if (this.runtime !== null && this.#phase.name === "running") return Promise.resolve(this.runtime);
    this.#start ??= pending();
    const { promise } = this.#start;
    if (mayBegin && ["idle", "failed"].includes(this.#phase.name)) this.begin();
    return promise;
  }

  /** Begin a session, in place of the one before. While the element may not run, wait with it. */
  begin(): void {
    const before = this.#session?.session;
    before?.end();
    this.#reported.clear();
    if (!this.#host.mayRun()) return this.#rest();
    this.#change({ type: "begin" });
    const wish = this.#host.wish();
    const ready = Promise.allSettled([before?.done, this.#host.rendered()]);
    const session = new Session(wish, this.#hostOf(wish), ready, this.#room);
    this.#session = { session, key: keyOf(wish), srcObject: wish.srcObject };
  }

  /**
   * Take the next frame of the source that is shown, with its result.
   *
   * @throws DOMException `InvalidStateError` where nothing runs. `AbortError` where the session ends before.
   */
  snapshot(): Promise<Snapshot> {
    const { name } = this.#phase;
    if (this.#session !== null && (name === "running" || name === "demo")) return this.#session.session.snapshot();
    return Promise.reject(new DOMException("Nothing runs. Await start() before snapshot().", "InvalidStateError"));
  }

  /** Turn the camera off while the element may not run, and go on as soon as it may. A {@link start} stays pending. */
  attend(): void {
    const { name } = this.#phase;
    const mayRun = this.#host.mayRun();
    if (name === "paused" && mayRun) this.begin();
    if (name === "idle" || name === "paused" || mayRun) return;
    this.#session?.session.end();
    this.#rest();
  }

  #rest(): void {
    this.#change({ type: "rest" });
    this.#host.onRest();
  }

  /** End the session and turn the camera off. The networks stay loaded. */
  async stop(): Promise<void> {
    this.#start?.reject(new DOMException("The element was stopped before it ran.", "AbortError"));
    this.#start = null;
    const session = this.#session?.session;
    session?.end();
    this.#change({ type: "end" });
    await session?.done;
  }

  /** End the session and the worker. */
  dispose(): void {
    this.#engine.drop();
    void this.stop();
  }

  #hostOf({ engine }: Wish): SessionHost {
    return {
      ...this.#host,
      frameOptions: () => this.#host.frameOptions(this.#sourceNumber),
      loadEngine: () => this.#engine.load(engine),
      onOpen: (source, isDemo) => {
        this.#source = source;
        this.#sourceNumber += 1;
        this.#change({ type: isDemo ? "open-demo" : "open" });
      },
      onClose: () => {
        this.#source = null;
        this.#host.onEmpty();
      },
      onResult: (result, presentedFrames, isDemo) => this.#answer(result, presentedFrames, isDemo),
      onFail: (error, retryInMs, isDemo) => this.#fail(isDemo ? "demo" : "source", error, retryInMs),
    };
  }

  /** The only place where the state changes. */
  #change(event: StatusEvent): void {
    const status = after(this.#status, event);
    // The frames of a running source change nothing. Other events may change the source or the progress alone.
    if (status === this.#status && event.type === "answer") return;
    this.#status = status;
    this.#phase = phaseOf(status);
    this.#host.onChange();
  }

  #answer(result: FrameResult, presentedFrames: number, isDemo: boolean): void {
    this.#change(isDemo ? DEMO_ANSWERED : SOURCE_ANSWERED);
    if (!isDemo) {
      this.#reported.clear();
      if (this.runtime !== null) this.#start?.resolve(this.runtime);
      this.#start = null;
    }
    this.#host.onResult(result, presentedFrames, this.#sourceNumber);
  }

  #fail(by: "source" | "demo" | "engine", error: EmotionCamError, retryInMs: number): void {
    // An engine that does not start again is in the way of a new one.
    if (!isOfSource(error.code) && !error.recoverable) this.#engine.drop();
    // An engine that fails while the element is idle or paused starts again in silence.
    if (this.#phase.name === "idle" || this.#phase.name === "paused") return;
    this.#change({ type: "fail", by, failure: { error, retryInMs } });
    this.#start?.reject(error);
    this.#start = null;
    if (this.#reported.has(error.code)) return;
    this.#reported.add(error.code);
    this.#host.onError(error);
  }
}

/** Made once, because each frame needs one of them. */
const SOURCE_ANSWERED: StatusEvent = { type: "answer", by: "source" };
const DEMO_ANSWERED: StatusEvent = { type: "answer", by: "demo" };

/** @returns A key that differs where the wish does, except for its `srcObject`. */
function keyOf(wish: Wish): string {
  return JSON.stringify({ ...wish, srcObject: null });
}

function pending(): Start {
  let settle!: Pick<Start, "resolve" | "reject">;
  const promise = new Promise<RuntimeInfo>((resolve, reject) => (settle = { resolve, reject }));
  // The host reports the failure too. A caller that ignores the promise must not get an unhandled rejection.
  promise.catch(() => {});
  return { promise, ...settle };
}
