/**
 * A browser whose processes can be looked at from outside: CPU time, memory, busy threads, and a CPU quota. On Linux by
 * /proc and control groups; elsewhere by what the DevTools protocol tells.
 */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { chromium, type Browser, type Page } from "playwright";
import { CHROMIUM_ARGS, chromiumPath } from "../../chromium.ts";
import { entriesOf, privateMB, processTree, readOrEmpty } from "../../processes.ts";

const CGROUP_V1 = "/sys/fs/cgroup/cpu";
const CGROUP_V2 = "/sys/fs/cgroup";
/** Short, so that the quota is a slow processor and not one that stands still now and then. */
const QUOTA_PERIOD_US = 10_000;

/** Other work on the machine is not to be what slows a throttled browser: its quota alone is. */
const GREATEST_SHARES_V1 = "262144";
const GREATEST_WEIGHT_V2 = "10000";

/** How `--throttle` was done. */
export type ThrottleMethod =
  "cgroup quota on the browser's processes" | "DevTools CPU throttle of the page's main thread";

/** CPU time by thread, since each began; a process's where threads cannot be told apart. */
type ThreadTimes = ReadonlyMap<string, { readonly name: string; readonly timeMs: number }>;

/** CPU time between two moments. */
export interface CpuUse {
  readonly cpuMs: number;
  /** Threads that computed for more than a twentieth of the time; `null` where the system does not tell. */
  readonly busyThreads: number | null;
  /** By the kind of process and the thread's name, the busiest first. */
  readonly parts: readonly { readonly name: string; readonly cpuMs: number }[];
}

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

  /** Starts a headless Chromium with the GPU off. */
  static async launch(args: readonly string[] = []): Promise<BenchBrowser> {
    const server = await chromium.launchServer({
      executablePath: chromiumPath(),
      headless: true,
      args: [...CHROMIUM_ARGS, ...args],
    });
    const browser = await chromium.connect(server.wsEndpoint());
    return new BenchBrowser(browser, server.process().pid ?? 0, () => server.close());
  }

  async close(): Promise<void> {
    await this.#shut();
    if (this.#group !== null) removeGroup(this.#group);
  }

  /**
   * Watches the CPU time of everything that the browser does while `work` runs.
   *
   * @returns What `work` returned, and what it used.
   */
  async watch<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly use: CpuUse }> {
    const stop = await this.begin();
    const value = await work();
    return { value, use: await stop() };
  }

  /** Begins to count CPU time. @returns What ends it and tells. */
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

  /** Memory of the page's process alone, shared with none; `null` where the system does not tell. */
  pageMemoryMB(): number | null {
    if (!isLinux()) return null;
    const renderers = processTree(this.#pid).filter((pid) =>
      readOrEmpty(`/proc/${pid}/cmdline`).includes("--type=renderer"),
    );
    // A spare renderer waits beside the page's own, and is smaller.
    return Math.max(0, ...renderers.map(privateMB));
  }

  /**
   * Makes the browser as slow as a machine whose processor is `slowdown` times slower.
   *
   * A control group's quota reaches every thread. Where the system gives none, the DevTools throttle remains, which
   * reaches the page's main thread alone and not the worker that computes: the caller says so.
   */
  throttle(slowdown: number): ThrottleMethod {
    this.#slowdown = slowdown;
    this.#group = makeGroup(slowdown);
    if (this.#group === null) return "DevTools CPU throttle of the page's main thread";
    for (const pid of processTree(this.#pid)) writeFileSync(join(this.#group, "cgroup.procs"), String(pid));
    return "cgroup quota on the browser's processes";
  }

  /** To be called for each new page: the DevTools throttle is the page's own. */
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
        // Threads of a pool are told apart by a number, which tells nothing.
        const comm = readOrEmpty(`/proc/${pid}/task/${thread}/comm`)
          .trim()
          .replace(/[\d/#]+$/, "");
        times.set(`${pid}/${thread}`, { name: `${kind}: ${comm}`, timeMs: Number(nanoseconds) / 1e6 });
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

/** @returns The folder of a new control group, or `null` where the system or the rights give none. */
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
    // A process that is still dying holds it; an empty group costs nothing and goes with the next start.
  }
}
