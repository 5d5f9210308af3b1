/**
 * The server of `npm start` and of the kiosk: the built site and nothing else, on this machine and nowhere else. Both
 * use the same code, so the headers that a visitor's browser gets are the headers that were tested.
 *
 * Written for Node 18 and later: Debian 12 has no newer one.
 */
import { existsSync, type ReadStream, realpathSync, statSync } from "node:fs";
import {
  createServer as createHttpServer,
  type IncomingMessage,
  type Server,
  type ServerOptions as HttpOptions,
  type ServerResponse,
} from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sirv, { type Options, type RequestHandler } from "sirv";
import { chromiumArguments, managedPolicy } from "./chromium.ts";
import { Keeper } from "./keeper.ts";
import { openBrowser } from "./open-browser.ts";
import { readSettings, type Settings } from "./settings.ts";

export const DEFAULT_PORT = 8080;

/** Loopback alone: nothing of the exhibit can be reached over a network. */
const ADDRESSES = ["127.0.0.1", "::1"] as const;

/** A heartbeat is under 400 bytes; more is not one. */
const MAX_BODY_BYTES = 4096;

/** The page, its worker and a health check need a handful. */
const MAX_CONNECTIONS = 1024;

/** How long a client may take over its request's head, over the whole of it, and over nothing at all, ms. */
const HEAD_TIMEOUT_MS = 5000;
const REQUEST_TIMEOUT_MS = 10_000;
const SILENCE_TIMEOUT_MS = 30_000;

/** Longer than the page's heart rests, so that one connection carries its beats, ms. */
const KEEP_ALIVE_MS = 15_000;

/** Attempts to find a port that is free on both loopback addresses where any port will do. */
const ANY_PORT_ATTEMPTS = 5;

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
    // Lit's own templates are the one way in which text becomes elements.
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

/** Answers at a time on one connection. */
const MAX_UNDER_WAY = 4;

const HTTP_OPTIONS: HttpOptions = {
  headersTimeout: HEAD_TIMEOUT_MS,
  requestTimeout: REQUEST_TIMEOUT_MS,
  keepAliveTimeout: KEEP_ALIVE_MS,
  connectionsCheckingInterval: 1000,
};

const SIRV_OPTIONS: Options = {
  etag: true,
  setHeaders: (response, path) => {
    // Asked for anew each time, so that an update shows at once; the etag makes that cost no bytes.
    response.setHeader("Cache-Control", "no-cache");
    if (path.endsWith(".tflite")) response.setHeader("Content-Type", "application/octet-stream");
  },
};

export interface ServerOptions {
  /** The folder served. Default: the built site that this file belongs to. */
  readonly site?: string;
  /** 0 takes any free one. Default: 8080. */
  readonly port?: number;
  /** Told of each heartbeat that was taken. */
  readonly onHeartbeat?: (heartbeat: unknown) => void;
  /** What `GET /health` says beside the server's own words. */
  readonly health?: () => object;
}

