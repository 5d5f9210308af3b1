/**
 * The unit of all statistics: one stretch of time, summed up. It holds counts and durations, and nothing that tells one
 * visitor from another. Durations are whole milliseconds, so that sums are exact wherever they are made.
 */
import { LABELS, type Label } from "../src/types.ts";

/** The clock that gave a time: one set by the network, the machine's own with a battery, or none that is known. */
export const CLOCKS = ["ntp", "rtc", "none"] as const;
export type Clock = (typeof CLOCKS)[number];

/** Durations in ms of faces with each expression, by its name. */
export type ExpressionMs = Readonly<Record<Label, number>>;

/** Amounts that can be added. */
export interface Amounts {
  /** Arrivals: times that somebody came who was not there. */
  readonly visits: number;
  /** Most faces at once; of two spans the greater. */
  readonly mostFaces: number;
  /** Time in which anybody was in view. */
  readonly presentMs: number;
  /** Time of faces whose expression was not certain. */
  readonly unsureMs: number;
  /** Time in which the exhibit watched. */
  readonly watchedMs: number;
  readonly expressionMs: ExpressionMs;
}

export interface Span extends Amounts {
  /** Unix time, ms. */
  readonly fromMs: number;
  readonly toMs: number;
}

/** A post of the page: an entry of its `EmotionLog` and a number by which one that is sent twice is known. */
export interface Posted {
  /** New at each load of the page. */
  readonly page: string;
  /** 1 for a page's first entry. */
  readonly index: number;
  readonly span: Span;
}

/** The page logs a minute; timers of a busy browser are late. */
const LONGEST_MS = 10 * 60_000;

/** No camera shows more faces than the element follows. */
const MOST_FACES = 64;

/** Seconds of each face; a visit takes at least one frame. */
const MOST_VISITS = 10_000;

const PAGE = /^[0-9a-f-]{8,40}$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;

export const NOTHING: Amounts = {
  visits: 0,
  mostFaces: 0,
  presentMs: 0,
  unsureMs: 0,
  watchedMs: 0,
  expressionMs: eachExpression(() => 0),
};

export function eachExpression(value: (label: Label) => number): Record<Label, number> {
  return Object.fromEntries(LABELS.map((label) => [label, value(label)])) as Record<Label, number>;
}

/** @returns The sum of two spans' amounts. */
export function add(a: Amounts, b: Amounts): Amounts {
  return {
    visits: a.visits + b.visits,
    mostFaces: Math.max(a.mostFaces, b.mostFaces),
    presentMs: a.presentMs + b.presentMs,
    unsureMs: a.unsureMs + b.unsureMs,
    watchedMs: a.watchedMs + b.watchedMs,
    expressionMs: eachExpression((label) => a.expressionMs[label] + b.expressionMs[label]),
  };
}

/**
 * Split amounts by weights, in whole numbers whose sum is exactly the whole.
 *
 * @param weights One for each part, 0 or more, not all 0.
 */
export function split(whole: Amounts, weights: readonly number[]): Amounts[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let before = 0;
  return weights.map((weight) => {
    const [start, end] = [before / total, (before + weight) / total];
    before += weight;
    const part = (value: number) => Math.round(value * end) - Math.round(value * start);
    return {
      visits: part(whole.visits),
      mostFaces: whole.mostFaces,
      presentMs: part(whole.presentMs),
      unsureMs: part(whole.unsureMs),
      watchedMs: part(whole.watchedMs),
      expressionMs: eachExpression((label) => part(whole.expressionMs[label])),
    };
  });
}

/**
 * Read what was posted as a span.
 *
 * @param posted `{ page, index, entry }`; `entry` as `EmotionLog` makes it.
 * @throws RangeError that names the value which cannot be.
 */
export function readPosted(posted: unknown): Posted {
  const { page, index, entry } = object(posted, "What was posted");
  if (typeof page !== "string" || !PAGE.test(page)) throw new RangeError(`page is ${show(page)}; it is a UUID.`);
  const span = object(entry, "entry");
  const [fromMs, toMs] = [instant(span["from"], "from"), instant(span["to"], "to")];
  const watchedMs = duration(span["watchedS"], "watchedS", 1);
  const seconds = object(span["seconds"], "seconds");
  const mostFaces = count(span["mostFaces"], "mostFaces", MOST_FACES);
  return {
    page,
    index: count(index, "index", Number.MAX_SAFE_INTEGER),
    span: {
      // The clock was set within the span where its ends lie far from what was watched; its end is the later reading.
      fromMs: toMs > fromMs && toMs - fromMs <= LONGEST_MS ? fromMs : toMs - Math.max(watchedMs, 1),
      toMs,
      visits: count(span["visits"], "visits", MOST_VISITS),
      mostFaces,
      presentMs: duration(span["presentS"], "presentS", 1),
      unsureMs: duration(span["unsureS"], "unsureS", MOST_FACES),
      watchedMs,
      expressionMs: eachExpression((label) => duration(seconds[label], `seconds.${label}`, MOST_FACES)),
    },
  };
}

function object(value: unknown, name: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new RangeError(`${name} is ${show(value)}; it is a JSON object.`);
  return value as Record<string, unknown>;
}

function count(value: unknown, name: string, most: number): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > most)
    throw new RangeError(`${name} is ${show(value)}; it is a whole number from 0 to ${most}.`);
  return value as number;
}

/** @returns Seconds in ms. */
function duration(value: unknown, name: string, faces: number): number {
  const most = (faces * LONGEST_MS) / 1000;
  if (typeof value !== "number" || !(value >= 0 && value <= most))
    throw new RangeError(`${name} is ${show(value)}; it is a number of seconds from 0 to ${most}.`);
  return Math.round(value * 1000);
}

function instant(value: unknown, name: string): number {
  const ms = typeof value === "string" && INSTANT.test(value) ? Date.parse(value) : Number.NaN;
  if (Number.isNaN(ms)) throw new RangeError(`${name} is ${show(value)}; it is a time such as 2026-11-26T09:00:00Z.`);
  return ms;
}

function show(value: unknown): string {
  return (JSON.stringify(value) ?? String(value)).slice(0, 60);
}

/** A span as it is written wherever people and other programs read it: seconds, and times in UTC. */
export interface WrittenSpan {
  readonly from: string;
  readonly to: string;
  readonly visits: number;
  readonly mostFaces: number;
  readonly presentS: number;
  readonly unsureS: number;
  readonly watchedS: number;
  readonly seconds: Readonly<Record<Label, number>>;
}

export function writeSpan(span: Span): WrittenSpan {
  return {
    from: new Date(span.fromMs).toISOString(),
    to: new Date(span.toMs).toISOString(),
    visits: span.visits,
    mostFaces: span.mostFaces,
    presentS: span.presentMs / 1000,
    unsureS: span.unsureMs / 1000,
    watchedS: span.watchedMs / 1000,
    seconds: eachExpression((label) => span.expressionMs[label] / 1000),
  };
}
