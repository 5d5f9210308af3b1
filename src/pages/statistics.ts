/**
 * The owner's page: what the day was like, in four charts, with a table behind each. It asks the server for sums, behind
 * which enough visits stand, and draws nothing finer than they are.
 */
import { BarController, BarElement, CategoryScale, Chart, LinearScale, Legend, Tooltip } from "chart.js";
import type { ChartDataset } from "chart.js";
import { type StatisticsWords, statisticsWords } from "./statistics-words.ts";

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Legend, Tooltip);

/** The strip's order, from the bright ones to the dark. */
const EXPRESSIONS = ["happy", "surprised", "neutral", "sad", "fearful", "disgusted", "angry"] as const;
type Expression = (typeof EXPRESSIONS)[number];

/** A range that ends today is asked for anew so often, ms. */
const REFRESH_MS = 60_000;

/** Longer ranges are drawn by the week: a year of days is too fine to read. */
const DAYS_AT_MOST = 92;
const DAYS_A_WEEK = 7;

const DAY_MS = 86_400_000;

/** What the server sends; kiosk/statistics-export.ts has the meaning of each. */
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
interface Statistics {
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
interface Drawing {
  readonly title: string;
  readonly isWide: boolean;
  readonly isStacked: boolean;
  readonly xTitle: string;
  readonly yTitle: string;
  readonly labels: readonly string[];
  readonly series: readonly { readonly name: string; readonly colour: string; readonly values: readonly number[] }[];
}

const flags = new URLSearchParams(location.search);
const { language, words } = statisticsWords(flags.get("lang") ?? navigator.language);
const form = find<HTMLFormElement>("#choose");
const charts: Chart[] = [];
let expressionWords: Readonly<Record<Expression, string>>;
let drawn: Statistics | null = null;

document.documentElement.lang = language;
for (const element of document.querySelectorAll<HTMLElement>("[data-word]"))
  element.textContent = words[element.dataset["word"] as keyof StatisticsWords];
document.title = words.heading;
const isDark = matchMedia("(prefers-color-scheme: dark)");
useTheme(isDark.matches ? "dark" : "light");
void begin();

async function begin(): Promise<void> {
  listen();
  const [from, to] = [flags.get("from"), flags.get("to")];
  setDates(from ?? dateOf(0), to ?? dateOf(0));
  const file = fetch(`lang/${language}.json`).then((response) => response.json());
  expressionWords = await file;
  await load();
  setInterval(() => !document.hidden && form["to"].value >= dateOf(0) && void load(), REFRESH_MS);
}

function listen(): void {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void load();
  });
  for (const button of form.querySelectorAll<HTMLButtonElement>("[data-days]"))
    button.addEventListener("click", () => {
      setDates(dateOf(Number(button.dataset["days"]) - 1), dateOf(0));
      void load();
    });
  find("#print").addEventListener("click", () => print());
  isDark.addEventListener("change", () => redraw(isDark.matches ? "dark" : "light"));
  // Paper is white, and a canvas keeps the colours that it was drawn with.
  addEventListener("beforeprint", () => redraw("light"));
  addEventListener("afterprint", () => redraw(isDark.matches ? "dark" : "light"));
}

function redraw(theme: "dark" | "light"): void {
  useTheme(theme);
  if (drawn !== null) draw(drawn);
}

function useTheme(theme: "dark" | "light"): void {
  document.documentElement.dataset["theme"] = flags.get("theme") ?? theme;
}

/** @returns A local date so many days ago, as date inputs have it. */
function dateOf(daysAgo: number): string {
  const date = new Date();
  date.setDate(date.getDate() - daysAgo);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");
}

function setDates(from: string, to: string): void {
  form["from"].value = from;
  form["to"].value = to;
}

async function load(): Promise<void> {
  const [from, to] = [form["from"].value as string, form["to"].value as string];
  const by = from === to ? "hour" : "day";
  const query = `?${new URLSearchParams({ from, to, by })}`;
  find<HTMLAnchorElement>("#csv").href = `statistics.csv${query}`;
  find<HTMLAnchorElement>("#json").href = `statistics.json${query}`;
  for (const button of form.querySelectorAll<HTMLButtonElement>("[data-days]")) {
    const isChosen = to === dateOf(0) && from === dateOf(Number(button.dataset["days"]) - 1);
    button.setAttribute("aria-pressed", String(isChosen));
  }
  try {
    const response = await fetch(`statistics.json${query}`, { cache: "no-store" });
    if (!response.ok) throw new Error((await response.text()).trim());
    draw((await response.json()) as Statistics);
  } catch (error) {
    say(fill(words.failed, { reason: error instanceof Error ? error.message : String(error) }));
  }
}

function draw(statistics: Statistics): void {
  drawn = statistics;
  const lastDay = new Date(Date.parse(statistics.to) - 1);
  const days = new Intl.DateTimeFormat(language, { dateStyle: "full" });
  find("#range").textContent = days.formatRange(new Date(statistics.from), lastDay);
  find("#note").textContent = fill(words.note, { least: statistics.least });
  const isEmpty = statistics.total.visits === 0;
  say(isEmpty ? words.nothing : "");
  showFigures(statistics);
  const drawings = isEmpty ? [] : drawingsOf(statistics);
  for (const chart of charts.splice(0)) chart.destroy();
  const open = [...document.querySelectorAll("details")].map((details) => details.open);
  find("#charts").replaceChildren(...drawings.map((drawing, index) => figureOf(drawing, open[index] ?? false)));
  drawings.forEach((drawing, index) => charts.push(chartOf(drawing, document.querySelectorAll("canvas")[index]!)));
  document.body.dataset["drawn"] = String(drawings.length);
}

