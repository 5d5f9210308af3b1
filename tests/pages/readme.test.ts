import { readFileSync } from "node:fs";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { type Visit, endVisits, visit } from "./visit.ts";

/** Limit for download, warm-up and the first result on a busy machine. */
const PATIENCE_MS = 60_000;

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const SNIPPETS = [...README.matchAll(/```(html|css|js)\n([\s\S]*?)```/g)].map(([, kind, code]) => ({
  kind: kind!,
  code: code!,
  title: code!.trim().split("\n")[0]!,
}));

let here: Visit | undefined;

afterEach(async () => {
  expect(here?.strangers ?? []).toEqual([]);
  expect(here?.complaints ?? []).toEqual([]);
  await here?.close();
  here = undefined;
});

afterAll(endVisits);

/** Open a page with a snippet of the README, and with the package in a folder of its own. */
async function open(body: string, files: Readonly<Record<string, string>> = {}): Promise<Visit> {
  const opened = (here = await visit("", []));
  const { page, origin } = opened;
  await page.route(`${origin}/emotion-cam/**`, async (route) => {
    const response = await route.fetch({ url: route.request().url().replace("/emotion-cam/", "/") });
    await route.fulfill({ response });
  });
  for (const [path, text] of Object.entries(files)) {
    const contentType = path.endsWith(".css") ? "text/css" : "text/javascript";
    await page.route(`${origin}/${path}`, (route) => route.fulfill({ body: text, contentType }));
  }
  await page.route(`${origin}/snippet.html`, async (route) => {
    const response = await route.fetch({ url: `${origin}/embed.html` });
    const head = '<!doctype html><html lang="en"><meta charset="utf-8"><title>Snippet</title>';
    await route.fulfill({ response, body: `${head}${body}` });
  });
  await page.goto(`${origin}/snippet.html`);
  return opened;
}

const element = '<emotion-cam src="demo.webm"></emotion-cam><canvas></canvas><output></output>';
const define = '<script type="module" src="emotion-cam/define.js"></script>';

describe("README's snippets", () => {
  test("exist", () => {
    expect(SNIPPETS.filter(({ kind }) => kind === "html").length).toBeGreaterThan(1);
    expect(SNIPPETS.filter(({ kind }) => kind === "js").length).toBeGreaterThan(1);
  });

  test.each(SNIPPETS.filter(({ kind }) => kind === "html"))("html: $title", async ({ code }) => {
    const { page } = await open(code.includes("<script") ? code : define + code);
    await page.locator("emotion-cam[state=idle]").waitFor();
    await page.locator("emotion-cam [part=button]").waitFor();
  });

  test.each(SNIPPETS.filter(({ kind }) => kind === "css"))("css: $title", async ({ code }) => {
    const { page } = await open(`<link rel="stylesheet" href="snippet.css">${define}${element}`, {
      "snippet.css": code,
    });
    await page.locator("emotion-cam[state=idle]").waitFor();
    const rules = await page.evaluate(() => [...document.styleSheets[0]!.cssRules].map(({ cssText }) => cssText));
    expect(rules.length).toBe([...code.matchAll(/\{/g)].length);
  });

  test.each(SNIPPETS.filter(({ kind }) => kind === "js"))("js: $title", async ({ code }) => {
    const { page, origin } = await open(`${element}<script type="module" src="snippet.js"></script>`, {
      "snippet.js": code,
    });
    await page.route(`${origin}/expressions`, (route) => route.fulfill({ status: 204 }));
    await page.locator("emotion-cam[state=idle]").waitFor();
    // Start the element as a person would, unless the snippet does.
    await page.locator("emotion-cam").evaluate(async (tag) => {
      await (tag as HTMLElementTagNameMap["emotion-cam"]).start();
    });
    await page.locator("emotion-cam[state=running]").waitFor({ timeout: PATIENCE_MS });
    if (code.includes("output.value"))
      await expect.poll(() => page.locator("output").innerText(), { timeout: PATIENCE_MS }).not.toBe("");
  });
});
