import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";
import { brotliCompressSync, constants } from "node:zlib";
import { build } from "esbuild";
import { PAGES, ROOT, type Peer } from "./peers.ts";

/** A higher quality takes minutes for 9 MB of WebAssembly and gains a tenth. */
const BROTLI_QUALITY = 9;

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".jpg": "image/jpeg",
};

/** Serves the page of one library, and counts what the page fetches. */
export class PeerServer {
  readonly #server: Server;
  readonly #script: string;
  readonly #files: Readonly<Record<string, string>>;
  readonly #fetched = new Map<string, Buffer>();

  private constructor(peer: Peer, script: string) {
    this.#script = script;
    this.#files = { ...peer.files, "/portrait.jpg": join(ROOT, "tests/fixtures/astronaut.jpg") };
    this.#server = createServer((request, response) => {
      const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
      void this.#read(path).then((body) => {
        // Isolated for the fine timer. Not cached, so that each opening fetches everything.
        response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
        response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
        response.setHeader("Cache-Control", "no-store");
        response.setHeader("Content-Type", CONTENT_TYPES[extname(path) || ".html"] ?? "application/octet-stream");
        if (body === null) response.writeHead(404).end();
        else response.end(body);
      });
    });
  }

  static async start(peer: Peer): Promise<PeerServer> {
    const server = new PeerServer(peer, await bundle(peer));
    await new Promise<void>((resolve) => server.#server.listen(0, "127.0.0.1", resolve));
    return server;
  }

  get url(): string {
    return `http://localhost:${(this.#server.address() as AddressInfo).port}/`;
  }

  /** @returns The size of what the page fetched, without the page itself and the common portrait. */
  downloaded(): { readonly bytes: number; readonly compressedBytes: number } {
    let bytes = 0;
    let compressedBytes = 0;
    for (const [path, body] of this.#fetched) {
      if (path === "/portrait.jpg" || path === "/") continue;
      bytes += body.length;
      compressedBytes += Math.min(body.length, compressed(body));
    }
    return { bytes, compressedBytes };
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #read(path: string): Promise<Buffer | null> {
    const body = await this.#find(path);
    if (body !== null) this.#fetched.set(path, body);
    return body;
  }

  async #find(path: string): Promise<Buffer | null> {
    if (path === "/") return Buffer.from(PAGE);
    if (path === "/main.js") return Buffer.from(this.#script);
    const beginning = Object.keys(this.#files).find((start) => path.startsWith(start));
    if (beginning === undefined || normalize(path) !== path) return null;
    const file = join(this.#files[beginning]!, path.slice(beginning.length));
    return readFile(file).catch(() => null);
  }
}

/**
 * Most sites that embed such a component are not cross-origin isolated, so they have neither shared memory nor threads. This
 * page is isolated for the fine timer, and removes shared memory so that each library runs as on those sites.
 */
const PAGE = `<!doctype html><meta charset="utf-8"><title>peer</title><link rel="icon" href="data:,">
<script>delete globalThis.SharedArrayBuffer</script><script type="module" src="/main.js"></script>`;

function compressed(body: Buffer): number {
  return brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY } }).length;
}

async function bundle(peer: Peer): Promise<string> {
  const define = Object.entries({ PEERS_TASK: "bench", ...peer.define }).map(([name, value]) => [
    name,
    JSON.stringify(value),
  ]);
  const { outputFiles } = await build({
    entryPoints: [join(PAGES, peer.script)],
    bundle: true,
    write: false,
    format: "esm",
    target: "es2022",
    minify: true,
    external: ["/site/*"],
    define: { ...Object.fromEntries(define), "process.env.NODE_ENV": '"production"' },
    logLevel: "error",
  });
  return outputFiles[0]!.text;
}
