import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type BrowserContext, type Page, chromium } from "playwright";
import { type SiteServer, createServer } from "../../kiosk/server.ts";
import { afterAll, beforeAll } from "vitest";
import { CHROMIUM_ARGS, chromiumPath } from "../chromium.ts";
import { writeCameraClip } from "./camera-clip.ts";

/** Answers for the camera's prompt as a visitor would who allows everything. */
export const ALLOW_CAMERA = "--use-fake-ui-for-media-stream";
export const FAKE_CAMERA = "--use-fake-device-for-media-stream";

export interface Visit {
  readonly page: Page;
  /** The site's origin, without a slash at the end. */
  readonly origin: string;
  /** Paths of this origin that were asked for, by the page and by its workers. */
  readonly asked: readonly string[];
  /** Addresses elsewhere that were asked for. */
  readonly strangers: readonly string[];
  /** What the content security policy refused, and what was thrown and not caught. */
  readonly complaints: readonly string[];
  close(): Promise<void>;
}

/** Opened once for each set of flags: a browser's start takes longer than most tests. */
const browsers = new Map<string, Promise<Browser>>();
let server: Promise<SiteServer> | undefined;

/** The tests' Chromium with these flags. */
export function browserWith(args: readonly string[]): Promise<Browser> {
  const key = args.join(" ");
  const browser =
    browsers.get(key) ?? chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_ARGS, ...args] });
  browsers.set(key, browser);
  return browser;
}

/** Ends everything that the file's tests opened. */
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
 * Opens a page of the built site, served as it is served to visitors, with nothing kept from other visits; writes down
 * whatever leaves the origin or breaks the content security policy.
 *
 * @param path Below the site's root; empty for a page that the test opens by itself.
 * @param args For Chromium.
 */
export async function visit(
  path: string,
  args: readonly string[],
  prepare: (context: BrowserContext, origin: string) => Promise<unknown> = async () => {},
): Promise<Visit> {
  server ??= createServer({ port: 0 });
  const { origin } = new URL((await server).url);
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
    // What a route still fetches would fail when its context goes.
    await context.unrouteAll({ behavior: "ignoreErrors" });
    await context.close();
  };
  return { page, origin, asked, strangers, complaints, close };
}
