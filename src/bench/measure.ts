import { EmotionErrorEvent, EmotionFrameEvent } from "../events.ts";
import type { EngineName, FrameOptions, Range, RuntimeInfo } from "../types.ts";
import { capacityOf, sentenceOf } from "./capacity.ts";
import { COMMIT } from "./commit.ts";
import { Recorder, figuresOf, type RecordedFrame } from "./recorder.ts";
import type { BenchReport, SourceKind } from "./report.ts";
import { timerResolutionMs } from "./timer.ts";

/** Longest wait for `measureUserAgentSpecificMemory`, which waits for a garbage collection. */
const MEMORY_PATIENCE_MS = 3000;
/** Interval between two progress reports: long enough to cost nothing. */
const PROGRESS_MS = 250;

/** The members of `<emotion-cam>` that the bench uses. */
export interface BenchElement extends HTMLElement {
  src: string;
  engine: EngineName | "auto";
  pace: FrameOptions["pace"];
  range: Range;
  readonly runtime: RuntimeInfo | null;
  start(): Promise<RuntimeInfo>;
  stop(): Promise<void>;
}

/** Settings for measuring one engine. */
export interface RunPlan {
  readonly engine: EngineName;
  /** URL of a clip or picture; empty for the camera. */
  readonly src: string;
  /** Duration of the measurement, after the warm-up. */
  readonly seconds: number;
  readonly pace: FrameOptions["pace"];
  readonly range: Range;
}

/** The result of measuring one engine. */
export interface Run {
  readonly report: BenchReport;
  readonly frames: readonly RecordedFrame[];
}

/** Progress of a run. */
export interface Progress {
  readonly phase: "loading" | "warming up" | "measuring";
  /** Share of the measurement that is done, 0..1. */
  readonly share: number;
  readonly frames: number;
}

/**
 * Measure one engine: load it again, discard the warm-up, record the frames.
 *
 * @param tell Receives the progress, four times a second.
 * @throws EmotionCamError If the element cannot start.
 * @throws Error If too few frames are answered.
 */
export async function measureEngine(
  element: BenchElement,
  plan: RunPlan,
  tell: (progress: Progress) => void,
): Promise<Run> {
  await element.stop();
  element.pace = plan.pace;
  element.range = plan.range;
  element.src = plan.src;
  element.engine = plan.engine;
  const recorder = new Recorder(performance.now());
  const listening = new AbortController();
  element.addEventListener(
    EmotionFrameEvent.type,
    (event) => recorder.take(event as EmotionFrameEvent, performance.now()),
    { signal: listening.signal },
  );
  try {
    const runtime = await element.start();
    await measuring(element, recorder, plan, tell);
    listening.abort();
    return { report: await reportOf(element, plan, recorder, runtime), frames: recorder.frames };
  } finally {
    listening.abort();
    await element.stop();
  }
}

/** Wait until the measurement is over. Window events mark its begin and end. */
async function measuring(
  element: BenchElement,
  recorder: Recorder,
  plan: RunPlan,
  tell: (progress: Progress) => void,
): Promise<void> {
  let failure: unknown;
  const fail = (event: Event) => (failure = (event as EmotionErrorEvent).error);
  element.addEventListener(EmotionErrorEvent.type, fail);
  const deadlineMs = performance.now() + plan.seconds * 1000 + 60_000;
  let begunMs: number | null = null;
  try {
    for (;;) {
      if (failure !== undefined) throw failure;
      const nowMs = performance.now();
      if (begunMs === null && recorder.frames.length > 0) {
        begunMs = nowMs;
        tellOutside("begin", plan.engine);
      }
      const share = begunMs === null ? 0 : (nowMs - begunMs) / (plan.seconds * 1000);
      // A very slow machine gets more time, because a rate needs two frames.
      if ((share >= 1 && recorder.frames.length > 1) || nowMs > deadlineMs) break;
      const phase = recorder.firstResultMs === 0 ? "loading" : begunMs === null ? "warming up" : "measuring";
      tell({ phase, share: Math.min(share, 1), frames: recorder.frames.length });
      await new Promise((resolve) => setTimeout(resolve, PROGRESS_MS));
    }
  } finally {
    element.removeEventListener(EmotionErrorEvent.type, fail);
    tellOutside("end", plan.engine);
  }
}

/** Mark the begin and end of the measurement for commands that count the processes' CPU time. */
function tellOutside(phase: "begin" | "end", engine: EngineName): void {
  window.dispatchEvent(new CustomEvent("bench-phase", { detail: { phase, engine } }));
}

async function reportOf(
  element: BenchElement,
  plan: RunPlan,
  recorder: Recorder,
  runtime: RuntimeInfo,
): Promise<BenchReport> {
  const { rates, workerMsPerFrame, ...figures } = figuresOf(recorder.frames);
  const capacity = capacityOf(recorder.frames, rates);
  const { classifier, detector } = runtime;
  return {
    schema: 1,
    when: new Date().toISOString(),
    commit: COMMIT,
    environment: {
      userAgent: navigator.userAgent,
      cores: navigator.hardwareConcurrency,
      isolated: crossOriginIsolated,
      simd: runtime.simd,
      variant: runtime.variant,
      timerResolutionMs: timerResolutionMs(),
      threads: runtime.threads,
    },
    source: sourceOf(element, plan.src),
    engine: runtime.engine,
    model: { name: classifier.name, sha256: classifier.sha256, bytes: classifier.bytes },
    ...figures,
    firstResultMs: recorder.firstResultMs,
    cpuMsPerFrame: workerMsPerFrame,
    memory: { jsHeapMB: await jsHeapMB(), wasmMB: runtime.wasmBytes / 1e6 },
    pace: plan.pace,
    range: plan.range,
    cpuFrom: "stages",
    capacity,
    sentence: sentenceOf(capacity),
    detector: { name: detector.name, sha256: detector.sha256, bytes: detector.bytes },
    others: [],
  };
}

/** @returns The source's kind and native size, from the `<video>` or `<img>` that the element shows. */
function sourceOf(element: BenchElement, src: string): BenchReport["source"] {
  const kind: SourceKind = src === "" ? "camera" : "clip";
  const video = element.shadowRoot?.querySelector("video");
  if (video && video.videoWidth > 0) return { kind, width: video.videoWidth, height: video.videoHeight };
  const image = element.shadowRoot?.querySelector("img");
  if (image && image.naturalWidth > 0)
    return { kind: "picture", width: image.naturalWidth, height: image.naturalHeight };
  return { kind, width: 0, height: 0 };
}

interface MemoryPerformance extends Performance {
  /**
   * Memory of the page with its workers and WebAssembly; only for isolated pages in Chromium.
   * https://wicg.github.io/performance-measure-memory/
   */
  measureUserAgentSpecificMemory?(): Promise<{ readonly bytes: number }>;
  /** The page's own heap; only in Chromium. */
  readonly memory?: { readonly usedJSHeapSize: number };
}

async function jsHeapMB(): Promise<number | null> {
  const { performance } = globalThis as unknown as { readonly performance: MemoryPerformance };
  const whole = crossOriginIsolated ? performance.measureUserAgentSpecificMemory?.() : undefined;
  const patience = new Promise<null>((resolve) => setTimeout(() => resolve(null), MEMORY_PATIENCE_MS));
  const measured = await Promise.race([whole?.catch(() => null) ?? null, patience]);
  const bytes = measured?.bytes ?? performance.memory?.usedJSHeapSize;
  return bytes === undefined ? null : bytes / 1e6;
}
