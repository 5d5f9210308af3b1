/** Attacks that the pages withstand. SECURITY.md refers to these tests by their names. */
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import type { Page } from "playwright";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ALLOW_CAMERA, FAKE_CAMERA, type Visit, endVisits, visit } from "./visit.ts";

/** Limit for download and the first result on a busy machine. */
const PATIENCE_MS = 60_000;

/** A server on another port of the same machine, which makes it another origin. */
let stranger: Server;
let strangerOrigin: string;
/** Paths requested from the other server. */
const askedOfStranger: string[] = [];
let here: Visit | undefined;

beforeAll(async () => {
  stranger = createServer((request, response) => {
    askedOfStranger.push(request.url!);
    response.setHeader("Content-Type", "text/html");
    // It allows every read, so any request that fails was blocked by our page.
    response.setHeader("Access-Control-Allow-Origin", "*");
    response.setHeader("Cross-Origin-Resource-Policy", "cross-origin");
    response.end("<!doctype html><title>stranger</title>");
  });
  await new Promise<void>((resolve) => stranger.listen(0, "127.0.0.1", resolve));
  strangerOrigin = `http://localhost:${(stranger.address() as AddressInfo).port}`;
});

afterEach(async () => {
  await here?.close();
  here = undefined;
});

afterAll(async () => {
  await endVisits();
  stranger.close();
});

const running = async (path: string): Promise<Page> => {
  here = await visit(path, [FAKE_CAMERA, ALLOW_CAMERA]);
  await here.page.locator("emotion-cam[state=running]").waitFor({ timeout: PATIENCE_MS });
  return here.page;
};

test("an exhibit that ran has stored nothing, anywhere", async () => {
  const page = await running("?kiosk");
  // The browser counts the bytes of every storage interface.
  const stored = await page.evaluate(async () => ({
    local: localStorage.length,
    session: sessionStorage.length,
    cookies: document.cookie,
    databases: (await indexedDB.databases()).length,
    caches: (await caches.keys()).length,
    workers: (await navigator.serviceWorker.getRegistrations()).length,
    bytes: (await navigator.storage.estimate()).usage,
  }));
  expect(stored).toEqual({ local: 0, session: 0, cookies: "", databases: 0, caches: 0, workers: 0, bytes: 0 });
  expect(await page.context().cookies()).toEqual([]);
});

test("messages of other windows are ignored", async () => {
  const page = await running("?kiosk");
  const id = await page.evaluate(async () => {
    const element = document.querySelector("emotion-cam")!;
    const messages = [
      { type: "stop" },
      { type: "load", options: { assetBase: "http://evil.example/" } },
      { type: "result", result: { timeMs: 0, faces: [{ id: 1, label: "angry" }], timings: {}, detected: true } },
      { type: "failed", error: { code: "worker-crash", message: "no" } },
      "reload",
      null,
    ];
    let told = 0;
    element.addEventListener("emotion-error", () => told++);
    for (const message of messages) window.postMessage(message, "*");
    new BroadcastChannel("emotion-cam").postMessage(messages[0]);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    return { told, state: element.getAttribute("state") };
  });
  expect(id).toEqual({ told: 0, state: "running" });
});

test("the worker is the only one whose messages are handled", () => {
  const source = fileURLToPath(new URL("../../src", import.meta.url));
  const listeners = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) =>
      [...readFileSync(join(source, name), "utf8").matchAll(/(\S*)\.?addEventListener\("message|onmessage\b/g)].map(
        ([text]) => `${name.replaceAll("\\", "/")}: ${text}`,
      ),
    );
  expect(listeners.sort()).toEqual([
    'runtime/client.ts: worker.addEventListener("message',
    'runtime/client.ts: worker.addEventListener("message',
    'runtime/worker.ts: addEventListener("message',
  ]);
});

describe("a hostile page", () => {
  test("cannot show the exhibit in a frame, so it can neither delegate a camera to it nor cover it", async () => {
    here = await visit("", [FAKE_CAMERA, ALLOW_CAMERA]);
    await here.page.goto(strangerOrigin);
    const frame = await here.page.evaluateHandle(async (address) => {
      const element = document.createElement("iframe");
      element.allow = "camera *";
      element.src = address;
      document.body.append(element);
      await new Promise((resolve) => element.addEventListener("load", resolve));
      return element;
    }, `${here.origin}/?kiosk`);
    const content = (await frame.asElement()!.contentFrame())!;
    expect(content.url()).not.toContain(here.origin);
    expect(await content.locator("emotion-cam").count()).toBe(0);
  });

  test("can neither send the exhibit's heartbeat nor read its health", async () => {
    here = await visit("", []);
    await here.page.goto(strangerOrigin);
    const beat = JSON.stringify({
      ...{ page: "evil", state: "running", source: "camera", error: null },
      ...{ frames: 1, results: 1, pictures: 1, faces: 0, heapBytes: 0 },
    });
    const outcome = await here.page.evaluate(
      async ({ origin, body }) => {
        const ask = (path: string, options: RequestInit) =>
          fetch(`${origin}${path}`, options).then(
            () => "answered",
            () => "refused",
          );
        const headers = { "content-type": "application/json" };
        return [
          await ask("/heartbeat", { method: "POST", headers, body }),
          await ask("/health", {}),
          await ask("/health", { mode: "no-cors" }),
        ];
      },
      { origin: here.origin, body: beat },
    );
    expect(outcome).toEqual(["refused", "refused", "refused"]);
    // Plain text needs no preflight, so it arrives, and the server rejects it.
    const plain = await fetch(`${here.origin}/heartbeat`, { method: "POST", body: beat });
    expect(plain.status).toBe(415);
  });
});

