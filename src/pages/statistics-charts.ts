/** Draws charts with Chart.js, each with the table behind it. */
import { BarController, BarElement, CategoryScale, Chart, LinearScale, Legend, Tooltip } from "chart.js";
import type { ChartDataset } from "chart.js";
import type { Drawing } from "./statistics-drawings.ts";
import { language, words } from "./statistics-format.ts";

Chart.register(BarController, BarElement, CategoryScale, LinearScale, Legend, Tooltip);

export function figureOf(drawing: Drawing, isOpen: boolean): HTMLElement {
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

/** A chart's size on A4 across, as statistics.css has it, CSS pixels. */
const PAPER = { wide: { width: 1020, height: 264 }, narrow: { width: 322, height: 181 } } as const;

/** @param isPrinted Whether it is for paper, whose size the page's layout does not have yet. */
export function chartOf(drawing: Drawing, canvas: HTMLCanvasElement, isPrinted: boolean): Chart {
  if (isPrinted) Object.assign(canvas, drawing.isWide ? PAPER.wide : PAPER.narrow);
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  const [ink, line] = [colour("ink"), colour("line")];
  const font = { family: style.fontFamily, size: isPrinted ? 10.5 : 14 };
  const title = (text: string) => ({ display: true, text, color: ink, font });
  const grid = { color: line };
  const ticks = { color: ink, font, maxRotation: 60, autoSkipPadding: 8 };
  const { isStacked: stacked, series } = drawing;
  const bars: ChartDataset<"bar">[] = series.map(({ name, colour: token, values }) => ({
    ...{ label: name, data: [...values], backgroundColor: colour(token) },
    // A part stands before its whole.
    ...(stacked ? {} : { borderRadius: 2, grouped: false }),
    // Bars that touch are told apart by a line of the ground.
    ...(stacked ? { borderColor: colour("raised"), borderWidth: { top: 1 }, borderSkipped: false as const } : {}),
  }));
  return new Chart(canvas, {
    type: "bar",
    data: { labels: [...drawing.labels], datasets: bars },
    options: {
      ...{ animation: false, responsive: !isPrinted, maintainAspectRatio: false },
      ...(isPrinted ? { devicePixelRatio: 2 } : {}),
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

export function element(name: string, ...children: (Node | string)[]): HTMLElement {
  const made = document.createElement(name);
  made.append(...children);
  return made;
}
