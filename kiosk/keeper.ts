import { execFile } from "node:child_process";
import { readFileSync, readdirSync } from "node:fs";
import { isResting, readHeartbeat, whyNotAlive, type Heartbeat } from "./pulse.ts";

/** From the server's start a browser has this long until its first sign of life is demanded: a cold Pi 4's, doubled. */
const START_GRACE_MS = 90_000;

/** How often the grace is granted, and the clock looked at. */
const TICK_MS = 10_000;

/** Of two beats closer than this the second cannot show that something stands still; the page beats every 5 s. */
const TOO_SOON_MS = 2500;

/** systemd is told at most so often, ms, however often the page's heart beats. */
const NOTIFY_EVERY_MS = 500;

/** How long systemd may take to listen, ms. */
const NOTIFY_TIMEOUT_MS = 5000;

/** The exhibit is renewed only when nobody was in view for this long. */
const QUIET_MS = 60_000;

/** How long after the set time an idle moment is looked for; then it waits for the next night. */
const NIGHT_MS = 60 * 60_000;

/** A night's renewal is not repeated in the same night. */
const MIN_UPTIME_MS = 2 * NIGHT_MS;

export interface KeeperOptions {
  /** `04:00`, or empty for never. */
  readonly nightlyRestart: string;
  /** Whether the screen is switched off while the page rests, so that no picture reaches it. */
  readonly screenRests?: boolean;
  /** Ends the server, and with it the browser; systemd starts both anew. */
  readonly renew: () => void;
  readonly notify?: (state: string) => void;
  readonly hasScreen?: () => boolean;
  /** Milliseconds, never set back or forth: a Pi's clock leaps when it first hears the network's. */
  readonly now?: () => number;
  /** The clock on the wall. */
  readonly clock?: () => Date;
}

/** Listens to the page's heart and tells systemd, whose watchdog restarts the exhibit when it hears nothing. */
export class Keeper {
  readonly #options: Required<KeeperOptions>;
  readonly #startedAt: number;
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
      hasScreen: hasScreenConnected,
      now: () => performance.now(),
      clock: () => new Date(),
      ...options,
    };
    this.#startedAt = this.#options.now();
    this.#someoneAt = this.#startedAt;
  }

  /** Takes what the page posted. */
  beat(posted: unknown): void {
    const beat = readHeartbeat(posted);
    if (beat === null) return;
    const now = this.#options.now();
    const { hasScreen, screenRests } = this.#options;
    const reason = whyNotAlive(this.#last, beat, hasScreen() && !(screenRests && isResting(beat)));
    const isTooSoon = beat.page === this.#last?.page && now - this.#lastBeatAt! < TOO_SOON_MS;
    if (reason !== null && isTooSoon) return;
    this.#reason = reason;
    const isNewPage = beat.page !== this.#last?.page;
    this.#last = beat;
    this.#lastBeatAt = now;
    if (beat.faces > 0 && beat.source === "camera") this.#someoneAt = now;
    if (this.#reason === null) {
      this.#aliveAt = now;
      this.#mayLoad = true;
      this.#options.notify(`WATCHDOG=1\nSTATUS=${describe(beat)}`);
      return;
    }
    // A slow machine's browser, come back from a crash, has the whole patience from its page's first word on. Only one
    // page after each sign of life: a page that loads itself again and again must not go on for ever.
    const patience = isNewPage && this.#mayLoad ? "WATCHDOG=1\n" : "";
    if (isNewPage) this.#mayLoad = false;
    this.#options.notify(`${patience}STATUS=Not alive: ${this.#reason}`);
  }

  /** To be called every {@link TICK_MS}. */
  tick(): void {
    const now = this.#options.now();
    const uptimeMs = now - this.#startedAt;
    if (this.#aliveAt === null && uptimeMs < START_GRACE_MS) this.#options.notify("WATCHDOG=1");
    if (uptimeMs > MIN_UPTIME_MS && this.#isNight() && now - this.#someoneAt >= QUIET_MS) this.#options.renew();
  }

  /** Ticks until the process ends. */
  run(): void {
    this.#options.notify("READY=1");
    this.tick();
    setInterval(() => this.tick(), TICK_MS).unref();
  }

  /** For `GET /health`. */
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
 * Says something to systemd (sd_notify). Node cannot send datagrams to a Unix socket, systemd's own tool can; it needs
 * `NotifyAccess=all`. One at a time and with a pause, the newest word before older ones, so that no flood of heartbeats
 * becomes one of processes. Silent where systemd did not start this.
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

/** A machine that does not tell (a virtual one, say) counts as having a screen. */
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