function showFigures({ total, hoursOfDay }: Statistics): void {
  const figures = [
    [words.visits, count(total.visits)],
    [words.present, time(total.presentS)],
    [words.watched, time(total.watchedS)],
    [words.busiest, total.visits === 0 ? "–" : hourRange(busiestHour(hoursOfDay)).join("–")],
  ];
  find("#figures").replaceChildren(
    ...figures.map(([name, value]) => element("div", element("dt", name!), element("dd", value!))),
  );
}

function drawingsOf(statistics: Statistics): readonly Drawing[] {
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
      ...{ isWide: true, isStacked: true, title: expressionsTitle(total), yTitle: unit },
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
      title: fill(words.visitsTitle, {
        count: count(total.visits),
        when: `${isByWeek ? `${words.weekOf} ` : ""}${labels[busiest(rows)]!}`,
      }),
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

function expressionsTitle({ seconds }: Amounts): string {
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

function busiestHour(hours: Statistics["hoursOfDay"]): number {
  return busiest(hours);
}

function hourRange(hour: number): string[] {
  return [hour, hour + 1].map(hourLabel);
}

function hourLabel(hour: number): string {
  const date = new Date(2026, 0, 1, hour);
  return new Intl.DateTimeFormat(language, { hour: "numeric", minute: "2-digit" }).format(date);
}

function label(from: string, by: "hour" | "day"): string {
  const date = new Date(from);
  if (by === "hour") return hourLabel(date.getHours());
  return new Intl.DateTimeFormat(language, { weekday: "short", day: "numeric", month: "short" }).format(date);
}

function weekLabel(from: string): string {
  return new Intl.DateTimeFormat(language, { day: "numeric", month: "short" }).format(new Date(from));
}

function count(value: number): string {
  return new Intl.NumberFormat(language).format(value);
}

/** @returns Hours and minutes, as in `3 hr 12 min`. */
function time(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  const format = (value: number, unit: "hour" | "minute") =>
    new Intl.NumberFormat(language, { style: "unit", unit, unitDisplay: "short" }).format(value);
  if (minutes < 60) return format(minutes, "minute");
  const hours = Math.floor(minutes / 60);
  return hours >= 100 || minutes % 60 === 0
    ? format(hours, "hour")
    : `${format(hours, "hour")} ${format(minutes % 60, "minute")}`;
}

function figureOf(drawing: Drawing, isOpen: boolean): HTMLElement {
  const canvas = document.createElement("canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", drawing.title);
  const frame = element("div", canvas);
  frame.className = "canvas";
  const scroller = element("div", tableOf(drawing));
  scroller.className = "table";
  scroller.tabIndex = 0;
  scroller.setAttribute("role", "region");
  scroller.setAttribute("aria-label", drawing.title);
  const details = element("details", element("summary", words.table), scroller) as HTMLDetailsElement;
  details.open = isOpen;
  const figure = element("figure", element("figcaption", drawing.title), frame, details);
  figure.classList.toggle("wide", drawing.isWide);
  return figure;
}

function tableOf({ series, labels, xTitle, yTitle }: Drawing): HTMLElement {
  const head = series.map(({ name }) => header(name === yTitle ? name : `${name} (${yTitle})`, "col"));
  const format = new Intl.NumberFormat(language, { maximumFractionDigits: 1 });
  const rows = labels.map((text, index) =>
    element("tr", header(text, "row"), ...series.map(({ values }) => element("td", format.format(values[index]!)))),
  );
  const names = element("thead", element("tr", header(xTitle, "col"), ...head));
  return element("table", names, element("tbody", ...rows));
}

function header(text: string, scope: "row" | "col"): HTMLElement {
  const cell = element("th", text);
  cell.setAttribute("scope", scope);
  return cell;
}

function chartOf(drawing: Drawing, canvas: HTMLCanvasElement): Chart {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const [ink, line] = [colour("ink"), colour("line")];
  const font = { family: style.fontFamily, size: 14 };
  const title = (text: string) => ({ display: true, text, color: ink, font });
  const grid = { color: line };
  const ticks = { color: ink, font, maxRotation: 60, autoSkipPadding: 8 };
  const { isStacked: stacked, series } = drawing;
  const bars: ChartDataset<"bar">[] = series.map(({ name, colour: token, values }) => ({
    ...{ label: name, data: [...values], backgroundColor: colour(token) },
    ...(stacked ? {} : { borderRadius: 2 }),
    // Bars that touch are told apart by a line of the ground.
    ...(stacked ? { borderColor: colour("raised"), borderWidth: { top: 1 }, borderSkipped: false as const } : {}),
  }));
  return new Chart(canvas, {
    type: "bar",
    data: { labels: [...drawing.labels], datasets: bars },
    options: {
      ...{ animation: false, responsive: true, maintainAspectRatio: false },
      interaction: { mode: "index", intersect: false },
      scales: {
        x: { stacked, title: title(drawing.xTitle), grid: { display: false }, ticks },
        y: { stacked, title: title(drawing.yTitle), grid, ticks: { ...ticks, maxTicksLimit: 6 }, beginAtZero: true },
      },
      plugins: {
        legend: { display: series.length > 1, labels: { color: ink, font, boxWidth: 14 } },
        tooltip: { bodyFont: font, titleFont: font, itemSort: (a, b) => b.datasetIndex - a.datasetIndex },
      },
    },
  });
}

function element(name: string, ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}

function say(text: string): void {
  find("#said").textContent = text;
}

function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name]));
}

function find<T extends HTMLElement = HTMLElement>(selector: string): T {
  return document.querySelector<T>(selector)!;
}
