import { afterEach, expect, test } from "vitest";
import { ALLOW_CAMERA, FAKE_CAMERA, type Visit, personOnCamera, visit } from "./visit.ts";

/** Limit for download, warm-up and the first result on a busy machine. */
const PATIENCE_MS = 60_000;

const camera = personOnCamera();
let here: Visit | undefined;

afterEach(async () => {
  expect(here?.strangers).toEqual([]);
  expect(here?.complaints).toEqual([]);
  await here?.close();
  here = undefined;
});

test("with a camera, it starts by itself and shows the face's expression", async () => {
  here = await visit("", camera.flags);
  await here.page.goto(`${here.origin}/`);
  const element = here.page.locator("emotion-cam");
  await element.locator("[part=chip] >> text=happy").waitFor({ timeout: PATIENCE_MS });
  expect(await element.getAttribute("state")).toBe("running");
  expect(await element.getAttribute("demo")).toBe(null);
  expect(await element.locator("[part=notice]").innerText()).toMatch(/on this device/i);
  await element.locator("[part=light]").waitFor();
  const { width, height } = (await element.boundingBox())!;
  const screen = here.page.viewportSize()!;
  expect(width >= screen.width && height >= screen.height).toBe(true);
});

test("without a camera, it says so and plays the demo", async () => {
  here = await visit("", [ALLOW_CAMERA]);
  await here.page.goto(`${here.origin}/`);
  const element = here.page.locator("emotion-cam[state=running][demo]");
  await element.waitFor({ timeout: PATIENCE_MS });
  expect(await element.locator("[part=demo]").innerText()).toMatch(/demo/i);
  expect(await element.locator("[part=panel]").innerText()).toMatch(/no camera/i);
  await element.locator("[part=chip] >> text=happy").waitFor({ timeout: PATIENCE_MS });
});

test("with camera access denied, it says how to allow it and has a button to ask again", async () => {
  here = await visit("", [FAKE_CAMERA]);
  await here.page.goto(`${here.origin}/`);
  const element = here.page.locator("emotion-cam[state=failed]");
  await element.waitFor({ timeout: PATIENCE_MS });
  expect(await element.locator("[part=panel]").innerText()).toMatch(/allow/i);
  expect(await element.locator("[part=button]").isEnabled()).toBe(true);
});

test("it starts when camera access is allowed later", async () => {
  here = await visit("", [FAKE_CAMERA]);
  await here.page.goto(`${here.origin}/`);
  await here.page.locator("emotion-cam[state=failed]").waitFor({ timeout: PATIENCE_MS });
  await here.page.context().grantPermissions(["camera"], { origin: here.origin });
  await here.page.locator("emotion-cam[state=running]").waitFor({ timeout: PATIENCE_MS });
});
