/** One library in its browser, measured in turns. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Page } from "playwright";
import { median, quantile } from "../../../../src/bench/percentiles.ts";
import type { RuntimeInfo } from "../../../../src/types.ts";
import { BenchBrowser } from "../bench-browser.ts";
import { PeerServer } from "./peer-server.ts";
import { MODULES, ROOT, type Peer } from "./peers.ts";

/** Least length of a turn: long enough that its start and end cost nothing noticeable. */
const TURN_MS = 1000;
/** Number of times that the page is opened to time its first result. */
const OPENINGS = 3;
const OPENING_PATIENCE_MS = 90_000;

/** `window.peer` of `bench-peers/pages/harness.js`. */
interface PeerWindow {
  readonly peer: {
    first(): Promise<number>;
    turn(leastMs: number): Promise<Turn>;
    environment(): PageEnvironment;
  };
}

/** The environment of a page. */
export interface PageEnvironment {
  readonly userAgent: string;
  readonly isolated: boolean;
  readonly timerResolutionMs: number;
  /** `null` on the pages of other libraries. */
  readonly runtime: RuntimeInfo | null;
}

/** The results of one turn. */
interface Turn {
  readonly times: readonly number[];
  readonly found: number;
  readonly labels: Readonly<Record<string, number>>;
}

/** The results of one library. */
export interface Row {
  readonly name: string;
  readonly version: string;
  readonly computes: string;
  readonly ms: { readonly min: number; readonly p50: number; readonly p95: number };
  readonly cpuMsPerFrame: number;
  readonly firstResultMs: number;
  /** Downloaded bytes, uncompressed. */
  readonly bytes: number;
  readonly memoryMB: number | null;
  readonly ratio: number;
  /** Downloaded bytes with brotli. */
  readonly compressedBytes: number;
  /** Busy threads; `null` if the system does not list threads. */
  readonly threads: number | null;
  /** The share of frames in which exactly one face was found, in the right place, 0..1. */
  readonly found: number;
  readonly labels: Readonly<Record<string, number>>;
  readonly frames: number;
}

/** One library in its browser. */
export class Contestant {
  readonly peer: Peer;
  readonly #server: PeerServer;
  readonly #browser: BenchBrowser;
  #page: Page | null = null;
  #openings: number[] = [];
  #times: number[] = [];
  #cpuMs = 0;
  #found = 0;
  #threads: number[] = [];
  #labels: Record<string, number> = {};

  private constructor(peer: Peer, server: PeerServer, browser: BenchBrowser) {
    this.peer = peer;
    this.#server = server;
    this.#browser = browser;
  }

  /** Open the browser, and its page several times. @throws Error with the page's message. */
  static async enter(peer: Peer): Promise<Contestant> {
    const server = await PeerServer.start(peer);
    const browser = await BenchBrowser.launch();
    const contestant = new Contestant(peer, server, browser);
    try {
      for (let opening = 0; opening < OPENINGS; opening++) await contestant.#open();
    } catch (error) {
      await contestant.leave();
      throw error;
    }
    return contestant;
  }

  async #open(): Promise<void> {
    await this.#page?.close();
    const page = await this.#browser.browser.newPage();
    this.#page = page;
    const failure = new Promise<never>((_resolve, reject) => page.once("pageerror", reject));
    failure.catch(() => {});
    const opened = page.goto(this.#server.url).then(async () => {
      await page.waitForFunction("window.peer !== undefined", undefined, { timeout: OPENING_PATIENCE_MS });
      return page.evaluate(() => (window as unknown as PeerWindow).peer.first());
    });
    opened.catch(() => {});
    const tooLong = new Promise<never>((_resolve, reject) =>
      setTimeout(reject, OPENING_PATIENCE_MS, new Error(`no answer in ${OPENING_PATIENCE_MS / 1000} s`)).unref(),
    );
    this.#openings.push(await Promise.race([opened, failure, tooLong]));
  }

  /** Process frames for a turn. @param counts The results count; otherwise they are dropped. */
  async turn(counts: boolean): Promise<void> {
    const look = () => this.#page!.evaluate((ms) => (window as unknown as PeerWindow).peer.turn(ms), TURN_MS);
    const { value, use } = await this.#browser.watch(look);
    if (!counts) return;
    this.#times.push(...value.times);
    this.#found += value.found;
    this.#cpuMs += use.cpuMs;
    if (use.busyThreads !== null) this.#threads.push(use.busyThreads);
    for (const [label, count] of Object.entries(value.labels)) this.#labels[label] = (this.#labels[label] ?? 0) + count;
  }

  /** @returns The environment of the page, and the browser's version. */
  async environment(): Promise<PageEnvironment & { readonly browser: string }> {
    const seen = await this.#page!.evaluate(() => (window as unknown as PeerWindow).peer.environment());
    return { ...seen, browser: `Chromium ${this.#browser.browser.version()}` };
  }

  /** @returns The results so far, without the ratio. */
  async row(): Promise<Omit<Row, "ratio">> {
    const { bytes, compressedBytes } = this.#server.downloaded();
    return {
      name: this.peer.name,
      version: await versionOf(this.peer),
      computes: this.peer.computes,
      ms: { min: Math.min(...this.#times), p50: median(this.#times), p95: quantile(this.#times, 0.95) },
      cpuMsPerFrame: this.#cpuMs / this.#times.length,
      firstResultMs: median(this.#openings),
      bytes,
      memoryMB: this.#browser.pageMemoryMB(),
      compressedBytes,
      threads: this.#threads.length === 0 ? null : median(this.#threads),
      found: this.#found / this.#times.length,
      labels: this.#labels,
      frames: this.#times.length,
    };
  }

  async leave(): Promise<void> {
    await this.#browser.close();
    await this.#server.close();
  }
}

/** @returns The version that is installed. */
export async function versionOf(peer: Peer): Promise<string> {
  const folder = peer.package === undefined ? ROOT : join(MODULES, peer.package);
  const manifest = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as { readonly version: string };
  return manifest.version;
}
