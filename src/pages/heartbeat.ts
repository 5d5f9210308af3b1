import type { EmotionErrorEvent, EmotionFrameEvent, EmotionPresenceEvent } from "../events.ts";

/** A third of the server's patience at most, and far from a load. */
const BEAT_EVERY_MS = 5000;

/** How often a picture is asked for, to see that the browser still draws: a sample, not a second frame loop. */
const PICTURE_EVERY_MS = 500;

/** Without a result for this long the page loads itself anew: far beyond the worker's own restarts. */
const RELOAD_AFTER_MS = 20_000;

/** The first result may take longer: a slow machine reads and warms up its networks. */
const FIRST_RESULT_MS = 60_000;

/**
 * The page's heartbeat, and the second ring of recovery. Posts counters to the kiosk's server, whose watchdog restarts
 * the browser when they stand still; loads the page anew when pictures are drawn but no result comes.
 *
 * Does nothing unless the page's address carries the flag `kiosk`, which the kiosk's own browser sets: on any other
 * server, and in any other browser that looks at the kiosk's page, it stays silent.
 *
 * @param camera The `<emotion-cam>` element, listened to from outside.
 * @param reload Loads the page anew.
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
    // The demo clip runs while a camera is missing; only the camera's own frames heal the camera's failure.
    if (this.#source === "camera") this.#error = null;
    if (this.#results === 1) void this.#beat();
  }

  #takeError(code: string): void {
    // What follows a stall (the camera is busy, or gone) is the stall's doing, and the server should know.
    if (this.#error !== "camera-stalled") this.#error = code;
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
      // The server restarts now and then, and takes this browser with it when it does.
      this.#isServerThere = false;
    }
  }

  #reloadIfStuck(): void {
    const now = performance.now();
    // Loading anew brings no camera back: the element opens it again by itself, and where that does not help the
    // server's watchdog brings a new browser, sooner if the page does not begin anew meanwhile.
    const isResting = ["idle", "paused"].includes(this.#state) || (this.#error?.startsWith("camera-") ?? false);
    const isDrawing = this.#pictures > this.#picturesAtLastBeat;
    if (isResting) this.#restedAt = now;
    const patienceMs = this.#results === 0 ? FIRST_RESULT_MS : RELOAD_AFTER_MS;
    // Loading from a server that does not answer would leave the browser's error page; with no picture drawn the
    // trouble lies deeper than the page.
    if (now - this.#restedAt > patienceMs && isDrawing && this.#isServerThere) this.#reload();
  }
}
