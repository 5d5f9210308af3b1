/** The parts of `npm run reach`. Runs in Node and asks the page. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { loadavg } from "node:os";
import { chromium, type Browser, type Page } from "playwright";
import { convertToGraphModel } from "../../../models/blazeface/graph-model.ts";
import { layOutHeads } from "../../../models/blazeface/heads.ts";
import { readTflite } from "../../../models/blazeface/tflite.ts";
import { median } from "../../../src/bench/percentiles.ts";
import type { Range, RuntimeInfo } from "../../../src/types.ts";
import { CHROMIUM_ARGS, chromiumPath } from "../../chromium.ts";
import { commitId } from "../../../src/package/commit.mjs";
import { facelessSeed } from "./faceless.ts";
import { headSources } from "./heads.ts";
import { openReach } from "./open-page.ts";
import type { FrameCost, Settings } from "./page.ts";
import { type PeersReach, reachOfPeers } from "./peers.ts";
import type { WholeFrame, WholeNetwork } from "./whole-frame.ts";

export const WIDTHS = [24, 32, 40, 60, 80, 120];
export const WHOLE_WIDTHS = [40, 50, 60, 80, 100, 120];
const JITTER_WIDTHS = [32, 60, 120];
const RANGES: readonly Range[] = ["near", "far"];
export const USUAL_PARTS = ["recall", "faceless", "jitter", "crossings", "cost"];
export const PARTS = [...USUAL_PARTS, "peers", "full-range"];
/** Length of a scene without a face. Many short scenes hold more to mistake for a face than a long one. */
const FACELESS_SCENE_SECONDS = 10;
const COST_SCENES = 5;
const COST_FRAMES = 60;

const NETWORKS: Readonly<Record<string, WholeNetwork>> = {
  "short range": {
    url: "/networks/short_range/model.json",
    size: 128,
    anchors: [
      { stride: 8, perCell: 2 },
      { stride: 16, perCell: 6 },
    ],
  },
  "full range": { url: "/networks/full_range/model.json", size: 192, anchors: [{ stride: 4, perCell: 1 }] },
};

type ByWidth = Readonly<Record<string, number>>;

interface CostReport {
  /** Median over all frames. */
  readonly nearMs: number;
  readonly farMs: number;
  /** Median of the differences, frame by frame. */
  readonly moreMs: number;
  /** Median of the ratios, frame by frame. */
  readonly ratio: number;
  /** Mean number of the detector's looks in a frame. */
  readonly nearLooks: number;
  readonly farLooks: number;
  /** The system's load average of the last minute: 1 is this run alone, more is other work. */
  readonly loadAverage: number;
}

/** Everything that one run measured; a part that did not run is absent. */
export interface Report {
  readonly schema: 1;
  readonly when: string;
  readonly commit: string;
  readonly runtime: RuntimeInfo;
  readonly pace: Settings["pace"];
  readonly machine: Settings["machine"];
  readonly heads: number;
  readonly scenes: number;
  /** The share of people found within half a second at 15 frames a second, by the face's width in pixels. */
  readonly recall?: Partial<Record<Range, ByWidth>>;
  readonly peers?: PeersReach;
  /** The false faces in moving pictures without a face. */
  readonly faceless?: {
    readonly minutes: number;
    /** The number of faces, by the kind of picture. */
    readonly faces: Readonly<Record<string, number>>;
    /** The share of frames with a face. */
    readonly mistaken: Readonly<Record<string, number>>;
  };
  /** The standard deviation of a still face's box, as a share of its width, by the width in pixels. */
  readonly jitter?: ByWidth;
  /** The share of sightings under the right id. */
  readonly crossings?: number;
  readonly cost?: CostReport;
  readonly fullRange?: Readonly<Record<string, Readonly<Record<string, WholeFrame>>>>;
}

/** The parts to measure, and their settings. */
export interface Plan {
  readonly engine: "int8" | "float";
  readonly settings: Omit<Settings, "range">;
  readonly only: ReadonlySet<string>;
  readonly scenes: number;
  readonly minutes: number;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** Measure the parts that the plan names. */
export async function measure({ engine, settings, only, scenes, minutes }: Plan): Promise<Report> {
  const heads = headSources();
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_ARGS] });
  try {
    const page = await openReach(await browser.newPage(), only.has("full-range") ? await networkFiles() : new Map());
    const runtime = await page.evaluate(([name, sources]) => window.reach.open(name, sources), [
      engine,
      heads,
    ] as const);
    say(`${runtime.engine} (${runtime.variant}), ${heads.length} heads`);
    return {
      schema: 1,
      when: new Date().toISOString(),
      commit: commitId(),
      runtime,
      ...settings,
      heads: heads.length,
      scenes,
      ...(only.has("recall") && { recall: await measureRecall(page, scenes, settings) }),
      ...(only.has("peers") && { peers: await measurePeers(browser, heads, scenes) }),
      ...(only.has("faceless") && { faceless: await measureFaceless(page, minutes, settings) }),
      ...(only.has("jitter") && { jitter: await measureJitter(page, settings) }),
      ...(only.has("crossings") && { crossings: await measureCrossings(page, scenes, settings) }),
      ...(only.has("cost") && { cost: await measureCost(page, settings) }),
      ...(only.has("full-range") && { fullRange: await measureFullRange(page, scenes) }),
    };
  } finally {
    await browser.close();
  }
}

