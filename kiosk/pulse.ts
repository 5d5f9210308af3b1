/**
 * Whether the exhibit lives: the rule by which heartbeats become `WATCHDOG=1`. A beat alone proves only that script
 * runs; what counts is that the camera's frames, the network's results and the pictures on the screen go on.
 */

/** What the page posts; `src/pages/heartbeat.ts` is the sender. */
export interface Heartbeat {
  /** Drawn anew at each load of the page. */
  readonly page: string;
  /** The element's `state`. */
  readonly state: string;
  readonly source: "camera" | "clip";
  /** The code of the last failure that nothing has healed since, or null. */
  readonly error: string | null;
  /** Frames that the source has presented. */
  readonly frames: number;
  /** Answers of the networks. */
  readonly results: number;
  /** Pictures that the browser has brought to the screen. */
  readonly pictures: number;
  /** Faces in view. */
  readonly faces: number;
  /** Of JavaScript, or 0 where the browser does not say. */
  readonly heapBytes: number;
}

/** States of the outer world in which the exhibit waits, rightly: no restart brings a camera back. */
const KNOWN_ERRORS: ReadonlySet<string> = new Set(["camera-missing", "camera-denied", "camera-busy", "camera-lost"]);

/** States in which the page rests on purpose: off hours, or nobody asked it to start. */
const RESTING: ReadonlySet<string> = new Set(["idle", "paused"]);

/** What the page and the element call things. It goes to systemd and to the log, where a line's end has a meaning. */
const WORD = /^[a-z0-9-]{1,40}$/;

const isWord = (value: unknown): value is string => typeof value === "string" && WORD.test(value);
const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Understands what was posted, or null where it is not a heartbeat. Whatever else was posted with it is dropped. */
export function readHeartbeat(value: unknown): Heartbeat | null {
  const { page, state, source, error, frames, results, pictures, faces, heapBytes } = value as Record<string, unknown>;
  if (!isWord(page) || !isWord(state) || (error !== null && !isWord(error))) return null;
  if (source !== "camera" && source !== "clip") return null;
  if (!isCount(frames) || !isCount(results) || !isCount(pictures) || !isCount(faces) || !isCount(heapBytes))
    return null;
  return { page, state, source, error, frames, results, pictures, faces, heapBytes };
}

/**
 * Why the exhibit does not count as alive, or null where it does.
 *
 * @param previous The beat before, or null at the first.
 * @param hasScreen Whether a screen is connected: without one no browser draws.
 */
export function whyNotAlive(previous: Heartbeat | null, current: Heartbeat, hasScreen: boolean): string | null {
  // A page that reloads again and again must not count as alive, so the first beat of each load is only noted.
  if (previous === null || previous.page !== current.page) return "the page has just loaded";
  if (!hasScreen) return null;
  if (current.pictures <= previous.pictures) return "no picture reaches the screen";
  if (RESTING.has(current.state)) return null;
  // A camera that sent frames and stopped is no known state: opening it anew, in a new browser, is worth a try.
  if (current.error === "camera-stalled") return "the camera sends no more frames";
  if (current.error !== null && KNOWN_ERRORS.has(current.error) && current.state !== "running") return null;
  if (current.state !== "running") return `the page is ${current.state} (${current.error ?? "no error"})`;
  if (current.frames <= previous.frames) return "the source gives no more frames";
  if (current.results <= previous.results) return "the networks give no more results";
  return null;
}
