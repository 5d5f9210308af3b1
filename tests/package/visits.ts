import type { Page } from "playwright";
import { browserWith } from "../pages/visit.ts";

/** Failures that a page's visitor would see. */
export interface Visit {
  readonly page: Page;
  /** Thrown and not caught, refused by a policy, or not found. */
  readonly complaints: readonly string[];
  /** URLs that the page requested. */
  readonly asked: readonly string[];
  close(): Promise<void>;
}

/** Open a page in a new browser context, which keeps nothing of other visits. */
export async function open(url: string, args: readonly string[] = []): Promise<Visit> {
  const context = await (await browserWith(args)).newContext();
  const complaints: string[] = [];
  const asked: string[] = [];
  context.on("weberror", (error) => complaints.push(String(error.error())));
  context.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  context.on("request", (request) => asked.push(request.url()));
  const page = await context.newPage();
  // Every page has an icon or asks for one.
  await page.route("**/favicon.ico", (route) => route.fulfill({ status: 204 }));
  await page.goto(url);
  return { page, complaints, asked, close: () => context.close() };
}
