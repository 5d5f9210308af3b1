import { drawFrameTimes } from "./chart.ts";
import type { Progress, Run } from "./measure.ts";
import { STAGES, type BenchReport } from "./report.ts";
import { isCoarse } from "./timer.ts";

/** URL relative to the page; the file is `static/bench.css`. */
const STYLE_SHEET = "bench.css";
/** A figure that could be mistaken for all that a task manager shows gets words. */
const BUSY_NOTE =
  "Busy: how much of one core's time goes to emotion-cam's own code, in the worker and on the page's thread. The browser " +
  "reads the camera and shows the picture besides; that is not counted here, and no page can measure it.";
const ENGINE_NAMES = { int8: "int8 engine", float: "float engine" } as const;

/** The bench's sheet over the page: first the progress, then the report or the failure. */
export class BenchPanel {
  readonly #root = part("section", "bench");
  #charts = new AbortController();

  constructor() {
    this.#root.setAttribute("aria-label", "Benchmark");
    if (document.querySelector(`link[href="${STYLE_SHEET}"]`) === null) {
      const link = document.createElement("link");
      link.rel = "stylesheet";
      link.href = STYLE_SHEET;
      document.head.append(link);
    }
    document.body.append(this.#root);
  }

  /** Show the progress on a small sheet, so that the picture below stays visible and is drawn as usual. */
  showProgress(engine: string, { phase, share, frames }: Progress): void {
    this.#root.dataset["phase"] = "running";
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = share;
    bar.setAttribute("aria-label", "Progress of the measurement");
    const name = ENGINE_NAMES[engine as keyof typeof ENGINE_NAMES];
    this.#fill(part("p", "bench-status", `${name}: ${phase}${frames > 0 ? `, ${frames} frames` : ""}`), bar);
  }

  /** Show that the run failed. @param again Runs the bench again. */
  showFailure(message: string, again: () => void): void {
    this.#root.dataset["phase"] = "failed";
    const words = part("p", "bench-sentence", message);
    words.setAttribute("role", "alert");
    this.#fill(words, buttons([["Run again", again]]));
  }

  /** Show the report. @param again Runs the bench again. */
  showReport(report: BenchReport, runs: readonly Run[], again: () => void): void {
    this.#root.dataset["phase"] = "done";
    const json = JSON.stringify(report, null, 2);
    const head = part("header", "bench-head");
    const title = part("h1", "bench-sentence", report.sentence);
    head.append(title, ...warningsOf(report), facts(environmentOf(report)));
    const cards = part("div", "bench-cards");
    this.#fill(
      head,
      cards,
      buttons([
        ["Copy JSON", (button) => void copy(json, button)],
        ["Save JSON", () => save(json, report)],
        ["Run again", again],
      ]),
    );
    for (const run of runs) {
      const { card, chart } = cardOf(run.report);
      cards.append(card);
      drawFrameTimes(chart, run.frames, this.#charts.signal);
    }
    this.#root.scrollTop = 0;
  }

  #fill(...children: readonly HTMLElement[]): void {
    this.#charts.abort();
    this.#charts = new AbortController();
    this.#root.replaceChildren(...children);
  }
}

