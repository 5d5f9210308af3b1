/** The owner's page of statistics with a seeded year, from the server and the process that ship. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type SiteServer, createServer } from "../../kiosk/server.ts";
import { statisticsDoor } from "../../kiosk/statistics-door.ts";
import { demoYear } from "../../kiosk/statistics-demo.ts";
import { Store } from "../../kiosk/store.ts";
import { LABELS, LANGUAGES } from "../../src/types.ts";
import { type Visit, endVisits, visit } from "./visit.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const AXE = readFileSync(`${ROOT}/node_modules/axe-core/axe.min.js`, "utf8");

/** A generous limit against hanging: the target is a second on a quiet machine, which the test prints. */
const PATIENCE_MS = 60_000;
const LEAST = 10;
const PHONE = { width: 390, height: 844 };

/** Noon, so that the year's last day has visits. */
const NOON = new Date().setHours(12, 0, 0, 0);

interface Day {
  readonly from: string;
  visits: number;
  mostFaces: number;
  presentMs: number;
  watchedMs: number;
  happyMs: number;
}

let folder: string;
let keeper: ChildProcess;
let server: SiteServer;
/** Each day of the year in the store, by hand. */
const days = new Map<string, Day>();
/** Those of the languages that were opened. */
const headings = new Set<string>();
let here: Visit;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "emotion-cam-"));
  const store = new Store(folder, { least: LEAST, clock: () => "rtc", now: () => NOON });
  store.addAll(demoYear(NOON));
  for (const quarter of store.quarters(0, Date.now() + 86_400_000)) {
    const from = new Date(new Date(quarter.fromMs).setHours(0, 0, 0, 0)).toISOString();
    const day = days.get(from) ?? { from, visits: 0, mostFaces: 0, presentMs: 0, watchedMs: 0, happyMs: 0 };
    day.visits += quarter.visits;
    day.mostFaces = Math.max(day.mostFaces, quarter.mostFaces);
    day.presentMs += quarter.presentMs;
    day.watchedMs += quarter.watchedMs;
    day.happyMs += quarter.expressionMs.happy;
    days.set(from, day);
  }
  store.close();
  const socket = join(folder, "socket");
  keeper = spawn(process.execPath, [
    join(ROOT, "dist/kiosk/statistics.mjs"),
    ...["--folder", folder, "--socket", socket, "--attached"],
  ]);
  await new Promise((resolve, reject) => {
    keeper.stdout!.once("data", resolve);
    keeper.once("exit", (code) => reject(new Error(`The statistics ended with ${code}.`)));
  });
  server = await createServer({ port: 0, statistics: statisticsDoor(socket) });
});

afterEach(async () => {
  expect(here.strangers).toEqual([]);
  expect(here.complaints).toEqual([]);
  await here.close();
});

afterAll(async () => {
  await endVisits();
  await server.close();
  keeper.kill();
  rmSync(folder, { recursive: true });
});

/** @returns A local date so many days ago. */
function dateOf(daysAgo: number): string {
  const date = new Date(NOON);
  date.setDate(date.getDate() - daysAgo);
  return [date.getFullYear(), date.getMonth() + 1, date.getDate()]
    .map((part) => String(part).padStart(2, "0"))
    .join("-");
}

const YEAR = `from=${dateOf(364)}&to=${dateOf(0)}`;
const DAY = `from=${dateOf(0)}&to=${dateOf(0)}`;

/** Open the page of a range, and wait for its charts. */
async function open(query: string, size = { width: 1920, height: 1080 }): Promise<Visit["page"]> {
  here = await visit("", [], async () => {}, server);
  await here.page.setViewportSize(size);
  // When the first chart is in the page, and the browser has drawn it.
  await here.page.addInitScript(() => {
    const seen = new MutationObserver(() => {
      if (document.body?.dataset["drawn"] === undefined) return;
      seen.disconnect();
      requestAnimationFrame(() => requestAnimationFrame((at) => performance.mark("drawn", { startTime: at })));
    });
    seen.observe(document, { subtree: true, childList: true, attributes: true });
  });
  await here.page.goto(`${here.origin}/statistics.html?${query}`);
  await here.page.locator("body[data-drawn]").waitFor({ timeout: PATIENCE_MS });
  return here.page;
}

