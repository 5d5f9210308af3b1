import { execFile } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { isResting, readHeartbeat, whyNotAlive, type Heartbeat } from "./pulse.ts";

/** The time that the browser has for its first sign of life, ms: twice that of a cold Raspberry Pi 4. */
const START_GRACE_MS = 90_000;

/** Interval at which the grace is granted and the clock is read, ms. */
const TICK_MS = 10_000;

/**
 * Heartbeats that follow another within this time are not judged, ms: the page's counters had no time to advance. The page
 * beats every 5 s.
 */
const TOO_SOON_MS = 2500;

/** Least time between two messages to systemd, ms, however often heartbeats come. */
const NOTIFY_EVERY_MS = 500;

/** The longest time that systemd may take to listen, ms. */
const NOTIFY_TIMEOUT_MS = 5000;

/** The exhibit restarts only after nobody was in view for this long, ms. */
const QUIET_MS = 60_000;

/** The time after the set one in which an idle moment is sought. Afterwards the restart waits for the next night. */
const NIGHT_MS = 60 * 60_000;

/** Least time that the exhibit runs before it restarts, ms: one restart a night. */
const MIN_UPTIME_MS = 2 * NIGHT_MS;

export interface KeeperOptions {
  /** `04:00`, or empty for never. */
  readonly nightlyRestart: string;
  /** True where the screen is switched off while the page rests, so that no picture reaches it. */
  readonly screenRests?: boolean;
  /** End the server, and the browser with it; systemd starts both again. */
  readonly renew: () => void;
  readonly notify?: (state: string) => void;
  /** Write a line to the journal. */
  readonly log?: (line: string) => void;
  readonly hasScreen?: () => boolean;
  /** Milliseconds, monotonic: the clock of a Raspberry Pi is set when the network answers first. */
  readonly now?: () => number;
  /** Date and time. */
  readonly clock?: () => Date;
}

/** Feeds systemd's watchdog with the page's heartbeats. Without them, the watchdog restarts the exhibit. */
export class Keeper {
  readonly #options: Required<KeeperOptions>;
  readonly #startedAt: number;
  /** From then on the browser has {@link START_GRACE_MS}: since the server's start, or since a screen is connected. */
  #graceFrom: number;
  #last: Heartbeat | null = null;
  #lastBeatAt: number | null = null;
  #aliveAt: number | null = null;
  #mayLoad = false;
  #someoneAt: number;
  #reason: string | null = "no heartbeat yet";

