/**
 * The statistics for people and programs: JSON, CSV and Prometheus' text, of any range of days. Everything comes
 * from sums behind which enough visits stand; see store.ts.
 */
import { LABELS } from "../src/types.ts";
import { add, type Amounts, NOTHING, type Span, writeSpan, type WrittenSpan } from "./statistics-span.ts";

/** The stretch of time that one row of an answer covers. */
export const STEPS = ["hour", "day"] as const;
export type Step = (typeof STEPS)[number];

/** Longer ranges are told by the day where the address does not say. */
const HOURS_UP_TO_DAYS = 14;
const DAY_MS = 86_400_000;

/** 400 days are kept, and a range begins and ends at midnight. */
const LONGEST_DAYS = 402;

const DATE = /^\d{4}-\d\d-\d\d$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)?$/;

export interface Range {
  readonly fromMs: number;
  /** Where the range ends, exclusive. */
  readonly toMs: number;
  readonly by: Step;
}

/**
 * Read a range from an address's query.
 *
 * @param query `from` and `to`, ISO 8601: a date (`to` is then the range's last day) or a time; `by`, `hour` or `day`.
 *   Without `from` the range is today.
 * @param nowMs Unix time; dates without a zone are the machine's.
 * @throws RangeError that names the value and says what to give.
 */
export function readRange(query: URLSearchParams, nowMs: number): Range {
  const from = query.get("from") ?? "";
  const to = query.get("to") ?? "";
  const fromMs = from === "" ? startOf("day", nowMs) : readTime("from", from);
  const toMs = to === "" ? startOf("day", nowMs, 1) : readTime("to", to, DATE.test(to) ? 1 : 0);
  if (toMs <= fromMs)
    throw new RangeError(`from=${from} is not before to=${to}. Give a range that begins before it ends.`);
  const days = Math.round((toMs - fromMs) / DAY_MS);
  if (days > LONGEST_DAYS) throw new RangeError(`from=${from}&to=${to} is ${days} days. Give at most ${LONGEST_DAYS}.`);
  const by = query.get("by") ?? (days <= HOURS_UP_TO_DAYS ? "hour" : "day");
  const step = STEPS.find((name) => name === by);
  if (step === undefined) throw new RangeError(`by=${by.slice(0, 40)} is unknown. Give hour or day.`);
  return { fromMs, toMs, by: step };
}

/** @param days Added to a date. */
function readTime(name: string, text: string, days = 0): number {
  let ms = Number.NaN;
  if (DATE.test(text)) {
    const [year, month, day] = text.split("-").map(Number) as [number, number, number];
    const date = new Date(year, month - 1, day + days);
    // 2026-02-30 is not the 2nd of March.
    if (new Date(year, month - 1, day).getMonth() === month - 1) ms = date.getTime();
  } else if (TIME.test(text)) ms = Date.parse(text);
  if (Number.isNaN(ms))
    throw new RangeError(`${name}=${text.slice(0, 40)} is no date. Give one as in 2026-11-26 or 2026-11-26T09:00:00Z.`);
  return ms;
}

/** @returns Local midnight, or the full hour, before a time; `days` later where they are given. */
export function startOf(step: Step, ms: number, days = 0): number {
  const date = new Date(ms);
  if (step === "hour") return date.setMinutes(0, 0, 0);
  date.setHours(0, 0, 0, 0);
  return date.setDate(date.getDate() + days);
}

/** The sums of one hour of the day, over all days of a range. */
export interface HourOfDay extends Omit<WrittenSpan, "from" | "to"> {
  /** 0 to 23, local time. */
  readonly hour: number;
}

export interface Statistics {
  readonly schema: 1;
  /** The machine's, in which hours and days are meant; as `Europe/Berlin`. */
  readonly timeZone: string;
  readonly from: string;
  readonly to: string;
  readonly by: Step;
  /** Visits that stand behind every figure at least. */
  readonly least: number;
  /** One for each hour or day in which the exhibit watched. */
  readonly rows: readonly WrittenSpan[];
  readonly hoursOfDay: readonly HourOfDay[];
  readonly total: WrittenSpan;
}

