/**
 * The messages of kiosks and the central machine over MQTT, on topics `emotion/v1/<kiosk>/…`:
 *
 * | topic | from | retained | says |
 * | --- | --- | --- | --- |
 * | `status` | kiosk; the broker where the kiosk is gone | yes | `online` or `offline` |
 * | `counts` | kiosk, each five minutes | no | sums after the last acknowledged one; none is a question for the word below |
 * | `ack` | ingest, after its commit | no | how far PostgreSQL has a kiosk's sums |
 * | `health` | kiosk, each minute | yes | what an operator wants to know |
 * | `config/set` | the operator | no | a few settings |
 * | `config/reported` | kiosk | yes | those settings as they are |
 */
import { LABELS } from "../../src/types.ts";
import { CLOCKS, type Clock, type WrittenSpan } from "../statistics-span.ts";

export const ROOT = "emotion/v1";

/** Sums in one message at most; with fewer than 450 bytes each the broker's limit of 512 KB is far. */
export const MAX_ROWS = 500;

/** A topic's level, a certificate's common name and a file's name. */
export const KIOSK = /^[a-z0-9][a-z0-9-]{0,39}$/;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** A longer stretch than this is a clock that was set. */
const LONGEST_S = 400 * 86_400;

export interface WireRow extends WrittenSpan {
  /** Counts from 1 in each epoch, without a gap. */
  readonly seq: number;
  readonly clock: Clock;
}

export interface Counts {
  readonly v: 1;
  readonly epoch: string;
  readonly rows: readonly WireRow[];
}

export interface Acknowledgement {
  readonly v: 1;
  readonly epoch: string;
  /** The last number that PostgreSQL has; 0 where it has none. */
  readonly upto: number;
}

export interface Health {
  readonly v: 1;
  /** ISO 8601, by the kiosk's clock. */
  readonly at: string;
  readonly version: string;
  readonly clock: Clock;
  /** Time since the exhibit's server started, seconds; null where it does not answer. */
  readonly uptimeS: number | null;
  /** Answers of the networks a second, or null before the second look. */
  readonly resultsPerS: number | null;
  /** `running`, or what the exhibit's page says of its camera. */
  readonly camera: string;
  /** A sentence where something is wrong, or null. */
  readonly problem: string | null;
  /** Loads of the page since the database began. */
  readonly restarts: number;
  /** Sums that wait for an acknowledgement. */
  readonly waiting: number;
  /** Visits in all sums. */
  readonly visits: number;
  /** The processor's temperature, °C; null where the board does not say. */
  readonly temperatureC: number | null;
  /** True while a Raspberry Pi slows itself down for heat or a weak supply; null on other boards. */
  readonly throttled: boolean | null;
  /** Until the kiosk's certificate expires. */
  readonly certificateDays: number;
}

export function topic(kiosk: string, what: string): string {
  return `${ROOT}/${kiosk}/${what}`;
}

/** @returns Who sent on a topic and what, or null where it is none of ours. */
export function readTopic(name: string): { readonly kiosk: string; readonly what: string } | null {
  const [, kiosk, what] = /^emotion\/v1\/([^/]+)\/(.+)$/.exec(name) ?? [];
  return kiosk !== undefined && KIOSK.test(kiosk) ? { kiosk, what: what! } : null;
}

/**
 * Read a message of counts.
 *
 * @throws RangeError that names what is wrong with it: the broker's list lets only kiosks write, and one may be stolen.
 */
export function readCounts(payload: string): Counts {
  const { v, epoch, rows } = readObject(payload);
  if (v !== 1) throw new RangeError(`v is ${show(v)}, not 1`);
  if (typeof epoch !== "string" || !UUID.test(epoch)) throw new RangeError(`epoch is ${show(epoch)}, not a UUID`);
  if (!Array.isArray(rows) || rows.length > MAX_ROWS)
    throw new RangeError(`rows are not a list of at most ${MAX_ROWS}`);
  const read = rows.map(readRow);
  const gap = read.findIndex(({ seq }, index) => seq !== read[0]!.seq + index);
  if (gap > 0) throw new RangeError(`row ${gap} is seq ${read[gap]!.seq} after ${read[gap - 1]!.seq}`);
  return { v, epoch, rows: read };
}

function readRow(value: unknown): WireRow {
  if (typeof value !== "object" || value === null) throw new RangeError(`a row is ${show(value)}`);
  const row = value as Record<string, unknown>;
  const seconds = (row["seconds"] ?? {}) as Record<string, unknown>;
  const clock = CLOCKS.find((name) => name === row["clock"]);
  if (clock === undefined) throw new RangeError(`clock is ${show(row["clock"])}, not one of ${CLOCKS.join(" ")}`);
  for (const name of ["from", "to"])
    if (typeof row[name] !== "string" || !INSTANT.test(row[name]) || Number.isNaN(Date.parse(row[name])))
      throw new RangeError(`${name} is ${show(row[name])}, not a time`);
  const { from, to } = row as { from: string; to: string };
  if (from >= to) throw new RangeError(`from ${from} is not before to ${to}`);
  return {
    ...{ seq: whole(row, "seq", Number.MAX_SAFE_INTEGER, 1), from, to, clock },
    visits: whole(row, "visits", 1e7),
    mostFaces: whole(row, "mostFaces", 64),
    presentS: number(row, "presentS"),
    unsureS: number(row, "unsureS"),
    watchedS: number(row, "watchedS"),
    seconds: Object.fromEntries(LABELS.map((label) => [label, number(seconds, label)])) as WireRow["seconds"],
  };
}

export function readAcknowledgement(payload: string): Acknowledgement {
  const { v, epoch, upto } = readObject(payload);
  if (v !== 1 || typeof epoch !== "string" || !Number.isSafeInteger(upto) || (upto as number) < 0)
    throw new RangeError(`${payload.slice(0, 80)} is no acknowledgement`);
  return { v, epoch, upto: upto as number };
}

/** @returns Health that can be stored: what is missing or nonsense is left out by the database's function. */
export function readHealth(payload: string): Record<string, unknown> {
  const health = readObject(payload);
  if (payload.length > 4096) throw new RangeError(`health has ${payload.length} bytes, more than 4096`);
  return health;
}

export function readObject(payload: string): Record<string, unknown> {
  const value: unknown = JSON.parse(payload);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new RangeError(`${show(value)} is no JSON object`);
  return value as Record<string, unknown>;
}

function whole(row: Record<string, unknown>, name: string, most: number, least = 0): number {
  const value = row[name];
  if (!Number.isSafeInteger(value) || (value as number) < least || (value as number) > most)
    throw new RangeError(`${name} is ${show(value)}, not a whole number from ${least} to ${most}`);
  return value as number;
}

function number(row: Record<string, unknown>, name: string): number {
  const value = row[name];
  if (typeof value !== "number" || !(value >= 0 && value <= 64 * LONGEST_S))
    throw new RangeError(`${name} is ${show(value)}, not a number of seconds`);
  return value;
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 60);
}
