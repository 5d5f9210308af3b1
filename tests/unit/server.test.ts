import { mkdirSync, mkdtempSync, readdirSync, readlinkSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { type Socket, connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { createServer, type SiteServer } from "../../kiosk/server.ts";

/** More than a socket's buffers hold, so that who does not read keeps the file open. */
const LONG_BYTES = 32 << 20;

let folder: string;
let server: SiteServer;
const heartbeats: unknown[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "server-test-"));
  const site = join(folder, "site");
  for (const path of ["site/kiosk", "site/wasm"]) mkdirSync(join(folder, path), { recursive: true });
  const files = {
    "secret.txt": "outside",
    "site/index.html": "<!doctype html><title>index</title>",
    "site/embed.html": "<!doctype html><title>embed</title>",
    "site/.hidden": "hidden",
    "site/kiosk/server.mjs": "export {}",
    "site/main.js": "export {}",
    "site/worker.mjs": "export {}",
    "site/style.css": "",
    "site/contract.json": "{}",
    "site/wasm/kernel.wasm": "\0asm",
    "site/demo.webm": "0123456789",
    "site/long.webm": "x".repeat(LONG_BYTES),
    "site/icons.svg": "<svg/>",
    "site/font.woff2": "",
    "site/weights.bin": "",
    "site/net.tflite": "",
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
  server = await createServer({ site, port: 0, onHeartbeat: (beat) => heartbeats.push(beat) });
});

afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true });
});

const get = (path: string, init?: RequestInit) => fetch(new URL(path, server.url), init);

/** Sends bytes as they are: fetch would tidy the path up. The answer is what came until the connection ended. */
function raw(request: string): Promise<string> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect(server.port, "127.0.0.1", () => socket.write(request));
    socket.setEncoding("utf8");
    socket.on("data", (chunk) => (answer += chunk));
    socket.on("close", () => resolve(answer));
    socket.on("error", () => {});
  });
}

const rawGet = (path: string) => raw(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);

test.each([
  ["/", "text/html;charset=utf-8"],
  ["/embed.html", "text/html;charset=utf-8"],
  ["/main.js", "text/javascript"],
  ["/worker.mjs", "text/javascript"],
  ["/style.css", "text/css"],
  ["/contract.json", "application/json"],
  ["/wasm/kernel.wasm", "application/wasm"],
  ["/demo.webm", "video/webm"],
  ["/icons.svg", "image/svg+xml"],
  ["/font.woff2", "font/woff2"],
  ["/weights.bin", "application/octet-stream"],
  ["/net.tflite", "application/octet-stream"],
])("serves %s as %s", async (path, type) => {
  const response = await get(path);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe(type);
});

test.each(["/", "/main.js", "/health", "/missing"])("sends the security headers with %s", async (path) => {
  const { headers } = await get(path);
  const policy = headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval';");
  expect(policy).not.toContain("'unsafe-eval'");
  expect(headers.get("cross-origin-opener-policy")).toBe("same-origin");
  expect(headers.get("cross-origin-embedder-policy")).toBe("require-corp");
  expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
  expect(headers.get("permissions-policy")).toMatch(/^camera=\(self\), microphone=\(\)/);
  expect(headers.get("referrer-policy")).toBe("no-referrer");
  expect(headers.get("x-content-type-options")).toBe("nosniff");
});

test("answers on IPv4 and, where the machine has it, on IPv6", async () => {
  expect((await fetch(`http://127.0.0.1:${server.port}/`)).status).toBe(200);
  const sixth = await fetch(`http://[::1]:${server.port}/`).catch((error: Error) => error.cause as { code: string });
  if (sixth instanceof Response) expect(sixth.status).toBe(200);
  else expect(["EADDRNOTAVAIL", "ECONNREFUSED"]).toContain(sixth.code);
});

