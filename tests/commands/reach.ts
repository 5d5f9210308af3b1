/**
 * How far faces are found, and what that costs: the shipped engine and pipeline on made scenes, in real Chromium.
 *
 *   npm run reach -- [--engine int8|float] [--scenes N] [--minutes N] [--pace adaptive|measure] [--machine this|fast]
 *                    [--json FILE] [--svg FILE] [--only recall,faceless,jitter,crossings,cost]
 *
 * Scenes are 640x480 with a head and shoulders at a random place, mirrored half the time, brighter or darker, before
 * made furniture, with a camera's noise. The heads are the astronaut of tests/fixtures and, where they are there, the
 * pictures of ../shared/faces. `--machine fast` tells the pipeline that looks cost nothing: where a slow or busy machine
 * would save looks, the figures are then those of a fast one.
 */
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { chromium, type Page } from "playwright";
import type { Range, RuntimeInfo } from "../../src/types.ts";
import { CHROMIUM_ARGS, chromiumPath } from "../chromium.ts";
import { commitId } from "./commit-id.ts";
import type { Cost, Settings } from "./reach/page.ts";
import type { HeadSource } from "./reach/scenes.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const SHARED_FACES = join(ROOT, "../shared/faces");
/** Nothing listens there: every request is answered from here. */
const ORIGIN = "http://localhost";

const WIDTHS = [24, 32, 40, 60, 80, 120];
const JITTER_WIDTHS = [32, 60, 120];
const RANGES: readonly Range[] = ["near", "far"];
const PARTS = ["recall", "faceless", "jitter", "crossings", "cost"] as const;
const MOST_CROSSINGS = 10;

