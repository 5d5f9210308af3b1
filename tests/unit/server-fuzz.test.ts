/**
 * The kiosk's server against whatever can be sent to a port. `npm run fuzz` sends more; the counts are printed.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type Socket, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Keeper } from "../../kiosk/keeper.ts";
import { type SiteServer, createServer } from "../../kiosk/server.ts";
import { SERVER_FUZZ_RUNS as RUNS } from "../fuzz-runs.ts";

/** A hang's limit, for each run, ms; and what a file of runs takes to begin. */
const LIMIT_MS = 60_000 + RUNS * 100;

/** Stands in every file that must not be served. */
const SECRET = "must not be seen";
const SITE_FILE = "the site's own";

let folder: string;
let server: SiteServer;
let keeper: Keeper;
const told: string[] = [];
let sent = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "server-fuzz-"));
  mkdirSync(join(folder, "site/kiosk"), { recursive: true });
  mkdirSync(join(folder, "site/wasm"));
  for (const name of ["secret.txt", "site/.hidden", "site/kiosk/server.mjs", "site-of-another/index.html"]) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), SECRET);
  }
  for (const name of ["site/index.html", "site/main.js", "site/wasm/kernel.wasm"]) {
    writeFileSync(join(folder, name), SITE_FILE);
  }
  keeper = new Keeper({
    nightlyRestart: "",
    renew: () => {},
    notify: (state) => told.push(state),
    log: (line) => told.push(line),
    hasScreen: () => true,
  });
  server = await createServer({
    site: join(folder, "site"),
    port: 0,
    onHeartbeat: (posted) => keeper.beat(posted),
    health: () => keeper.health(),
  });
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
  console.log(`server: ${sent} requests, none of which hung it, ended it or left the site`);
});

/** Longest time that the server waits for the end of an invalid request, ms. */
const UNENDED_MS = 5;

/** Sends bytes and takes what comes until the connection is closed, by the server or, after a while, from here. */
function send(bytes: Uint8Array | string, leaveAfterMs?: number): Promise<string> {
  sent++;
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(server.port, "127.0.0.1", () => {
      socket.write(bytes);
      if (leaveAfterMs !== undefined) setTimeout(() => socket.end(), leaveAfterMs);
    });
    socket.setEncoding("latin1");
    socket.on("data", (chunk) => (answer += chunk));
    socket.on("error", () => {});
    socket.on("close", () => resolve(answer));
  });
}

const get = (path: string) => send(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);

