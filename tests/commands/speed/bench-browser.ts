/**
 * A browser whose processes are measured from outside: CPU time, memory, busy threads, and a CPU quota. Linux gives these by
 * /proc and control groups. Elsewhere the DevTools protocol gives some of them.
 */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright";
import { CHROMIUM_ARGS, chromiumPath } from "../../chromium.ts";
import { entriesOf, privateMB, processTree, readOrEmpty } from "../../processes.ts";

const CGROUP_V1 = "/sys/fs/cgroup/cpu";
const CGROUP_V2 = "/sys/fs/cgroup";
/** Short, so that the quota resembles a slow processor and not one that stops now and then. */
const QUOTA_PERIOD_US = 10_000;

/** The highest priority, so that only the quota slows a throttled browser, not other work on the machine. */
const GREATEST_SHARES_V1 = "262144";
const GREATEST_WEIGHT_V2 = "10000";

/** The means by which `--throttle` slows the browser. */
export type ThrottleMethod =
  "cgroup quota on the browser's processes" | "DevTools CPU throttle of the page's main thread";

/** CPU time of each thread since it began; of each process if the system does not list threads. */
type ThreadTimes = ReadonlyMap<string, { readonly name: string; readonly timeMs: number }>;

/** CPU time between two moments. */
export interface CpuUse {
  readonly cpuMs: number;
  /** Threads that computed for more than a twentieth of the time; `null` if the system does not list threads. */
  readonly busyThreads: number | null;
  /** By kind of process and thread name, the busiest first. */
  readonly parts: readonly { readonly name: string; readonly cpuMs: number }[];
}

/** A headless Chromium with the GPU off. */
export class BenchBrowser {
  readonly browser: Browser;
  readonly #pid: number;
  readonly #shut: () => Promise<void>;
  #group: string | null = null;
  #slowdown = 1;

  private constructor(browser: Browser, pid: number, shut: () => Promise<void>) {
    this.browser = browser;
    this.#pid = pid;
    this.#shut = shut;
  }

  /** Start the browser. */
  static async launch(args: readonly string[] = []): Promise<BenchBrowser> {
    const server = await chromium.launchServer({
      executablePath: chromiumPath(),
      headless: true,
      args: [...CHROMIUM_ARGS, ...args],
    });
    const browser = await chromium.connect(server.wsEndpoint());
    return new BenchBrowser(browser, server.process().pid!, () => server.close());
  }

  async close(): Promise<void> {
    await this.#shut();
    if (this.#group !== null) removeGroup(this.#group);
  }

  /**
   * Measure the CPU time of all the browser's processes while `work` runs.
   *
   * @returns The value of `work`, and the CPU time.
   */
  async watch<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly use: CpuUse }> {
    const stop = await this.begin();
    const value = await work();
    return { value, use: await stop() };
  }

  /** Start to count CPU time. @returns A function that stops and returns the count. */
  async begin(): Promise<() => Promise<CpuUse>> {
    const startMs = performance.now();
    const before = await this.#threadTimes();
    return async () => {
      const after = await this.#threadTimes();
      const wallMs = performance.now() - startMs;
      const used = [...after].map(([id, { name, timeMs }]) => ({
        name,
        timeMs: timeMs - (before.get(id)?.timeMs ?? 0),
      }));
      return {
        cpuMs: used.reduce((sum, { timeMs }) => sum + timeMs, 0),
        busyThreads: isLinux() ? used.filter(({ timeMs }) => timeMs > wallMs / 20).length : null,
        parts: summedByName(used),
      };
    };
  }

  /** @returns The private memory of the page's process; `null` if the system does not tell. */
  pageMemoryMB(): number | null {
    if (!isLinux()) return null;
    const renderers = processTree(this.#pid).filter((pid) =>
      readOrEmpty(`/proc/${pid}/cmdline`).includes("--type=renderer"),
    );
    // Chromium keeps a spare renderer, which is smaller than the page's.
    return Math.max(0, ...renderers.map(privateMB));
  }