export interface SiteServer {
  /** `http://localhost:PORT/` */
  readonly url: string;
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Serves the built site on 127.0.0.1 and, where the machine has it, on ::1.
 *
 * @throws An `Error` whose message names the port where it is taken, or the folder where no site lies in it.
 */
export async function createServer(options: ServerOptions = {}): Promise<SiteServer> {
  const site = options.site ?? builtSite();
  if (!existsSync(`${site}/index.html`)) {
    throw new Error(`No built site in ${site} (index.html is missing). Run "npm run build" first.`);
  }
  const answer = answerer(site, options);
  const port = options.port ?? DEFAULT_PORT;
  const servers = port === 0 ? await listenAnywhere(answer) : await listen(answer, port);
  const bound = (servers[0]!.address() as AddressInfo).port;
  return {
    url: `http://localhost:${bound}/`,
    port: bound,
    close: async () => {
      await Promise.all(servers.map(closeServer));
    },
  };
}

/** The bundle lies in `dist/kiosk/`, the source in `kiosk/` beside `dist/`. */
function builtSite(): string {
  const above = fileURLToPath(new URL("..", import.meta.url));
  return existsSync(`${above}/index.html`) ? above : fileURLToPath(new URL("../dist/", import.meta.url));
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

function answerer(site: string, options: ServerOptions): Answer {
  const startedAt = Date.now();
  const files = siteFiles(site);

  return (request, response) => {
    if (!isPatient(request, response)) return;
    for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
    const path = requestedPath(request);
    if (path === null) return refuse(response, 400, "The address cannot be read.");
    if (!isOurHost(request.headers.host)) return refuse(response, 421, "This server answers for localhost alone.");
    if (path === "/heartbeat") return takeHeartbeat(request, response, options.onHeartbeat);
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.setHeader("Allow", "GET, HEAD");
      return refuse(response, 405, `${request.method} is not answered here.`);
    }
    if (path === "/health") {
      return reply(response, 200, { ok: true, uptimeMs: Date.now() - startedAt, ...options.health?.() });
    }
    if (/^\/+kiosk(\/|$)/i.test(path)) return refuse(response, 404, "There is no such file.");
    keepRangeReadable(request);
    endFileWithAnswer(response);
    files()(request, response, () => refuse(response, 404, "There is no such file."));
  };
}

/** Answers that are under way on each connection. */
const answering = new WeakMap<Socket, number>();

/**
 * Whether few enough answers are under way on this connection. Browsers wait for an answer before they ask again, but may
 * have all of it before its file is closed here; whoever does not wait could have thousands of files opened, and is cut
 * off.
 */
function isPatient({ socket }: IncomingMessage, response: ServerResponse): boolean {
  const underWay = answering.get(socket) ?? 0;
  if (socket.destroyed || underWay >= MAX_UNDER_WAY) {
    socket.destroy();
    return false;
  }
  answering.set(socket, underWay + 1);
  response.once("close", () => answering.set(socket, (answering.get(socket) ?? 1) - 1));
  return true;
}

/** sirv throws at a range that ends before it begins, and misreads those without a beginning: the whole is sent instead. */
function keepRangeReadable(request: IncomingMessage): void {
  const [, start, end] = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(request.headers.range ?? "") ?? [];
  if (start === undefined || (end !== "" && (Number(end) < Number(start) || Number(end) === 0))) {
    delete request.headers.range;
  }
}

/**
 * sirv pipes a file and forgets it. One that cannot be read any more would end the server, and one whose reader went
 * away would stay open for ever.
 */
function endFileWithAnswer(response: ServerResponse): void {
  response.once("pipe", (file: ReadStream) => {
    file.once("error", () => response.destroy());
    response.once("close", () => file.destroy());
  });
}

/**
 * Without `dev` sirv reads the folder's list once: a path that is not on it does not exist, whatever it is made of.
 * The list is read again where a build or an update has put another folder in its place.
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

/** The decoded path of a request, or null where it is not one. */
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

function takeHeartbeat(request: IncomingMessage, response: ServerResponse, onHeartbeat?: (beat: unknown) => void) {
  if (request.method !== "POST") {
    response.setHeader("Allow", "POST");
    return refuse(response, 405, "A heartbeat is posted.");
  }
  const { origin, host } = request.headers;
  if (origin !== undefined && origin !== `http://${host}`) return refuse(response, 403, "A heartbeat is this page's.");
  // Of another origin's page this type asks for a preflight, which is never granted.
  if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) {
    return refuse(response, 415, "A heartbeat is application/json.");
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
    refuse(response, 413, `A heartbeat has at most ${MAX_BODY_BYTES} bytes.`);
    response.once("finish", () => request.destroy());
  });
  request.on("end", () => {
    if (tooLong) return;
    let heartbeat: unknown;
    try {
      heartbeat = JSON.parse(body);
    } catch {
      return refuse(response, 400, "The heartbeat is not JSON.");
    }
    if (typeof heartbeat !== "object" || heartbeat === null || Array.isArray(heartbeat)) {
      return refuse(response, 400, "The heartbeat is not a JSON object.");
    }
    onHeartbeat?.(heartbeat);
    response.writeHead(204).end();
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

async function listenAnywhere(answer: Answer): Promise<Server[]> {
  for (let attempt = 1; ; attempt++) {
    const [first] = await listen(answer, 0, [ADDRESSES[0]]);
    const { port } = first!.address() as AddressInfo;
    try {
      return [first!, ...(await listen(answer, port, [ADDRESSES[1]]))];
    } catch (error) {
      await closeServer(first!);
      if (attempt === ANY_PORT_ATTEMPTS) throw error;
    }
  }
}

async function listen(answer: Answer, port: number, addresses: readonly string[] = ADDRESSES): Promise<Server[]> {
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  for (const address of addresses) {
    const server = createHttpServer(HTTP_OPTIONS, answer);
    server.setTimeout(SILENCE_TIMEOUT_MS);
    server.on("connection", (socket) => {
      makeRoom(socket, sockets);
      refuseBatches(socket);
    });
    try {
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen({ port, host: address, ipv6Only: true }, resolve);
      });
      servers.push(server);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      // A machine without IPv6 has no ::1; localhost means 127.0.0.1 there.
      if (address === "::1" && (code === "EADDRNOTAVAIL" || code === "EAFNOSUPPORT")) continue;
      await Promise.all(servers.map(closeServer));
      throw new Error(listenFailure(code, port), { cause: error });
    }
  }
  return servers;
}