function part(tag: string, className: string, text = ""): HTMLElement {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

function facts(pairs: readonly (readonly [string, string])[]): HTMLElement {
  const list = part("dl", "bench-facts");
  for (const [name, value] of pairs) {
    const pair = document.createElement("div");
    pair.append(part("dt", "", name), part("dd", "", value));
    list.append(pair);
  }
  return list;
}

function buttons(all: readonly (readonly [string, (button: HTMLElement) => void])[]): HTMLElement {
  const row = part("div", "bench-buttons");
  for (const [name, act] of all) {
    const button = part("button", "", name);
    button.setAttribute("type", "button");
    button.addEventListener("click", () => act(button));
    row.append(button);
  }
  return row;
}

function warningsOf({ environment, frames }: BenchReport): HTMLElement[] {
  const warnings: string[] = [];
  if (isCoarse(environment.timerResolutionMs))
    warnings.push(
      `This browser's timer has a resolution of ${environment.timerResolutionMs} ms, too coarse to time single stages. ` +
        "The frames per second are valid; use another browser for the other figures.",
    );
  if (frames < 100)
    warnings.push(
      `Only ${frames} frames were measured, too few for a reliable p95 and p99. Run longer, for example with ?bench=60`,
    );
  return warnings.map((text) => part("p", "bench-warning", text));
}

function environmentOf({
  environment,
  source,
  pace,
  range,
  commit,
  when,
}: BenchReport): readonly (readonly [string, string])[] {
  return [
    ["source", `${source.kind} ${source.width}x${source.height}`],
    [
      "detection",
      `${range === "near" ? "the whole picture" : "the whole picture and parts of it"}, ` +
        (pace === "measure" ? "every frame and every face" : "adaptive, as in everyday use"),
    ],
    ["processor", `${environment.cores} cores, WebAssembly SIMD: ${environment.simd}`],
    ["timer", `${environment.timerResolutionMs} ms${environment.isolated ? "" : " (page not isolated)"}`],
    ["commit", commit.slice(0, 18)],
    ["when", when.slice(0, 16).replace("T", " ") + " UTC"],
    ["browser", environment.userAgent],
  ];
}

function cardOf(report: BenchReport): { card: HTMLElement; chart: HTMLElement } {
  const { environment, memory, model, stages, busyMsPerSecond } = report;
  const card = part("article", "bench-card");
  const chart = part("div", "bench-chart");
  const figures = facts([
    ["frames per second", report.fps.toFixed(1)],
    ["time per frame, median", ms(stages.total.p50)],
    ["first result", ms(report.firstResultMs)],
    [report.cpuFrom === "stages" ? "CPU per frame (worker)" : "CPU per frame", ms(report.cpuMsPerFrame)],
    ["worker busy", coreShare(busyMsPerSecond.worker)],
    ["page busy", coreShare(busyMsPerSecond.page)],
    ["dropped", `${report.dropped} of ${report.frames + report.dropped}`],
    [
      "memory",
      `${memory.jsHeapMB === null ? "?" : memory.jsHeapMB.toFixed(0)} MB, WASM ${memory.wasmMB.toFixed(0)} MB`,
    ],
    ["kernels", `${environment.variant}, ${environment.threads === 1 ? "1 thread" : `${environment.threads} threads`}`],
    ["model", `${model.name}, ${(model.bytes / 1e6).toFixed(2)} MB`],
  ]);
  figures.classList.add("bench-figures");
  const legend = part("p", "bench-legend");
  legend.append(
    part("span", "bench-total", "time in the worker"),
    part("span", "bench-interval", "time between answers"),
  );
  const note = part("p", "bench-note", BUSY_NOTE);
  card.append(part("h2", "", ENGINE_NAMES[report.engine]), figures, note, stageTable(report), chart, legend);
  return { card, chart };
}

function stageTable({ stages }: BenchReport): HTMLElement {
  const table = document.createElement("table");
  table.className = "bench-stages";
  const head = table.createTHead().insertRow();
  for (const name of ["stage, ms", "p50", "p95", "p99"]) {
    const cell = part("th", "", name);
    cell.setAttribute("scope", "col");
    head.append(cell);
  }
  const body = table.createTBody();
  for (const stage of STAGES) {
    const row = body.insertRow();
    const name = part("th", "", stage);
    name.setAttribute("scope", "row");
    row.append(name);
    for (const share of ["p50", "p95", "p99"] as const) row.insertCell().textContent = stages[stage][share].toFixed(2);
  }
  return table;
}

function ms(timeMs: number): string {
  return `${timeMs.toFixed(timeMs < 100 ? 2 : 0)} ms`;
}

/** @param busyMs In a second. */
function coreShare(busyMs: number): string {
  const percent = busyMs / 10;
  return `${percent.toFixed(percent < 10 ? 1 : 0)} % of a core`;
}

async function copy(json: string, button: HTMLElement): Promise<void> {
  const name = button.textContent;
  try {
    await navigator.clipboard.writeText(json);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Copying was refused: use Save JSON";
  }
  setTimeout(() => (button.textContent = name), 3000);
}

function save(json: string, { when, engine }: BenchReport): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([json], { type: "application/json" }));
  link.download = `emotion-cam-bench-${engine}-${when.slice(0, 19).replaceAll(":", "-")}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
}