test("a year is drawn", async () => {
  const page = await open(YEAR);
  const drawnMs = await page.evaluate(async () => {
    while (performance.getEntriesByName("drawn").length === 0) await new Promise(requestAnimationFrame);
    return performance.getEntriesByName("drawn")[0]!.startTime;
  });
  console.log(`The first chart of a full year was drawn ${Math.round(drawnMs)} ms after the page was asked for.`);
  expect(drawnMs).toBeLessThan(PATIENCE_MS);
  expect(await page.locator("canvas").count()).toBe(4);
  const inks = await page.locator("canvas").evaluateAll((canvases) =>
    (canvases as HTMLCanvasElement[]).map((canvas) => {
      const { data } = canvas.getContext("2d")!.getImageData(0, 0, canvas.width, canvas.height);
      return new Set(new Uint32Array(data.buffer)).size;
    }),
  );
  expect(Math.min(...inks)).toBeGreaterThan(5);
  const total = [...days.values()].reduce((sum, { visits }) => sum + visits, 0);
  expect(await page.locator("#figures dd").first().innerText()).toBe(total.toLocaleString("en"));
});

test("each chart says in words what it shows, and that expressions are apparent", async () => {
  const page = await open(YEAR);
  expect(await page.title()).toMatch(/apparent/i);
  const captions = await page.locator("figcaption").allInnerTexts();
  for (const caption of captions) expect(caption).toMatch(/apparent expressions/i);
  const names = await page.locator("canvas[role=img]").evaluateAll((all) => all.map((it) => it.ariaLabel));
  expect(names).toEqual(captions);
});

test("each chart has a table with the same figures", async () => {
  const page = await open(`from=${dateOf(27)}&to=${dateOf(0)}`);
  const tables = await page.locator("table").evaluateAll((all) =>
    (all as HTMLTableElement[]).map((table) => ({
      columns: table.tHead!.rows[0]!.cells.length,
      rows: [...table.tBodies[0]!.rows].map((row) => [...row.cells].map((cell) => cell.textContent)),
      headed: [...table.tBodies[0]!.rows].every((row) => row.cells[0]!.scope === "row"),
    })),
  );
  expect(tables.map(({ rows }) => rows.length)).toEqual([28, 28, 24, 28]);
  expect(tables.map(({ columns }) => columns)).toEqual([1 + LABELS.length + 1, 2, 2, 3]);
  for (const { columns, rows, headed } of tables) {
    expect(headed).toBe(true);
    for (const row of rows) expect(row).toHaveLength(columns);
  }
  const shown = tables[1]!.rows.map(([, visits]) => Number(visits!.replaceAll(",", "")));
  const kept = Array.from({ length: 28 }, (_, index) => {
    const [year, month, day] = dateOf(27 - index)
      .split("-")
      .map(Number) as [number, number, number];
    return days.get(new Date(year, month - 1, day).toISOString())?.visits ?? 0;
  });
  expect(shown).toEqual(kept);
});

test("CSV and JSON of the shown range have what the store holds", async () => {
  const page = await open(YEAR);
  const saved = async (id: string) => {
    const saving = page.waitForEvent("download");
    await page.locator(id).click();
    return readFileSync(await (await saving).path(), "utf8");
  };
  const { rows, total } = JSON.parse(await saved("#json"));
  const [names, ...lines] = (await saved("#csv"))
    .trimEnd()
    .split("\r\n")
    .map((line) => line.split(","));
  const column = (name: string) => lines.map((line) => line[names!.indexOf(name)]!);
  const kept = [...days.values()];
  expect(kept.length).toBeGreaterThan(300);
  const figures: readonly (readonly [string, (row: (typeof rows)[number]) => number, (day: Day) => number])[] = [
    ["visits", (row) => row.visits, (day) => day.visits],
    ["most_faces", (row) => row.mostFaces, (day) => day.mostFaces],
    ["present_s", (row) => row.presentS, (day) => day.presentMs / 1000],
    ["watched_s", (row) => row.watchedS, (day) => day.watchedMs / 1000],
    ["happy_s", (row) => row.seconds.happy, (day) => day.happyMs / 1000],
  ];
  expect(rows.map(({ from }: { from: string }) => from)).toEqual(kept.map(({ from }) => from));
  expect(column("from")).toEqual(kept.map(({ from }) => from));
  for (const [name, ofRow, ofDay] of figures) {
    expect(rows.map(ofRow), name).toEqual(kept.map(ofDay));
    expect(column(name).map(Number), name).toEqual(kept.map(ofDay));
  }
  expect(total.visits).toBe(kept.reduce((sum, { visits }) => sum + visits, 0));
  expect(names).toHaveLength(7 + LABELS.length);
});

