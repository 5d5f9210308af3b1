/** Headers of other people's servers that hinder the element, and two bundles in one page. */
import { readFile } from "node:fs/promises";
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Page } from "playwright";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ALLOW_CAMERA, FAKE_CAMERA, type Visit, browserWith, endVisits, visit } from "./visit.ts";

const DIST = fileURLToPath(new URL("../../dist", import.meta.url));
const TYPES: Readonly<Record<string, string>> = { ".js": "text/javascript", ".wasm": "application/wasm" };
/** A generous limit for a busy machine. */
const HANG_MS = 120_000;

const TAG = `<script type="module" src="/define.js"></script><emotion-cam></emotion-cam>`;
const TRUSTED = "require-trusted-types-for 'script'; trusted-types";

/** A document of the test's server; the files of dist are beside it, without its headers. */
interface Document {
  readonly html: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const documents = new Map<string, Document>();
let server: Server;
let origin: string;
let page: Page | undefined;
let here: Visit | undefined;

beforeAll(async () => {
  server = createServer(async ({ url = "/" }, response) => {
    const document = documents.get(url);
    if (document) {
      response.writeHead(200, { "content-type": "text/html", ...document.headers }).end(document.html);
      return;
    }
    const bytes = await readFile(join(DIST, new URL(url, "http://localhost").pathname)).catch(() => null);
    if (bytes === null) response.writeHead(404).end();
    else response.writeHead(200, { "content-type": TYPES[extname(url)] ?? "application/octet-stream" }).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  origin = `http://localhost:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await page?.context().close();
  await here?.close();
  page = here = undefined;
});

afterAll(async () => {
  await endVisits();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

async function open(document: Document): Promise<Page> {
  documents.set("/page", document);
  page = await (await (await browserWith([FAKE_CAMERA, ALLOW_CAMERA])).newContext()).newPage();
  await page.goto(`${origin}/page`);
  return page;
}

/** Start the element of a page or of its iframe. @returns The first error's code and message, or the state. */
function start(
  frame: Pick<Page, "evaluate">,
  source = "",
): Promise<{ readonly code: string; readonly message: string }> {
  return frame.evaluate(async (src) => {
    await customElements.whenDefined("emotion-cam");
    const element = document.querySelector("emotion-cam")!;
    if (src !== "") element.src = src;
    return new Promise<{ code: string; message: string }>((resolve) => {
      element.addEventListener("emotion-error", ({ error: { code, message } }) => resolve({ code, message }));
      element.start().then(
        () => resolve({ code: element.state, message: "" }),
        () => {},
      );
    });
  }, source);
}

describe("a page that may not use the camera names what forbids it", { timeout: HANG_MS }, () => {
  test("its own header", async () => {
    const { code, message } = await start(await open({ html: TAG, headers: { "permissions-policy": "camera=()" } }));
    expect(code).toBe("camera-denied");
    expect(message).toContain('Send "Permissions-Policy: camera=(self)"');
    expect(message).not.toContain("beside the page's address");
  });

  test("an iframe of another origin without the attribute", async () => {
    documents.set("/inner", { html: TAG });
    // 127.0.0.1 is another origin than localhost.
    const outer = await open({ html: `<iframe src="${origin.replace("localhost", "127.0.0.1")}/inner"></iframe>` });
    const { code, message } = await start(outer.frames()[1]!);
    expect(code).toBe("camera-denied");
    expect(message).toContain('Add allow="camera" to the <iframe>');
    expect(message).not.toContain("beside the page's address");
  });

  test("nothing, where the header and the attribute allow it", async () => {
    documents.set("/inner", { html: TAG });
    const inner = `${origin.replace("localhost", "127.0.0.1")}/inner`;
    const outer = await open({ html: `<iframe src="${inner}" allow="camera"></iframe>` });
    expect(await start(outer.frames()[1]!)).toEqual({ code: "running", message: "" });
  });
});

describe("a page with Trusted Types", { timeout: HANG_MS }, () => {
  test("that does not list our policy is told what to list", async () => {
    const headers = { "content-security-policy": `${TRUSTED} lit-html` };
    const { code, message } = await start(await open({ html: TAG, headers }), "/icon.svg");
    expect(code).toBe("worker-crash");
    expect(message).toContain('"trusted-types emotion-cam lit-html"');
  });

  test("that lists it runs", async () => {
    const headers = { "content-security-policy": `${TRUSTED} emotion-cam lit-html` };
    expect(await start(await open({ html: TAG, headers }))).toEqual({ code: "running", message: "" });
  });
});

test(
  "a page with COEP, whose worker's script is sent without, is told so",
  async () => {
    const headers = { "cross-origin-embedder-policy": "require-corp" };
    const { code, message } = await start(await open({ html: TAG, headers }));
    expect(code).toBe("worker-crash");
    expect(message).toContain("Cross-Origin-Embedder-Policy needs the same header on the worker's script");
  },
  HANG_MS,
);

test(
  "two bundles in one page: the second leaves the first in place, and the element runs",
  async () => {
    const failures: string[] = [];
    const both = await open({ html: `${TAG}<script type="module" src="/emotion-cam.js"></script>` });
    both.on("pageerror", (error) => failures.push(String(error)));
    await both.reload();
    expect(await start(both)).toEqual({ code: "running", message: "" });
    expect(failures).toEqual([]);
  },
  HANG_MS,
);

test(
  "the kiosk's page takes no snapshot",
  async () => {
    here = await visit("?kiosk", [FAKE_CAMERA, ALLOW_CAMERA]);
    const refusal = await here.page.evaluate(async () => {
      await customElements.whenDefined("emotion-cam");
      return document
        .querySelector("emotion-cam")!
        .snapshot()
        .then(
          () => "taken",
          ({ name, message }: Error) => `${name}: ${message}`,
        );
    });
    expect(refusal).toBe("NotAllowedError: A kiosk takes no snapshots.");
  },
  HANG_MS,
);