function post(posted: unknown): Promise<string> {
  const body = JSON.stringify(posted);
  const head = "POST /heartbeat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close";
  return send(`${head}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
}

async function isWell(): Promise<boolean> {
  return (await get("/")).endsWith(SITE_FILE);
}

const statusOf = (answer: string) => Number(/^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1]);

const piece = fc.oneof(
  fc.constantFrom("..", ".", "", "%2e%2e", "%2E.", "..%2f", "..%5c", "\\", "..\\", "%00", "%c0%ae%c0%ae", "%252e%252e"),
  fc.constantFrom(
    "site",
    "kiosk",
    "KIOSK",
    "%6biosk",
    "server.mjs",
    "secret.txt",
    ".hidden",
    "index.html",
    "wasm",
    "etc",
  ),
  fc.constantFrom("site-of-another", "?", "#", ";", ":", "//", "~", "*", "proc/self/cwd", "__proto__", "constructor"),
  fc.webPath({ size: "small" }),
);

const path = fc
  .tuple(
    fc.constantFrom("/", "//", "", "\\", "http://localhost/", "file:///", "/%2f"),
    fc.array(piece, { maxLength: 8 }),
  )
  .map(([start, pieces]) => start + pieces.join("/"))
  .map((text) => text.replace(/[\s\p{Cc}]/gu, ""));

test(
  "no path leaves the site",
  async () => {
    await fc.assert(
      fc.asyncProperty(path, async (text) => {
        const answer = await get(text);
        expect(answer).not.toContain(SECRET);
        expect([200, 400, 404, 405, 421]).toContain(statusOf(answer));
        if (statusOf(answer) === 200) expect(answer).toMatch(new RegExp(`${SITE_FILE}|"ok":true`));
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
    expect(await isWell()).toBe(true);
  },
  LIMIT_MS,
);

const headerValue = fc.oneof(
  fc.constantFrom(
    "bytes=5-2",
    "bytes=-1",
    "bytes=9999-",
    "bytes=0-0,5-6",
    "bytes=1e9-",
    "*",
    'W/"1-1"',
    "close",
    "chunked",
  ),
  fc.constantFrom(
    "100-continue",
    "upgrade",
    "h2c",
    "localhost:99999",
    "127.0.0.1.evil.example",
    "[::1]",
    "-1",
    "1e99",
    "0x10",
  ),
  fc.string({ maxLength: 40 }).map((text) => text.replace(/[\r\n]/g, " ")),
);
const header = fc
  .tuple(
    fc.oneof(
      fc.constantFrom("Range", "If-Range", "If-None-Match", "If-Modified-Since", "Accept-Encoding", "Host", "Origin"),
      fc.constantFrom("Content-Length", "Transfer-Encoding", "Connection", "Upgrade", "Expect", "Content-Type", "TE"),
      fc.stringMatching(/^[a-z-]{1,20}$/),
    ),
    headerValue,
  )
  .map(([name, value]) => `${name}: ${value}`);

/** Nearly a request: a method, a path, headers and a body, each likely and each possibly absurd. */
const nearlyRequest = fc
  .tuple(
    fc.constantFrom("GET", "HEAD", "POST", "PUT", "OPTIONS", "TRACE", "CONNECT", "get", "M-SEARCH", "PRI"),
    fc.oneof(fc.constantFrom("/", "/heartbeat", "/health", "/main.js", "/wasm/kernel.wasm", "*"), path),
    fc.constantFrom("HTTP/1.1", "HTTP/1.0", "HTTP/2.0", "HTTP/9", ""),
    fc.array(header, { maxLength: 6 }),
    fc.oneof(fc.constant(""), fc.string({ maxLength: 100 }), fc.json()),
  )
  .map(([method, target, version, headers, body]) =>
    [`${method} ${target} ${version}`, "Host: localhost", ...headers, "", body].join("\r\n"),
  );

test(
  "no request that is nearly one, and no noise, hangs it or ends it",
  async () => {
    const noise = fc.uint8Array({ minLength: 1, maxLength: 500 });
    await fc.assert(
      fc.asyncProperty(fc.oneof(nearlyRequest, noise), async (bytes) => {
        expect(await send(bytes, UNENDED_MS)).not.toContain(SECRET);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
    expect(await isWell()).toBe(true);
  },
  LIMIT_MS,
);

const BEAT = { page: "a", state: "running", source: "camera", error: null };
const COUNTS = { frames: 1, results: 1, pictures: 1, faces: 0, heapBytes: 0 };
const nearlyBeat = fc
  .tuple(fc.constantFrom(...Object.keys(BEAT), ...Object.keys(COUNTS), "more"), fc.jsonValue())
  .map(([key, value]) => ({ ...BEAT, ...COUNTS, [key]: value }) as unknown);

test(
  "no heartbeat, however strange, reaches systemd or the log as more than one line of plain words",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(nearlyBeat, fc.jsonValue()), async (posted) => {
        expect([204, 400, 413]).toContain(statusOf(await post(posted)));
        expect(JSON.stringify(keeper.health()).length).toBeLessThan(1000);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
    const strange = told.filter((state) => !/^((WATCHDOG=1\n)?STATUS=|Not alive: )[\w :,.()-]{1,200}$/.test(state));
    expect(told.length).toBeGreaterThan(0);
    expect(strange).toEqual([]);
  },
  LIMIT_MS,
);

test(
  "a flood neither shuts a heartbeat out nor fills the memory",
  async () => {
    const sockets = new Set<Socket>();
    const request = "GET /main.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let isFlooding = true;
    const flood = () => {
      if (!isFlooding) return;
      const socket = connect(server.port, "127.0.0.1", () => socket.write(request));
      sockets.add(socket);
      socket.on("data", () => {
        sent++;
        if (isFlooding) socket.write(request);
      });
      socket.on("error", () => {});
      socket.on("close", () => {
        sockets.delete(socket);
        setTimeout(flood, 5);
      });
    };
    // Twice as many as the server keeps.
    for (let count = 0; count < 256; count++) flood();
    const before = process.memoryUsage().heapUsed;
    let most = before;
    const ends = Date.now() + 2000;
    let beats = 0;
    while (Date.now() < ends || beats < 5) {
      const answer = await post({ ...BEAT, ...COUNTS, frames: 2 + beats, results: 2 + beats, pictures: 2 + beats });
      expect(statusOf(answer)).toBe(204);
      beats++;
      most = Math.max(most, process.memoryUsage().heapUsed);
    }
    isFlooding = false;
    for (const socket of sockets) socket.destroy();
    expect(most - before).toBeLessThan(200e6);
    expect(await isWell()).toBe(true);
  },
  LIMIT_MS,
);