/**
 * Sum up quarters of an hour by local hours or days.
 *
 * @param quarters In order.
 */
export function statisticsOf(quarters: readonly Span[], range: Range, least: number): Statistics {
  const rows = new Map<number, Amounts>();
  const hours = new Map<number, Amounts>();
  let total = NOTHING;
  for (const quarter of quarters) {
    const start = startOf(range.by, quarter.fromMs);
    rows.set(start, add(rows.get(start) ?? NOTHING, quarter));
    const hour = new Date(quarter.fromMs).getHours();
    hours.set(hour, add(hours.get(hour) ?? NOTHING, quarter));
    total = add(total, quarter);
  }
  const end = (start: number) => (range.by === "hour" ? start + 3_600_000 : startOf("day", start, 1));
  const { from, to, ...rest } = writeSpan({ ...total, fromMs: range.fromMs, toMs: range.toMs });
  return {
    schema: 1,
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    ...{ from, to, by: range.by, least },
    rows: [...rows].map(([start, amounts]) => writeSpan({ ...amounts, fromMs: start, toMs: end(start) })),
    hoursOfDay: Array.from({ length: 24 }, (_, hour) => {
      const { from: _from, to: _to, ...amounts } = writeSpan({ ...(hours.get(hour) ?? NOTHING), fromMs: 0, toMs: 0 });
      return { hour, ...amounts };
    }),
    total: { from, to, ...rest },
  };
}

/** @returns The rows as RFC 4180 has it, with a row of names. */
export function statisticsCsv({ rows }: Statistics): string {
  const names = ["from", "to", "visits", "most_faces", "present_s", "unsure_s", "watched_s"];
  const lines = rows.map((row) => [
    ...[row.from, row.to, row.visits, row.mostFaces, row.presentS, row.unsureS, row.watchedS],
    ...LABELS.map((label) => row.seconds[label]),
  ]);
  const table = [[...names, ...LABELS.map((label) => `${label}_s`)], ...lines];
  return table.map((line) => `${line.join(",")}\r\n`).join("");
}

export interface Counters {
  readonly totals: Amounts;
  /** Loads of the exhibit's page. */
  readonly loads: number;
  /** Unix time of the fleet's last word, ms; null where there was none. */
  readonly syncedAtMs: number | null;
  readonly waiting: number;
}

/** @returns Prometheus' text, version 0.0.4. */
export function metricsText({ totals, loads, syncedAtMs, waiting }: Counters): string {
  const seconds = LABELS.map((label) => [`{expression="${label}"}`, totals.expressionMs[label] / 1000] as const);
  return [
    metric("expression_seconds_total", "counter", "Seconds of faces with each apparent expression.", ...seconds),
    metric("visits_total", "counter", "Visits that are summed up.", ["", totals.visits]),
    metric("present_seconds_total", "counter", "Seconds in which anybody was in view.", ["", totals.presentMs / 1000]),
    metric("watched_seconds_total", "counter", "Seconds in which the exhibit watched.", ["", totals.watchedMs / 1000]),
    metric("restarts_total", "counter", "Loads of the exhibit's page.", ["", loads]),
    metric("waiting_sums", "gauge", "Sums that the fleet has not acknowledged.", ["", waiting]),
    metric("last_sync_timestamp_seconds", "gauge", "When the fleet last acknowledged; 0: never.", [
      "",
      (syncedAtMs ?? 0) / 1000,
    ]),
  ].join("");
}

/** @param samples Labels in braces, or "", and a value. */
export function metric(
  name: string,
  type: "counter" | "gauge",
  help: string,
  ...samples: readonly (readonly [labels: string, value: number])[]
): string {
  const full = `emotion_kiosk_${name}`;
  const lines = samples.map(([labels, value]) => `${full}${labels} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join("")}`;
}
