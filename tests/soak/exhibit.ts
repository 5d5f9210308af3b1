/** The exhibit under test: a copy of the built site with its shipped server, and a browser that shows it. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type BrowserContext, type BrowserServer, type CDPSession, type Page, type Worker, chromium } from "playwright";
import { CHROMIUM_ARGS, chromiumPath } from "../chromium.ts";
import { writeClip } from "../pages/camera-clip.ts";
import { entriesOf, privateMB, processTree, processesWith } from "../processes.ts";
import { peopleComingAndGoing } from "./people.ts";
import { DAY_FRAMES_PER_SECOND, installWatch, pumpFrames } from "./watch.ts";

const DIST = fileURLToPath(new URL("../../dist/", import.meta.url));
const ARGS = [
  ...CHROMIUM_ARGS,
  "--use-fake-device-for-media-stream",
  // Garbage is not a leak: it is collected before each measurement.
  "--js-flags=--expose-gc",
  "--enable-blink-features=ForceEagerMeasureMemory",
  "--autoplay-policy=no-user-gesture-required",
];
const CLIP_SECONDS = 60;
/** The size of a webcam's frames, and of small ones for a day in an hour. */
const CAMERA = { width: 640, height: 480 };
const SMALL_CAMERA = { width: 192, height: 144 };

const SERVER_READY_MS = 30_000;
/** Number of times to fetch the site until the server's memory pools are full. */
const POOL_ROUNDS = 5;
/** The limit for one measurement. After that it counts as missing. */
const READ_MS = 20_000;

/** One measurement of all lines; `null` if a line could not be read. */
export type Reading = Readonly<Record<LineName, number | null>>;
export type LineName = keyof typeof LINES;

/**
 * The lines that must not rise: name, unit, and how far each may rise over the whole time by chance, in its unit and as a
 * share of its level.
 */
export const LINES = {
  pageHeap: { name: "page's heap", unit: "MB", tolerance: 0.5, share: 0 },
  allHeaps: { name: "page and worker, all memory", unit: "MB", tolerance: 1, share: 0.02 },
  wasmHeap: { name: "WebAssembly memory", unit: "MB", tolerance: 0, share: 0 },
  tensors: { name: "tensors", unit: "", tolerance: 0, share: 0 },
  openFrames: { name: "unclosed frames", unit: "", tolerance: 0, share: 0 },
  nodes: { name: "DOM nodes", unit: "", tolerance: 20, share: 0 },
  listeners: { name: "event listeners", unit: "", tolerance: 10, share: 0 },
  threads: { name: "threads", unit: "", tolerance: 4, share: 0 },
  files: { name: "file descriptors", unit: "", tolerance: 6, share: 0 },
  processes: { name: "processes", unit: "", tolerance: 0.5, share: 0 },
  rendererMemory: { name: "page's process, private", unit: "MB", tolerance: 4, share: 0.03 },
  browserMemory: { name: "all processes, private", unit: "MB", tolerance: 8, share: 0.03 },
  serverMemory: { name: "server, private", unit: "MB", tolerance: 2, share: 0.05 },
} as const;

/** The page's counts since its start. */
export interface Progress {
  readonly frames: number;
  readonly faces: number;
  readonly people: number;
  readonly state: string | null;
  readonly demo: boolean;
  /** Error codes since the last call. */
  readonly errors: readonly string[];
  readonly loads: number;
}

/** The exhibit, and what can be done to it. */
export class Exhibit {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly session: CDPSession;
  readonly origin: string;
  readonly #site: string;
  /** The file that the fake camera plays. */
  readonly #clip: string;
  readonly #browser: BrowserServer;
  readonly #browserSession: CDPSession;
  #server: ChildProcess;

  private constructor(parts: {
    page: Page;
    session: CDPSession;
    origin: string;
    site: string;
    clip: string;
    browser: BrowserServer;
    browserSession: CDPSession;
    server: ChildProcess;
  }) {
    this.page = parts.page;
    this.context = parts.page.context();
    this.session = parts.session;
    this.origin = parts.origin;
    this.#site = parts.site;
    this.#clip = parts.clip;
    this.#browser = parts.browser;
    this.#browserSession = parts.browserSession;
    this.#server = parts.server;
  }

