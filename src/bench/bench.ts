import type { EngineName, FrameOptions } from "../types.ts";
import { measureEngine, type BenchElement, type Run } from "./measure.ts";
import { BenchPanel } from "./panel.ts";
import type { BenchReport } from "./report.ts";

/** Enough for a p99 at 30 frames a second, and short enough to wait for. */
const DEFAULT_SECONDS = 10;
/** The default engine comes first: its report is the main one. */
const ENGINES: readonly EngineName[] = ["int8", "float"];

declare global {
  interface Window {
    /** The report after a run; undefined while a run is in progress. */
    __bench?: BenchReport;
  }
}

export interface BenchFlags {
  /** Duration of each engine's measurement, after its warm-up. Default: 10. */
  readonly seconds?: number;
  /** Measure this engine only. Default: each engine that the browser can run, one after the other. */
  readonly engine?: EngineName;
  /** The URL of a clip or picture, or `camera`. */
  readonly src: string;
  /** `adaptive` measures the component as it runs in everyday use. Default: `measure`, which skips nothing. */
  readonly pace?: FrameOptions["pace"];
}

/**
 * Measure `<emotion-cam>` from outside, show the report, and store it in `window.__bench`. The bench stops and starts the
 * element. A button on the sheet runs it again.
 *
 * @param element An `<emotion-cam>` that is in the page.
 * @returns The default engine's report, with the other engine's report in `others`.
 * @throws EmotionCamError If the element cannot start.
 * @throws Error If too few frames were answered. The sheet shows the message of either error.
 */
export async function runBench(element: HTMLElement, flags: BenchFlags): Promise<BenchReport> {
  const panel = new BenchPanel();
  const again = () => void run().catch(() => {});
  const run = async () => {
    delete window.__bench;
    try {
      const runs = await measureAll(element as BenchElement, flags, panel);
      const [first, ...rest] = runs.map(({ report }) => report);
      const report: BenchReport = { ...first!, others: rest };
      window.__bench = report;
      panel.showReport(report, runs, again);
      return report;
    } catch (error) {
      panel.showFailure(error instanceof Error ? error.message : String(error), again);
      throw error;
    }
  };
  return run();
}

async function measureAll(element: BenchElement, flags: BenchFlags, panel: BenchPanel): Promise<readonly Run[]> {
  const runs: Run[] = [];
  // With `measure`, `far` searches every part of every frame, which no frame does in everyday use. It is measured only on
  // request.
  const range = flags.pace === "adaptive" || element.hasAttribute("range") ? element.range : "near";
  const plan = {
    range,
    src: flags.src === "camera" ? "" : flags.src,
    seconds: flags.seconds ?? DEFAULT_SECONDS,
    pace: flags.pace ?? "measure",
  } as const;
  const engines = flags.engine === undefined ? ENGINES : [flags.engine];
  for (const engine of engines) {
    // Without WebAssembly SIMD the element runs float in place of int8: measure it once only.
    if (runs.some(({ report }) => report.engine === engine)) continue;
    const tell = panel.showProgress.bind(panel, engine);
    runs.push(await measureEngine(element, { ...plan, engine }, tell));
  }
  return runs;
}
