/**
 * How far faces are found, and what that costs: the shipped engine and pipeline on made scenes, in real Chromium.
 *
 *   npm run reach -- [--engine int8|float] [--scenes N] [--minutes N] [--pace adaptive|measure] [--machine this|fast]
 *                    [--json FILE] [--svg FILE] [--only recall,faceless,jitter,crossings,cost,peers,full-range]
 *
 * Scenes are 640x480 with a head and shoulders at a random place, mirrored half the time, brighter or darker, before
 * made furniture, with a camera's noise. The heads are the astronaut of tests/fixtures and, where they are there, the
 * pictures of ../shared/faces. `--machine fast` tells the pipeline that looks cost nothing: where a slow or busy machine
 * would save looks, the figures are then those of a fast one.
 *
 * Two parts run only when they are named: `peers`, the same recall by other libraries, which are installed for it, and
 * `full-range`, one look at the whole frame by either of BlazeFace's networks.
 */
import { readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { chromium, type Browser, type Page } from "playwright";
import { convertToGraphModel } from "../../../models/blazeface/graph-model.ts";
import { layOutHeads } from "../../../models/blazeface/heads.ts";
import { readTflite } from "../../../models/blazeface/tflite.ts";
import { median } from "../../../src/bench/percentiles.ts";
import type { Range, RuntimeInfo } from "../../../src/types.ts";
import { CHROMIUM_ARGS, chromiumPath } from "../../chromium.ts";
import { commitId } from "../shared/commit-id.ts";
import { headSources } from "./heads.ts";
import { openReach } from "./open-page.ts";
import type { FrameCost, Settings } from "./page.ts";
import { type PeersReach, reachOfPeers } from "./peers.ts";
import { plotRecall } from "./plot.ts";
import { facelessSeed } from "./scenes.ts";
import type { WholeFrame, WholeNetwork } from "./whole-frame.ts";

const WIDTHS = [24, 32, 40, 60, 80, 120];
const WHOLE_WIDTHS = [40, 50, 60, 80, 100, 120];
const JITTER_WIDTHS = [32, 60, 120];
const RANGES: readonly Range[] = ["near", "far"];
const USUAL_PARTS = ["recall", "faceless", "jitter", "crossings", "cost"];
const PARTS = [...USUAL_PARTS, "peers", "full-range"];
/** A new scene so often: more to be mistaken about. */
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
  /** The medians of all frames, and of the frames' differences and ratios. */
  readonly nearMs: number;
  readonly farMs: number;
  readonly moreMs: number;
  readonly ratio: number;
  /** Looks of the detector a frame. */
  readonly nearLooks: number;
  readonly farLooks: number;
  /** The system's, over the last minute: 1 is this run alone, more is other work beside it. */
  readonly loadAverage: number;
}

interface Report {
  readonly schema: 1;
  readonly when: string;
  readonly commit: string;
  readonly runtime: RuntimeInfo;
  readonly pace: Settings["pace"];
  readonly machine: Settings["machine"];
  readonly heads: number;
  readonly scenes: number;
  /** The share found within half a second at 15 frames a second, by the face's width in pixels. */
  readonly recall?: Partial<Record<Range, ByWidth>>;
  readonly peers?: PeersReach;
  /** Faces reported in face-free moving pictures. */
  readonly faceless?: {
    readonly minutes: number;
    /** By the kind of picture. */
    readonly faces: Readonly<Record<string, number>>;
    /** The share of frames with a face. */
    readonly mistaken: Readonly<Record<string, number>>;
  };
  /** A still face's deviation, as a share of its width. */
  readonly jitter?: ByWidth;
  /** The share of sightings under the right id. */
  readonly crossings?: number;
  readonly cost?: CostReport;
  readonly fullRange?: Readonly<Record<string, Readonly<Record<string, WholeFrame>>>>;
}

interface Plan {
  readonly engine: "int8" | "float";
  readonly settings: Omit<Settings, "range">;
  readonly only: ReadonlySet<string>;
  readonly scenes: number;
  readonly minutes: number;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      engine: { type: "string", default: "int8" },
      scenes: { type: "string", default: "30" },
      minutes: { type: "string", default: "2" },
      pace: { type: "string", default: "adaptive" },
      machine: { type: "string", default: "this" },
      only: { type: "string", default: USUAL_PARTS.join(",") },
      json: { type: "string" },
      svg: { type: "string" },
    },
  });
  const { engine, pace, machine } = values;
  if (engine !== "int8" && engine !== "float") throw new Error(`--engine ${engine} is neither int8 nor float.`);
  if (pace !== "adaptive" && pace !== "measure") throw new Error(`--pace ${pace} is neither adaptive nor measure.`);
  if (machine !== "this" && machine !== "fast") throw new Error(`--machine ${machine} is neither this nor fast.`);
  const only = new Set(values.only.split(","));
  const unknown = [...only].find((part) => !PARTS.includes(part));
  if (unknown !== undefined) throw new Error(`--only ${unknown} is none of ${PARTS.join(", ")}.`);
  const report = await measure({
    engine,
    settings: { pace, machine },
    only,
    scenes: countOf("--scenes", values.scenes),
    minutes: countOf("--minutes", values.minutes),
  });
  print(report);
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
  if (values.svg !== undefined) await writeFile(values.svg, plotRecall(WIDTHS, curvesOf(report)));
}

