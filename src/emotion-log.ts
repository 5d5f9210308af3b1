import type { EmotionFrameEvent } from "./events.ts";
import { LABELS, type Face, type Label } from "./types.ts";

/** A minute: what a chart of a day wants, and too coarse to tell one visitor's smile by. */
const DEFAULT_INTERVAL_S = 60;
/** A day of minutes. */
const DEFAULT_KEEP = 1440;
/** Browsers slow timers of hidden pages down to one a second, and their longest wait is 24.8 days. */
const INTERVAL_S = { least: 1, most: 86_400 };

/** The expressions of one interval: counts and shares, no pictures, no numbers of people, no places. */
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
}

/**
 * Counts which expressions an element sees, interval by interval, in memory alone: nothing is stored or sent unless the
 * page does it. Fires `emotion-log` with each entry. An interval in which no frame was answered makes no entry.
 */
export class EmotionLog extends EventTarget {
  readonly #intervalMs: number;
  readonly #keep: number;
  readonly #over = new AbortController();
  readonly #timer: ReturnType<typeof setInterval>;
  #entries: EmotionLogEntry[] = [];
  #tally = tallyFrom(Date.now());

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
    const listen = (event: Event) => this.#count((event as EmotionFrameEvent).faces);
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

  /** The entries as a table: RFC 4180, with a row of names; shares have four decimals. */
  toCSV(): string {
    const names = [...LABELS.map((label) => `${label}_count`), ...LABELS.map((label) => `${label}_share`)];
    const rows = this.#entries.map(({ from, to, frames, mostFaces, unsure, counts, shares }) => [
      ...[from, to, frames, mostFaces, unsure],
      ...LABELS.map((label) => counts[label]),
      ...LABELS.map((label) => shares[label].toFixed(4)),
    ]);
    return [["from", "to", "frames", "most_faces", "unsure", ...names], ...rows]
      .map((row) => `${row.join(",")}\r\n`)
      .join("");
  }

  /** @returns The value that `JSON.stringify` writes: `{ schema: 1, intervalS, entries }`. */
  toJSON(): { readonly schema: 1; readonly intervalS: number; readonly entries: readonly EmotionLogEntry[] } {
    return { schema: 1, intervalS: this.#intervalMs / 1000, entries: this.#entries };
  }

  #count(faces: readonly Face[]): void {
    const tally = this.#tally;
    tally.frames += 1;
    tally.mostFaces = Math.max(tally.mostFaces, faces.length);
    for (const { label, certain } of faces) {
      if (certain) tally.counts[label] += 1;
      else tally.unsure += 1;
    }
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
  return { fromMs, frames: 0, mostFaces: 0, unsure: 0, counts: eachLabel(() => 0) };
}

function entryOf({ fromMs, frames, mostFaces, unsure, counts }: Tally, toMs: number): EmotionLogEntry {
  const sum = LABELS.reduce((total, label) => total + counts[label], 0);
  return {
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    frames,
    mostFaces,
    counts,
    unsure,
    shares: eachLabel((label) => (sum === 0 ? 0 : counts[label] / sum)),
  };
}

function eachLabel(value: (label: Label) => number): Record<Label, number> {
  return Object.fromEntries(LABELS.map((label) => [label, value(label)])) as Record<Label, number>;
}