test("everything can be done by keyboard", async () => {
  const page = await open(DAY);
  const reach = async (selector: string) => {
    for (let press = 0; press < 40; press++) {
      if (await page.locator(selector).evaluate((element) => element === document.activeElement)) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`${selector} is not reached by Tab.`);
  };
  await reach("[data-days='7']");
  await page.keyboard.press("Enter");
  await page.locator("[data-days='7'][aria-pressed=true]").waitFor();
  await expect.poll(() => page.locator("table").first().locator("tbody tr").count()).toBe(7);
  // The focus stays where it was: a new range is one more press away.
  expect(await page.locator("[data-days='7']").evaluate((element) => element === document.activeElement)).toBe(true);
  await reach("[name=from]");
  await reach("#csv");
  await reach("#json");
  await reach("#print");
  await reach("figure:first-of-type summary");
  await page.keyboard.press("Enter");
  await page.locator("table").first().waitFor({ state: "visible" });
  await page.keyboard.press("Tab");
  const region = page.locator("[role=region]").first();
  expect(await region.evaluate((element) => element === document.activeElement)).toBe(true);
});

test.each(LANGUAGES)("in %s, on a phone", async (language) => {
  const page = await open(`lang=${language}&${YEAR}`, PHONE);
  expect(await page.locator("html").getAttribute("lang")).toBe(language);
  expect(await page.locator("body").innerText()).not.toMatch(/\b(undefined|null|NaN)\b|\{\w+\}/);
  for (const word of await page.locator("[data-word]").allInnerTexts()) expect(word.trim()).not.toBe("");
  headings.add(await page.locator("h1").innerText());
  expect(headings.size).toBe(LANGUAGES.indexOf(language) + 1);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(PHONE.width);
});

test.each([
  ["dark", undefined],
  ["light", undefined],
  ["dark", PHONE],
  ["light", PHONE],
] as const)("axe finds no violation, %s, %o", async (colorScheme, size) => {
  const page = await open(YEAR, size);
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  for (const summary of await page.locator("summary").all()) await summary.click();
  expect(here.complaints).toEqual([]);
  // axe adds inline styles, which the page's policy blocks: ignore those complaints.
  here = { ...here, complaints: [] };
  expect(await page.evaluate(() => document.documentElement.dataset["theme"])).toBe(colorScheme);
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: typeof import("axe-core") };
    const { violations } = await axe.run(document, { resultTypes: ["violations"] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" ")}`);
  });
  expect(found).toEqual([]);
});

test.each([DAY, `from=${dateOf(29)}&to=${dateOf(0)}`, YEAR])("%s is printed on one page", async (range) => {
  const page = await open(`lang=de&${range}`);
  const pdf = (await page.pdf({ preferCSSPageSize: true, printBackground: false })).toString("latin1");
  expect(pdf.match(/\/Type\s*\/Page\b/g)).toHaveLength(1);
});

test("an empty range says so, and a range that cannot be is explained", async () => {
  const page = await open("from=2001-01-01&to=2001-01-02");
  expect(await page.locator("#said").innerText()).toMatch(/no apparent expressions/);
  expect(await page.locator("canvas").count()).toBe(0);
  await page.locator("[name=from]").fill("2001-02-01");
  await page.locator("[data-word=show]").click();
  await page.locator("#said >> text=before it ends").waitFor();
});
