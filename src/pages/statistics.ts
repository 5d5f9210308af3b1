/**
 * The owner's page: what the day was like, in four charts, with a table behind each. It asks the server for sums, behind
 * which enough visits stand, and draws nothing finer than they are.
 */
import type { Chart } from "chart.js";
import { chartOf, element, figureOf } from "./statistics-charts.ts";
import { type ExpressionWords, type Statistics, busiestHour, drawingsOf } from "./statistics-drawings.ts";
import { count, fill, flags, hourRange, language, time, words } from "./statistics-format.ts";
import type { StatisticsWords } from "./statistics-words.ts";

/** A range that ends today is asked for anew so often, ms. */
const REFRESH_MS = 60_000;

const form = find<HTMLFormElement>("#choose");
const charts: Chart[] = [];
/** Asked for beside the statistics, not before them. */
const expressionWords: Promise<ExpressionWords> = fetch(`lang/${language}.json`).then((response) => response.json());
/** Set before anything is drawn. */
let names: ExpressionWords;
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
  addEventListener("beforeprint", () => redraw("light", true));
  addEventListener("afterprint", () => redraw(isDark.matches ? "dark" : "light"));
}

function redraw(theme: "dark" | "light", isPrinted = false): void {
  useTheme(theme);
  if (drawn !== null) draw(drawn, isPrinted);
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
    const [statistics, expressions] = await Promise.all([response.json() as Promise<Statistics>, expressionWords]);
    names = expressions;
    draw(statistics);
  } catch (error) {
    say(fill(words.failed, { reason: error instanceof Error ? error.message : String(error) }));
  }
}

function draw(statistics: Statistics, isPrinted = false): void {
  drawn = statistics;
  const lastDay = new Date(Date.parse(statistics.to) - 1);
  const days = new Intl.DateTimeFormat(language, { dateStyle: "full" });
  find("#range").textContent = days.formatRange(new Date(statistics.from), lastDay);
  find("#note").textContent = fill(words.note, { least: statistics.least });
  const isEmpty = statistics.total.visits === 0;
  say(isEmpty ? words.nothing : "");
  showFigures(statistics);
  const drawings = isEmpty ? [] : drawingsOf(statistics, names);
  for (const chart of charts.splice(0)) chart.destroy();
  const open = [...document.querySelectorAll("details")].map((details) => details.open);
  find("#charts").replaceChildren(...drawings.map((drawing, index) => figureOf(drawing, open[index] ?? false)));
  const canvases = document.querySelectorAll("canvas");
  drawings.forEach((drawing, index) => charts.push(chartOf(drawing, canvases[index]!, isPrinted)));
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

function say(text: string): void {
  find("#said").textContent = text;
}

function find<T extends HTMLElement = HTMLElement>(selector: string): T {
  return document.querySelector<T>(selector)!;
}