/** The faces' boxes are BlazeFace's own from nearby, looked at and found right. */
const ASTRONAUT: HeadSource = { url: "/fixtures/astronaut.jpg", face: { x: 174.5, y: 73.6, width: 104, height: 104 } };
const SHARED_HEADS: readonly HeadSource[] = [
  { url: "/faces/portrait-a.jpg", face: { x: 358.9, y: 151.1, width: 270.9, height: 270.9 } },
  { url: "/faces/portrait-b.jpg", face: { x: 386.4, y: 272.9, width: 513.6, height: 513.6 } },
  { url: "/faces/standing-a.jpg", face: { x: 627.8, y: 344.1, width: 275.2, height: 275.2 } },
  { url: "/faces/standing-b.jpg", face: { x: 407, y: 265.6, width: 303.7, height: 303.7 } },
];

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".jpg": "image/jpeg",
};

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
  readonly recall?: Partial<Record<Range, Readonly<Record<string, number>>>>;
  /** Faces reported in face-free moving pictures. */
  readonly faceless?: { readonly minutes: number; readonly faces: Readonly<Record<string, number>> };
  /** A still face's deviation, as a share of its width. */
  readonly jitter?: Readonly<Record<string, number>>;
  /** The share of sightings under the right id. */
  readonly crossings?: number;
  readonly cost?: Readonly<Record<Range, Cost>>;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      engine: { type: "string", default: "int8" },
      scenes: { type: "string", default: "30" },
      minutes: { type: "string", default: "2" },
      pace: { type: "string", default: "adaptive" },
      machine: { type: "string", default: "this" },
      only: { type: "string", default: PARTS.join(",") },
      json: { type: "string" },
      svg: { type: "string" },
    },
  });
  const { engine, pace, machine } = values;
  if (engine !== "int8" && engine !== "float") throw new Error(`--engine ${engine} is neither int8 nor float.`);
  if (pace !== "adaptive" && pace !== "measure") throw new Error(`--pace ${pace} is neither adaptive nor measure.`);
  if (machine !== "this" && machine !== "fast") throw new Error(`--machine ${machine} is neither this nor fast.`);
  const only = new Set(values.only.split(","));
  const unknown = [...only].find((part) => !PARTS.some((known) => known === part));
  if (unknown !== undefined) throw new Error(`--only ${unknown} is none of ${PARTS.join(", ")}.`);
  const report = await measure({
    engine,
    pace,
    machine,
    only,
    scenes: countOf("--scenes", values.scenes),
    minutes: countOf("--minutes", values.minutes),
  });
  print(report);
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`);
  if (values.svg !== undefined) await writeFile(values.svg, plot(report));
}

function countOf(option: string, text: string): number {
  const count = Number(text);
  if (!(count > 0)) throw new Error(`${option} ${text} is no number above 0.`);
  return count;
}

interface Plan {
  readonly engine: "int8" | "float";
  readonly pace: Settings["pace"];
  readonly machine: Settings["machine"];
  readonly only: ReadonlySet<string>;
  readonly scenes: number;
  readonly minutes: number;
}

async function measure({ engine, pace, machine, only, scenes, minutes }: Plan): Promise<Report> {
  const heads = existsSync(SHARED_FACES) ? [ASTRONAUT, ...SHARED_HEADS] : [ASTRONAUT];
  if (heads.length === 1) console.error(`${SHARED_FACES} is not there: the astronaut's head is the only one.`);
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_ARGS] });
  try {
    const page = await openPage(await browser.newPage());
    const runtime = await page.evaluate(([name, sources]) => window.reach.open(name, sources), [
      engine,
      heads,
    ] as const);
    const say = (text: string): void => void process.stderr.write(`${text}\n`);
    say(`${runtime.engine} (${runtime.variant}), ${heads.length} heads`);

    const recall: Partial<Record<Range, Record<string, number>>> = {};
    for (const range of only.has("recall") ? RANGES : []) {
      const byWidth: Record<string, number> = {};
      for (const width of WIDTHS) {
        const share = await page.evaluate(([w, n, settings]) => window.reach.recall(w, n, settings), [
          width,
          scenes,
          { range, pace, machine },
        ] as const);
        say(`${range} ${width} px: ${share.toFixed(2)}`);
        byWidth[width] = share;
      }
      recall[range] = byWidth;
    }

    const faces: Record<string, number> = {};
    const kinds = only.has("faceless") ? await page.evaluate(() => window.reach.facelessKinds()) : [];
    for (const [index, kind] of kinds.entries()) {
      const seconds = (60 * minutes) / kinds.length;
      faces[kind] = 0;
      // A new scene every ten seconds: more to be mistaken about.
      for (let begun = 0; begun < seconds; begun += 10) {
        faces[kind] += await page.evaluate(([k, s, seed, settings]) => window.reach.faceless(k, s, seed, settings), [
          kind,
          Math.min(10, seconds - begun),
          1000 * index + begun,
          { range: "far", pace, machine },
        ] as const);
      }
      say(`${kind}: ${faces[kind]} false faces in ${seconds.toFixed(0)} s`);
    }

    const jitter: Record<string, number> = {};
    for (const width of only.has("jitter") ? JITTER_WIDTHS : []) {
      jitter[width] = await page.evaluate(([w, settings]) => window.reach.jitter(w, settings), [
        width,
        { range: "far", pace, machine },
      ] as const);
      say(`jitter at ${width} px: ${(100 * jitter[width]).toFixed(2)} %`);
    }

    const crossings = only.has("crossings")
      ? await page.evaluate(([n, settings]) => window.reach.crossings(n, settings), [
          Math.min(scenes, MOST_CROSSINGS),
          { range: "far", pace, machine },
        ] as const)
      : undefined;
    const costOf = (range: Range): Promise<Cost> =>
      page.evaluate((settings) => window.reach.cost(settings), { range, pace, machine });
    const cost = only.has("cost") ? { near: await costOf("near"), far: await costOf("far") } : undefined;

    return {
      schema: 1,
      when: new Date().toISOString(),
      commit: commitId(),
      runtime,
      pace,
      machine,
      heads: heads.length,
      scenes,
      ...(only.has("recall") ? { recall } : {}),
      ...(only.has("faceless") ? { faceless: { minutes, faces } } : {}),
      ...(only.has("jitter") ? { jitter } : {}),
      ...(crossings === undefined ? {} : { crossings }),
      ...(cost === undefined ? {} : { cost }),
    };
  } finally {
    await browser.close();
  }
}

