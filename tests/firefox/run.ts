/**
 * The element's main path in an installed Firefox: a picture, clips, the camera, and the refusal of a browser that hides
 * pixels. Needs the built site. Where there is no Firefox and none can be installed, it says SKIPPED and passes.
 *
 *   npx tsx tests/firefox/run.ts [PART OF A TEST'S NAME]
 */
import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Browser, Page } from "puppeteer-core";
import { createServer } from "../../kiosk/server.ts";
import type { Face } from "../../src/types.ts";
import { firefoxPath, startFirefox } from "./firefox.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CLIPS = ["turned-90.mp4", "turned-180.mp4", "turned-270.mp4", "oblong.mp4", "oblong.webm"];

/** Against hanging only. */
const PATIENCE_MS = 120_000;

/** The eyes and the mouth of the portrait that all these clips show, as fractions of the frame; by hand. */
const IN_CLIPS = { eyes: { x: 0.46, y: 0.31 }, mouth: { x: 0.455, y: 0.43 } };
const IN_PICTURE = { eyes: { x: 0.44, y: 0.205 }, mouth: { x: 0.435, y: 0.29 } };
const TOLERANCE = 0.05;

interface Test {
  readonly name: string;
  readonly preferences?: Record<string, unknown>;
  run(page: Page, origin: string): Promise<void>;
}

const TESTS: readonly Test[] = [
  {
    name: "a picture of a laughing woman is happy, and frames go on",
    run: async (page, origin) => {
      await page.goto(`${origin}?src=astronaut.jpg`);
      assertPlace(await happyFace(page), IN_PICTURE);
      await framesGoOn(page);
    },
  },
  ...CLIPS.map((clip) => ({
    name: `${clip} is analysed as it is shown`,
    run: async (page: Page, origin: string) => {
      await page.goto(`${origin}?src=${clip}`);
      assertPlace(await happyFace(page), IN_CLIPS);
      await framesGoOn(page);
    },
  })),
  {
    name: "the camera runs",
    run: async (page, origin) => {
      await page.goto(origin);
      await framesGoOn(page);
      const demo = await page.$eval("emotion-cam", (element) => element.shadowRoot?.textContent?.includes("DEMO"));
      assert.equal(demo, false, "the demo is shown in place of the camera");
    },
  },
  {
    name: "the page, opened as a file, says how to serve it",
    run: async (page) => {
      for (const file of ["index.html", "embed.html"]) {
        await page.goto(pathToFileURL(join(ROOT, "dist", file)).href);
        await page.waitForFunction(() => document.body.innerText.includes("only when it is served"), {
          timeout: PATIENCE_MS,
        });
      }
    },
  },
  {
    name: "a browser that gives noise for pixels is refused",
    preferences: { "privacy.resistFingerprinting": true },
    run: async (page, origin) => {
      await page.goto(`${origin}?src=astronaut.jpg`);
      const state = await page.waitForFunction(
        () => {
          const element = document.querySelector("emotion-cam");
          return element?.getAttribute("state") === "failed" ? element.shadowRoot!.textContent : null;
        },
        { timeout: PATIENCE_MS },
      );
      assert.match(String(await state.jsonValue()), /browser/i);
    },
  },
];

/** Wait for a certain, happy face. */
async function happyFace(page: Page): Promise<Face> {
  return page.evaluate(
    (patienceMs) =>
      new Promise<Face>((resolve, reject) => {
        let last = "no frame";
        setTimeout(() => reject(new Error(`no face is happy; last: ${last}`)), patienceMs);
        document.addEventListener("emotion-frame", (event) => {
          const { faces } = event as Event & { readonly faces: readonly Face[] };
          last = JSON.stringify(faces.map(({ label, certain, confidence }) => ({ label, certain, confidence })));
          const [face] = faces;
          if (face?.certain && face.label === "happy") resolve(JSON.parse(JSON.stringify(face)) as Face);
        });
      }),
    PATIENCE_MS,
  );
}

function assertPlace({ keypoints }: Face, { eyes, mouth }: typeof IN_CLIPS): void {
  const [right, left, , mouthFound] = keypoints;
  const eyesFound = { x: (right!.x + left!.x) / 2, y: (right!.y + left!.y) / 2 };
  for (const [name, found, expected] of [
    ["eyes", eyesFound, eyes],
    ["mouth", mouthFound!, mouth],
  ] as const) {
    const off = Math.hypot(found.x - expected.x, found.y - expected.y);
    assert.ok(
      off < TOLERANCE,
      `${name} at ${found.x.toFixed(3)}, ${found.y.toFixed(3)}, not at ${expected.x}, ${expected.y}`,
    );
  }
}

/** Wait for ten more frames. */
async function framesGoOn(page: Page): Promise<void> {
  await page.evaluate(
    (patienceMs) =>
      new Promise<void>((resolve, reject) => {
        let frames = 0;
        setTimeout(() => reject(new Error(`only ${frames} frames`)), patienceMs);
        document.addEventListener("emotion-frame", () => ++frames >= 10 && resolve());
      }),
    PATIENCE_MS,
  );
}

async function main(): Promise<void> {
  const path = firefoxPath();
  if (path === null) {
    console.log("SKIPPED: the tests in Firefox. None is installed; `sudo apt-get install firefox-esr` gets one.");
    return;
  }
  const site = mkdtempSync(join(tmpdir(), "emotion-cam-firefox-"));
  cpSync(join(ROOT, "dist"), site, { recursive: true });
  for (const file of ["astronaut.jpg", ...CLIPS]) cpSync(join(ROOT, "tests/fixtures", file), join(site, file));
  const server = await createServer({ site, port: 0 });
  const browsers = new Map<string, Browser>();
  let failed = 0;
  try {
    for (const test of TESTS.filter(({ name }) => name.includes(process.argv[2] ?? ""))) {
      const key = JSON.stringify(test.preferences ?? {});
      const browser = browsers.get(key) ?? (await startFirefox(path, test.preferences));
      if (browsers.size === 0) console.log(await browser.version());
      browsers.set(key, browser);
      if (!(await passes(test, browser, server.url))) failed++;
    }
  } finally {
    for (const browser of browsers.values()) await browser.close();
    await server.close();
    rmSync(site, { recursive: true, force: true });
  }
  if (failed > 0) process.exitCode = 1;
}

async function passes({ name, run }: Test, browser: Browser, origin: string): Promise<boolean> {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  const complaints: string[] = [];
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text());
  });
  try {
    await run(page, origin);
    assert.deepEqual(complaints, [], "the console has complaints");
    console.log(`ok      ${name}`);
    return true;
  } catch (error) {
    console.error(`FAILED  ${name}\n        ${error instanceof Error ? error.message : String(error)}`);
    if (complaints.length > 0) console.error(`        console: ${complaints.join("\n        ")}`);
    return false;
  } finally {
    await page.close();
  }
}

await main();