/**
 * Beyond the limit the oldest connection goes, never the newest: however many somebody holds open, the page's next
 * heartbeat gets in.
 *
 * @param sockets In order of arrival.
 */
function makeRoom(newest: Socket, sockets: Set<Socket>): void {
  sockets.add(newest);
  newest.once("close", () => sockets.delete(newest));
  if (sockets.size <= MAX_CONNECTIONS) return;
  const [oldest] = sockets;
  sockets.delete(oldest!);
  oldest!.destroy();
}

const HEAD_END = "\r\n\r\n";

/**
 * Cuts a connection off when one packet of it ends more than one request's head. No browser asks so; Node would make all
 * of them and throw them away, while memory fills and the page's heart waits (`npm run load`, "1,000 requests at once").
 */
function refuseBatches(socket: Socket): void {
  const push = socket.push.bind(socket);
  socket.push = (packet: Buffer | null, encoding?: BufferEncoding) => {
    const end = packet?.indexOf(HEAD_END) ?? -1;
    if (end >= 0 && packet!.indexOf(HEAD_END, end + HEAD_END.length) >= 0) {
      socket.destroy();
      return false;
    }
    return push(packet, encoding);
  };
  // Node's parser reads past the stream as long as nobody listens to it.
  socket.on("data", () => {});
}

function listenFailure(code: string | undefined, port: number): string {
  if (code === "EADDRINUSE")
    return `Port ${port} is taken by another program. Choose another: PORT=${port + 1} npm start`;
  if (code === "EACCES") return `Port ${port} needs privileges. Choose one from 1024 up: PORT=8080 npm start`;
  return `Port ${port} cannot be opened (${code ?? "no reason given"}). Choose another with PORT=`;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

/** The port that `PORT=` names. */
function portFromEnvironment(): number {
  const text = process.env["PORT"];
  if (text === undefined || text === "") return DEFAULT_PORT;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new Error(`PORT=${text} is not a port. Give a whole number from 1 to 65535: PORT=${DEFAULT_PORT} npm start`);
}

const COMMANDS = {
  /** `npm start`: serve, and open nothing. */
  "no-open": { type: "boolean" },
  /** `npm start`: an ordinary window in place of the whole screen. */
  window: { type: "boolean" },
  /** The kiosk: serve as this file says, under systemd's watchdog. The others below want it too. */
  settings: { type: "string" },
  /** Print what start-browser.sh wants to know, each word ended by a NUL. */
  browser: { type: "boolean" },
  /** Print Chromium's managed policy. */
  policy: { type: "boolean" },
  /** Print what in the settings was not understood; fail if anything. */
  "check-settings": { type: "boolean" },
} as const;

async function main(): Promise<void> {
  const { values } = parseArgs({ options: COMMANDS });
  if (values.settings === undefined) return start({ opens: !values["no-open"], fullScreen: !values.window });
  const { settings, warnings } = readSettings(values.settings);
  if (values.browser) {
    const words = [settings.rotation, settings.resolution, settings.camera, ...chromiumArguments(settings)];
    process.stdout.write(words.map((word) => `${word}\0`).join(""));
  } else if (values.policy) {
    process.stdout.write(`${JSON.stringify(managedPolicy(settings), null, 2)}\n`);
  } else if (values["check-settings"]) {
    for (const warning of warnings) console.log(warning);
    process.exitCode = warnings.length === 0 ? 0 : 1;
  } else {
    for (const warning of warnings) console.warn(`${values.settings}: ${warning}`);
    await keep(settings);
  }
}

/** `npm start`. */
async function start({ opens, fullScreen }: { opens: boolean; fullScreen: boolean }): Promise<void> {
  const server = await createServer({ port: portFromEnvironment() });
  closeOnSignal(server);
  console.log(server.url);
  if (opens) console.log(await openBrowser(server.url, { fullScreen }));
}

/** The kiosk's service. */
async function keep(settings: Settings): Promise<void> {
  const keeper = new Keeper({
    nightlyRestart: settings.nightlyRestart,
    renew: () => {
      console.log("Nobody is in view: renewing server and browser for the night.");
      process.exit(0);
    },
  });
  const server = await createServer({
    port: settings.port,
    onHeartbeat: (posted) => keeper.beat(posted),
    health: () => keeper.health(),
  });
  closeOnSignal(server);
  console.log(`Serving ${server.url}`);
  keeper.run();
}

function closeOnSignal(server: SiteServer): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void server.close().then(() => process.exit(0)));
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main().catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
