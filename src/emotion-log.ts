import type { EmotionFrameEvent } from "./events.ts";
import { LABELS, type Face, type Label } from "./types.ts";

/** A minute: what a chart of a day wants, and too coarse to tell one visitor's smile by. */
const DEFAULT_INTERVAL_S = 60;
/** A day of minutes. */
const DEFAULT_KEEP = 1440;
/**
 * The longest time that one frame stands for, seconds. A camera that was away for a minute showed nobody in that minute.
 */
const MAX_FRAME_S = 1;
/**
 * A face that is lost for less than this time and found again under a new number is the same visit, seconds. People turn
 * their heads, and pass before each other.
 */
const RETURN_S = 5;
/** Browsers slow timers of hidden pages down to one a second, and their longest wait is 24.8 days. */
const INTERVAL_S = { least: 1, most: 86_400 };

/** The expressions of one interval: counts, seconds and shares; no pictures, no face's number, no places. */
export interface EmotionLogEntry {
  /** When the interval began and ended, ISO 8601 in UTC. */
  readonly from: string;
  readonly to: string;
  /** Frames that were answered. */
  readonly frames: number;
  /** Most faces in one frame. */
  readonly mostFaces: number;
  /** Faces in all frames together, by the expression that they showed; only where it was certain. */
  readonly counts: Readonly<Record<Label, number>>;
  /** Faces in all frames together whose expression was not certain enough to be named. */
  readonly unsure: number;
  /** The counts' shares, 0..1; they sum to 1, and are all 0 where nothing was counted. */
  readonly shares: Readonly<Record<Label, number>>;
  /**
   * Seconds of each expression, where it was certain. Two faces that smile for a second are two seconds. Unlike counts of
   * frames, seconds of two machines can be compared.
   */
  readonly seconds: Readonly<Record<Label, number>>;
  /** Seconds of faces whose expression was not certain enough to be named. */
  readonly unsureS: number;
  /** Seconds in which anybody was in view. */
  readonly presentS: number;
  /** Seconds for which frames were answered, with or without a face. */
  readonly watchedS: number;
  /** Arrivals: times that somebody came into view who was not in view in the seconds before. */
  readonly visits: number;
}

export interface EmotionLogOptions {
  /** Seconds an entry, 1 to 86,400. Default: 60. */
  readonly intervalS?: number;
  /** Largest number of entries, 1 or more; the oldest go. Default: 1440, a day of minutes. */
  readonly keep?: number;
}

/** An interval is over. */
export class EmotionLogEvent extends Event {
  static readonly type = "emotion-log";
  readonly entry: EmotionLogEntry;

  constructor(entry: EmotionLogEntry) {
    super(EmotionLogEvent.type);
    this.entry = entry;
  }
}

interface Tally {
  readonly fromMs: number;
  frames: number;
  mostFaces: number;
  unsure: number;
  readonly counts: Record<Label, number>;
  readonly seconds: Record<Label, number>;
  unsureS: number;
  presentS: number;
  watchedS: number;
  visits: number;
}

/** Tell visits from faces that were only lost for a moment. Times are milliseconds on the frames' clock. */
class Visits {
  #inView: ReadonlySet<number> = new Set();
  /** When each face was lost that nobody has replaced since. */
  #lostAt: number[] = [];

