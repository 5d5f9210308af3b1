/** The page's end of the wire: keeps one worker alive and hands it one frame at a time. */
import { EmotionCamError } from "../errors.ts";
import { Life } from "../recovery.ts";
import type { FrameOptions, FrameResult, RuntimeInfo } from "../types.ts";
import type { RuntimeOptions, WireError, WorkerRequest, WorkerResponse } from "./protocol.ts";

/** Whom the client tells. */
export interface ClientHooks {
  /** The worker's script, a module. */
  readonly workerUrl: string | URL;
  /** Ends the worker for good. */
  readonly signal: AbortSignal;
  /** Called as bytes of the networks come. */
  readonly onProgress?: (loadedBytes: number, totalBytes: number) => void;
  /** Called when the networks are there: after the start, and after each restart. */
  readonly onReady?: (runtime: RuntimeInfo) => void;
  /**
   * Called for every failure; after a recoverable one the worker is started again by itself, in `retryInMs`
   * milliseconds (`Infinity` after others).
   */
  readonly onError?: (error: EmotionCamError, retryInMs: number) => void;
}

export interface RuntimeClient {
  /**
   * Settles with the start of now: after a failure there is a new promise for the next start, if one can help. Rejects
   * with an EmotionCamError, or with the signal's reason when it is aborted.
   */
  readonly ready: Promise<RuntimeInfo>;
  /**
   * Has one frame answered. At most one at a time: the next one belongs into the call after the answer.
   *
   * @param frame Handed over: it is closed whatever happens.
   * @param timeMs When the frame was taken, milliseconds, never falling.
   * @throws EmotionCamError Also where the worker is not ready; then wait for `ready`.
   */
  process(frame: VideoFrame | ImageBitmap, timeMs: number, options: FrameOptions): Promise<FrameResult>;
}

/** The slowest machine answers a frame within a second; after this much silence a worker is held for dead. */
const ANSWER_TIMEOUT_MS = 5_000;
/** A load that shows no sign of life for so long is held for dead; each part of a file that comes is a sign. */
const LOAD_TIMEOUT_MS = 60_000;
/** A timer that is this much late was asleep with the page, and the worker beside it: its answer may be under way. */
const SLEPT_MS = 1_000;

/** Starts a worker and loads the networks in it. */
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

  process(frame: VideoFrame | ImageBitmap, timeMs: number, options: FrameOptions): Promise<FrameResult> {
    if (this.#life.state !== "well" || this.#inFlight) {
      frame.close();
      const what = this.#inFlight ? "still answers the frame before" : "is not ready";
      return Promise.reject(
        new EmotionCamError("worker-crash", `The worker ${what}: wait for it before the next frame.`),
      );
    }
    return new Promise((resolve, reject) => {
      this.#inFlight = { resolve, reject };
      try {
        this.#send({ type: "frame", frame, timeMs, options }, [frame]);
      } catch (cause) {
        frame.close();
        this.#inFlight = null;
        reject(
          new EmotionCamError("worker-crash", "The frame cannot be handed to the worker: was it closed?", { cause }),
        );
        return;
      }
      this.#watch(ANSWER_TIMEOUT_MS, "did not answer a frame");
    });
  }

  #awaitReady(): void {
    this.#ready = new Promise((resolve, reject) => (this.#starting = { resolve, reject }));
    // A failure is told by onError too; whoever does not wait for the start is not to be alarmed twice.
    this.#ready.catch(() => {});
  }

  #start(): void {
    this.#life.begin();
    try {
      const worker = openWorker(this.#hooks.workerUrl);
      this.#worker = worker;
      worker.addEventListener("message", ({ data }: MessageEvent<WorkerResponse>) => this.#receive(data));
      worker.addEventListener("messageerror", () => this.#crash("sent what cannot be read"));
      worker.addEventListener("error", (event) => {
        event.preventDefault();
        this.#crash(event.message ? `threw: ${event.message}` : "does not load: check asset-base", event.error);
      });
      this.#send({ type: "load", options: this.#options }, []);
      this.#watch(LOAD_TIMEOUT_MS, "did not get ahead with loading");
    } catch (cause) {
      this.#crash("cannot be started", cause);
    }
  }

  #send(message: WorkerRequest, transfer: Transferable[]): void {
    this.#worker!.postMessage(message, transfer);
  }

  #receive(message: WorkerResponse): void {
    switch (message.type) {
      case "progress":
        this.#watch(LOAD_TIMEOUT_MS, "did not get ahead with loading");
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
    const message = `The worker ${this.#hooks.workerUrl} ${fault}. It is started again.`;
    this.#fail(new EmotionCamError("worker-crash", message, { cause }));
  }

  /** A worker that failed is not used again: its memory may be in any state. */
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

let policy: ReturnType<TrustedTypes["createPolicy"]> | null | undefined;

/** A page that enforces Trusted Types lets a worker start from an address of a policy that it names: `emotion-cam`. */
function trusted(url: string): string {
  const { trustedTypes } = globalThis as { trustedTypes?: TrustedTypes };
  try {
    policy ??= trustedTypes?.createPolicy("emotion-cam", { createScriptURL: (address) => address }) ?? null;
  } catch {
    policy = null; // Not among those that the page names: where it enforces them, the worker's start says so.
  }
  return policy?.createScriptURL(url) ?? url;
}

/** Browsers refuse a worker's script from another origin, but not a script of this one that imports it. */
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
