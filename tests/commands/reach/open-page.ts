/** Opens the page of `npm run reach`. Runs in Node. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { build } from "esbuild";
import type { Page } from "playwright";
import { HEAD_FILES, ROOT } from "./heads.ts";

/** No server listens there: this file answers every request. */
const ORIGIN = "http://localhost";
const FILES = { ...HEAD_FILES, "/": join(ROOT, "dist") };

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json",
  ".wasm": "application/wasm",
  ".jpg": "image/jpeg",
};

/**
 * Open the page with its own script, `dist` and the photographs.
 *
 * @param made Further files, by path.
 * @returns The page, which now has `window.reach`.
 */
export async function openReach(page: Page, made: ReadonlyMap<string, Buffer>): Promise<Page> {
  const { outputFiles } = await build({
    entryPoints: [join(ROOT, "tests/commands/reach/page.ts")],
    bundle: true,
    format: "esm",
    // The page loads the engines by dynamic import. Their pieces are served beside it.
    splitting: true,
    outdir: "/",
    write: false,
    logLevel: "warning",
  });
  const scripts = new Map(outputFiles.map(({ path, contents }) => [path, Buffer.from(contents)]));
  page.on("pageerror", (error) => console.error(error));
  await page.route(`${ORIGIN}/**`, async (route) => {
    const { pathname } = new URL(route.request().url());
    const headers = { "cross-origin-opener-policy": "same-origin", "cross-origin-embedder-policy": "require-corp" };
    if (pathname === "/") {
      const body = `<script type="module" src="/page.js"></script>`;
      return route.fulfill({ contentType: "text/html", headers, body });
    }
    const body = scripts.get(pathname) ?? made.get(pathname) ?? (await fileAt(pathname));
    if (body === null) return route.fulfill({ status: 404 });
    return route.fulfill({ contentType: TYPES[extname(pathname)] ?? "application/octet-stream", headers, body });
  });
  await page.goto(`${ORIGIN}/`);
  await page.waitForFunction(() => "reach" in window);
  return page;
}

async function fileAt(pathname: string): Promise<Buffer | null> {
  for (const [prefix, folder] of Object.entries(FILES)) {
    const path = join(folder, pathname.slice(prefix.length));
    if (pathname.startsWith(prefix) && existsSync(path)) return readFile(path);
  }
  return null;
}