  /**
   * Slow the browser as if the processor were `slowdown` times slower.
   *
   * A control group's quota slows every thread. If the system gives none, the DevTools throttle slows the page's main
   * thread, but not the worker that computes. The caller prints which.
   */
  throttle(slowdown: number): ThrottleMethod {
    this.#slowdown = slowdown;
    this.#group = makeGroup(slowdown);
    if (this.#group === null) return "DevTools CPU throttle of the page's main thread";
    for (const pid of processTree(this.#pid)) writeFileSync(join(this.#group, "cgroup.procs"), String(pid));
    return "cgroup quota on the browser's processes";
  }

  /** Call this for each new page: the DevTools throttle applies to one page. */
  async throttlePage(page: Page): Promise<void> {
    if (this.#slowdown === 1 || this.#group !== null) return;
    const session = await page.context().newCDPSession(page);
    await session.send("Emulation.setCPUThrottlingRate", { rate: this.#slowdown });
  }

  async #threadTimes(): Promise<ThreadTimes> {
    if (!isLinux()) return this.#processTimes();
    const times = new Map<string, { name: string; timeMs: number }>();
    for (const pid of processTree(this.#pid)) {
      const kind = /--type=([a-z-]+)/.exec(readOrEmpty(`/proc/${pid}/cmdline`))?.[1] ?? "browser";
      for (const thread of entriesOf(`/proc/${pid}/task`)) {
        // Nanoseconds on the processor: https://docs.kernel.org/scheduler/sched-stats.html
        const nanoseconds = readOrEmpty(`/proc/${pid}/task/${thread}/schedstat`).split(" ")[0];
        // The number of a pool's thread says nothing.
        const comm = readOrEmpty(`/proc/${pid}/task/${thread}/comm`)
          .trim()
          .replace(/[\d/#]+$/, "");
        const name = thread === String(pid) ? "main" : comm;
        times.set(`${pid}/${thread}`, { name: `${kind}: ${name}`, timeMs: Number(nanoseconds) / 1e6 });
      }
    }
    return times;
  }

  async #processTimes(): Promise<ThreadTimes> {
    const session = await this.browser.newBrowserCDPSession();
    const { processInfo } = await session.send("SystemInfo.getProcessInfo");
    await session.detach();
    return new Map(processInfo.map(({ id, type, cpuTime }) => [String(id), { name: type, timeMs: cpuTime * 1000 }]));
  }
}

function summedByName(used: readonly { readonly name: string; readonly timeMs: number }[]): CpuUse["parts"] {
  const sums = new Map<string, number>();
  for (const { name, timeMs } of used) sums.set(name, (sums.get(name) ?? 0) + timeMs);
  return [...sums].map(([name, cpuMs]) => ({ name, cpuMs })).sort((a, b) => b.cpuMs - a.cpuMs);
}

function isLinux(): boolean {
  return process.platform === "linux";
}

/** @returns The folder of a new control group; `null` if the system or the rights do not allow one. */
function makeGroup(slowdown: number): string | null {
  const quotaUs = Math.round((QUOTA_PERIOD_US * cpus().length) / slowdown);
  const name = `emotion-cam-bench-${process.pid}`;
  try {
    if (existsSync(join(CGROUP_V1, "cpu.cfs_quota_us"))) {
      const group = join(CGROUP_V1, name);
      mkdirSync(group);
      writeFileSync(join(group, "cpu.cfs_period_us"), String(QUOTA_PERIOD_US));
      writeFileSync(join(group, "cpu.cfs_quota_us"), String(quotaUs));
      writeFileSync(join(group, "cpu.shares"), GREATEST_SHARES_V1);
      return group;
    }
    const group = join(CGROUP_V2, name);
    mkdirSync(group);
    writeFileSync(join(group, "cpu.max"), `${quotaUs} ${QUOTA_PERIOD_US}`);
    writeFileSync(join(group, "cpu.weight"), GREATEST_WEIGHT_V2);
    return group;
  } catch {
    return null;
  }
}

function removeGroup(group: string): void {
  try {
    rmdirSync(group);
  } catch {
    // A process that is still ending holds it. An empty group costs nothing and goes at the next boot.
  }
}
