/** The page's end of the wire to the worker: keeps one worker alive, and hands it one frame at a time. */
import { EmotionCamError } from "../errors.ts";
import { countPageTime } from "../page-time.ts";
import { Life } from "../recovery.ts";
import type { FrameOptions, FrameResult, Rotation, RuntimeInfo } from "../types.ts";
import type { WorkerRequest, WorkerResponse, RuntimeOptions, WireError } from "./protocol.ts";

export type { RuntimeOptions } from "./protocol.ts";

/** The worker's script, its end, and the client's listeners. */
export interface ClientHooks {
  /** The worker's script, a module. Relative to the document. */
  readonly workerUrl: string | URL;
  /** Ends the worker for good. */
  readonly signal: AbortSignal;
  /** Called as bytes of the networks arrive. */
  readonly onProgress?: (loadedBytes: number, totalBytes: number) => void;
  /** Called when the networks are ready: after the start, and after each restart. */
  readonly onReady?: (runtime: RuntimeInfo) => void;
  /**
   * Called for every failure. After a recoverable one the worker starts again in `retryInMs` milliseconds; after the
   * others `retryInMs` is `Infinity`.
   */
  readonly onError?: (error: EmotionCamError, retryInMs: number) => void;
}

/** A worker with its networks, as the page sees it. */
export interface RuntimeClient {
  /**
   * Settles when the current start succeeds or fails. After a failure there is a new promise for the next start, if
   * there is one. Rejects with an EmotionCamError, or with the signal's reason when it aborts.
   */
  readonly ready: Promise<RuntimeInfo>;
  /**
   * Process one frame. Only one frame may be in flight: wait for the answer before the next call.
   *
   * @param frame Is closed in every case.
   * @param timeMs When the frame was taken, in milliseconds on any clock that does not run backwards.
   * @param rotation How far the frame is turned before it is analysed. Default: 0.
   * @throws EmotionCamError Also where the worker is not ready; then wait for `ready`.
   */
  process(
    frame: VideoFrame | ImageBitmap,
    timeMs: number,
    options: FrameOptions,
    rotation?: Rotation,
  ): Promise<FrameResult>;
}

/** The slowest machine answers a frame within a second. After this much silence the worker counts as dead. */
const ANSWER_TIMEOUT_MS = 5_000;
/** A worker that loads counts as dead after this time without progress. Each part of a file is progress. */
const LOAD_TIMEOUT_MS = 60_000;
/** A timer that is this much late slept with the page. So did the worker, and its answer may still come. */
const SLEPT_MS = 1_000;

/** Faults whose cause is not the worker. */
const UNLOADABLE =
  "could not be loaded: check asset-base. A page that is sent with Cross-Origin-Embedder-Policy needs the same header on " +
  "the worker's script, and Cross-Origin-Resource-Policy on files of another origin";
const UNTRUSTED =
  "cannot be started, because the page's Content-Security-Policy does not list our policy: write " +
  '"trusted-types emotion-cam lit-html"';

/** Start a worker and load the networks in it. */
export function createClient(options: RuntimeOptions, hooks: ClientHooks): RuntimeClient {
  return new Client(options, hooks);
}

interface Settlers<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

class Client implements RuntimeClient {
  readonly #options: RuntimeOptions;
  readonly #hooks: ClientHooks;
  readonly #life = new Life();
  #worker: Worker | null = null;
  #ready!: Promise<RuntimeInfo>;
  #starting: Settlers<RuntimeInfo> | null = null;
  #inFlight: Settlers<FrameResult> | null = null;
  #watchdog: ReturnType<typeof setTimeout> | undefined;

  constructor(options: RuntimeOptions, hooks: ClientHooks) {
    this.#options = options;
    this.#hooks = hooks;
    this.#awaitReady();
    hooks.signal.addEventListener("abort", () => this.#end(hooks.signal.reason), { once: true });
    if (hooks.signal.aborted) this.#end(hooks.signal.reason);
    else this.#start();
  }

  get ready(): Promise<RuntimeInfo> {
    return this.#ready;
  }

  process(
    frame: VideoFrame | ImageBitmap,
    timeMs: number,
    options: FrameOptions,
    rotation: Rotation = 0,
  ): Promise<FrameResult> {
    if (this.#life.state !== "well" || this.#inFlight) {
      frame.close();
      const what = this.#inFlight ? "is busy with the frame before" : "is not ready";
      return Promise.reject(
        new EmotionCamError("worker-crash", `The worker ${what}. Wait for it before the next frame.`),
      );
    }
    return new Promise((resolve, reject) => {
      this.#inFlight = { resolve, reject };
      try {
        const startMs = performance.now();
        this.#send({ type: "frame", frame, timeMs, options, rotation }, [frame]);
        countPageTime(startMs);
      } catch (cause) {
        frame.close();
        this.#inFlight = null;
        reject(
          new EmotionCamError("worker-crash", "The frame cannot be sent to the worker. Was it closed before?", {
            cause,
          }),
        );
        return;
      }
      this.#watch(ANSWER_TIMEOUT_MS, "did not answer a frame");
    });
  }

  #awaitReady(): void {
    this.#ready = new Promise((resolve, reject) => (this.#starting = { resolve, reject }));
    // onError reports the failure too. A caller that does not wait for the start gets no unhandled rejection.
    this.#ready.catch(() => {});
  }

