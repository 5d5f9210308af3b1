/**
 * Measure each path from a camera's frame to the two small squares that the networks read.
 *
 *   npm run bench:camera -- [--seconds N] [--rounds N]
 *
 * Uses Chromium's fake camera at 30 frames a second with the GPU off, and takes the paths in turn. CPU time is that of all
 * the browser's processes, less the cost of showing the camera. Memory is the private memory of the page's process after
 * 20 s of one path, in a browser of its own. The rows "picture" use a still picture in place of the camera.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { median } from "../../../src/bench/percentiles.ts";
import { BenchBrowser } from "./bench-browser.ts";
import type { Outcome, Path } from "./bench-camera/page.ts";

const HERE = join(dirname(fileURLToPath(import.meta.url)), "bench-camera");
const FAKE_CAMERA = ["--use-fake-device-for-media-stream=fps=30", "--use-fake-ui-for-media-stream"];
const SIZES = [
  { width: 640, height: 480 },
  { width: 1280, height: 720 },
] as const;
const PATHS: readonly Path[] = [
  "none",
  "VideoFrame, canvas",
  "VideoFrame, planes",
  "ImageBitmap, canvas",
  "track processor, canvas",
  "track processor, planes",
  "picture, canvas",
  "picture, planes",
];
/** Chromium's cache of drawn frames is full after this time, seconds. */
const MEMORY_SECONDS = 20;

const { values } = parseArgs({
  options: { seconds: { type: "string", default: "3" }, rounds: { type: "string", default: "4" } },
});
const seconds = Number(values.seconds);
const rounds = Number(values.rounds);

/** Serve the page and its worker, cross-origin isolated for the fine timer. */
async function serve() {
  const { outputFiles } = await build({
    entryPoints: [join(HERE, "page.ts"), join(HERE, "worker.ts")],
    outdir: "/",
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
  });
  const files = new Map(outputFiles.map(({ path, text }) => [path, text]));
  const page = '<!doctype html><title>camera</title><script type="module" src="/page.js"></script>';
  const server = createServer((request, response) => {
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    const script = files.get(request.url ?? "");
    response.setHeader("Content-Type", script === undefined ? "text/html" : "text/javascript");
    response.end(script ?? page);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return server;
}

/** One run of one path. */
interface Measured {
  readonly fps: number;
  readonly cpuMs: number;
  readonly workerMs: number;
  readonly leastWorkerMs: number;
  readonly grabMs: number;
}

/** Opens the camera in a browser of its own, for `work`. */
async function withCamera<T>(
  url: string,
  size: (typeof SIZES)[number],
  work: (browser: BenchBrowser, run: (path: Path, seconds: number) => Promise<Outcome>) => Promise<T>,
): Promise<T> {
  const browser = await BenchBrowser.launch(FAKE_CAMERA);
  try {
    const page = await browser.browser.newPage();
    await page.goto(url);
    await page.waitForFunction("window.camera !== undefined");
    const opened = await page.evaluate(({ width, height }) => window.camera.open(width, height), size);
    if (opened.width !== size.width) throw new Error(`The fake camera gives ${opened.width}x${opened.height}.`);
    return await work(browser, (path, time) =>
      page.evaluate(([name, time]) => window.camera.run(name, time), [path, time] as const),
    );
  } finally {
    await browser.close();
  }
}

function measure(url: string, size: (typeof SIZES)[number]): Promise<Map<Path, Measured[]>> {
  return withCamera(url, size, async (browser, run) => {
    const measured = new Map<Path, Measured[]>(PATHS.map((path) => [path, []]));
    for (let round = 0; round <= rounds; round++) {
      for (const path of PATHS) {
        const { value, use } = await browser.watch(() => run(path, seconds));
        if (round === 0) continue;
        measured.get(path)!.push({
          fps: value.frames / seconds,
          cpuMs: use.cpuMs / Math.max(1, value.frames),
          workerMs: median(value.workerMs),
          leastWorkerMs: Math.min(...value.workerMs),
          grabMs: median(value.grabMs),
        });
      }
    }
    return measured;
  });
}

function memoryOf(url: string, size: (typeof SIZES)[number], path: Path): Promise<number | null> {
  return withCamera(url, size, async (browser, run) => {
    await run(path, MEMORY_SECONDS);
    return browser.pageMemoryMB();
  });
}

const number = (value: number) => (Number.isFinite(value) ? value.toFixed(2) : "");

const server = await serve();
try {
  const url = `http://localhost:${(server.address() as AddressInfo).port}/`;
  console.log(
    "| source | path | frames a second | page: grab ms | worker: both squares ms | at least | CPU ms a frame | page's process MB |",
  );
  console.log("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
  for (const size of SIZES) {
    const measured = await measure(url, size);
    const idle = median(measured.get("none")!.map(({ cpuMs }) => cpuMs));
    for (const [path, runs] of measured) {
      const of = (pick: (run: Measured) => number) => median(runs.map(pick));
      const cpuMs = of((run) => run.cpuMs);
      const cpu = path === "none" ? `${number(cpuMs)} (shown only)` : `+${number(cpuMs - idle)}`;
      const cells = [
        `${size.width}x${size.height}`,
        path === "none" ? "only shown" : path,
        of((run) => run.fps).toFixed(1),
        number(of((run) => run.grabMs)),
        number(of((run) => run.workerMs)),
        number(Math.min(...runs.map((run) => run.leastWorkerMs))),
        cpu,
        (await memoryOf(url, size, path))?.toFixed(0) ?? "",
      ];
      console.log(`| ${cells.join(" | ")} |`);
    }
  }
} finally {
  server.closeAllConnections();
  server.close();
}
