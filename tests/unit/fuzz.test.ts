/** Random contracts, settings and addresses: each gives a clear error or a sound result, and never a crash. */
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { afterEach, expect, test, vi } from "vitest";
import { parseSettings } from "../../kiosk/settings.ts";
import { EmotionCamError } from "../../src/errors.ts";
import { readFlags } from "../../src/pages/flags.ts";
import { isOpen } from "../../src/pages/hours.ts";
import type { ClassifierContract } from "../../src/runtime/contract.ts";
import { findClassifier, findDetector } from "../../src/runtime/load-model.ts";
import { FUZZ_MS, FUZZ_RUNS } from "../fuzz-runs.ts";

const BASE = "http://localhost:8080/";
const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.double().map(String), fc.webUrl());

afterEach(() => {
  vi.unstubAllGlobals();
});

/** @returns The paths of all parts of a JSON value; a path is the list of keys from the top down. */
function pathsIn(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== "object" || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsIn(inner, [...path, key]))];
}

function withChange(value: unknown, [key, ...rest]: readonly string[], change: unknown): unknown {
  if (key === undefined) return change;
  if (Array.isArray(value))
    return value.map((inner, i) => (String(i) === key ? withChange(inner, rest, change) : inner));
  const object = { ...(value as Record<string, unknown>) };
  if (rest.length === 0 && change === undefined) delete object[key];
  else object[key] = withChange(object[key], rest, change);
  return object;
}

function answerWith(body: string): void {
  vi.stubGlobal("fetch", async () => new Response(body));
}

function expectUsable(contract: ClassifierContract): void {
  expect(contract.inputSize).toBeGreaterThanOrEqual(1);
  expect(contract.inputSize).toBeLessThanOrEqual(4096);
  expect(Number.isInteger(contract.inputSize)).toBe(true);
  expect(contract.std).toBeGreaterThan(0);
  expect(contract.temperature).toBeGreaterThan(0);
  for (const shift of contract.toTrainingPrior ?? []) expect(Number.isFinite(shift)).toBe(true);
  for (const { x, y } of [contract.crop.imageLeftEye, contract.crop.imageRightEye])
    expect(x >= 0 && x <= 1 && y >= 0 && y <= 1).toBe(true);
  for (const { files } of Object.values(contract.artifacts))
    for (const { bytes } of files) expect(Number.isInteger(bytes) && bytes >= 1 && bytes <= 2 ** 30).toBe(true);
}

/** @returns Whether the contract was refused with a code and its address. Other errors fail the test. */
async function refuses(find: () => Promise<unknown>): Promise<boolean> {
  try {
    const found = (await find()) as { contract: ClassifierContract };
    if (found.contract.kind === "classifier") expectUsable(found.contract);
    return false;
  } catch (error) {
    if (!(error instanceof EmotionCamError)) throw error;
    expect(error.code).toBe("model-corrupt");
    expect(error.message).toContain("contract.json");
    return true;
  }
}

test(`${FUZZ_RUNS} damaged contracts`, { timeout: FUZZ_MS }, async () => {
  const contract: unknown = JSON.parse(
    readFileSync(new URL("../../models/edge/contract.json", import.meta.url), "utf8"),
  );
  const path = fc.constantFrom(...pathsIn(contract));
  const value = fc.oneof(
    fc.constant(undefined),
    fc.jsonValue(),
    fc.constantFrom<unknown>(
      -1,
      0,
      1e308,
      0.5,
      1.5,
      48.5,
      2 ** 40,
      "",
      "x",
      null,
      [],
      {},
      { length: 1e9 },
      "__proto__",
    ),
  );
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(path, value), { minLength: 1, maxLength: 3 }), async (changes) => {
      const damaged = changes.reduce((whole, [where, what]) => {
        try {
          return withChange(whole, where, what);
        } catch {
          return whole; // An earlier change removed the place.
        }
      }, contract);
      answerWith(JSON.stringify(damaged) ?? "");
      if (await refuses(() => findClassifier("edge", BASE))) refused++;
    }),
    { numRuns: FUZZ_RUNS },
  );
  // Fewer refusals would mean that the damage is too gentle.
  expect(refused).toBeGreaterThan(FUZZ_RUNS / 3);
  expect(refused).toBeLessThan(FUZZ_RUNS);
});

test(`${FUZZ_RUNS} texts in place of a contract`, { timeout: FUZZ_MS }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.oneof(text, fc.json()), async (body) => {
      answerWith(body);
      expect(await refuses(() => findDetector("blazeface", BASE))).toBe(true);
    }),
    { numRuns: FUZZ_RUNS },
  );
});

test(`${FUZZ_RUNS} settings files`, { timeout: FUZZ_MS }, () => {
  const words = "port camera camera_name resolution rotation gpu language theme max_faces hours nightly_restart";
  const line = fc.oneof(
    text,
    fc.tuple(fc.constantFrom(...words.split(" "), "browser_flags", "__proto__"), text).map((pair) => pair.join(" = ")),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 8 }), (lines) => {
      const { settings, warnings } = parseSettings(lines.join("\n"));
      expect(settings.port >= 1024 && settings.port <= 65535).toBe(true);
      expect(settings.maxFaces >= 1 && settings.maxFaces <= 16).toBe(true);
      expect([0, 90, 180, 270]).toContain(settings.rotation);
      expect(settings.browserFlags.every((flag) => !/no-sandbox|disable-web-security/.test(flag))).toBe(true);
      expect(settings.cameraName).not.toMatch(/\p{Cc}/u);
      expect(warnings.length).toBeLessThanOrEqual(21);
    }),
    { numRuns: FUZZ_RUNS },
  );
});

test(`${FUZZ_RUNS} addresses of the kiosk page`, { timeout: FUZZ_MS }, () => {
  const names = "bench src engine model camera max-faces max-fps range lang hud hours theme privacy overlay pace kiosk";
  const flag = fc.tuple(fc.oneof(fc.constantFrom(...names.split(" ")), text), text);
  const address = fc.oneof(
    fc.array(flag, { maxLength: 6 }).map((flags) => `${BASE}?${new URLSearchParams(flags).toString()}`),
    text.map((query) => `${BASE}?${query}`),
  );
  const now = new Date(2026, 0, 1, 12);
  fc.assert(
    fc.property(address, (href) => {
      if (!URL.canParse(href)) return;
      const { attributes, hours, bench } = readFlags(href);
      const src = attributes.get("src");
      if (src !== undefined) expect(new URL(src).origin).toBe(new URL(BASE).origin);
      expect(typeof isOpen(hours, now)).toBe("boolean");
      // An address must not set what only the page decides.
      for (const name of attributes.keys()) expect(name).not.toMatch(/^on|^(style|class|id|asset-base|autostart)$/);
      if (bench?.seconds !== undefined) expect(bench.seconds > 0 && bench.seconds < Infinity).toBe(true);
    }),
    { numRuns: FUZZ_RUNS },
  );
});
