import { createReadStream, existsSync, statSync } from "node:fs";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join, normalize } from "node:path";

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html;charset=utf-8",
  ".js": "text/javascript",
  ".json": "application/json",
  ".css": "text/css",
  ".wasm": "application/wasm",
  ".jpg": "image/jpeg",
};

export interface Site {
  /** Without a slash at the end. */
  readonly origin: string;
  close(): Promise<void>;
}

/** The files of a site by path: a text, a file, or a folder where the path ends in a slash. The first match counts. */
export type Served = Readonly<Record<string, { readonly text: string } | { readonly file: string }>>;

/** A plain static server, as simple as any host: nothing but these files, with these headers on every one. */
export async function serve(served: Served, headers: Readonly<Record<string, string>> = {}): Promise<Site> {
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? "/", "http://localhost").pathname);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const exact = served[path];
    if (exact !== undefined && "text" in exact) {
      response.setHeader("Content-Type", TYPES[extname(path)] ?? TYPES[".html"]!);
      return void response.end(exact.text);
    }
    const file = fileOf(served, path);
    if (file === null) return void response.writeHead(404).end("There is no such file.");
    response.setHeader("Content-Type", TYPES[extname(file)] ?? "application/octet-stream");
    createReadStream(file).pipe(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://localhost:${(server.address() as AddressInfo).port}`,
    close: () => closed(server),
  };
}

function fileOf(served: Served, path: string): string | null {
  for (const [prefix, from] of Object.entries(served)) {
    if (!("file" in from) || !(path === prefix || (prefix.endsWith("/") && path.startsWith(prefix)))) continue;
    const inside = normalize(path.slice(prefix.length) || (prefix.endsWith("/") ? "index.html" : "."));
    const file = join(from.file, inside);
    if (!inside.startsWith("..") && existsSync(file) && statSync(file).isFile()) return file;
  }
  return null;
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