  /**
   * Start server and browser, and open the page.
   *
   * @param fast Small frames, each as soon as the last one is answered.
   */
  static async open({
    seed,
    fast,
    clipSeconds = CLIP_SECONDS,
  }: {
    readonly seed: number;
    readonly fast: boolean;
    readonly clipSeconds?: number;
  }): Promise<Exhibit> {
    // A copy, so that a build meanwhile does not change it.
    const site = mkdtempSync(join(tmpdir(), "emotion-cam-soak-"));
    cpSync(DIST, site, { recursive: true });
    const camera = fast ? SMALL_CAMERA : CAMERA;
    const clip = `${site}.mjpeg`;
    const executablePath = chromiumPath();
    const painter = await chromium.launch({ executablePath, args: [...CHROMIUM_ARGS] });
    await writeClip(painter, clip, camera, peopleComingAndGoing(seed, camera, clipSeconds));
    await painter.close();
    const { server, port } = await startServer(site, 0);
    const args = [...ARGS, `--use-file-for-fake-video-capture=${clip}`];
    const browser = await chromium.launchServer({ executablePath, headless: true, args });
    const connected = await chromium.connect(browser.wsEndpoint());
    const context = await connected.newContext({
      viewport: fast ? { width: 480, height: 360 } : { width: 1280, height: 720 },
    });
    const origin = `http://localhost:${port}`;
    await context.grantPermissions(["camera"], { origin });
    const page = await context.newPage();
    // The compiler adds calls of a helper `__name`, which the page lacks.
    const scripts = ["var __name = (named) => named", `(${installWatch.toString()})()`];
    if (fast) scripts.push(`(${pumpFrames.toString()})(${1000 / DAY_FRAMES_PER_SECOND})`);
    await page.addInitScript(scripts.join(";\n"));
    page.on("worker", (worker) => void watchWorker(worker));
    const session = await context.newCDPSession(page);
    const browserSession = await connected.newBrowserCDPSession();
    await page.goto(`${origin}/${fast ? "?range=near" : ""}`);
    return new Exhibit({ page, session, origin, site, clip, browser, browserSession, server });
  }