/** Opens the page without a server: dist, the fixtures and the pictures of heads, and the page's own script. */
async function openPage(page: Page): Promise<Page> {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, "tests/commands/reach/page.ts")],
    bundle: true,
    format: "esm",
    // Split, for the engines are loaded by dynamic import; the pieces are served beside the page.
    splitting: true,
    outdir: "/",
    write: false,
    logLevel: "warning",
  });
  const scripts = new Map(outputFiles.map(({ path, contents }) => [path, Buffer.from(contents)]));
  page.on("pageerror", (error) => console.error(error));
  await page.route(`${ORIGIN}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    const headers = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
    if (pathname === "/") {
      const body = `<script type="module" src="/page.js"></script>`;
      return route.fulfill({ contentType: "text/html", headers, body });
    }
    const body = scripts.get(pathname) ?? (await fileAt(pathname));
    if (body === null) return route.fulfill({ status: 404 });
    return route.fulfill({ contentType: TYPES[extname(pathname)] ?? "application/octet-stream", headers, body });
  });
  await page.goto(`${ORIGIN}/`);
  await page.waitForFunction(() => "reach" in window);
  return page;
}

async function fileAt(pathname: string): Promise<Buffer | null> {
  const folders = { "/faces/": SHARED_FACES, "/fixtures/": join(ROOT, "tests/fixtures"), "/": join(ROOT, "dist") };
  for (const [prefix, folder] of Object.entries(folders)) {
    const path = join(folder, pathname.slice(prefix.length));
    if (pathname.startsWith(prefix) && existsSync(path)) return readFile(path);
  }
  return null;
}

function print({ runtime, pace, heads, scenes, recall, faceless, jitter, crossings, cost }: Report): void {
  console.log(`${runtime.engine} (${runtime.variant}), pace ${pace}, ${heads} heads, 640x480 at 15 frames a second`);
  if (recall) {
    console.log(`\nfound within half a second, of ${scenes} people each`);
    console.log(["face width, px", ...WIDTHS].map((cell) => String(cell).padStart(8)).join(" "));
    for (const [range, byWidth] of Object.entries(recall)) {
      const cells = WIDTHS.map((width) => (byWidth[width] ?? Number.NaN).toFixed(2).padStart(8));
      console.log([range.padStart(14), ...cells].join(" "));
    }
  }
  if (faceless) {
    const total = Object.values(faceless.faces).reduce((sum, count) => sum + count, 0);
    const kinds = Object.entries(faceless.faces).map(([kind, count]) => `${kind} ${count}`);
    console.log(`\nfalse faces in ${faceless.minutes} minutes: ${total} (${kinds.join(", ")})`);
  }
  for (const [width, share] of Object.entries(jitter ?? {})) {
    console.log(`a still face of ${width} px trembles by ${(100 * share).toFixed(2)} % of its width`);
  }
  if (crossings !== undefined) console.log(`ids kept by four who cross: ${(100 * crossings).toFixed(1)} %`);
  if (cost) {
    const { near, far } = cost;
    console.log(
      `one person in view, from pixels to faces: near ${near.looks.toFixed(1)} looks a frame, ${near.medianMs.toFixed(2)} ms in the ` +
        `median (mean ${near.meanMs.toFixed(2)}); far ${far.looks.toFixed(1)} looks, ${far.medianMs.toFixed(2)} ms (mean ` +
        `${far.meanMs.toFixed(2)}): ${(far.medianMs / near.medianMs).toFixed(2)} times`,
    );
  }
}

const PLOT = { width: 520, height: 300, left: 50, top: 20, right: 90, bottom: 45 };
const INK: Readonly<Record<Range, string>> = { near: "#8a8f98", far: "#0b7285" };

/** Recall by the face's width, as a picture. */
function plot({ recall }: Report): string {
  const { width, height, left, top, right, bottom } = PLOT;
  const x = (px: number): number =>
    left + ((width - left - right) * Math.log(px / WIDTHS[0]!)) / Math.log(WIDTHS.at(-1)! / WIDTHS[0]!);
  const y = (share: number): number => top + (height - top - bottom) * (1 - share);
  const lines = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<path d="M${left} ${y(share)}H${width - right}" stroke="#ddd"/>` +
      `<text x="${left - 8}" y="${y(share) + 4}" text-anchor="end">${100 * share} %</text>`,
  );
  const ticks = WIDTHS.map((px) => `<text x="${x(px)}" y="${height - bottom + 18}" text-anchor="middle">${px}</text>`);
  const curves = Object.entries(recall ?? {}).map(([range, byWidth]) => {
    const ink = INK[range as Range];
    const points = WIDTHS.map((px) => `${x(px).toFixed(1)},${y(byWidth[px] ?? 0).toFixed(1)}`);
    const end = y(byWidth[WIDTHS.at(-1)!] ?? 0) + (range === "near" ? 14 : 4);
    return (
      `<polyline points="${points.join(" ")}" fill="none" stroke="${ink}" stroke-width="2.5"/>` +
      `<text x="${width - right + 8}" y="${end}" fill="${ink}">range ${range}</text>`
    );
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">` +
    `<rect width="${width}" height="${height}" fill="white"/>${[...lines, ...ticks, ...curves].join("")}` +
    `<text x="${(left + width - right) / 2}" y="${height - 8}" text-anchor="middle">` +
    `width of the face, of 640 pixels</text></svg>\n`
  );
}

await main();
