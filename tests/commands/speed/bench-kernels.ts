/**
 * Compare the int8 networks with the same networks in float and in other runtimes, without the pipeline, in turn in one
 * headless browser. The command compares processor time, which other programs lengthen less than elapsed time. ONNX Runtime
 * Web takes part once `bench:peers` has installed it.
 *
 *   npm run bench:kernels -- [--turns N] [--model NAME] [--classifier FOLDER] [--json FILE]
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { existsSync, readFileSync, statSync } from "node:fs";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { type Browser, type CDPSession, type Page, chromium } from "playwright";
import { median } from "../../../src/bench/percentiles.ts";
import { CHROMIUM_ARGS, chromiumPath } from "../../chromium.ts";
import { writeJson } from "../shared/write-json.ts";
import type { LayerTime, OtherNetwork, Prepared } from "./bench-kernels/page.ts";
import { BLAZEFACE, MODULES, NETWORKS, writeNetworks } from "./bench-peers/peers.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const PAGE = "tests/commands/speed/bench-kernels/page.ts";
/** Length of a turn. It is long compared with the steps in which the system counts processor time. */
const TURN_MS = 500;
const TYPES: Readonly<Record<string, string>> = {
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
};

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    absWorkingDir: ROOT,
    entryPoints: [PAGE],
    bundle: true,
    format: "esm",
    target: "es2022",
    write: false,
    logLevel: "warning",
    define: { "process.env.NODE_ENV": '"production"' },
  });
  return outputFiles[0]!.text;
}

/** Serve the page and its files, cross-origin isolated for the fine timer. @returns The address, and a function that stops. */
async function serve(script: string, folders: Readonly<Record<string, string>>): Promise<[string, () => void]> {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? "/", "http://localhost").pathname);
    const prefix = Object.keys(folders).find((key) => path.startsWith(key));
    const file = prefix === undefined ? "" : folders[prefix]! + path.slice(prefix.length);
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    if (path === "/")
      response.setHeader("Content-Type", "text/html").end('<script type="module" src="/page.js"></script>');
    else if (path === "/page.js") response.setHeader("Content-Type", "text/javascript").end(script);
    else if (existsSync(file) && statSync(file).isFile()) {
      response.setHeader("Content-Type", TYPES[extname(file)] ?? "application/octet-stream").end(readFileSync(file));
    } else response.writeHead(404).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return [`http://localhost:${(server.address() as AddressInfo).port}/`, () => server.close()];
}

/** One contestant's turns. */
interface Timing {
  readonly name: string;
  /** Mean processor milliseconds of a run, for each turn. */
  readonly cpuMs: number[];
  /** Elapsed milliseconds of the shortest run: the time without other work on the machine. */
  bestMs: number;
}

interface Measured extends Prepared {
  readonly timings: readonly Timing[];
  readonly layers: Readonly<Record<string, readonly LayerTime[]>>;
}

/** @returns Processor time of all the browser's renderers until now, milliseconds. */
async function rendererMs(session: CDPSession): Promise<number> {
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  return processInfo.reduce((sum, { type, cpuTime }) => sum + (type === "renderer" ? cpuTime * 1000 : 0), 0);
}

async function measure(
  url: string,
  classifier: string,
  others: readonly OtherNetwork[],
  turns: number,
): Promise<Measured> {
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_ARGS] });
  try {
    const page = await browser.newPage();
    page.on("pageerror", (error) => console.error(error.message));
    await page.goto(url);
    await page.waitForFunction(() => "kernelBench" in window);
    const prepared = await page.evaluate(([name, others]) => window.kernelBench.prepare(name, others), [
      classifier,
      others,
    ] as const);
    const layers: Record<string, LayerTime[]> = {};
    for (const name of ["peak 8x8", "peak 16x16", "blazeface", classifier])
      layers[name] = await page.evaluate((name) => window.kernelBench.layers(name), name);
    return { ...prepared, layers, timings: await takeTurns(browser, page, prepared.names, turns) };
  } finally {
    await browser.close();
  }
}