test("sends no bytes of a file that did not change", async () => {
  const etag = (await get("/main.js")).headers.get("etag");
  expect(etag).toMatch(/^W\/"/);
  const again = await get("/main.js", { headers: { "if-none-match": etag! } });
  expect(again.status).toBe(304);
  expect((await get("/")).headers.get("cache-control")).toBe("no-cache");
});

test("a clip can be read in parts", async () => {
  const part = await get("/demo.webm", { headers: { range: "bytes=2-4" } });
  expect(part.status).toBe(206);
  expect(part.headers.get("content-range")).toBe("bytes 2-4/10");
  expect(await part.text()).toBe("234");
});

test.each([
  ["bytes=-5", 200, "10"],
  ["bytes=5-2", 200, "10"],
  ["bytes=0-0", 200, "10"],
  ["bytes=0-1,3-4", 200, "10"],
  ["bytes=x", 200, "10"],
  ["bytes=4-", 206, "6"],
  ["bytes=4-99", 206, "6"],
  ["bytes=99-", 416, "0"],
])("a range of %s is answered with %i", async (range, status, length) => {
  const { status: answered, headers } = await get("/demo.webm", { headers: { range } });
  expect(answered).toBe(status);
  expect(headers.get("content-length")).toBe(length);
});

test("a file that can no longer be read ends the answer, not the server", async () => {
  const gone = join(folder, "site/gone.js");
  writeFileSync(gone, "export {}");
  const other = await createServer({ site: join(folder, "site"), port: 0 });
  rmSync(gone);
  await expect(fetch(`${other.url}gone.js`).then((response) => response.text())).rejects.toThrow();
  expect((await fetch(other.url)).status).toBe(200);
  await other.close();
});

/** Files that this process has open under the site. */
const openFiles = () =>
  readdirSync("/proc/self/fd").filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`).endsWith("long.webm");
    } catch {
      return false; // closed meanwhile
    }
  }).length;

test.runIf(process.platform === "linux")("a reader that goes away leaves no file open", async () => {
  const readers: Socket[] = [];
  for (let count = 0; count < 20; count++) {
    const reader = connect(server.port, "127.0.0.1", () =>
      reader.write("GET /long.webm HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    );
    reader.on("error", () => {});
    readers.push(reader);
  }
  await vi.waitFor(() => expect(openFiles()).toBe(20), { timeout: 20_000 });
  for (const reader of readers) reader.resetAndDestroy();
  await vi.waitFor(() => expect(openFiles()).toBe(0), { timeout: 20_000 });
});

test("cuts off a client that asks again before its answer has come", async () => {
  const request = "GET /long.webm HTTP/1.1\r\nHost: localhost\r\n\r\n";
  const answer = await raw(request.repeat(100));
  expect(answer.length).toBeLessThan(LONG_BYTES);
  expect((await get("/")).status).toBe(200);
});

test("answers the next connection, however many one client holds open", async () => {
  const held: Socket[] = [];
  for (let count = 0; count < 300; count++) {
    const socket = connect(server.port, "127.0.0.1", () => socket.write("POST /heartbeat HTTP/1.1\r\nHost:"));
    socket.on("error", () => {});
    // A response that is not read does not end, and some of these tests wait for its end.
    socket.resume();
    held.push(socket);
    if (count % 50 === 0) expect((await rawGet("/health")).slice(0, 12)).toBe("HTTP/1.1 200");
  }
  expect(await rawGet("/health")).toMatch(/^HTTP\/1\.1 200 /);
  await vi.waitFor(() => expect(held.filter((socket) => socket.destroyed).length).toBeGreaterThan(150), {
    timeout: 20_000,
  });
  for (const socket of held) socket.destroy();
});

test("answers a client that never ends its request with an error, and closes the connection", async () => {
  expect(await raw("GET / HTTP/1.1\r\nHost: local")).toMatch(/^HTTP\/1\.1 408 /);
}, 30_000);

test.each([
  "/../secret.txt",
  "/..%2fsecret.txt",
  "/%2e%2e/secret.txt",
  "/%2e%2e%2fsecret.txt",
  "/..\\secret.txt",
  "/wasm/../../secret.txt",
  "//etc/passwd",
  "/etc/passwd",
  "/.hidden",
  "/%2ehidden",
  "/kiosk/server.mjs",
  "/kiosk/server",
  "/%6biosk/server.mjs",
  "//kiosk/server.mjs",
  "/wasm/../kiosk/server.mjs",
  "/wasm",
])("does not serve %s", async (path) => {
  const answer = await rawGet(path);
  expect(answer).toMatch(/^HTTP\/1\.1 404 /);
  expect(answer).not.toMatch(/outside|hidden\n|export|root:/);
});

test("an address that cannot be decoded is refused", async () => {
  expect(await rawGet("/%zz")).toMatch(/^HTTP\/1\.1 400 /);
});

test("another name that points at this machine is refused", async () => {
  const answer = await raw("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
  expect(answer).toMatch(/^HTTP\/1\.1 421 /);
});

test.each(["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])("%s of a file is refused", async (method) => {
  const response = await get("/index.html", { method });
  expect(response.status).toBe(405);
  expect(response.headers.get("allow")).toBe("GET, HEAD");
});

test("HEAD answers like GET, without the body", async () => {
  const response = await get("/demo.webm", { method: "HEAD" });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-length")).toBe("10");
  expect(await response.text()).toBe("");
});

const post = (body: string, type = "application/json") =>
  get("/heartbeat", { method: "POST", body, headers: { "content-type": type } });

test("passes a heartbeat on", async () => {
  heartbeats.length = 0;
  expect((await post('{"results":3}')).status).toBe(204);
  expect(heartbeats).toEqual([{ results: 3 }]);
});

test("a heartbeat of another page is refused", async () => {
  heartbeats.length = 0;
  const headers = { "content-type": "application/json", origin: "http://evil.example" };
  expect((await get("/heartbeat", { method: "POST", body: "{}", headers })).status).toBe(403);
  const own = { ...headers, origin: new URL(server.url).origin };
  expect((await get("/heartbeat", { method: "POST", body: "{}", headers: own })).status).toBe(204);
  expect(heartbeats).toHaveLength(1);
});

test("refuses an invalid heartbeat and does not pass it on", async () => {
  heartbeats.length = 0;
  expect((await get("/heartbeat")).status).toBe(405);
  expect((await post("{}", "text/plain")).status).toBe(415);
  expect((await post("{")).status).toBe(400);
  expect((await post("[1]")).status).toBe(400);
  expect((await post("null")).status).toBe(400);
  expect((await post(JSON.stringify({ long: "x".repeat(5000) }))).status).toBe(413);
  expect(heartbeats).toEqual([]);
});

test("cuts off an endless heartbeat", async () => {
  const head = "POST /heartbeat HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
  const answer = await raw(`${head}Content-Length: 100000000\r\n\r\n${"x".repeat(10_000)}`);
  expect(answer).toMatch(/^HTTP\/1\.1 413 /);
});

test("health says how long the server has run", async () => {
  const response = await get("/health");
  expect(response.headers.get("cache-control")).toBe("no-store");
  const health = (await response.json()) as { ok: boolean; uptimeMs: number };
  expect(health.ok).toBe(true);
  expect(health.uptimeMs).toBeGreaterThanOrEqual(0);
});

/** Sends packets one after the other, each in a write of its own. @returns What came back until the server or we hung up. */
async function sendPackets(packets: readonly string[], forMs: number): Promise<string> {
  const socket = connect(server.port, "127.0.0.1");
  socket.setNoDelay(true);
  let answer = "";
  socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
  socket.on("error", () => {});
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  for (const packet of packets) {
    socket.write(packet);
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, forMs))]);
  const ended = socket.destroyed || socket.closed;
  socket.destroy();
  return ended ? `${answer}<cut off>` : answer;
}

test("cuts off a client that sends several requests in one packet, before it reads any of them", async () => {
  const request = "GET /main.js HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (const count of [2, 1000]) expect(await sendPackets([request.repeat(count)], 5000)).toBe("<cut off>");
  // One after the other, and one in pieces, are what browsers send.
  const answers = await sendPackets([request, request, request.slice(0, 30), request.slice(30)], 200);
  expect(answers.match(/HTTP\/1\.1 200/g)).toHaveLength(3);
  expect(answers).not.toContain("<cut off>");
});

test("serves a new build at once", async () => {
  const site = join(folder, "rebuilt");
  mkdirSync(site);
  writeFileSync(join(site, "index.html"), "old");
  const rebuilt = await createServer({ site, port: 0 });
  expect(await (await fetch(rebuilt.url)).text()).toBe("old");
  mkdirSync(join(folder, "stage"));
  writeFileSync(join(folder, "stage/index.html"), "a new one");
  rmSync(site, { recursive: true });
  renameSync(join(folder, "stage"), site);
  expect(await (await fetch(rebuilt.url)).text()).toBe("a new one");
  await rebuilt.close();
});

test("names a port that is taken, and the remedy", async () => {
  const taken = createServer({ site: join(folder, "site"), port: server.port });
  await expect(taken).rejects.toThrow(new RegExp(`Port ${server.port} is taken.*PORT=${server.port + 1}`));
});

test("names a folder without a site, and the remedy", async () => {
  await expect(createServer({ site: join(folder, "nowhere"), port: 0 })).rejects.toThrow(/nowhere.*npm run build/);
});
