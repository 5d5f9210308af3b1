import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, type Page, chromium } from "playwright";
import { type SiteServer, createServer } from "../../kiosk/server.ts";
import { afterAll, beforeAll } from "vitest";
import { CHROMIUM_ARGS, chromiumPath } from "../chromium.ts";
import { writeCameraClip } from "./camera-clip.ts";

/** Chromium's flag that allows camera access without a prompt. */
export const ALLOW_CAMERA = "--use-fake-ui-for-media-stream";
export const FAKE_CAMERA = "--use-fake-device-for-media-stream";

export interface Visit {
  readonly page: Page;
  /** The site's origin, without a final slash. */
  readonly origin: string;
  /** Paths on this origin that the page and its workers requested. */
  readonly asked: readonly string[];
  /** Addresses on other origins that they requested. */
  readonly strangers: readonly string[];
  /** Violations of the content security policy, and uncaught errors. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** One browser for each set of flags, because a start takes longer than most tests. */
const browsers = new Map<string, Promise<Browser>>();
let server: Promise<SiteServer> | undefined;

/** Start the tests' Chromium with these flags, or reuse it. */
export function browserWith(args: readonly string[]): Promise<Browser> {
  const key = args.join(" ");
  const browser =
    browsers.get(key) ?? chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_ARGS, ...args] });
  browsers.set(key, browser);
  return browser;
}

/** Close the browsers and the server of this file's tests. */
export async function endVisits(): Promise<void> {
  for (const browser of browsers.values()) await (await browser).close();
  browsers.clear();
  await (await server)?.close();
  server = undefined;
}

/**
 * Write the clip of a person for the fake camera before the file's tests, and end everything after them.
 *
 * @returns Flags of a browser whose camera shows that person, once the tests run.
 */
export function personOnCamera(): { readonly flags: readonly string[] } {
  let folder = "";
  const clip = () => join(folder, "camera.mjpeg");
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "emotion-cam-"));
    await writeCameraClip(await browserWith([]), clip());
  });
  afterAll(async () => {
    await endVisits();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    get flags() {
      return [FAKE_CAMERA, ALLOW_CAMERA, `--use-file-for-fake-video-capture=${clip()}`];
    },
  };
}

/**
 * Open a page of the built site in a new browser context, from the same server that visitors get. Record requests that
 * leave the origin and violations of the content security policy.
 *
 * @param path Path below the site's root; empty if the test opens a page itself.
 * @param args Flags for Chromium.
 * @param prepare Runs before the page is opened.
 * @param own A server of the caller's, in place of the shared one.
 */
export async function visit(
  path: string,
  args: readonly string[],
  prepare: (context: BrowserContext, origin: string) => Promise<unknown> = async () => {},
  own?: SiteServer,
): Promise<Visit> {
  if (own === undefined) server ??= createServer({ port: 0 });
  const { origin } = new URL((own ?? (await server!)).url);
  const context = await (await browserWith(args)).newContext();
  const asked: string[] = [];
  const strangers: string[] = [];
  const complaints: string[] = [];
  context.on("request", (request) => {
    const url = new URL(request.url());
    if (url.origin === origin) asked.push(url.pathname);
    else if (url.protocol !== "data:" && url.protocol !== "blob:") strangers.push(url.href);
  });
  context.on("console", (message) => {
    if (/content security policy/i.test(message.text())) complaints.push(message.text());
  });
  context.on("weberror", (error) => complaints.push(String(error.error())));
  await prepare(context, origin);
  const page = await context.newPage();
  if (path !== "") await page.goto(`${origin}/${path}`);
  const close = async () => {
    // A route that is still fetching would fail when its context closes.
    await context.unrouteAll({ behavior: "ignoreErrors" });
    await context.close();
  };
  return { page, origin, asked, strangers, complaints, close };
}