  constructor(options: KeeperOptions) {
    this.#options = {
      screenRests: false,
      notify: notifySystemd,
      log: (line) => console.warn(line),
      hasScreen: hasScreenConnected,
      now: () => performance.now(),
      clock: () => new Date(),
      ...options,
    };
    this.#startedAt = this.#graceFrom = this.#someoneAt = this.#options.now();
  }

  /** Take a heartbeat that the page posted; ignore an invalid one. */
  beat(posted: unknown): void {
    const beat = readHeartbeat(posted);
    if (beat === null) return;
    const now = this.#options.now();
    const hasScreen = this.#hasScreen(now);
    const reason = whyNotAlive(this.#last, beat, hasScreen && !(this.#options.screenRests && isResting(beat)));
    const isTooSoon = beat.page === this.#last?.page && now - this.#lastBeatAt! < TOO_SOON_MS;
    if (reason !== null && isTooSoon) return;
    const isNewPage = beat.page !== this.#last?.page;
    // The journal keeps the reason why the watchdog is about to restart the exhibit; systemd's status is gone by then.
    if (reason !== null && reason !== this.#reason && !isNewPage) this.#options.log(`Not alive: ${reason}`);
    this.#reason = reason;
    this.#last = beat;
    this.#lastBeatAt = now;
    if (beat.faces > 0 && beat.source === "camera") this.#someoneAt = now;
    if (this.#reason === null) {
      this.#aliveAt = now;
      this.#mayLoad = true;
      this.#options.notify(`WATCHDOG=1\nSTATUS=${describe(beat)}`);
      return;
    }
    // After a crash, the new page's first heartbeat resets the watchdog, so that a slow machine has time to load. The next
    // reset needs a sign of life, so a page that reloads forever is not kept alive.
    const patience = isNewPage && this.#mayLoad ? "WATCHDOG=1\n" : "";
    if (isNewPage) this.#mayLoad = false;
    this.#options.notify(`${patience}STATUS=Not alive: ${this.#reason}`);
  }

  /** Grant the time to start, and restart the exhibit at night. Call this every {@link TICK_MS}. */
  tick(): void {
    const now = this.#options.now();
    const uptimeMs = now - this.#startedAt;
    const mayStart = !this.#hasScreen(now) || now - this.#graceFrom < START_GRACE_MS;
    if (mayStart && (this.#aliveAt === null || this.#aliveAt <= this.#graceFrom)) this.#options.notify("WATCHDOG=1");
    if (uptimeMs > MIN_UPTIME_MS && this.#isNight() && now - this.#someoneAt >= QUIET_MS) this.#options.renew();
  }

  /** Tick until the process ends. */
  run(): void {
    this.#options.notify("READY=1");
    this.tick();
    setInterval(() => this.tick(), TICK_MS).unref();
  }

  /** @returns The body of `GET /health`. */
  health(): object {
    const now = this.#options.now();
    const since = (at: number | null) => (at === null ? null : now - at);
    return {
      alive: this.#reason === null,
      why: this.#reason,
      lastBeatMs: since(this.#lastBeatAt),
      lastAliveMs: since(this.#aliveAt),
      heartbeat: this.#last,
    };
  }

  /** Answers of the networks since the page was loaded. */
  get results(): number {
    return this.#last?.results ?? 0;
  }

  /** Without a screen no browser starts, and Chromium ends when one is there again: a television that was off for the night. */
  #hasScreen(now: number): boolean {
    const hasScreen = this.#options.hasScreen();
    if (!hasScreen) this.#graceFrom = now;
    return hasScreen;
  }

  #isNight(): boolean {
    const [hours, minutes] = this.#options.nightlyRestart.split(":").map(Number);
    if (hours === undefined || minutes === undefined) return false;
    const now = this.#options.clock();
    const sinceMs = now.getTime() - new Date(now).setHours(hours, minutes, 0, 0);
    return sinceMs >= 0 && sinceMs < NIGHT_MS;
  }
}

function describe(beat: Heartbeat): string {
  const heap = beat.heapBytes > 0 ? `, heap ${Math.round(beat.heapBytes / 1e6)} MB` : "";
  const error = beat.error === null ? "" : ` (${beat.error})`;
  return `${beat.state} from ${beat.source}${error}: ${beat.results} results, ${beat.faces} in view${heap}`;
}

let isTelling = false;
let untold: string | null = null;

/**
 * Send a message to systemd (sd_notify). Node cannot send datagrams to a Unix socket, but systemd's own tool can; it needs
 * `NotifyAccess=all`. Messages go out one at a time and with a pause, and a new one replaces one that waits: many
 * heartbeats must not start many processes. Do nothing where systemd did not start this process.
 */
function notifySystemd(state: string): void {
  if (process.env["NOTIFY_SOCKET"] === undefined) return;
  if (isTelling) {
    untold = state;
    return;
  }
  isTelling = true;
  execFile("systemd-notify", state.split("\n"), { timeout: NOTIFY_TIMEOUT_MS, killSignal: "SIGKILL" }, (error) => {
    if (error !== null) console.error(`systemd-notify: ${error.message.trim()}`);
    setTimeout(() => {
      isTelling = false;
      const next = untold;
      untold = null;
      if (next !== null) notifySystemd(next);
    }, NOTIFY_EVERY_MS);
  });
}

/** @returns False if no screen is connected. A machine that does not report screens (a virtual one) counts as having one. */
function hasScreenConnected(): boolean {
  const folder = "/sys/class/drm";
  try {
    const connectors = readdirSync(folder).filter((name) => /^card\d+-/.test(name) && !name.includes("Writeback"));
    const states = connectors.map((name) => readFileSync(`${folder}/${name}/status`, "utf8").trim());
    return states.length === 0 || states.some((state) => state !== "disconnected");
  } catch {
    return true;
  }
}
