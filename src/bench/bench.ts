import type { EngineName } from "../types.ts";
import { measureEngine, type BenchElement, type Run } from "./measure.ts";
import { BenchPanel } from "./panel.ts";
import type { BenchReport } from "./report.ts";

/** Long enough for a p99 at 30 frames a second, short enough to wait for. */
const DEFAULT_SECONDS = 10;
/** The default engine first: its report is the one that is quoted. */
const ENGINES: readonly EngineName[] = ["int8", "float"];

declare global {
  interface Window {
    /** The report, once a run is over; gone while another is on. */
    __bench?: BenchReport;
  }
}

export interface BenchFlags {
  /** How long each engine is measured, after its warm-up. Default: 10. */
  readonly seconds?: number;
  /** This engine alone. Default: both, one after the other, where both run. */
  readonly engine?: EngineName;
  /** The URL of a clip or picture, or `camera`. */
  readonly src: string;
  /** `adaptive` measures the component as it runs day by day. Default: `measure`, which skips nothing. */
  readonly pace?: "measure" | "adaptive";
}

/**
 * Measures `<emotion-cam>` from outside and shows what came out; the report is `window.__bench` too. Takes the element
 * over: stops and starts it.
 *
 * @param element An `<emotion-cam>` that is in the page.
 * @returns The default engine's report, the other's in its `others`. The sheet's button runs it again.
 * @throws EmotionCamError where the element cannot start; Error where too few frames were answered. The sheet says it too.
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
  // Where nothing is skipped, looking far means every part of every picture, which no day-to-day frame does: that is
  // measured only where it is asked for.
  const range = flags.pace === "adaptive" || element.hasAttribute("range") ? element.range : "near";
  const plan = {
    range,
    src: flags.src === "camera" ? "" : flags.src,
    seconds: flags.seconds ?? DEFAULT_SECONDS,
    pace: flags.pace ?? "measure",
  } as const;
  const engines = flags.engine === undefined ? ENGINES : [flags.engine];
  for (const engine of engines) {
    // Where a browser has no SIMD the element answers a wish for int8 with float; once is enough then.
    if (runs.some(({ report }) => report.engine === engine)) continue;
    const tell = panel.showProgress.bind(panel, engine);
    runs.push(await measureEngine(element, { ...plan, engine }, tell));
  }
  return runs;
}