  /**
   * @param faces Every face of a frame.
   * @param timeMs When the frame was shown.
   * @returns How many visits begin with this frame.
   */
  meet(faces: readonly Face[], timeMs: number): number {
    const now = new Set(faces.map(({ id }) => id));
    this.#lostAt = this.#lostAt.filter((lost) => timeMs - lost <= RETURN_S * 1000);
    for (const id of this.#inView) if (!now.has(id)) this.#lostAt.push(timeMs);
    const unknown = [...now].filter((id) => !this.#inView.has(id)).length;
    const returned = Math.min(unknown, this.#lostAt.length);
    this.#lostAt.splice(0, returned);
    this.#inView = now;
    return unknown - returned;
  }
}

/**
 * Counts which expressions an element sees, interval by interval, in memory alone: nothing is stored or sent unless the
 * page does it. Fires `emotion-log` with each entry. An interval in which no frame was answered makes no entry. Where the
 * source changes within an interval, each source has an entry.
 */
export class EmotionLog extends EventTarget {
  readonly #intervalMs: number;
  readonly #keep: number;
  readonly #over = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  #entries: EmotionLogEntry[] = [];
  #tally = tallyFrom(Date.now());
  readonly #visits = new Visits();
  /** When the newest frame was shown, or null before the first. */
  #shownAtMs: number | null = null;
  /** The number of the source of the last frame: an entry is about one source. */
  #source: number | undefined;

  /**
   * @param camera An `<emotion-cam>`, or whatever fires its `emotion-frame`.
   * @throws TypeError Where there is no such thing. RangeError Where an option is out of its range.
   */
  constructor(camera: EventTarget, { intervalS = DEFAULT_INTERVAL_S, keep = DEFAULT_KEEP }: EmotionLogOptions = {}) {
    super();
    if (!(camera instanceof EventTarget))
      throw new TypeError(`An EmotionLog listens to an <emotion-cam>, and was given ${String(camera)}.`);
    if (!(intervalS >= INTERVAL_S.least && intervalS <= INTERVAL_S.most))
      throw new RangeError(`intervalS is ${intervalS}. Give seconds from ${INTERVAL_S.least} to ${INTERVAL_S.most}.`);
    if (!(Number.isInteger(keep) && keep >= 1)) throw new RangeError(`keep is ${keep}. Give a whole number from 1 up.`);
    this.#intervalMs = intervalS * 1000;
    this.#keep = keep;
    const listen = (event: Event) => {
      const frame = event as EmotionFrameEvent;
      if (frame.source !== this.#source) this.#close();
      this.#source = frame.source;
      this.#count(frame);
    };
    camera.addEventListener("emotion-frame", listen, { signal: this.#over.signal });
    this.#timer = setInterval(() => this.#close(), this.#intervalMs);
  }

  /** The intervals that are over, the oldest first. */
  get entries(): readonly EmotionLogEntry[] {
    return this.#entries;
  }

  /** Ends the counting; the interval that has begun becomes an entry. */
  stop(): void {
    if (this.#over.signal.aborted) return;
    this.#over.abort();
    clearInterval(this.#timer);
    this.#close();
  }

  /** Forgets every entry, and the interval that has begun. */
  clear(): void {
    this.#entries = [];
    this.#tally = tallyFrom(Date.now());
  }

  /** The entries as a table: RFC 4180, with a row of names; shares have four decimals, seconds three. */
  toCSV(): string {
    const names = ["count", "share", "s"].flatMap((unit) => LABELS.map((label) => `${label}_${unit}`));
    names.push("unsure_s", "present_s", "watched_s", "visits");
    const rows = this.#entries.map((entry) => [
      ...[entry.from, entry.to, entry.frames, entry.mostFaces, entry.unsure],
      ...LABELS.map((label) => entry.counts[label]),
      ...LABELS.map((label) => entry.shares[label].toFixed(4)),
      ...LABELS.map((label) => entry.seconds[label].toFixed(3)),
      ...[entry.unsureS, entry.presentS, entry.watchedS].map((seconds) => seconds.toFixed(3)),
      entry.visits,
    ]);
    return [["from", "to", "frames", "most_faces", "unsure", ...names], ...rows]
      .map((row) => `${row.join(",")}\r\n`)
      .join("");
  }

  /** @returns The value that `JSON.stringify` writes: `{ schema: 1, intervalS, entries }`. */
  toJSON(): { readonly schema: 1; readonly intervalS: number; readonly entries: readonly EmotionLogEntry[] } {
    return { schema: 1, intervalS: this.#intervalMs / 1000, entries: this.#entries };
  }

  #count({ faces, timeMs }: EmotionFrameEvent): void {
    const tally = this.#tally;
    const stepS = this.#secondsSince(timeMs);
    tally.frames += 1;
    tally.mostFaces = Math.max(tally.mostFaces, faces.length);
    tally.visits += this.#visits.meet(faces, timeMs);
    tally.watchedS += stepS;
    if (faces.length > 0) tally.presentS += stepS;
    for (const { label, certain } of faces) {
      if (certain) {
        tally.counts[label] += 1;
        tally.seconds[label] += stepS;
      } else {
        tally.unsure += 1;
        tally.unsureS += stepS;
      }
    }
  }

  /** @returns Seconds since the frame before. The clock begins anew with each source, so a step back counts as none. */
  #secondsSince(timeMs: number): number {
    const stepS = this.#shownAtMs === null ? 0 : (timeMs - this.#shownAtMs) / 1000;
    this.#shownAtMs = timeMs;
    return Math.min(Math.max(stepS, 0), MAX_FRAME_S);
  }

  #close(): void {
    const nowMs = Date.now();
    const tally = this.#tally;
    this.#tally = tallyFrom(nowMs);
    if (tally.frames === 0) return;
    const entry = entryOf(tally, nowMs);
    this.#entries = [...this.#entries, entry].slice(-this.#keep);
    this.dispatchEvent(new EmotionLogEvent(entry));
  }
}

/** The log's own event is typed in listeners. */
export interface EmotionLog {
  addEventListener(
    type: "emotion-log",
    listener: (this: EmotionLog, event: EmotionLogEvent) => void,
    options?: boolean | AddEventListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject,
    options?: boolean | AddEventListenerOptions,
  ): void;
}

function tallyFrom(fromMs: number): Tally {
  const counted = { frames: 0, mostFaces: 0, unsure: 0, counts: eachLabel(() => 0) };
  const timed = { seconds: eachLabel(() => 0), unsureS: 0, presentS: 0, watchedS: 0, visits: 0 };
  return { fromMs, ...counted, ...timed };
}

function entryOf({ fromMs, seconds, unsureS, presentS, watchedS, ...tally }: Tally, toMs: number): EmotionLogEntry {
  const { counts } = tally;
  const sum = LABELS.reduce((total, label) => total + counts[label], 0);
  return {
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    ...tally,
    shares: eachLabel((label) => (sum === 0 ? 0 : counts[label] / sum)),
    seconds: eachLabel((label) => roundToMs(seconds[label])),
    unsureS: roundToMs(unsureS),
    presentS: roundToMs(presentS),
    watchedS: roundToMs(watchedS),
  };
}

/** Cameras do not time frames more finely, and sums of milliseconds are exact. */
function roundToMs(seconds: number): number {
  return Math.round(seconds * 1000) / 1000;
}

function eachLabel(value: (label: Label) => number): Record<Label, number> {
  return Object.fromEntries(LABELS.map((label) => [label, value(label)])) as Record<Label, number>;
}