test("if a hostile script gets into the page, nothing gets out of it", async () => {
  here = await visit("?kiosk", [FAKE_CAMERA, ALLOW_CAMERA]);
  askedOfStranger.length = 0;
  const outcome = await here.page.evaluate(async (origin) => {
    const settle = (attempt: () => unknown) =>
      Promise.resolve()
        .then(attempt)
        .then(
          () => "done",
          () => "refused",
        );
    const loads = (element: HTMLElement & { src: string }) =>
      settle(
        () =>
          new Promise((resolve, reject) => {
            element.addEventListener("load", resolve);
            element.addEventListener("error", reject);
            element.src = `${origin}/leak`;
            document.body.append(element);
          }),
      );
    const attempts: Record<string, string> = {
      fetch: await settle(() => fetch(`${origin}/leak`)),
      beacon: navigator.sendBeacon(`${origin}/leak`, "x") ? "queued" : "refused",
      socket: await settle(
        () =>
          new Promise((resolve, reject) => {
            const socket = new WebSocket(`${origin.replace("http", "ws")}/leak`);
            socket.addEventListener("open", resolve);
            socket.addEventListener("error", reject);
          }),
      ),
      picture: await loads(document.createElement("img")),
      inline: await settle(() => {
        const script = document.createElement("script");
        script.textContent = "globalThis.leaked = true";
        document.body.append(script);
        if (!("leaked" in globalThis)) throw new Error();
      }),
      // oxlint-disable-next-line no-eval -- the policy must refuse it
      evaluate: await settle(() => (0, eval)("1")),
      markup: await settle(() => (document.createElement("div").innerHTML = "<b>x</b>")),
      style: await settle(() => {
        const element = document.createElement("p");
        element.setAttribute("style", "color: rgb(1, 2, 3)");
        document.body.append(element);
        if (getComputedStyle(element).color !== "rgb(1, 2, 3)") throw new Error();
      }),
      worker: await settle(() => new Worker(URL.createObjectURL(new Blob(["1"])))),
      microphone: await settle(() => navigator.mediaDevices.getUserMedia({ audio: true })),
      place: await settle(
        () => new Promise((resolve, reject) => navigator.geolocation.getCurrentPosition(resolve, reject)),
      ),
      screen: await settle(() => navigator.mediaDevices.getDisplayMedia()),
    };
    return attempts;
  }, strangerOrigin);
  const { beacon, ...others } = outcome;
  expect(beacon).toMatch(/queued|refused/); // Chromium reports it as queued but does not send it.
  expect(new Set(Object.values(others)), JSON.stringify(others)).toEqual(new Set(["refused"]));
  await here.page.waitForTimeout(500);
  expect(askedOfStranger).toEqual([]);
});

test("no key, menu or dropped file leaves the kiosk's page; the keys that press its buttons work", async () => {
  here = await visit("?kiosk", [FAKE_CAMERA, ALLOW_CAMERA]);
  await here.page.locator("emotion-cam").waitFor();
  const allowed = await here.page.evaluate(() => {
    const letThrough = (event: Event) => document.body.dispatchEvent(event);
    const key = (name: string, held: KeyboardEventInit = {}) =>
      letThrough(new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true, ...held }));
    const plain = (type: string) => letThrough(new Event(type, { bubbles: true, cancelable: true }));
    return {
      pressing: [key("Tab"), key("Enter"), key(" ")],
      keys: [
        ...["n", "t", "w", "l", "o", "p", "s", "u", "h", "j", "+", "-", "Tab"].map((name) =>
          key(name, { ctrlKey: true }),
        ),
        ...["ArrowLeft", "Home", "F4", "d"].map((name) => key(name, { altKey: true })),
        ...["F1", "F3", "F5", "F6", "F7", "F10", "F11", "F12", "Escape", "BrowserHome", "BrowserBack"].map((name) =>
          key(name),
        ),
      ],
      menus: ["contextmenu", "dragstart", "dragover", "drop", "auxclick"].map(plain),
      zoom: letThrough(new WheelEvent("wheel", { ctrlKey: true, bubbles: true, cancelable: true })),
    };
  });
  expect(allowed.pressing).toEqual([true, true, true]);
  expect(new Set([...allowed.keys, ...allowed.menus, allowed.zoom])).toEqual(new Set([false]));
});

test("without the flag kiosk, all keys work", async () => {
  here = await visit("", [FAKE_CAMERA, ALLOW_CAMERA]);
  await here.page.goto(here.origin);
  const isLetThrough = await here.page.evaluate(() =>
    document.body.dispatchEvent(
      new KeyboardEvent("keydown", { key: "n", ctrlKey: true, bubbles: true, cancelable: true }),
    ),
  );
  expect(isLetThrough).toBe(true);
});

test("against burn-in, the element moves by a few pixels", async () => {
  here = await visit("", [FAKE_CAMERA, ALLOW_CAMERA], (context) => context.clock.install());
  await here.page.goto(`${here.origin}/`);
  const places = new Set<string>();
  for (let minute = 0; minute < 8; minute++) {
    places.add(await here.page.locator("emotion-cam").evaluate((element) => element.style.translate));
    await here.page.clock.runFor(71_000);
  }
  expect(places.size).toBeGreaterThan(5);
  for (const place of places)
    for (const [pixels] of place.matchAll(/-?\d+/g)) expect(Math.abs(Number(pixels))).toBeLessThanOrEqual(6);
});
