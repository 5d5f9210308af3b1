/**
 * The server of `npm start` and of the kiosk: it serves the built site, on this machine only. Both use the same code, so
 * the headers that a visitor's browser gets are the headers that were tested.
 *
 * Written for Node 18 and later: Debian 12 has no newer one.
 */
import { existsSync, type ReadStream, statSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { fileURLToPath } from "node:url";
import sirv, { type Options, type RequestHandler } from "sirv";
import { type Answer, listen } from "./connections.ts";
import type { Forwarded, StatisticsDoor } from "./statistics-door.ts";

export const DEFAULT_PORT = 8080;

/** A heartbeat has under 400 bytes, a minute of statistics under 1,500. */
const MAX_BODY_BYTES = 4096;

/** Where the exhibit's page posts each minute of its statistics. */
const STATISTICS = "/statistics";
const STATISTICS_ANSWERS: ReadonlySet<string> = new Set(["/statistics.json", "/statistics.csv", "/metrics"]);
const NO_STATISTICS =
  "Statistics are off. Switch them on: npm start -- --statistics, or statistics = on in the settings.";

const HEADERS: Readonly<Record<string, string>> = {
  "Content-Security-Policy": [
    "default-src 'none'",
    "script-src 'self' 'wasm-unsafe-eval'",
    "worker-src 'self'",
    "connect-src 'self'",
    "img-src 'self'",
    "media-src 'self'",
    "style-src 'self'",
    "font-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    // Only Lit's templates and the element's own policy may turn text into elements or script URLs.
    "require-trusted-types-for 'script'",
    "trusted-types lit-html emotion-cam",
  ].join("; "),
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Permissions-Policy": [
    "camera=(self)",
    ...["microphone", "geolocation", "display-capture", "midi", "payment", "usb", "serial", "hid"].map(
      (feature) => `${feature}=()`,
    ),
  ].join(", "),
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

const SIRV_OPTIONS: Options = {
  etag: true,
  setHeaders: (response, path) => {
    // The browser revalidates each file, so that an update shows at once; the etag makes that cost no bytes.
    response.setHeader("Cache-Control", "no-cache");
    if (path.endsWith(".tflite")) response.setHeader("Content-Type", "application/octet-stream");
  },
};

export interface ServerOptions {
  /** The folder to serve. Default: the built site that this file belongs to. */
  readonly site?: string;
  /** 0 takes any free one. Default: 8080. */
  readonly port?: number;
  /** Called with each JSON object that is posted as a heartbeat. */
  readonly onHeartbeat?: (heartbeat: unknown) => void;
  /** More members for the answer to `GET /health`. */
  readonly health?: () => object;
  /** Where statistics are kept. Default: nowhere, and their addresses do not exist. */
  readonly statistics?: StatisticsDoor;
  /** More lines for the answer to `GET /metrics`, in Prometheus' text format. */
  readonly metrics?: () => string;
}

export interface SiteServer {
  /** `http://localhost:PORT/` */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serve the built site on 127.0.0.1 and, where the machine has IPv6, on ::1.
 *
 * @throws An `Error` whose message names the port where it is taken, or the folder where it holds no site.
 */
export async function createServer(options: ServerOptions = {}): Promise<SiteServer> {
  const site = options.site ?? builtSite();
  if (!existsSync(`${site}/index.html`)) {
    throw new Error(`No built site in ${site} (index.html is missing). Run "npm run build" first.`);
  }
  const { port, close } = await listen(answerer(site, options), options.port ?? DEFAULT_PORT);
  return { url: `http://localhost:${port}/`, port, close };
}

/** The bundle lies in `dist/kiosk/`, the source in `kiosk/` beside `dist/`. */
function builtSite(): string {
  const above = fileURLToPath(new URL("..", import.meta.url));
  return existsSync(`${above}/index.html`) ? above : fileURLToPath(new URL("../dist/", import.meta.url));
}

function answerer(site: string, options: ServerOptions): Answer {
  const startedAt = Date.now();
  const files = siteFiles(site);

  return (request, response) => {
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const path = requestedPath(request);
    if (path === null) return refuse(response, 400, "The address cannot be decoded.");
    if (!isOurHost(request.headers.host)) return refuse(response, 421, "This server answers only for localhost.");
    if (path === "/heartbeat") return takePosted(request, response, "heartbeat", takeHeartbeat(response, options));
    if (path === STATISTICS && options.statistics) {
      return takePosted(request, response, "entry", takeEntry(response, options.statistics));
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return refuse(response, 405, `This server does not answer ${request.method} here.`);
    }
    if (path === "/health") {
      return reply(response, 200, { ok: true, uptimeMs: Date.now() - startedAt, ...options.health?.() });
    }
    if (STATISTICS_ANSWERS.has(path) && options.statistics) return void answerStatistics(request, response, options);
    if (/^\/+statistics\.html$/i.test(path) && !options.statistics) return refuse(response, 404, NO_STATISTICS);
    if (/^\/+kiosk(\/|$)/i.test(path)) return refuse(response, 404, "There is no such file.");
    dropUnreadableRange(request);
    endFileWithAnswer(response);
    files()(request, response, () => refuse(response, 404, "There is no such file."));
  };
}

/**
 * Drop a range that sirv cannot read, so that it sends the whole file. It throws at a range that ends before it begins,
 * and misreads one without a beginning.
 */
function dropUnreadableRange(request: IncomingMessage): void {
  const [, start, end] = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(request.headers.range ?? "") ?? [];
  if (start === undefined || (end !== "" && (Number(end) < Number(start) || Number(end) === 0))) {
    delete request.headers.range;
  }
}

/**
 * Close the file when its answer ends, and the answer when its file fails. sirv pipes a file and forgets it: a read
 * error would end the server, and a reader that goes away would leave the file open for ever.
 */
function endFileWithAnswer(response: ServerResponse): void {
  response.once("pipe", (file: ReadStream) => {
    file.once("error", () => response.destroy());
    response.once("close", () => file.destroy());
  });
}

/**
 * Without `dev` sirv lists the folder once, and a path that is not on the list does not exist. The list is read again
 * when a build or an update has replaced the folder.
 */
function siteFiles(site: string): () => RequestHandler {
  const folder = () => statSync(site, { throwIfNoEntry: false })?.ino;
  let readFrom = folder();
  let handler = sirv(site, SIRV_OPTIONS);
  return () => {
    const now = folder();
    if (now !== undefined && now !== readFrom) {
      readFrom = now;
      handler = sirv(site, SIRV_OPTIONS);
    }
    return handler;
  };
}

/** @returns The decoded path of a request, or null where it cannot be decoded. */
function requestedPath(request: IncomingMessage): string | null {
  try {
    return decodeURIComponent((request.url ?? "").split(/[?#]/, 1)[0]!);
  } catch {
    return null;
  }
}

/** A page of another name that resolves to this machine (DNS rebinding) gets nothing. */
function isOurHost(host: string | undefined): boolean {
  return host !== undefined && /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i.test(host);
}

type PostedObject = Readonly<Record<string, unknown>>;

function takeHeartbeat(response: ServerResponse, { onHeartbeat }: ServerOptions): (heartbeat: PostedObject) => void {
  return (heartbeat) => {
    onHeartbeat?.(heartbeat);
    response.writeHead(204).end();
  };
}

function takeEntry(response: ServerResponse, statistics: StatisticsDoor): (entry: PostedObject) => void {
  return (entry) => {
    void statistics.forward("POST", "/spans", JSON.stringify(entry)).then((answer) => pass(response, answer));
  };
}

async function answerStatistics(request: IncomingMessage, response: ServerResponse, options: ServerOptions) {
  const answer = await options.statistics!.forward("GET", request.url!);
  const own = requestedPath(request) === "/metrics" && answer.status === 200 ? (options.metrics?.() ?? "") : "";
  pass(response, { ...answer, body: answer.body + own });
}

function pass(response: ServerResponse, { status, type, body }: Forwarded): void {
  response.setHeader("Cache-Control", "no-store");
  if (body !== "") response.setHeader("Content-Type", type);
  response.writeHead(status).end(body);
}

/**
 * Take a JSON object that the exhibit's own page posts.
 *
 * @param name What the object is called in a refusal.
 * @param take Called with the object; it answers.
 */
function takePosted(
  request: IncomingMessage,
  response: ServerResponse,
  name: string,
  take: (value: PostedObject) => void,
): void {
  if (request.method !== "POST") {
    response.setHeader("Allow", "POST");
    return refuse(response, 405, `Send a ${name} with POST.`);
  }
  const { origin, host } = request.headers;
  if (origin !== undefined && origin !== `http://${host}`)
    return refuse(response, 403, `Only this server's own page may send a ${name}.`);
  // A page of another origin needs a preflight for this type, and no preflight is granted.
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) {
    return refuse(response, 415, `Send a ${name} as application/json.`);
  }
  let body = "";
  let tooLong = false;
  request.setEncoding("utf8");
  request.on("data", (chunk: string) => {
    if (tooLong) return;
    body += chunk;
    if (body.length <= MAX_BODY_BYTES) return;
    tooLong = true;
    response.setHeader("Connection", "close");
    refuse(response, 413, `A ${name} has at most ${MAX_BODY_BYTES} bytes.`);
    response.once("finish", () => request.destroy());
  });
  request.on("end", () => {
    if (tooLong) return;
    let value: unknown;
    try {
      value = JSON.parse(body);
    } catch {
      return refuse(response, 400, `The ${name} is not JSON.`);
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      return refuse(response, 400, `The ${name} is not a JSON object.`);
    }
    take(value as PostedObject);
  });
}

function reply(response: ServerResponse, status: number, value: object): void {
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("Content-Type", "application/json");
  response.writeHead(status).end(`${JSON.stringify(value)}\n`);
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.setHeader("Cache-Control", "no-store");
  response.setHeader("Content-Type", "text/plain;charset=utf-8");
  response.writeHead(status).end(`${message}\n`);
}
