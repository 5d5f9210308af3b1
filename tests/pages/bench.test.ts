import { readFile } from "node:fs/promises";
import { afterAll, afterEach, expect, test } from "vitest";
import type {} from "../../src/bench/bench.ts";
import { STAGES, problemsOf, type BenchReport } from "../../src/bench/report.ts";
import { type Visit, endVisits, visit } from "./visit.ts";

/** Limit for two runs with download and warm-up; on a busy machine each frame may take a second. */
const PATIENCE_MS = 300_000;

let here: Visit | undefined;

afterEach(async () => {
  await here?.close();
  here = undefined;
});

afterAll(endVisits);

/** Poll from outside, because the page's security policy allows no condition to be evaluated inside. */
async function report(page: Visit["page"]): Promise<BenchReport> {
  for (;;) {
    const found = await page.evaluate(() => window.__bench);
    if (found !== undefined) return found;
    await page.waitForTimeout(200);
  }
}

test("?bench measures the demo clip, and its report follows the schema", { timeout: PATIENCE_MS }, async () => {
  here = await visit("?bench=1&engine=float", []);
  const { page } = here;
  const found = await report(page);
  expect(problemsOf(found)).toEqual([]);
  expect(found).toMatchObject({ engine: "float", pace: "measure", range: "near", others: [] });
  expect(found.environment).toMatchObject({ isolated: true, variant: "tfjs" });
  expect(found.source).toEqual({ kind: "clip", width: 640, height: 480 });
  expect(found.model.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(found.faces).toBe(1);
  const { grab, detect, crop, classify, post, total } = found.stages;
  expect(total.p50).toBeGreaterThan(Math.max(grab.p50, detect.p50, crop.p50, classify.p50, post.p50));
  expect(total.p99).toBeGreaterThanOrEqual(total.p95);

  const { page: pageMs, worker: workerMs } = found.busyMsPerSecond;
  expect(pageMs).toBeGreaterThan(0);
  expect(pageMs + workerMs).toBeLessThan(2000);
  // Here the two are one measurement: the mean time of a frame, and its frames in a second.
  expect(workerMs).toBeGreaterThan(0.5 * found.fps * found.stages.total.p50);

  const sheet = page.getByRole("region", { name: "Benchmark" });
  expect(await sheet.getByRole("heading", { level: 1 }).innerText()).toBe(found.sentence);
  expect(await sheet.locator(".bench-chart canvas").count()).toBe(1);
  for (const name of ["worker busy", "page busy"])
    expect(
      await sheet
        .locator("div", { has: page.getByText(name, { exact: true }) })
        .last()
        .innerText(),
    ).toMatch(/% of a core/);
  expect(await sheet.getByRole("rowheader").allInnerTexts()).toEqual([...STAGES]);

  const saving = page.waitForEvent("download");
  await sheet.getByRole("button", { name: "Save JSON" }).click();
  const path = await (await saving).path();
  expect(JSON.parse(await readFile(path, "utf8"))).toEqual(found);

  await sheet.getByRole("button", { name: "Run again" }).click();
  expect(await page.evaluate(() => window.__bench)).toBeUndefined();
  expect(Date.parse((await report(page)).when)).toBeGreaterThan(Date.parse(found.when));
  expect(here.strangers).toEqual([]);
  expect(here.complaints).toEqual([]);
});

test("the sheet says that a source cannot be loaded", async () => {
  here = await visit("?bench=2&engine=float&src=nothing-here.webm", []);
  const alert = here.page.getByRole("alert").filter({ hasText: "nothing-here.webm" });
  await alert.waitFor();
  expect(await alert.innerText()).toContain("could not be loaded");
  expect(await here.page.evaluate(() => window.__bench)).toBeUndefined();
  expect(await here.page.getByRole("button", { name: "Run again" }).isVisible()).toBe(true);
});
