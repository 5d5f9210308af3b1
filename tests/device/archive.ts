/**
 * Debian's archive for an emulated computer: a proxy for its apt, which keeps what it has fetched, so that a second run needs
 * no network.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { type IncomingMessage, type Server, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";

/** The host's address, seen from inside an emulated computer. */
const HOST_INSIDE = "10.0.2.2";

export class Archive {
  readonly #folder: string;
  readonly #server: Server;

  private constructor(folder: string) {
    this.#folder = folder;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  /** Open the proxy. */
  static async open(folder: string): Promise<Archive> {
    const archive = new Archive(folder);
    await new Promise<void>((resolve) => archive.#server.listen(0, "127.0.0.1", resolve));
    return archive;
  }

  /** The proxy's address inside an emulated computer. */
  get address(): string {
    return `http://${HOST_INSIDE}:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const body = await this.#fetch(new URL(request.url ?? ""));
      response.writeHead(body === null ? 404 : 200).end(body ?? "");
    } catch (error) {
      response.writeHead(502).end(String(error));
    }
  }

  /** @returns A file of the archive; null where it has none of that name. */
  async #fetch(url: URL): Promise<Buffer | null> {
    const file = join(this.#folder, url.host, url.pathname);
    // Packages and lists named by their hash never change.
    if (/\/pool\/|\/by-hash\//.test(url.pathname) && existsSync(file)) return readFileSync(file);
    try {
      const answer = await fetch(url);
      if (answer.status === 404) return null;
      if (!answer.ok) throw new Error(`${url.href}: ${answer.status}`);
      const body = Buffer.from(await answer.arrayBuffer());
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(`${file}.part`, body);
      renameSync(`${file}.part`, file);
      return body;
    } catch (error) {
      if (existsSync(file)) return readFileSync(file);
      throw error;
    }
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}