  async close(): Promise<void> {
    await this.#browser.close();
    await this.stopServer();
    rmSync(this.#site, { recursive: true, force: true });
    rmSync(this.#clip, { force: true });
  }

  /** @returns The browser's processes whose command line holds a word. */
  processes(word: string): readonly number[] {
    return processesWith(this.#browser.process().pid!, word);
  }

  /** The element's newest worker. */
  get worker(): Worker | undefined {
    return this.page.workers().at(-1);
  }

  async progress(): Promise<Progress> {
    return this.page.evaluate(() => window.soak.look());
  }

  async allowCamera(allowed: boolean): Promise<void> {
    // Playwright can grant a permission but not deny one, so the browser is asked directly.
    const { targetInfos } = await this.#browserSession.send("Target.getTargets");
    const own = targetInfos.find(({ type, url }) => type === "page" && url.startsWith(this.origin));
    await this.#browserSession.send("Browser.setPermission", {
      permission: { name: "camera" },
      setting: allowed ? "granted" : "denied",
      origin: this.origin,
      ...(own?.browserContextId === undefined ? {} : { browserContextId: own.browserContextId }),
    });
  }

  /** Remove the camera, or put it back: without the file the browser reports no camera. */
  withholdCamera(withheld: boolean): void {
    const [from, to] = withheld ? [this.#clip, `${this.#clip}.withheld`] : [`${this.#clip}.withheld`, this.#clip];
    renameSync(from, to);
  }

  async stopServer(): Promise<void> {
    const gone = new Promise((resolve) => this.#server.once("exit", resolve));
    if (this.#server.exitCode !== null || this.#server.signalCode !== null) return;
    this.#server.kill("SIGTERM");
    await gone;
  }

  async startServer(): Promise<void> {
    ({ server: this.#server } = await startServer(this.#site, Number(new URL(this.origin).port)));
  }

  async read(): Promise<Reading> {
    const page = await within(READ_MS, this.#readPage());
    const worker = await within(READ_MS, this.#readWorker());
    const pids = processTree(this.#browser.process().pid!);
    const count = (folder: string) => pids.reduce((sum, pid) => sum + entriesOf(`/proc/${pid}/${folder}`).length, 0);
    const renderers = this.processes("--type=renderer");
    return {
      pageHeap: page?.heapMB ?? null,
      allHeaps: page?.allMB ?? null,
      wasmHeap: worker?.wasmMB ?? null,
      tensors: worker?.tensors ?? null,
      openFrames: page && worker ? page.openFrames + worker.openFrames : null,
      nodes: page?.nodes ?? null,
      listeners: page?.listeners ?? null,
      threads: count("task"),
      files: count("fd"),
      processes: pids.length,
      rendererMemory: Math.max(0, ...renderers.map(privateMB)),
      browserMemory: pids.reduce((sum, pid) => sum + privateMB(pid), 0),
      serverMemory: this.#server.pid === undefined ? null : privateMB(this.#server.pid),
    };
  }

  async #readPage() {
    await this.session.send("HeapProfiler.collectGarbage");
    const { usedSize } = await this.session.send("Runtime.getHeapUsage");
    const { nodes, jsEventListeners } = await this.session.send("Memory.getDOMCounters");
    const { allBytes, openFrames } = await this.page.evaluate(() => window.soak.measure());
    return { heapMB: usedSize / 1e6, allMB: allBytes / 1e6, nodes, listeners: jsEventListeners, openFrames };
  }

  async #readWorker() {
    return this.worker?.evaluate(() => {
      const scope = globalThis as unknown as WorkerScope;
      scope.gc?.();
      const { numTensors } = scope._tfengine.memory();
      const wasmBytes = scope._tfengine.backendInstance.wasm.HEAPU8.byteLength;
      const open = [...(scope.soakFrames ?? [])].filter((frame) => frame.codedWidth > 0);
      return { tensors: numTensors, wasmMB: wasmBytes / 1e6, openFrames: open.length };
    });
  }
}

/** The worker's globals that tfjs and `watchWorker` define. */
interface WorkerScope {
  gc?(): void;
  readonly _tfengine: {
    memory(): { numTensors: number };
    readonly backendInstance: { readonly wasm: { readonly HEAPU8: Uint8Array } };
  };
  soakFrames?: Set<VideoFrame>;
}

/** Keep the frames that a worker receives, until they are closed. */
async function watchWorker(worker: Worker): Promise<void> {
  await within(
    READ_MS,
    worker.evaluate(() => {
      const scope = globalThis as unknown as WorkerScope;
      const frames = new Set<VideoFrame>();
      scope.soakFrames = frames;
      addEventListener("message", ({ data }: MessageEvent<{ frame?: VideoFrame }>) => {
        for (const frame of frames) if (frame.codedWidth === 0) frames.delete(frame);
        if (data.frame) frames.add(data.frame);
      });
    }),
  );
}

/** @returns `null` if the promise takes too long or fails, as when a worker is ending. */
async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T | null> {
  return Promise.race([promise.catch(() => null), sleep(timeoutMs, null, { ref: false })]);
}

async function startServer(site: string, port: number): Promise<{ server: ChildProcess; port: number }> {
  const server = spawn(process.execPath, [join(site, "kiosk/server.mjs"), "--no-open"], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, PORT: String(port) },
  });
  const url = await Promise.race([
    new Promise<string>((resolve) => server.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString().trim()))),
    sleep(SERVER_READY_MS, "", { ref: false }),
  ]);
  if (!URL.canParse(url)) throw new Error(`The server on port ${port} printed no address, but: ${url || "nothing"}`);
  // Not awaited: a fault may stop the server meanwhile.
  void fillPools(site, url).catch(() => {});
  return { server, port: Number(new URL(url).port) };
}

/** Fill the allocator's pools: a new server's memory grows with its first hundreds of answers. */
async function fillPools(site: string, url: string): Promise<void> {
  const files = readdirSync(site, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (let round = 0; round < POOL_ROUNDS; round++) {
    for (const { parentPath, name } of files) {
      const answer = await fetch(new URL(relative(site, join(parentPath, name)), url));
      await answer.arrayBuffer();
    }
  }
}
