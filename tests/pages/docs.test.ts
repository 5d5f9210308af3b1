import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeEach, expect, test } from "vitest";
import { type Visit, endVisits, visit } from "./visit.ts";

/** Limit for download, warm-up and the first result on a busy machine. */
const PATIENCE_MS = 60_000;
const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const AXE = readFileSync(`${ROOT}/node_modules/axe-core/axe.min.js`, "utf8");

let here: Visit;

beforeEach(async () => {
  here = await visit("docs.html", []);
  await here.page.locator("#tables table").last().waitFor();
});

afterEach(async () => {
  expect(here.strangers).toEqual([]);
  expect(here.complaints).toEqual([]);
  await here.close();
});

afterAll(endVisits);

const press = (id: string) => here.page.locator(`#${id} [part=button]`).click();

test("the tables contain everything in custom-elements.json", async () => {
  const { modules } = JSON.parse(readFileSync(`${ROOT}/dist/custom-elements.json`, "utf8"));
  const element = modules
    .flatMap(({ declarations }: { declarations: { tagName?: string }[] }) => declarations)
    .find(({ tagName }: { tagName?: string }) => tagName === "emotion-cam");
  for (const [title, key] of [
    ["Attributes", "attributes"],
    ["Events", "events"],
    ["Slots", "slots"],
    ["CSS parts", "cssParts"],
    ["CSS custom properties", "cssProperties"],
    ["CSS states", "cssStates"],
  ] as const) {
    const rows = here.page.locator(`table[aria-label="${title}"] tbody tr`);
    const names = await rows.locator("th").allInnerTexts();
    expect(names, title).toEqual(element[key].map(({ name }: { name: string }) => name));
    const meanings = await rows.locator("td:last-child").allInnerTexts();
    expect(meanings.every((meaning) => meaning.length > 5)).toBe(true);
  }
  const methods = await here.page.locator(`table[aria-label="Methods"] th[scope=row]`).allInnerTexts();
  expect(methods.sort()).toEqual(
    [
      "EmotionCam.addLanguage(tag, words)",
      "EmotionCam.define(tag, registry)",
      "focus(options)",
      "listCameras()",
      "start()",
      "stop()",
    ].sort(),
  );
});

test("the editor writes attributes, and shows the tag with them", async () => {
  const tag = here.page.locator("#tag");
  expect(await tag.innerText()).toBe('<emotion-cam src="demo.webm"></emotion-cam>');
  await here.page.locator("#editor [name=overlay]").selectOption("emoji");
  await here.page.locator("#editor [name=max-faces]").fill("2");
  await here.page.locator("#editor [name=max-faces]").blur();
  await here.page.locator("#editor [name=mirror]").selectOption("true");
  await here.page.locator("#editor [name=lang]").selectOption("de");
  const tried = here.page.locator("#tried");
  expect(await tried.getAttribute("overlay")).toBe("emoji");
  expect(await tag.innerText()).toBe(
    '<emotion-cam src="demo.webm" mirror="true" max-faces="2" lang="de" overlay="emoji"></emotion-cam>',
  );
  await here.page.locator("#tried >> text=Starten").first().waitFor({ timeout: PATIENCE_MS });
  await here.page.locator("#editor [name=overlay]").selectOption("");
  await here.page.locator("#editor [name=autostart]").check();
  expect(await tried.getAttribute("overlay")).toBe(null);
  expect(await tag.innerText()).toContain(" autostart");
  await here.page.locator("#tried[state=running]").waitFor({ timeout: PATIENCE_MS });
});

test("a press starts the element, and its events are listed", async () => {
  expect(here.asked.filter((path) => path.endsWith("worker.js"))).toEqual([]);
  await press("tried");
  await here.page.locator("#events >> text=emotion-ready").waitFor({ timeout: PATIENCE_MS });
  await here.page.locator("#events >> text=→ happy").first().waitFor({ timeout: PATIENCE_MS });
  await here.page.locator("#rate >> text=in the last second").waitFor({ timeout: PATIENCE_MS });
});

