import type { EngineName, FrameOptions, Range, SimdLevel, StageTimings } from "../types.ts";
import type { Capacity } from "./capacity.ts";
import type { Percentiles } from "./percentiles.ts";

export const STAGES = [
  "grab",
  "detect",
  "crop",
  "classify",
  "post",
  "total",
] as const satisfies readonly (keyof StageTimings)[];

/** The report of one engine's run. Times are in milliseconds. */
export interface BenchReport {
  readonly schema: 1;
  /** ISO 8601, UTC. */
  readonly when: string;
  /** The commit that was built, with `-dirty` if files had changed; `unknown` outside a checkout. */
  readonly commit: string;
  readonly environment: {
    readonly userAgent: string;
    readonly cores: number;
    /** True if the page is cross-origin isolated, which gives it a finer timer. */
    readonly isolated: boolean;
    readonly simd: SimdLevel;
    /** The kernels in use. */
    readonly variant: string;
    readonly timerResolutionMs: number;
    /** Number of threads that compute. */
    readonly threads: number;
  };
  readonly source: { readonly kind: SourceKind; readonly width: number; readonly height: number };
  readonly engine: EngineName;
  readonly model: { readonly name: string; readonly sha256: string; readonly bytes: number };
  /** Frames answered after the warm-up. */
  readonly frames: number;
  readonly seconds: number;
  readonly fps: number;
  /** From the element's start, including the download of the networks, to its first answer. */
  readonly firstResultMs: number;
  readonly stages: Readonly<Record<keyof StageTimings, Percentiles>>;
  readonly cpuMsPerFrame: number;
  readonly memory: {
    /** The page with its worker, or the page's own heap if the browser reports only that; `null` if it reports neither. */
    readonly jsHeapMB: number | null;
    readonly wasmMB: number;
  };
  /** Frames that the source presented and that were not processed. */
  readonly dropped: number;
  /** `measure`: nothing was skipped. `adaptive`: as in everyday use. */
  readonly pace: FrameOptions["pace"];
  /** `near`: the detector sees the whole picture only; `far`: also parts of it at higher resolution. */
  readonly range: Range;
  /**
   * Origin of `cpuMsPerFrame`. `processes`: CPU time of all the browser's processes. `stages`: time of the worker's stages,
   * because a page cannot measure more.
   */
  readonly cpuFrom: "processes" | "stages";
  /** `cpuMsPerFrame` by kind of process and thread, the busiest first; only with `cpuFrom: "processes"`. */
  readonly cpuParts?: readonly { readonly name: string; readonly msPerFrame: number }[];
  /**
   * Time in each second that a thread was at work in this project's code, milliseconds; 10 are one per cent of a core. What
   * the browser does besides (decoding, painting, showing) is in neither.
   */
  readonly busyMsPerSecond: {
    /** The page's own thread: it hands frames over, reads answers, draws the marks. */
    readonly page: number;
    /** The worker: from a frame's arrival to its answer. */
    readonly worker: number;
  };
  /** Median number of faces in a frame. */
  readonly faces: number;
  readonly capacity: Capacity | null;
  readonly sentence: string;
  /** The detector; the classifier is `model`. */
  readonly detector: { readonly name: string; readonly sha256: string; readonly bytes: number };
  /** The other engine's report, if both ran. */
  readonly others: readonly BenchReport[];
}

export type SourceKind = "camera" | "clip" | "picture";

type Check = (value: unknown) => string | null;

const finite: Check = (value) =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? null : "is not a number from 0 up";
const whole: Check = (value) =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 ? null : "is not a whole number from 0 up";
const text: Check = (value) => (typeof value === "string" && value !== "" ? null : "is not a text");
const truth: Check = (value) => (typeof value === "boolean" ? null : "is neither true nor false");
const date: Check = (value) =>
  typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value) ? null : "is not a UTC time";
const sha256: Check = (value) =>
  typeof value === "string" && /^[0-9a-f]{64}$/.test(value) ? null : "is not a sha256 in hexadecimal";

const oneOf =
  (...values: readonly unknown[]): Check =>
  (value) =>
    values.includes(value) ? null : `is none of ${values.join(", ")}`;
const orNull =
  (check: Check): Check =>
  (value) =>
    value === null ? null : check(value);

const model = { name: text, sha256, bytes: whole };

/** The check of every field; a branch is an object. */
const SCHEMA: Branch = {
  schema: oneOf(1),
  when: date,
  commit: text,
  environment: {
    userAgent: text,
    cores: whole,
    isolated: truth,
    simd: oneOf("none", "simd128", "relaxed"),
    variant: text,
    timerResolutionMs: finite,
    threads: whole,
  },
  source: { kind: oneOf("camera", "clip", "picture"), width: whole, height: whole },
  engine: oneOf("int8", "float"),
  model,
  frames: whole,
  seconds: finite,
  fps: finite,
  firstResultMs: finite,
  stages: Object.fromEntries(STAGES.map((stage) => [stage, { p50: finite, p95: finite, p99: finite }])),
  cpuMsPerFrame: finite,
  memory: { jsHeapMB: orNull(finite), wasmMB: finite },
  dropped: whole,
  pace: oneOf("measure", "adaptive"),
  range: oneOf("near", "far"),
  cpuFrom: oneOf("processes", "stages"),
  busyMsPerSecond: { page: finite, worker: finite },
  faces: finite,
  sentence: text,
  detector: model,
};

interface Branch {
  readonly [field: string]: Check | Branch;
}

/**
 * Check a value against the report's schema.
 *
 * @returns One line for each problem, such as `stages.total.p50 is not a number from 0 up`; empty for a valid report.
 */
export function problemsOf(report: unknown): readonly string[] {
  const problems = [...problemsIn(SCHEMA, report, "")];
  if (typeof report !== "object" || report === null) return problems;
  const { capacity, others } = report as Partial<BenchReport>;
  if (capacity !== null) problems.push(...problemsIn({ faces: whole, fps: finite }, capacity, "capacity."));
  if (!Array.isArray(others)) problems.push("others is not a list");
  else others.forEach((other, index) => problems.push(...problemsOf(other).map((line) => `others.${index}.${line}`)));
  return problems;
}

function* problemsIn(branch: Branch, value: unknown, path: string): Generator<string> {
  if (typeof value !== "object" || value === null) {
    yield `${path === "" ? "the report" : path.slice(0, -1)} is not an object`;
    return;
  }
  for (const [field, check] of Object.entries(branch)) {
    const found = (value as Record<string, unknown>)[field];
    if (typeof check !== "function") yield* problemsIn(check, found, `${path}${field}.`);
    else {
      const problem = check(found);
      if (problem !== null) yield `${path}${field} ${problem}`;
    }
  }
}