  #start(): void {
    this.#life.begin();
    try {
      const worker = openWorker(this.#hooks.workerUrl);
      this.#worker = worker;
      worker.addEventListener("message", (event: MessageEvent<WorkerResponse>) => {
        const startMs = performance.now();
        // The browser decodes the message when its data is read.
        this.#receive(event.data);
        countPageTime(startMs);
      });
      worker.addEventListener("messageerror", () => this.#crash("sent a message that cannot be read"));
      worker.addEventListener("error", (event) => {
        event.preventDefault();
        if (event.message) this.#crash(`threw: ${event.message}`, event.error);
        else this.#crash(UNLOADABLE, event.error);
      });
      this.#send({ type: "load", options: this.#options }, []);
      this.#watch(LOAD_TIMEOUT_MS, "made no progress with loading");
    } catch (cause) {
      this.#crash(isPolicyRefused ? UNTRUSTED : "cannot be started", cause);
    }
  }

  #send(message: WorkerRequest, transfer: Transferable[]): void {
    this.#worker!.postMessage(message, transfer);
  }

  #receive(message: WorkerResponse): void {
    switch (message.type) {
      case "progress":
        this.#watch(LOAD_TIMEOUT_MS, "made no progress with loading");
        this.#hooks.onProgress?.(message.loadedBytes, message.totalBytes);
        return;
      case "ready":
        clearTimeout(this.#watchdog);
        this.#life.thrive(performance.now());
        this.#starting?.resolve(message.runtime);
        this.#starting = null;
        this.#hooks.onReady?.(message.runtime);
        return;
      case "result":
        clearTimeout(this.#watchdog);
        this.#settle()?.resolve(message.result);
        return;
      case "error":
        this.#fail(thaw(message.error));
    }
  }

  #settle(): Settlers<FrameResult> | null {
    const settlers = this.#inFlight;
    this.#inFlight = null;
    return settlers;
  }

  #watch(timeoutMs: number, fault: string): void {
    clearTimeout(this.#watchdog);
    const dueMs = performance.now() + timeoutMs;
    this.#watchdog = setTimeout(() => {
      if (performance.now() - dueMs > SLEPT_MS) this.#watch(timeoutMs, fault);
      else this.#crash(`${fault} for ${timeoutMs / 1000} s`);
    }, timeoutMs);
  }

  #crash(fault: string, cause?: unknown): void {
    const message = `The worker ${this.#hooks.workerUrl} ${fault}. It starts again by itself.`;
    this.#fail(new EmotionCamError("worker-crash", message, { cause }));
  }

  /** End a worker that failed. It is not used again, because its memory may be in any state. */
  #fail(error: EmotionCamError): void {
    if (this.#life.state === "over") return;
    this.#stopWorker();
    this.#starting?.reject(error);
    this.#awaitReady();
    const waitMs = this.#life.fail(error.code, performance.now());
    if (waitMs === Infinity) this.#end(error);
    else this.#watchdog = setTimeout(() => this.#start(), waitMs);
    this.#settle()?.reject(error);
    this.#hooks.onError?.(error, waitMs);
  }

  #stopWorker(): void {
    clearTimeout(this.#watchdog);
    this.#worker?.terminate();
    this.#worker = null;
  }

  #end(reason: unknown): void {
    this.#life.end();
    this.#stopWorker();
    this.#starting?.reject(reason);
    this.#starting = null;
    this.#settle()?.reject(reason);
  }
}

interface TrustedTypes {
  createPolicy(
    name: string,
    rules: { createScriptURL: (url: string) => string },
  ): { createScriptURL(url: string): string };
}

/** @returns True if the page does not allow our policy. */
let isPolicyRefused = false;
let policy: ReturnType<TrustedTypes["createPolicy"]> | null | undefined;

/** Pages that enforce Trusted Types start a worker only from a URL of a policy that they allow: `emotion-cam`. */
function trusted(url: string): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  try {
    policy ??= trustedTypes?.createPolicy("emotion-cam", { createScriptURL: (address) => address }) ?? null;
  } catch {
    // Where the page also enforces Trusted Types, the worker's start fails.
    isPolicyRefused = true;
    policy = null;
  }
  return policy?.createScriptURL(url) ?? url;
}

/** Browsers refuse a worker's script from another origin, but allow a script of this origin that imports it. */
function openWorker(url: string | URL): Worker {
  const { href, origin } = new URL(url, location.href);
  if (origin === location.origin) return new Worker(trusted(href), { type: "module" });
  const script = new Blob([`import ${JSON.stringify(href)};`], { type: "text/javascript" });
  const wrapper = URL.createObjectURL(script);
  try {
    return new Worker(trusted(wrapper), { type: "module" });
  } finally {
    setTimeout(() => URL.revokeObjectURL(wrapper), LOAD_TIMEOUT_MS);
  }
}

function thaw({ code, message, cause }: WireError): EmotionCamError {
  return new EmotionCamError(code, message, cause === undefined ? undefined : { cause: new Error(cause) });
}