test("the page shows the code that it runs", async () => {
  for (const code of await here.page.locator("[data-file]").all()) {
    const file = (await code.getAttribute("data-file"))!;
    const text = readFileSync(`${ROOT}/static/${file}`, "utf8").trim();
    await expect.poll(() => code.textContent()).toBe(text);
    if (!file.endsWith(".mjs")) expect(here.asked).toContain(`/${file}`);
  }
  expect(await here.page.locator("[data-html=plain]").textContent()).toBe(
    '<emotion-cam src="demo.webm" overlay="boxes"></emotion-cam>',
  );
});

test("the Dutch example is in Dutch, and the page's label replaces the chip's", async () => {
  const worded = here.page.locator("#worded emotion-cam");
  expect(await worded.locator("[part=button]").innerText()).toBe("Begin");
  await worded.locator("[part=button]").click();
  await here.page.locator("#label >> text=Hoera").waitFor({ timeout: PATIENCE_MS });
});

test("the chart draws the counts, and saves them", async () => {
  await press("counted");
  await here.page.locator("#chart > div").nth(1).waitFor({ timeout: PATIENCE_MS });
  expect(await here.page.locator("#chart").getAttribute("aria-label")).toMatch(/^The last second: angry \d+ %/);
  const saving = here.page.waitForEvent("download");
  await here.page.locator("#csv").click();
  const rows = readFileSync(await (await saving).path(), "utf8")
    .trim()
    .split("\r\n");
  expect(rows[0]).toMatch(/^from,to,frames,most_faces,unsure,angry_count,/);
  expect(rows.length).toBeGreaterThan(2);
});

test("only the posted entries reach the page's own server", async () => {
  const folder = mkdtempSync(join(tmpdir(), "emotion-cam-"));
  const file = join(folder, "expressions.jsonl");
  const { server, url } = await receiver(file);
  try {
    // The page's policy allows its own origin only; a real site would forward this address to such a server.
    await here.page.route("**/expressions", async (route) => {
      const response = await fetch(url, {
        ...{ method: "POST", headers: { "content-type": "application/json" } },
        body: route.request().postData() ?? "",
      });
      await route.fulfill({ status: response.status });
    });
    await press("posted");
    await here.page.locator("#post button").click();
    await here.page.locator("#post output >> text=Posted").waitFor({ timeout: PATIENCE_MS });
    const [line] = readFileSync(file, "utf8").trim().split("\n");
    expect(Object.keys(JSON.parse(line!)).sort()).toEqual(
      ["from", "to", "visits", "mostFaces", "seconds", "unsureS", "presentS", "watchedS"].sort(),
    );
    const statuses = ["no JSON", "x".repeat(5000)].map(
      async (body) => (await fetch(url, { method: "POST", body })).status,
    );
    expect(await Promise.all(statuses)).toEqual([400, 413]);
  } finally {
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each(["dark", "light"] as const)("axe finds no violation on the page, %s", async (colorScheme) => {
  expect(here.complaints).toEqual([]);
  // axe adds inline styles, which the page's policy blocks: ignore those complaints.
  here = { ...here, complaints: [] };
  await here.page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  await here.page.evaluate(AXE);
  const found = await here.page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" ")}`);
  });
  expect(found).toEqual([]);
});

function receiver(file: string): Promise<{ server: ChildProcess; url: string }> {
  const env = { ...process.env, PORT: "0", FILE: file };
  const server = spawn(process.execPath, [`${ROOT}/static/examples/receive.mjs`], {
    env,
    stdio: ["ignore", "pipe", 2],
  });
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("exit", (code) => reject(new Error(`receive.mjs ended with ${code}.`)));
    server.stdout!.once("data", (text) => resolve({ server, url: String(text).trim() }));
  });
}
