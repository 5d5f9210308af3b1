import { readFileSync, readdirSync } from "node:fs";
import { afterEach, describe, expect, test, vi } from "vitest";
import { LABELS } from "../../src/types.ts";
import { ENGLISH, type Words, fill, loadWords, shippedLanguage } from "../../src/view/words.ts";

const FOLDER = new URL("../../static/lang/", import.meta.url);
const BASE = "https://site.test/assets/";

function read(file: string): Record<string, string> {
  return JSON.parse(readFileSync(new URL(file, FOLDER), "utf8"));
}

const placeholders = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

afterEach(() => vi.unstubAllGlobals());

describe("the language files", () => {
  const files = readdirSync(FOLDER);

  test("are the eight", () => {
    expect(files.sort()).toEqual(["de", "en", "es", "fr", "it", "ja", "pt", "zh-Hans"].map((tag) => `${tag}.json`));
  });

  test("English is what is built in", () => {
    expect(read("en.json")).toEqual(ENGLISH);
  });

  test.each(files)("%s says everything, with the same placeholders", (file) => {
    const words = read(file);
    expect(Object.keys(words)).toEqual(Object.keys(ENGLISH));
    for (const key of Object.keys(ENGLISH) as (keyof Words)[]) {
      expect(words[key]!.trim(), key).not.toBe("");
      expect(placeholders(words[key]!), key).toEqual(placeholders(ENGLISH[key]));
    }
  });

  test.each(files)("%s has seven different words for the expressions", (file) => {
    const words = read(file);
    expect(new Set(LABELS.map((label) => words[label])).size).toBe(7);
  });
});

describe("which language", () => {
  test.each([
    ["de-AT", "de"],
    ["DE", "de"],
    ["pt_BR", "pt"],
    ["zh", "zh-Hans"],
    ["zh-CN", "zh-Hans"],
    ["zh-Hans-SG", "zh-Hans"],
    ["en-GB", "en"],
    ["nl", "en"],
    ["", "en"],
    ["de../../x", "en"],
  ])("%s is %s", (tag, shipped) => expect(shippedLanguage(tag)).toBe(shipped));
});

describe("loading", () => {
  const answer = (body: string, status = 200) => {
    const asked = vi.fn(async (_url: URL) => new Response(body, { status }));
    vi.stubGlobal("fetch", asked);
    return asked;
  };

  test("asks for one file beside the assets", async () => {
    const asked = answer(readFileSync(new URL("de.json", FOLDER), "utf8"));
    expect((await loadWords("de-AT", BASE)).happy).toBe("fröhlich");
    expect(asked.mock.calls.map(([url]) => String(url))).toEqual([`${BASE}lang/de.json`]);
  });

  test("English is asked for nowhere", async () => {
    const asked = answer("");
    expect(await loadWords("en-US", BASE)).toBe(ENGLISH);
    expect(asked).not.toHaveBeenCalled();
  });

  test.each([
    ["not found", "no", 404],
    ["no JSON", "<!doctype html>", 200],
    ["null", "null", 200],
  ])("%s: English", async (_name, body, status) => {
    answer(body, status);
    expect(await loadWords("fr", BASE)).toEqual(ENGLISH);
  });

  test("what a file lacks is said in English, and what it has too much is dropped", async () => {
    answer(JSON.stringify({ happy: "content", sad: 7, more: "x" }));
    expect(await loadWords("fr", BASE)).toEqual({ ...ENGLISH, happy: "content" });
  });
});

test("placeholders are filled, and unknown ones left", () => {
  expect(fill("{count} of {all}: {count}", { count: 2 })).toBe("2 of {all}: 2");
});
