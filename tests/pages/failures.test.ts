import type { BrowserContext } from "playwright";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { ALLOW_CAMERA, FAKE_CAMERA, type Visit, endVisits, visit } from "./visit.ts";

const INSECURE_ORIGIN = "http://exhibit.test";

let here: Visit | undefined;

afterAll(endVisits);

afterEach(async () => {
  await here?.close();
  here = undefined;
});

/** Start the page's element, and wait for its message. */
async function fail({ page }: Visit): Promise<{ code: string; message: string; state: string | null; told: number }> {
  const failure = await page.evaluate(async () => {
    await customElements.whenDefined("emotion-cam");
    const element = document.querySelector("emotion-cam")!;
    let told = 0;
    const failed = new Promise<{ code: string; message: string }>((resolve) =>
      element.addEventListener("emotion-error", ({ error: { code, message } }) => {
        told += 1;
        resolve({ code, message });
      }),
    );
    element.start().catch(() => {});
    const { code, message } = await failed;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return { code, message, state: element.getAttribute("state"), told };
  });
  return failure;
}

/** @returns The words that a visitor reads. */
async function readable({ page }: Visit): Promise<string> {
  return page.locator("emotion-cam [part~=panel]").innerText();
}

const answerWith =
  (pattern: string | RegExp, status: number, contentType: string, body: string) => (context: BrowserContext) =>
    context.route(pattern, (route) => route.fulfill({ status, contentType, body }));

/** The files of the network, for both engines. */
const WEIGHTS = /\/models\/edge\/(?!contract\.json$)/;

const HTML = "<!doctype html><title>Not here</title><h1>Not here</h1>";

describe("messages to visitors", () => {
  test("camera refused", async () => {
    here = await visit("embed.html", [FAKE_CAMERA]);
    expect(await fail(here)).toMatchObject({ code: "camera-denied", state: "failed", told: 1 });
    expect(await readable(here)).toMatch(/allow/i);
  });

  test("no camera", async () => {
    here = await visit("embed.html", [ALLOW_CAMERA]);
    expect(await fail(here)).toMatchObject({ code: "camera-missing", state: "failed", told: 1 });
    expect(await readable(here)).toMatch(/camera/i);
  });

  test("insecure page", async () => {
    here = await visit("", [FAKE_CAMERA, ALLOW_CAMERA], (context, origin) =>
      context.route(`${INSECURE_ORIGIN}/**`, async (route) => {
        const url = route.request().url().replace(INSECURE_ORIGIN, origin);
        await route.fulfill({ response: await route.fetch({ url }) });
      }),
    );
    await here.page.goto(`${INSECURE_ORIGIN}/embed.html`);
    const failure = await fail(here);
    expect(failure).toMatchObject({ code: "insecure-context", state: "failed", told: 1 });
    expect(failure.message).toContain(INSECURE_ORIGIN);
    expect(await readable(here)).toMatch(/https/i);
  });

  test.each([
    ["404 in place of the contract", "**/models/edge/contract.json", 404, "text/plain", "no", "model-load"],
    ["HTML in place of the contract", "**/models/edge/contract.json", 200, "text/html", HTML, "model-corrupt"],
    ["404 in place of the weights", WEIGHTS, 404, "text/plain", "no", "model-load"],
    ["HTML in place of the weights", WEIGHTS, 200, "text/html", HTML, "model-corrupt"],
    ["404 in place of WebAssembly", "**/wasm/*.wasm", 404, "text/plain", "no", "wasm-load"],
    ["HTML in place of WebAssembly", "**/wasm/*.wasm", 200, "text/html", HTML, "wasm-load"],
  ])("%s", async (_name, pattern, status, contentType, body, code) => {
    here = await visit("embed.html", [FAKE_CAMERA, ALLOW_CAMERA], answerWith(pattern, status, contentType, body));
    const failure = await fail(here);
    expect(failure).toMatchObject({ code, state: "failed", told: 1 });
    expect(failure.message).toContain(here.origin);
    // The panel says what is wrong, and when the next try is.
    expect((await readable(here)).length).toBeGreaterThan(20);
    await here.page.getByText(/Next try within \d+ s|Trying again now/).waitFor();
    if (code === "model-corrupt") await here.page.getByText(/Next try within (5|10|20) s/).waitFor();
  });

  test("missing clip", async () => {
    here = await visit("embed.html", []);
    await here.page.evaluate(() => document.querySelector("emotion-cam")!.setAttribute("src", "/no-clip.mp4"));
    const failure = await fail(here);
    expect(failure).toMatchObject({ code: "source-load", state: "failed", told: 1 });
    expect(failure.message).toContain(`${here.origin}/no-clip.mp4`);
  });
});
