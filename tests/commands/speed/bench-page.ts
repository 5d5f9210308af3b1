/** Runs the page `/?bench`. */
import type { Page, Route } from "playwright";
import type {} from "../../../src/bench/bench.ts";
import type { BenchReport } from "../../../src/bench/report.ts";
import type { BenchBrowser, CpuUse } from "./bench-browser.ts";

/** Limit for loading and warming up both engines on a machine ten times slower than a laptop. */
const PATIENCE_MS = 240_000;

/** Rare enough to cost the page nothing noticeable. */
const ASK_EVERY_MS = 500;

/** The clip's own size: without a GPU, enlarging a picture costs more than finding faces in it. */
const VIEWPORT = { width: 640, height: 480 };

/** Flags of the page's address; `undefined` leaves one out. */
export type PageFlags = Readonly<Record<string, string | undefined>>;

/** A file that the page's server has besides the site. */
export interface Served {
  readonly path: string;
  readonly body: Buffer;
  readonly contentType: string;
}

/** The message of `src/bench/measure.ts` when it starts and stops to measure an engine. */
interface Phase {
  readonly phase: "begin" | "end";
  readonly engine: string;
}

/**
 * Open `/?bench` in a new page and wait for its report.
 *
 * @param serve A file for the flag `src`.
 * @returns The report, with CPU time from the browser's processes.
 * @throws Error with the page's message if the page fails.
 */
export async function runPage(
  browser: BenchBrowser,
  url: string,
  flags: PageFlags,
  serve?: Served,
): Promise<BenchReport> {
  const address = new URL(url);
  for (const [name, value] of Object.entries(flags)) if (value !== undefined) address.searchParams.set(name, value);
  const context = await browser.browser.newContext({ viewport: VIEWPORT });
  try {
    const page = await context.newPage();
    if (serve !== undefined) await page.route(`**${serve.path}`, (route) => fulfil(route, serve));
    const watched = new Map<string, Promise<CpuUse>>();
    let stop: Promise<() => Promise<CpuUse>> | null = null;
    await page.exposeFunction("tellBenchPhase", ({ phase, engine }: Phase) => {
      if (phase === "begin") stop = browser.begin();
      else if (stop !== null)
        watched.set(
          engine,
          stop.then((end) => end()),
        );
    });
    await page.addInitScript("addEventListener('bench-phase', ({ detail }) => void globalThis.tellBenchPhase(detail))");
    await browser.throttlePage(page);
    await page.goto(address.href);
    const seconds = Number(flags["bench"] ?? 10);
    const found = await reportOf(page, PATIENCE_MS + 2000 * seconds);
    if (typeof found === "string") throw new Error(`The page says: ${found}`);
    const cpu = new Map<string, CpuUse>();
    for (const [engine, use] of watched) cpu.set(engine, await use);
    return withCpu({ ...found, others: found.others.map((other) => withCpu(other, cpu)) }, cpu);
  } finally {
    await context.close();
  }
}

/** Answer with the asked part of the file: a player that loops asks for parts. */
function fulfil(route: Route, { body, contentType }: Served): Promise<void> {
  const asked = /^bytes=(\d+)-(\d*)$/.exec(route.request().headers()["range"] ?? "");
  const start = Number(asked?.[1] ?? 0);
  const end = asked?.[2] ? Number(asked[2]) : body.length - 1;
  return route.fulfill({
    status: asked === null ? 200 : 206,
    contentType,
    headers: {
      "Accept-Ranges": "bytes",
      "Content-Range": `bytes ${start}-${end}/${body.length}`,
      "Cross-Origin-Resource-Policy": "same-origin",
    },
    body: body.subarray(start, end + 1),
  });
}

function withCpu(report: BenchReport, cpu: ReadonlyMap<string, CpuUse>): BenchReport {
  const use = cpu.get(report.engine);
  if (use === undefined || report.frames === 0) return report;
  const cpuParts = use.parts.map(({ name, cpuMs }) => ({ name, msPerFrame: cpuMs / report.frames }));
  return { ...report, cpuMsPerFrame: use.cpuMs / report.frames, cpuFrom: "processes", cpuParts };
}

/**
 * Wait for the report. It polls from outside, because the page's content security policy forbids evaluating a condition in
 * the page.
 *
 * @returns The report, or the text of a page that failed.
 */
async function reportOf(page: Page, patienceMs: number): Promise<BenchReport | string> {
  const untilMs = performance.now() + patienceMs;
  while (performance.now() < untilMs) {
    const found = await page.evaluate(
      () => window.__bench ?? document.querySelector<HTMLElement>(".bench[data-phase=failed]")?.innerText,
    );
    if (found !== undefined) return found;
    await page.waitForTimeout(ASK_EVERY_MS);
  }
  throw new Error(`The page gave no report in ${patienceMs / 1000} s.`);
}
