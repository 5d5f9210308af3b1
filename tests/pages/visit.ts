import { type Browser, type BrowserContext, type Page, chromium } from "playwright";
import { type SiteServer, createServer } from "../../kiosk/server.ts";
import { CHROMIUM_ARGS, chromiumPath } from "../chromium.ts";

/** Answers for the camera's prompt as a visitor would who allows everything. */
export const ALLOW_CAMERA = "--use-fake-ui-for-media-stream";
export const FAKE_CAMERA = "--use-fake-device-for-media-stream";

export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
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

/** Starts the tests' Chromium. */
export function launch(args: readonly string[] = []): Promise<Browser> {
  return chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_ARGS, ...args] });
}

/**
 * Serves the built site as it is served to visitors, opens a page of it in a browser of its own, and writes down
 * whatever leaves the origin or breaks the content security policy.
 *
 * @param path Below the site's root; empty for a page that the test opens by itself.
 * @param args For Chromium.
 */
export async function visit(
  path: string,
  args: readonly string[],
  prepare: (context: BrowserContext, origin: string) => Promise<void> = async () => {},
): Promise<Visit> {
  const [server, browser] = await Promise.all([createServer({ port: 0 }), launch(args)]);
  const close = () => closeBoth(server, browser);
  try {
    const origin = new URL(server.url).origin;
    const context = await browser.newContext();
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
    return { page, context, origin, asked, strangers, complaints, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function closeBoth(server: SiteServer, browser: Browser): Promise<void> {
  await browser.close();
  await server.close();
}
