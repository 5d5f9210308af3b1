/**
 * The process that keeps a kiosk's statistics. It alone has the database, answers on a Unix socket and has no network:
 * a slow or full card holds up this process and never the exhibit's server, which passes requests on to it.
 *
 *   node statistics.mjs --folder DIR --socket PATH [--settings FILE] [--demo] [--attached]
 *
 * With --demo it begins with a year that never was; with --attached it ends with the process that started it.
 *
 * Written for Node 18 and later: Debian 12 has no newer one.
 */
import { existsSync, realpathSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { metricsText, readRange, statisticsCsv, statisticsOf } from "./statistics-export.ts";
import { readPosted, writeSpan } from "./statistics-span.ts";
import { parseSettings, readSettings } from "./settings.ts";
import { demoYear } from "./statistics-demo.ts";
import { Store, type StoreOptions } from "./store.ts";

/** An entry of the page's log has under 1.5 KB. */
const MAX_BODY_BYTES = 4096;

/** Sums of one message to the fleet, at most. */
export const MAX_SUMS = 500;

const MAINTAIN_EVERY_MS = 60_000;

export interface StatisticsService {
  close(): Promise<void>;
}

/** The service's answer. */
interface Answered {
  readonly status: number;
  readonly type: "application/json" | "text/csv" | "text/plain";
  readonly body: string;
}

/**
 * Open the database and answer on a socket.
 *
 * @param folder Where the database lies.
 * @throws Error where another process answers on the socket: two must not share the database.
 */
export async function startStatistics(
  folder: string,
  socket: string,
  options: StoreOptions,
): Promise<StatisticsService> {
  const server = createServer();
  await listen(server, socket);
  // Only now: whoever has the socket has the database.
  const desk = new Desk(new Store(folder, options), options.least);
  const timer = setInterval(() => desk.maintain(), MAINTAIN_EVERY_MS);
  server.on("request", (request, response) => void desk.serve(request, response));
  return {
    close: () =>
      new Promise((resolve) => {
        clearInterval(timer);
        server.close(() => {
          desk.close();
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

async function listen(server: Server, socket: string): Promise<void> {
  const attempt = () =>
    new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(socket, () => {
        server.off("error", reject);
        resolve();
      });
    });
  try {
    await attempt();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw error;
    if (await isAnswered(socket))
      throw new Error(`Another process keeps statistics on ${socket}. Stop it, or give another --socket.`);
    // A killed process left it.
    rmSync(socket, { force: true });
    await attempt();
  }
}

function isAnswered(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(socket, () => resolve(true));
    probe.once("error", () => resolve(false)).once("connect", () => probe.destroy());
  });
}

class Desk {
  readonly #store: Store;
  readonly #least: number;
  #syncedAtMs: number | null = null;
  /** Why the newest span could not be kept, or null. */
  #trouble: string | null = null;

  constructor(store: Store, least: number) {
    this.#store = store;
    this.#least = least;
    if (store.setAside !== null) console.error(store.setAside);
  }

  maintain(): void {
    try {
      this.#store.maintain();
    } catch (error) {
      console.error(messageOf(error));
    }
  }

  close(): void {
    this.#store.close();
  }

  async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, type, body } = await this.#answer(request);
    response.writeHead(status, { "Content-Type": `${type};charset=utf-8`, "Cache-Control": "no-store" }).end(body);
  }

  async #answer(request: IncomingMessage): Promise<Answered> {
    try {
      const url = new URL(request.url ?? "/", "http://statistics");
      return await this.#route(`${request.method} ${url.pathname}`, url.searchParams, request);
    } catch (error) {
      if (error instanceof RangeError || error instanceof SyntaxError) return text(400, error.message);
      console.error(messageOf(error));
      return text(503, `Statistics cannot be had: ${messageOf(error)}`);
    }
  }

  async #route(what: string, query: URLSearchParams, request: IncomingMessage): Promise<Answered> {
    switch (what) {
      case "POST /spans":
        return this.#take(await readJson(request));
      case "POST /ack":
        return this.#acknowledge(await readJson(request));
      case "GET /statistics.json":
        return json(this.#statistics(query));
      case "GET /statistics.csv":
        return { status: 200, type: "text/csv", body: statisticsCsv(this.#statistics(query)) };
      case "GET /metrics":
        return { status: 200, type: "text/plain", body: metricsText(this.#counters()) };
      case "GET /unsent":
        return json(this.#unsent(Number(query.get("limit") ?? MAX_SUMS)));
      case "GET /health":
        return json(this.#health());
      default:
        return text(404, `There is no ${what.slice(0, 80)}.`);
    }
  }

  #take(posted: unknown): Answered {
    const span = readPosted(posted);
    try {
      this.#store.add(span);
      this.#trouble = null;
    } catch (error) {
      this.#trouble = messageOf(error);
      throw error;
    }
    return { status: 204, type: "text/plain", body: "" };
  }

  #acknowledge(word: unknown): Answered {
    const { epoch, upto } = word as { epoch?: unknown; upto?: unknown };
    if (typeof epoch !== "string" || !Number.isSafeInteger(upto) || (upto as number) < 0)
      throw new RangeError(`An acknowledgement is { epoch, upto }, not ${JSON.stringify(word).slice(0, 80)}.`);
    this.#syncedAtMs = Date.now();
    this.#store.acknowledge(epoch, upto as number);
    return { status: 204, type: "text/plain", body: "" };
  }

  #statistics(query: URLSearchParams): ReturnType<typeof statisticsOf> {
    const range = readRange(query, Date.now());
    return statisticsOf(this.#store.quarters(range.fromMs, range.toMs), range, this.#least);
  }

  #counters() {
    const { waiting } = this.#store.unsent(0);
    return { totals: this.#store.totals(), loads: this.#store.loads, syncedAtMs: this.#syncedAtMs, waiting };
  }

  /** The message to the fleet, as the wire has it. */
  #unsent(limit: number) {
    const { epoch, waiting, sums } = this.#store.unsent(Math.min(Math.max(Math.trunc(limit) || 0, 0), MAX_SUMS));
    return { epoch, waiting, rows: sums.map((sum) => ({ seq: sum.seq, clock: sum.clock, ...writeSpan(sum) })) };
  }

  #health() {
    const { waiting } = this.#store.unsent(0);
    const problem = this.#trouble ?? this.#store.setAside;
    const { visits } = this.#store.totals();
    return {
      ok: this.#trouble === null,
      problem,
      waiting,
      visits,
      loads: this.#store.loads,
      syncedAtMs: this.#syncedAtMs,
    };
  }
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  let body = "";
  request.setEncoding("utf8");
  for await (const chunk of request) {
    body += chunk;
    if (body.length > MAX_BODY_BYTES) throw new RangeError(`A body has at most ${MAX_BODY_BYTES} bytes.`);
  }
  return JSON.parse(body);
}

function json(value: object): Answered {
  return { status: 200, type: "application/json", body: `${JSON.stringify(value)}\n` };
}

function text(status: number, message: string): Answered {
  return { status, type: "text/plain", body: `${message}\n` };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function seed(folder: string, options: StoreOptions): void {
  const store = new Store(folder, options);
  store.addAll(demoYear(Date.now()));
  store.close();
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      folder: { type: "string" },
      socket: { type: "string" },
      settings: { type: "string" },
      demo: { type: "boolean" },
      attached: { type: "boolean" },
    },
  });
  const { folder, socket } = values;
  const { settings } = values.settings === undefined ? parseSettings("") : readSettings(values.settings);
  if (folder === undefined || socket === undefined)
    throw new Error("Usage: node statistics.mjs --folder DIR --socket PATH [--settings FILE]");
  const least = settings.statisticsLeast;
  // Somebody sits at a machine with `npm start`, and sees whether its clock is right.
  const options: StoreOptions = values.attached ? { least, clock: () => "rtc" } : { least };
  if (values.demo) seed(folder, options);
  const service = await startStatistics(folder, socket, options);
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void service.close().then(() => process.exit(0)));
  // However the other process ends, its end of the pipe is closed.
  if (values.attached) process.stdin.resume().once("end", () => process.kill(process.pid, "SIGTERM"));
  console.log(`Statistics in ${folder}, on ${socket}`);
}

if (
  process.argv[1] !== undefined &&
  existsSync(process.argv[1]) &&
  realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)
) {
  main().catch((error: unknown) => {
    console.error(messageOf(error));
    process.exitCode = 1;
  });
}
