/**
 * Measure how much load the kiosk's server handles, and whether a flood of requests delays the heartbeats that keep
 * systemd's watchdog quiet.
 *
 *   npm run load -- [--seconds N] [--json FILE]
 *
 * Starts the built server as its unit does. A page's heartbeat runs all the time. Meanwhile wrk (Debian's package of that
 * name) sends requests over more and more connections, floods of heartbeats, and requests without waiting for answers. Fails
 * if half of the heartbeats were lost, if systemd was not notified in time, or if memory exceeded the unit's limit.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { InputError, runCommand } from "../shared/input-error.ts";
import { writeJson } from "../shared/write-json.ts";

const run = promisify(execFile);

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const UNIT = readFileSync(join(ROOT, "kiosk/system/emotion-kiosk-server.service"), "utf8");

/** The unit's limits: how long systemd waits for a notification, and how much memory it allows. */
const WATCHDOG_MS = Number(/^WatchdogSec=(\d+)$/m.exec(UNIT)![1]) * 1000;
const MEMORY_MB = Number(/^MemoryMax=(\d+)M$/m.exec(UNIT)![1]);

/** Shorter than the page's own interval, to see the worst case within a few seconds. */
const BEAT_EVERY_MS = 500;

const BEAT_LUA = `
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = '{"page":"f","state":"running","source":"camera","error":null,"frames":1,"results":1,"pictures":1,"faces":0,"heapBytes":0}'
`;
const PIPELINE_LUA = `
local batch
init = function(args)
  local requests = {}
  for i = 1, 1000 do requests[i] = wrk.format("GET", "/") end
  batch = table.concat(requests)
end
request = function() return batch end
`;

/** One kind of load. */
interface Load {
  readonly name: string;
  readonly path: string;
  readonly connections: number;
  readonly script?: string;
}

const LOADS: readonly Load[] = [
  ...[1, 8, 32, 128, 512, 2048].map((connections) => ({ name: "the page", path: "/", connections })),
  { name: "WebAssembly, 300 KB", path: "/wasm/tfjs-backend-wasm-simd.wasm", connections: 32 },
  { name: "heartbeats", path: "/heartbeat", connections: 128, script: BEAT_LUA },
  { name: "1,000 requests at once", path: "/", connections: 512, script: PIPELINE_LUA },
];

/** The result of one load. */
interface Row {
  readonly name: string;
  readonly connections: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly refused: number;
  readonly beats: number;
  readonly beatsLost: number;
  readonly worstBeatMs: number;
  readonly worstSilenceMs: number;
  readonly memoryMB: number;
}

/** The server as its unit starts it, with a `systemd-notify` that logs the time and the argument of each call. */
class Server {
  readonly url: string;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.url = `http://localhost:${port}`;
    writeFileSync(join(folder, "kiosk.conf"), `port = ${port}\n`);
    const notify = `#!/bin/sh\necho "$(date +%s%3N) $1" >>${folder}/told\n`;
    writeFileSync(join(folder, "systemd-notify"), notify, { mode: 0o755 });
    writeFileSync(join(folder, "told"), "");
    const flags = /^ExecStart=\S+ (.*) \S+\/server\.mjs/m.exec(UNIT)![1]!.split(" ");
    const words = [...flags, join(ROOT, "dist/kiosk/server.mjs"), "--settings", join(folder, "kiosk.conf")];
    const own = [...UNIT.matchAll(/^Environment=(\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]);
    const env = { ...Object.fromEntries(own), PATH: `${folder}:${process.env["PATH"]}`, NOTIFY_SOCKET: "/nowhere" };
    this.#child = spawn(process.execPath, words, { stdio: ["ignore", "ignore", "inherit"], env });
  }

