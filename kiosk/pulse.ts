/**
 * The rule that turns heartbeats into `WATCHDOG=1`. A heartbeat alone proves only that the page's script runs. The
 * exhibit counts as alive while the camera's frames, the networks' results and the pictures on the screen advance.
 */
import { factsOf } from "../src/errors.ts";

/** The counters that the page posts; `src/pages/heartbeat.ts` sends them. */
export interface Heartbeat {
  /** A random word, new at each load of the page. */
  readonly page: string;
  /** The element's `state`. */
  readonly state: string;
  readonly source: "camera" | "clip";
  /** The code of the last error, until it is over; `null` where there is none. */
  readonly error: string | null;
  /** Frames that the source has presented. */
  readonly frames: number;
  /** Frames that the networks have answered. */
  readonly results: number;
  /** Pictures that the browser has drawn. */
  readonly pictures: number;
  /** Faces in view. */
  readonly faces: number;
  /** Size of JavaScript's heap; 0 where the browser does not tell it. */
  readonly heapBytes: number;
}

/** States in which the page rests on purpose: outside opening hours, or before it is started. */
const RESTING: ReadonlySet<string> = new Set(["idle", "paused"]);

/** The form of names from the page. They go to systemd and to the log, where a line break starts a new order. */
const WORD = /^[a-z0-9-]{1,40}$/;

const isWord = (value: unknown): value is string => typeof value === "string" && WORD.test(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/**
 * Read a posted heartbeat. Unknown members are dropped.
 *
 * @param value Parsed JSON: any object.
 * @returns `null` where it is not a heartbeat.
 */
export function readHeartbeat(value: unknown): Heartbeat | null {
  const { page, state, source, error, frames, results, pictures, faces, heapBytes } = value as Record<string, unknown>;
  if (!isWord(page) || !isWord(state) || (error !== null && !isWord(error))) return null;
  if (source !== "camera" && source !== "clip") return null;
  if (!isCount(frames) || !isCount(results) || !isCount(pictures) || !isCount(faces) || !isCount(heapBytes))
    return null;
  return { page, state, source, error, frames, results, pictures, faces, heapBytes };
}

/** @returns Whether the page rests on purpose. */
export function isResting({ state }: Heartbeat): boolean {
  return RESTING.has(state);
}

/**
 * Judge whether the exhibit is alive.
 *
 * @param previous The heartbeat before this one; `null` at the first.
 * @param hasScreen Whether a screen is connected and switched on. Without a screen no browser draws.
 * @returns The reason why it does not count as alive; `null` where it does.
 */
export function whyNotAlive(previous: Heartbeat | null, current: Heartbeat, hasScreen: boolean): string | null {
  // A page that reloads again and again must not count as alive, so the first heartbeat of each load does not count.
  if (previous === null || previous.page !== current.page) return "the page has just loaded";
  if (!hasScreen) return null;
  if (current.pictures <= previous.pictures) return "no picture reaches the screen";
  if (isResting(current)) return null;
  const facts = factsOf(current.error);
  if (facts?.about === "camera" && !facts.kioskWaits) return "the camera sends no more frames";
  if (facts?.kioskWaits && current.state !== "running") return null;
  if (current.state !== "running") return `the page is ${current.state} (${current.error ?? "no error"})`;
  if (current.frames <= previous.frames) return "the source gives no more frames";
  if (current.results <= previous.results) return "the networks give no more results";
  return null;
}
