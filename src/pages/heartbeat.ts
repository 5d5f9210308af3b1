import { factsOf } from "../errors.ts";
import type { EmotionErrorEvent, EmotionFrameEvent, EmotionPresenceEvent } from "../events.ts";

/** At most a third of the server's timeout. */
const BEAT_EVERY_MS = 5000;

/** The interval at which the page checks that the browser still draws: a sample, not a second frame loop. */
const PICTURE_EVERY_MS = 500;

/** The page reloads after this long without a result. The worker's own restarts take far less. */
const RELOAD_AFTER_MS = 20_000;

/**
 * The first result may take longer: a slow machine that is busy besides reads its networks and warms them up. A reload
 * throws that away, so it comes only shortly before the server's watchdog, which acts 130 s after the server's start.
 */
const FIRST_RESULT_MS = 100_000;

/**
 * Start the page's heartbeat, which is the second ring of recovery. It posts counters to the kiosk's server, whose
 * watchdog restarts the browser when they stand still. It reloads the page when pictures are drawn but no result comes.
 *
 * It does nothing unless the page's address has the flag `kiosk`, which only the kiosk's own browser sets. Other
 * servers, and other browsers that show the kiosk's page, get no heartbeat.
 *
 * @param camera The `<emotion-cam>` element.
 * @param signal Ends the heartbeat.
 * @param reload Reloads the page.
 */
export function startHeartbeat(
  camera: HTMLElement,
  signal: AbortSignal = new AbortController().signal,
  reload = () => location.reload(),
): void {
  if (new URLSearchParams(location.search).has("kiosk")) new Heart(camera, signal, reload);
}

class Heart {
  readonly #camera: HTMLElement;
  readonly #reload: () => void;
  readonly #page = crypto.randomUUID();
  #frames = 0;
  #results = 0;
  #pictures = 0;
  #faces = 0;
  #error: string | null = null;
  #isServerThere = false;
  /** On the clock of `performance.now()`. */
  #restedAt = performance.now();
  #picturesAtLastBeat = 0;

  constructor(camera: HTMLElement, signal: AbortSignal, reload: () => void) {
    this.#camera = camera;
    this.#reload = reload;
    const on = (type: string, listener: (event: never) => void) =>
      camera.addEventListener(type, listener as EventListener, { signal });
    on("emotion-frame", (event: EmotionFrameEvent) => this.#takeResult(event));
    on("emotion-presence", (event: EmotionPresenceEvent) => (this.#faces = event.count));
    on("emotion-error", (event: EmotionErrorEvent) => this.#takeError(event.error.code));
    const timers = [
      setInterval(() => requestAnimationFrame(() => this.#pictures++), PICTURE_EVERY_MS),
      setInterval(() => void this.#beat(), BEAT_EVERY_MS),
    ];
    signal.addEventListener("abort", () => timers.forEach(clearInterval));
    void this.#beat();
  }

  get #source(): "camera" | "clip" {
    return this.#camera.hasAttribute("src") || this.#camera.hasAttribute("demo") ? "clip" : "camera";
  }

  get #state(): string {
    return this.#camera.getAttribute("state") ?? "idle";
  }

  #takeResult(event: EmotionFrameEvent): void {
    this.#results++;
    this.#frames = event.presentedFrames;
    this.#restedAt = performance.now();
    // The demo clip plays while the camera is missing, so only the camera's own frames end the camera's error.
    if (this.#source === "camera") this.#error = null;
    if (this.#results === 1) void this.#beat();
  }

  #takeError(code: string): void {
    // A stall causes later camera errors (busy, missing). The server must know of the stall, so it is kept.
    const before = factsOf(this.#error);
    if (before?.about !== "camera" || before.kioskWaits) this.#error = code;
  }

  async #beat(): Promise<void> {
    this.#reloadIfStuck();
    const body = {
      page: this.#page,
      state: this.#state,
      source: this.#source,
      error: this.#error,
      frames: this.#frames,
      results: this.#results,
      pictures: this.#pictures,
      faces: this.#faces,
      heapBytes: (performance as { memory?: { usedJSHeapSize: number } }).memory?.usedJSHeapSize ?? 0,
    };
    this.#picturesAtLastBeat = this.#pictures;
    try {
      const response = await fetch("/heartbeat", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(BEAT_EVERY_MS),
      });
      this.#isServerThere = response.ok;
    } catch {
      // The server restarts now and then, and restarts this browser with it.
      this.#isServerThere = false;
    }
  }

  #reloadIfStuck(): void {
    const now = performance.now();
    // A reload brings no camera back: the element opens it again by itself. Where that does not help, the server's
    // watchdog restarts the browser, and a reload would only delay that.
    const isResting = ["idle", "paused"].includes(this.#state) || factsOf(this.#error)?.about === "camera";
    const isDrawing = this.#pictures > this.#picturesAtLastBeat;
    if (isResting) this.#restedAt = now;
    const patienceMs = this.#results === 0 ? FIRST_RESULT_MS : RELOAD_AFTER_MS;
    // A reload from a server that does not answer would end at the browser's error page. Where no picture is drawn, a
    // reload does not help.
    if (now - this.#restedAt > patienceMs && isDrawing && this.#isServerThere) this.#reload();
  }
}