  static async start(): Promise<Server> {
    const server = new Server(mkdtempSync(join(tmpdir(), "load-server-")), await freePort());
    while (!(await fetch(`${server.url}/health`).catch(() => null))) {
      if (server.#child.exitCode !== null)
        throw new Error(`The server ended while starting (${server.#child.exitCode}).`);
      await sleep(100);
    }
    return server;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** When the watchdog was notified, ms since 1970. */
  get notifiedAt(): readonly number[] {
    const told = readFileSync(join(this.#folder, "told"), "utf8");
    return [...told.matchAll(/^(\d+) WATCHDOG=1$/gm)].map(([, at]) => Number(at));
  }

  /** The resident memory of the process. */
  get memoryMB(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)![1]) / 1000;
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGKILL");
    await gone;
    rmSync(this.#folder, { recursive: true });
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const { port } = probe.address() as { port: number };
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

/** Sends the heartbeats of `src/pages/heartbeat.ts`. */
class Heartbeat {
  beats = 0;
  lost = 0;
  worstMs = 0;
  readonly #stopped = new AbortController();
  readonly #over: Promise<void>;

  constructor(url: string) {
    this.#over = this.#beat(url);
  }

  async #beat(url: string): Promise<void> {
    for (let count = 1; !this.#stopped.signal.aborted; count++) {
      const startedAt = performance.now();
      const counts = { frames: count, results: count, pictures: count, faces: 0, heapBytes: 0 };
      const body = JSON.stringify({ page: "p", state: "running", source: "camera", error: null, ...counts });
      const headers = { "content-type": "application/json" };
      const signal = AbortSignal.timeout(5000);
      const answer = await fetch(`${url}/heartbeat`, { method: "POST", headers, body, signal }).catch(() => null);
      this.beats++;
      if (answer?.status !== 204) this.lost++;
      this.worstMs = Math.max(this.worstMs, performance.now() - startedAt);
      await sleep(BEAT_EVERY_MS);
    }
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#over;
  }
}

/** Read a time that wrk printed. @returns Milliseconds; `NaN` if it is not a time. */
function milliseconds(text: string | undefined): number {
  const [, number, unit] = /^([\d.]+)(us|ms|s|m)$/.exec(text ?? "") ?? [];
  const factor = { us: 0.001, ms: 1, s: 1000, m: 60_000 }[unit as "us" | "ms" | "s" | "m"];
  return factor === undefined ? NaN : Number(number) * factor;
}

async function load(server: Server, { name, path, connections, script }: Load, seconds: number): Promise<Row> {
  const file = join(mkdtempSync(join(tmpdir(), "load-script-")), "script.lua");
  writeFileSync(file, script ?? "");
  const heartbeat = new Heartbeat(server.url);
  let memoryMB = 0;
  const watch = setInterval(() => (memoryMB = Math.max(memoryMB, server.isRunning ? server.memoryMB : 0)), 200);
  const startedAt = Date.now();
  const words = ["-t1", `-c${connections}`, `-d${seconds}`, "--latency", "-s", file, `${server.url}${path}`];
  const { stdout } = await run("wrk", words);
  await heartbeat.stop();
  clearInterval(watch);
  rmSync(join(file, ".."), { recursive: true });
  const times = [startedAt, ...server.notifiedAt.filter((at) => at > startedAt), Date.now()];
  return {
    name,
    connections,
    requestsPerSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)?.[1] ?? 0),
    p50Ms: milliseconds(/50%\s+(\S+)/.exec(stdout)?.[1]),
    p99Ms: milliseconds(/99%\s+(\S+)/.exec(stdout)?.[1]),
    refused: Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0),
    beats: heartbeat.beats,
    beatsLost: heartbeat.lost,
    worstBeatMs: heartbeat.worstMs,
    worstSilenceMs: Math.max(...times.slice(1).map((at, index) => at - times[index]!)),
    memoryMB,
  };
}

function format(rows: readonly Row[]): string {
  const number = (value: number, digits: number) => (Number.isFinite(value) ? value.toFixed(digits) : "");
  const lines = rows.map(
    (row) =>
      `| ${row.name} | ${row.connections} | ${number(row.requestsPerSecond, 0)} | ${number(row.p50Ms, 1)} | ` +
      `${number(row.p99Ms, 1)} | ${row.beatsLost} of ${row.beats} | ${number(row.worstBeatMs, 0)} | ` +
      `${number(row.worstSilenceMs / 1000, 1)} | ${number(row.memoryMB, 0)} |`,
  );
  return [
    "| request | connections | answers a second | p50 ms | p99 ms | heartbeats lost | slowest heartbeat ms | longest gap between notifications s | memory MB |",
    "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ...lines,
  ].join("\n");
}

async function main(): Promise<void> {
  const { values } = parseArgs({ options: { seconds: { type: "string" }, json: { type: "string" } } });
  const seconds = Number(values.seconds ?? 10);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > 600) {
    throw new InputError(`--seconds ${values.seconds}: give a whole number from 1 to 600`);
  }
  if (process.platform !== "linux") throw new InputError("npm run load reads /proc and needs Linux.");
  if (!process.env["PATH"]?.split(":").some((folder) => existsSync(join(folder, "wrk")))) {
    throw new InputError("wrk is not installed. On Debian: sudo apt-get install wrk");
  }
  const before = loadavg()[0]!;
  const server = await Server.start();
  const rows: Row[] = [];
  try {
    for (const each of LOADS) rows.push(await load(server, each, seconds));
  } finally {
    await server.stop();
  }
  console.log(format(rows));
  console.log(
    `\n${seconds} s each on ${cpus().length} cores of ${cpus()[0]!.model}, load average before ${before.toFixed(1)}`,
  );
  writeJson(values.json, { schema: 1, seconds, rows });
  const failures = rows.filter(
    (row) => row.worstSilenceMs > WATCHDOG_MS || row.memoryMB > MEMORY_MB || row.beatsLost > row.beats / 2,
  );
  for (const { name, connections } of failures) console.error(`Failed: ${name}, ${connections} connections`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

await runCommand(main);
