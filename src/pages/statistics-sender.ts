import { EmotionLog, type EmotionLogEntry } from "../define.ts";

interface Posted {
  readonly page: string;
  readonly index: number;
  readonly entry: EmotionLogEntry;
}

/** Minutes that wait for a server that does not take them: a day's. */
const MAX_WAITING = 1440;

const TIMEOUT_MS = 10_000;

/**
 * Post each minute of the camera's log to the kiosk's server. The demo clip is not counted. A minute that the server
 * does not take waits for the next one; the server recognizes by its index a minute that it has already.
 *
 * @param camera The `<emotion-cam>` element.
 * @param intervalS Seconds of an entry.
 */
export function sendStatistics(camera: HTMLElement, intervalS = 60): void {
  const sender = new Sender();
  let log: EmotionLog | null = null;
  const follow = () => {
    const isClip = camera.hasAttribute("demo") || camera.hasAttribute("src");
    if (isClip) {
      log?.stop();
      log = null;
    } else if (log === null) {
      log = new EmotionLog(camera, { intervalS, keep: 1 });
      log.addEventListener("emotion-log", ({ entry }) => sender.take(entry));
    }
  };
  new MutationObserver(follow).observe(camera, { attributeFilter: ["demo", "src"] });
  follow();
  // The entry that has begun is sent while the page goes.
  addEventListener("pagehide", () => log?.stop());
}

class Sender {
  readonly #page = crypto.randomUUID();
  #index = 0;
  #waiting: Posted[] = [];
  #isSending = false;

  take(entry: EmotionLogEntry): void {
    this.#index += 1;
    this.#waiting = [...this.#waiting, { page: this.#page, index: this.#index, entry }].slice(-MAX_WAITING);
    void this.#send();
  }

  async #send(): Promise<void> {
    if (this.#isSending) return;
    this.#isSending = true;
    try {
      for (let posted = this.#waiting[0]; posted !== undefined; posted = this.#waiting[0]) {
        if (!(await isTaken(posted))) return;
        this.#waiting = this.#waiting.filter((other) => other !== posted);
      }
    } finally {
      this.#isSending = false;
    }
  }
}

/** @returns False where the entry is to be sent again: the server is gone, or its disk is full. */
async function isTaken(posted: Posted): Promise<boolean> {
  try {
    const { status } = await fetch("/statistics", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(posted),
      keepalive: true,
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    // An entry that is refused today is refused tomorrow, too.
    return status < 500;
  } catch {
    return false;
  }
}
