/** The four charts of the statistics: their titles and bars, from the sums that the server sends. */
import { count, fill, hourLabel, hourRange, label, language, time, weekLabel, words } from "./statistics-format.ts";

/** The strip's order, from the bright ones to the dark. */
const EXPRESSIONS = ["happy", "surprised", "neutral", "sad", "fearful", "disgusted", "angry"] as const;
type Expression = (typeof EXPRESSIONS)[number];
export type ExpressionWords = Readonly<Record<Expression, string>>;

/** The server's answer; kiosk/statistics-export.ts has the meaning of each field. */
interface Amounts {
  readonly visits: number;
  readonly presentS: number;
  readonly unsureS: number;
  readonly watchedS: number;
  readonly seconds: Readonly<Record<Expression, number>>;
}
interface Row extends Amounts {
  readonly from: string;
  readonly to: string;
}
export interface Statistics {
  readonly timeZone: string;
  readonly from: string;
  readonly to: string;
  readonly by: "hour" | "day";
  readonly least: number;
  readonly rows: readonly Row[];
  readonly hoursOfDay: readonly (Amounts & { readonly hour: number })[];
  readonly total: Row;
}

/** One chart, and the table behind it. */
export interface Drawing {
  readonly title: string;
  readonly isWide: boolean;
  readonly isStacked: boolean;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly labels: readonly string[];
  readonly series: readonly { readonly name: string; readonly colour: string; readonly values: readonly number[] }[];
}

/** Longer ranges are drawn by the week: a year of days is too fine to read. */
const DAYS_AT_MOST = 92;
const DAYS_A_WEEK = 7;

const DAY_MS = 86_400_000;

/** @param expressionWords The names of the expressions in the page's language. */
export function drawingsOf(statistics: Statistics, expressionWords: ExpressionWords): readonly Drawing[] {
  const { by, total, hoursOfDay } = statistics;
  const isByWeek = by === "day" && (Date.parse(statistics.to) - Date.parse(statistics.from)) / DAY_MS > DAYS_AT_MOST;
  const rows = isByWeek ? weeksOf(allRows(statistics)) : allRows(statistics);
  const labels = rows.map(({ from }) => (isByWeek ? weekLabel(from) : label(from, by)));
  const xTitle = isByWeek ? words.weekOf : by === "hour" ? words.hour : words.day;
  // Bars of a day or less are minutes, of more hours.
  const [unitS, unit] = by === "hour" ? [60, words.minutes] : [3600, words.hours];
  const shared = { isWide: false, isStacked: false, xTitle, labels };
  const series = (name: string, colour: string, values: readonly number[]) => ({ name, colour, values });
  const [from, to] = hourRange(busiestHour(hoursOfDay));
  return [
    {
      ...shared,
      ...{ isWide: true, isStacked: true, title: expressionsTitle(total, expressionWords), yTitle: unit },
      series: [
        ...EXPRESSIONS.map((name) =>
          series(
            expressionWords[name],
            name,
            rows.map(({ seconds }) => seconds[name] / unitS),
          ),
        ),
        series(
          words.unsure,
          "unsure",
          rows.map(({ unsureS }) => unsureS / unitS),
        ),
      ],
    },
    {
      ...shared,
      title: fill(words.visitsTitle, { count: count(total.visits), when: whenOf(rows[busiest(rows)]!, by, isByWeek) }),
      yTitle: words.visits,
      series: [
        series(
          words.visits,
          "bar",
          rows.map(({ visits }) => visits),
        ),
      ],
    },
    {
      ...shared,
      title: fill(words.hoursTitle, { from: from!, to: to! }),
      ...{ xTitle: words.hour, yTitle: words.visits },
      labels: hoursOfDay.map(({ hour }) => hourLabel(hour)),
      series: [
        series(
          words.visits,
          "bar",
          hoursOfDay.map(({ visits }) => visits),
        ),
      ],
    },
    {
      ...shared,
      title: fill(words.timeTitle, { watched: time(total.watchedS), present: time(total.presentS) }),
      yTitle: unit,
      series: [
        series(
          words.present,
          "bar",
          rows.map(({ presentS }) => presentS / unitS),
        ),
        series(
          words.watched,
          "unsure",
          rows.map(({ watchedS }) => watchedS / unitS),
        ),
      ],
    },
  ];
}

/** @returns An hour as a range, a day, or a week by its first day. */
function whenOf({ from }: Row, by: "hour" | "day", isByWeek: boolean): string {
  if (isByWeek) return fill(words.inWeek, { date: weekLabel(from) });
  return by === "hour" ? hourRange(new Date(from).getHours()).join("–") : label(from, by);
}

function expressionsTitle({ seconds }: Amounts, expressionWords: ExpressionWords): string {
  const certainS = EXPRESSIONS.reduce((sum, name) => sum + seconds[name], 0);
  const top = EXPRESSIONS.reduce((best, name) => (seconds[name] > seconds[best] ? name : best));
  const percent = new Intl.NumberFormat(language, { style: "percent" }).format(seconds[top] / Math.max(certainS, 1e-9));
  return fill(words.expressionsTitle, { expression: expressionWords[top], percent });
}

/** Add the hours or days in which nobody watched: a gap in time is a gap on the axis. */
function allRows({ rows, by, from, to }: Statistics): readonly Row[] {
  const known = new Map(rows.map((row) => [Date.parse(row.from), row]));
  // A day's axis begins when the exhibit was first on, and ends when it was last.
  const first = by === "day" ? new Date(from) : new Date(rows[0]!.from);
  const endMs = by === "day" ? Date.parse(to) : Date.parse(rows.at(-1)!.to);
  const seconds = Object.fromEntries(EXPRESSIONS.map((name) => [name, 0])) as Record<Expression, number>;
  const all: Row[] = [];
  for (const date = first; date.getTime() < endMs;) {
    const at = date.toISOString();
    all.push(
      known.get(date.getTime()) ?? { from: at, to: at, visits: 0, presentS: 0, unsureS: 0, watchedS: 0, seconds },
    );
    if (by === "day") date.setDate(date.getDate() + 1);
    else date.setHours(date.getHours() + 1);
  }
  return all;
}

function weeksOf(days: readonly Row[]): readonly Row[] {
  const weeks: Row[] = [];
  for (let index = 0; index < days.length; index += DAYS_A_WEEK)
    weeks.push(days.slice(index, index + DAYS_A_WEEK).reduce(sum));
  return weeks;
}

function sum(a: Row, b: Row): Row {
  const names = ["visits", "presentS", "unsureS", "watchedS"] as const;
  return {
    ...{ from: a.from, to: b.to },
    ...(Object.fromEntries(names.map((name) => [name, a[name] + b[name]])) as Omit<Amounts, "seconds">),
    seconds: Object.fromEntries(
      EXPRESSIONS.map((name) => [name, a.seconds[name] + b.seconds[name]]),
    ) as Amounts["seconds"],
  };
}

/** @returns The index of the row with the most visits. */
function busiest(rows: readonly Amounts[]): number {
  return rows.reduce((best, { visits }, index) => (visits > rows[best]!.visits ? index : best), 0);
}

export function busiestHour(hours: Statistics["hoursOfDay"]): number {
  return busiest(hours);
}