async function takeTurns(browser: Browser, page: Page, names: readonly string[], turns: number): Promise<Timing[]> {
  const session = await browser.newBrowserCDPSession();
  const timings = names.map((name): Timing => ({ name, cpuMs: [], bestMs: Infinity }));
  // The first turn compiles and does not count.
  for (let round = -1; round < turns; round++) {
    for (const timing of timings) {
      const before = await rendererMs(session);
      const times = await page.evaluate(([name, ms]) => window.kernelBench.turn(name, ms), [
        timing.name,
        TURN_MS,
      ] as const);
      if (round < 0) continue;
      timing.cpuMs.push(((await rendererMs(session)) - before) / times.length);
      timing.bestMs = Math.min(timing.bestMs, ...times);
    }
  }
  return timings;
}

function print(result: Measured, model: string, sizes: Readonly<Record<string, number>>): void {
  const times = new Map(result.timings.map(({ name, cpuMs }) => [name, median(cpuMs)]));
  const time = (name: string) => times.get(name)!;
  console.log(
    `${result.userAgent}, ${result.simd}, variant ${result.variant}${result.isolated ? "" : ", not isolated"}`,
  );
  for (const { name, bestMs } of result.timings) {
    console.log(`${name.padEnd(28)} best ${bestMs.toFixed(3)} ms  processor, median ${time(name).toFixed(3)} ms`);
  }
  const best = (name: string) => result.timings.find((timing) => timing.name === name)!.bestMs;
  const peaks = { 8: peakOf(result, 8), 16: peakOf(result, 16) };
  for (const name of ["blazeface", model]) printLayers(name, result.layers[name]!, peaks);
  const rows: readonly [what: string, value: string, target: string, aim: string][] = [
    ["blazeface alone, against tfjs float", ratio("blazeface float", "blazeface int8"), "4", "7"],
    [`${model} alone, against tfjs float`, ratio(`${model} float`, `${model} int8`), "5", "10"],
    ...result.names.filter(isOther).map((name): [string, string, string, string] => {
      const [network = "", ...runtime] = name.split(" ");
      const targets = name === "blazeface LiteRT" ? (["2.5", "4"] as const) : (["", ""] as const);
      return [`${network} alone, against ${runtime.join(" ")}`, ratio(name, `${network} int8`), ...targets];
    }),
    [`dot kernel's peak, 8x8 bits`, `${peaks[8].toFixed(1)} GMAC/s`, "", ""],
    [`dot kernel's peak, 16x16 bits`, `${peaks[16].toFixed(1)} GMAC/s`, "", ""],
    ["share of the peak, blazeface", percent(shareOf(result.layers["blazeface"]!, peaks)), "50 %", "70 %"],
    [`share of the peak, ${model}`, percent(shareOf(result.layers[model]!, peaks)), "50 %", "70 %"],
    ["tfjs heap with both networks", `${(result.heapBytes / 1e6).toFixed(1)} MB`, "24 MB", "18 MB"],
    ...Object.entries(sizes).map(([name, bytes]): [string, string, string, string] => [
      `model file, ${name}`,
      `${(bytes / 1000).toFixed(0)} KB`,
      ...(name === "blazeface" ? (["250 KB", "130 KB"] as const) : (["1300 KB", "700 KB"] as const)),
    ]),
  ];
  console.log(`\n${"".padEnd(40)} ${"measured".padStart(22)} ${"target".padStart(8)} ${"aim".padStart(8)}`);
  for (const [what, value, target, aim] of rows)
    console.log(`${what.padEnd(40)} ${value.padStart(22)} ${target.padStart(8)} ${aim.padStart(8)}`);

  function ratio(slow: string, fast: string): string {
    return `${(time(slow) / time(fast)).toFixed(2)}x (best ${(best(slow) / best(fast)).toFixed(2)}x)`;
  }
}

/** @returns Whether a contestant is another runtime. */
function isOther(name: string): boolean {
  return / (LiteRT|ONNX)/.test(name);
}

type Peaks = Readonly<Record<LayerTime["bits"], number>>;

/** Shorter layers do not reach the kernel's full rate. */
const LEAST_PEAK_MACS = 1e6;