function countOf(option: string, text: string): number {
  const count = Number(text);
  if (!(count > 0)) throw new Error(`${option} ${text} is no number above 0.`);
  return count;
}

function say(text: string): void {
  process.stderr.write(`${text}\n`);
}

async function measure({ engine, settings, only, scenes, minutes }: Plan): Promise<Report> {
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
    loadAverage: loadavg()[0] ?? Number.NaN,
  };
}

/** Both networks as graph models, made from Google's package as the shipped one is. */
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
      say(`${name} ${width} px: ${whole.recall.toFixed(2)}, ${whole.leastMs.toFixed(2)} ms at least`);
      byWidth[width] = whole;
    }
    report[name] = byWidth;
  }
  return report;
}

/** Recall by width, ours first. */
function curvesOf({ recall = {}, peers = {} }: Report): readonly (readonly [string, readonly number[]])[] {
  return [
    ...Object.entries(recall)
      .reverse()
      .map(([range, byWidth]) => [`range ${range}`, WIDTHS.map((width) => byWidth[width] ?? Number.NaN)] as const),
    ...Object.entries(peers).map(([name, { recall: shares }]) => [name, shares] as const),
  ];
}

function printTable(rows: readonly (readonly [string, ...string[]])[]): void {
  const first = Math.max(...rows.map(([name]) => name.length));
  for (const [name, ...cells] of rows) {
    console.log([name.padEnd(first), ...cells.map((cell) => cell.padStart(11))].join(" "));
  }
}

function print(report: Report): void {
  const { runtime, pace, machine, heads, scenes, faceless, jitter, crossings, cost, fullRange } = report;
  console.log(
    `${runtime.engine} (${runtime.variant}), pace ${pace}, machine ${machine}, ${heads} heads, 640x480 at 15 frames a second`,
  );
  const curves = curvesOf(report);
  if (curves.length > 0) {
    console.log(`\nfound within half a second, of ${scenes} people each`);
    printTable([
      ["face width, px", ...WIDTHS.map(String)],
      ...curves.map(([name, shares]) => [name, ...shares.map((share) => share.toFixed(2))] as const),
    ]);
  }
  if (faceless) {
    const total = Object.values(faceless.faces).reduce((sum, count) => sum + count, 0);
    const kinds = Object.entries(faceless.faces).map(([kind, count]) => `${kind} ${count}`);
    console.log(`\nrange far, false faces in ${faceless.minutes} minutes: ${total} (${kinds.join(", ")})`);
  }
  const mistaken = [
    ...(faceless ? [["range far", faceless.mistaken] as const] : []),
    ...Object.entries(report.peers ?? {}).map(([name, peer]) => [name, peer.mistaken] as const),
  ];
  if (mistaken.length > 0) {
    console.log("\nface-free frames in which a face is reported");
    printTable([
      ["", ...Object.keys(mistaken[0]![1])],
      ...mistaken.map(
        ([name, shares]) => [name, ...Object.values(shares).map((share) => `${(100 * share).toFixed(1)} %`)] as const,
      ),
    ]);
  }
  for (const [width, share] of Object.entries(jitter ?? {})) {
    console.log(`a still face of ${width} px trembles by ${(100 * share).toFixed(2)} % of its width`);
  }
  if (crossings !== undefined) console.log(`ids kept by four who cross: ${(100 * crossings).toFixed(1)} %`);
  if (cost) {
    console.log(
      `one person in view, from pixels to faces, the ranges in turn: near ${cost.nearLooks.toFixed(2)} looks a frame, ` +
        `${cost.nearMs.toFixed(2)} ms; far ${cost.farLooks.toFixed(2)} looks, ${cost.farMs.toFixed(2)} ms; frame by frame ` +
        `${cost.moreMs.toFixed(2)} ms more, ${cost.ratio.toFixed(2)} times (medians; load average ` +
        `${cost.loadAverage.toFixed(1)}, 1 is this run alone)`,
    );
  }
  if (fullRange) {
    console.log(`\nfound by one look at the whole of each frame, of ${scenes} people each, by plain tfjs`);
    printTable([
      ["face width, px", ...WHOLE_WIDTHS.map(String), "least ms"],
      ...Object.entries(fullRange).map(([name, byWidth]) => {
        const wholes = WHOLE_WIDTHS.map((width) => byWidth[width]!);
        const leastMs = Math.min(...wholes.map((whole) => whole.leastMs));
        return [name, ...wholes.map((whole) => whole.recall.toFixed(2)), leastMs.toFixed(2)] as const;
      }),
    ]);
  }
}

await main();