async function measureRecall(
  page: Page,
  scenes: number,
  settings: Plan["settings"],
): Promise<NonNullable<Report["recall"]>> {
  const recall: Partial<Record<Range, Record<string, number>>> = {};
  for (const range of RANGES) {
    const byWidth: Record<string, number> = {};
    for (const width of WIDTHS) {
      const share = await page.evaluate(([w, n, how]) => window.reach.recall(w, n, how), [
        width,
        scenes,
        { ...settings, range },
      ] as const);
      say(`${range} ${width} px: ${share.toFixed(2)}`);
      byWidth[width] = share;
    }
    recall[range] = byWidth;
  }
  return recall;
}

function measurePeers(browser: Browser, heads: ReturnType<typeof headSources>, scenes: number): Promise<PeersReach> {
  return reachOfPeers(browser, heads, WIDTHS, scenes, say);
}

async function measureFaceless(page: Page, minutes: number, settings: Plan["settings"]) {
  const faces: Record<string, number> = {};
  const mistaken: Record<string, number> = {};
  const kinds = await page.evaluate(() => window.reach.facelessKinds());
  const seconds = (60 * minutes) / kinds.length;
  for (const [index, kind] of kinds.entries()) {
    let [found, wrong, all] = [0, 0, 0];
    for (let begun = 0; begun < seconds; begun += FACELESS_SCENE_SECONDS) {
      const scene = await page.evaluate(([k, s, seed, how]) => window.reach.faceless(k, s, seed, how), [
        kind,
        Math.min(FACELESS_SCENE_SECONDS, seconds - begun),
        facelessSeed(index, begun),
        { ...settings, range: "far" },
      ] as const);
      found += scene.faces;
      wrong += scene.mistaken;
      all += scene.frames;
    }
    faces[kind] = found;
    mistaken[kind] = wrong / all;
    say(`${kind}: ${found} false faces in ${seconds.toFixed(0)} s`);
  }
  return { minutes, faces, mistaken };
}

async function measureJitter(page: Page, settings: Plan["settings"]): Promise<ByWidth> {
  const jitter: Record<string, number> = {};
  for (const width of JITTER_WIDTHS) {
    jitter[width] = await page.evaluate(([w, how]) => window.reach.jitter(w, how), [
      width,
      { ...settings, range: "far" },
    ] as const);
    say(`jitter at ${width} px: ${(100 * jitter[width]).toFixed(2)} %`);
  }
  return jitter;
}

async function measureCrossings(page: Page, scenes: number, settings: Plan["settings"]): Promise<number> {
  let right = 0;
  let all = 0;
  for (let scene = 0; scene < scenes; scene++) {
    const sightings = await page.evaluate(([seed, how]) => window.reach.crossing(seed, how), [
      500 + scene,
      { ...settings, range: "far" },
    ] as const);
    say(`crossing ${scene + 1} of ${scenes}: ${sightings.right} of ${sightings.all} sightings under the right id`);
    right += sightings.right;
    all += sightings.all;
  }
  return right / all;
}

async function measureCost(page: Page, settings: Plan["settings"]): Promise<CostReport> {
  const times: FrameCost[] = [];
  let nearLooks = 0;
  let farLooks = 0;
  for (let seed = 0; seed < COST_SCENES; seed++) {
    const cost = await page.evaluate(([s, n, how]) => window.reach.cost(s, n, how), [
      seed,
      COST_FRAMES,
      settings,
    ] as const);
    times.push(...cost.times);
    nearLooks += cost.nearLooks;
    farLooks += cost.farLooks;
  }
  return {
    nearMs: median(times.map(({ nearMs }) => nearMs)),
    farMs: median(times.map(({ farMs }) => farMs)),
    moreMs: median(times.map(({ nearMs, farMs }) => farMs - nearMs)),
    ratio: median(times.map(({ nearMs, farMs }) => farMs / nearMs)),
    nearLooks: nearLooks / times.length,
    farLooks: farLooks / times.length,
    loadAverage: loadavg()[0]!,
  };
}

/** @returns Both networks as graph models by path, converted from Google's package as the shipped one is. */
async function networkFiles(): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  for (const name of ["short_range", "full_range"]) {
    const source = `@mediapipe/face_detection/face_detection_${name}.tflite`;
    const bytes = await readFile(createRequire(import.meta.url).resolve(source));
    const { model, weights } = convertToGraphModel(layOutHeads(readTflite(bytes)));
    files.set(`/networks/${name}/model.json`, Buffer.from(model));
    files.set(`/networks/${name}/weights.bin`, Buffer.from(weights));
  }
  return files;
}

async function measureFullRange(page: Page, scenes: number): Promise<NonNullable<Report["fullRange"]>> {
  const report: Record<string, Record<string, WholeFrame>> = {};
  for (const [name, network] of Object.entries(NETWORKS)) {
    await page.evaluate((given) => window.reach.openWhole(given), network);
    const byWidth: Record<string, WholeFrame> = {};
    for (const width of WHOLE_WIDTHS) {
      const whole = await page.evaluate(([w, n]) => window.reach.whole(w, n), [width, scenes] as const);
      say(`${name} ${width} px: ${whole.recall.toFixed(2)}, ${whole.leastMs.toFixed(2)} ms at best`);
      byWidth[width] = whole;
    }
    report[name] = byWidth;
  }
  return report;
}