/** @returns The peak, GMAC/s: the best layer of a network that is one long matrix product. */
function peakOf({ layers }: Measured, bits: LayerTime["bits"]): number {
  const rates = [...layers["peak 8x8"]!, ...layers["peak 16x16"]!]
    .filter((layer) => layer.bits === bits && layer.macs > LEAST_PEAK_MACS)
    .map(({ doneMacs, ms }) => doneMacs / ms / 1e6);
  // A variant that multiplies bytes as 16 bits has no peak of 8.
  return rates.length > 0 ? Math.max(...rates) : NaN;
}

/** @returns The share of the kernels' peak that the layers reach together, with transforms and stores, 0..1. */
function shareOf(layers: readonly LayerTime[], peaks: Peaks): number {
  const atPeakMs = layers.reduce((sum, { doneMacs, bits }) => sum + doneMacs / peaks[bits] / 1e6, 0);
  return atPeakMs / layers.reduce((sum, { ms }) => sum + ms, 0);
}

function percent(share: number): string {
  return `${(100 * share).toFixed(0)} %`;
}

/** Print each layer. A Winograd layer does 25 products of 81: its rate counts 81, its share of the peak counts 25. */
function printLayers(name: string, layers: readonly LayerTime[], peaks: Peaks): void {
  console.log(`\n${name}, layer by layer${"".padEnd(18)} computed as      MMAC        us   GMAC/s  of the peak`);
  for (const layer of layers) {
    const { what, operation, bits, macs, ms } = layer;
    const figures = [(macs / 1e6).toFixed(2), (1000 * ms).toFixed(1), (macs / ms / 1e6).toFixed(1)];
    console.log(
      `${what.padEnd(34)} ${`${operation}, ${bits}`.padEnd(16)} ${figures.map((figure) => figure.padStart(8)).join(" ")} ` +
        percent(shareOf([layer], peaks)).padStart(12),
    );
  }
}

const { values } = parseArgs({
  options: {
    turns: { type: "string", default: "15" },
    model: { type: "string", default: "edge" },
    /** A folder with `model.ec8` and the float network's `model.json`, instead of the shipped ones. */
    classifier: { type: "string" },
    json: { type: "string" },
  },
});
const classifier = values.classifier ?? join(ROOT, "dist/models", values.model);
const ONNX = join(MODULES, "onnxruntime-web/dist");
const hasOnnx = existsSync(ONNX);
if (!hasOnnx) console.log("ONNX Runtime Web is left out: npm run bench:peers installs it.");

/** @returns The networks that other runtimes run. There are no files for them of a classifier of another folder. */
function otherNetworks(): readonly OtherNetwork[] {
  const hasClassifier = writeNetworks(values.model) && values.classifier === undefined;
  const files = [
    ["blazeface", "LiteRT", "", "/blazeface.tflite", [1, 128, 128, 3]],
    ["blazeface", "ONNX", "", "/networks/blazeface.onnx", [1, 3, 128, 128]],
    ...["float32", "int8"].flatMap(
      (precision) =>
        [
          [values.model, "LiteRT", precision, `/networks/${values.model}-${precision}.tflite`, [1, 48, 48, 1]],
          [values.model, "ONNX", precision, `/networks/${values.model}-${precision}.onnx`, [1, 1, 48, 48]],
        ] as const,
    ),
  ] as const;
  return files
    .filter(([, runtime]) => runtime === "LiteRT" || hasOnnx)
    .filter(([network]) => network === "blazeface" || hasClassifier)
    .map(([network, runtime, precision, url, shape]) => ({
      ...{ name: `${network} ${runtime} ${precision}`.trim(), runtime, url, shape },
    }));
}

const [url, close] = await serve(await bundle(), {
  "/site/": join(ROOT, "dist/"),
  "/classifier/": `${classifier}/`,
  "/litert/": join(ROOT, "node_modules/@litertjs/core/wasm/"),
  "/onnx/": `${ONNX}/`,
  "/networks/": `${NETWORKS}/`,
  "/blazeface.tflite": BLAZEFACE,
});
try {
  const result = await measure(url, values.model, otherNetworks(), Number(values.turns));
  print(result, values.model, {
    blazeface: statSync(join(ROOT, "dist/models/blazeface/model.ec8")).size,
    [values.model]: statSync(join(classifier, "model.ec8")).size,
  });
  writeJson(values.json, result);
} finally {
  close();
}
