import { EmotionCamError } from "./errors.ts";
import { type RuntimeClient, type RuntimeOptions, createClient } from "./runtime/client.ts";
import type { RuntimeInfo } from "./types.ts";

/** Share of the networks that has been loaded. */
export interface Progress {
  readonly loadedBytes: number;
  readonly totalBytes: number;
}

/** The listeners of an {@link EngineLife}. */
export interface EngineHooks {
  /** Called as bytes of the networks arrive. */
  readonly onLoad: () => void;
  /** Called when the networks are ready: after the start, and after each restart of the worker. */
  readonly onReady: (runtime: RuntimeInfo) => void;
  /** Called for each failure. The worker starts again in `retryInMs` milliseconds; `Infinity` means never. */
  readonly onError: (error: EmotionCamError, retryInMs: number) => void;
}

const NEEDS = ["WebAssembly", "Worker", "OffscreenCanvas"];

/** Keeps one worker with its networks, over all sessions of an element. */
export class EngineLife {
  readonly #hooks: EngineHooks;
  readonly #create: typeof createClient;
  #engine: { readonly client: RuntimeClient; readonly abort: AbortController; readonly key: string } | null = null;
  #runtime: RuntimeInfo | null = null;
  #progress: Progress | null = null;

  /** @param create Starts a worker; for tests. */
  constructor(hooks: EngineHooks, create: typeof createClient = createClient) {
    this.#hooks = hooks;
    this.#create = create;
  }

  /** `null` until the networks are ready. */
  get runtime(): RuntimeInfo | null {
    return this.#runtime;
  }

  /** `null` until the first bytes have arrived. */
  get progress(): Progress | null {
    return this.#progress;
  }

  /**
   * Give the worker for these options. Start a worker where there is none, or where it was started for other options.
   *
   * @throws EmotionCamError `unsupported-browser`.
   */
  load(options: RuntimeOptions): RuntimeClient {
    const key = JSON.stringify(options);
    if (this.#engine?.key === key) return this.#engine.client;
    this.drop();
    requireBrowser();
    const abort = new AbortController();
    const client = this.#create(options, {
      workerUrl: new URL("worker.js", options.assetBase),
      signal: abort.signal,
      onProgress: (loadedBytes, totalBytes) => {
        this.#progress = { loadedBytes, totalBytes };
        this.#hooks.onLoad();
      },
      onReady: (runtime) => {
        this.#runtime = runtime;
        this.#hooks.onReady(runtime);
      },
      onError: this.#hooks.onError,
    });
    this.#engine = { client, abort, key };
    return client;
  }

  /** End the worker. */
  drop(): void {
    this.#engine?.abort.abort();
    this.#engine = null;
    this.#runtime = null;
    this.#progress = null;
  }
}

function requireBrowser(): void {
  const missing = NEEDS.filter((feature) => !(feature in globalThis));
  if (missing.length === 0) return;
  throw new EmotionCamError(
    "unsupported-browser",
    `This browser lacks ${missing.join(", ")}. Open the page in a current Chrome, Edge, Firefox or Safari.`,
  );
}
