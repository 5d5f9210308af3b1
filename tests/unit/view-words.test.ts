import { readFileSync, readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { LABELS, LANGUAGES } from "../../src/types.ts";
import {
  ENGLISH,
  ENGLISH_LANGUAGE,
  type Words,
  addLanguage,
  fill,
  languages,
  loadLanguage,
  shippedLanguage,
} from "../../src/view/words.ts";

const FOLDER = new URL("../../static/lang/", import.meta.url);
const BASE = "https://site.test/assets/";

function read(file: string): Record<string, string> {
  return JSON.parse(readFileSync(new URL(file, FOLDER), "utf8"));
}

const placeholders = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort();

afterEach(() => vi.unstubAllGlobals());

describe("the language files", () => {
  const files = readdirSync(FOLDER);

  test("there is one for each language that ships", () => {
    expect(files.sort()).toEqual([...LANGUAGES].sort().map((tag) => `${tag}.json`));
  });

  test("en.json equals the words that are built in", () => {
    expect(read("en.json")).toEqual(ENGLISH);
  });

  test.each(files)("%s has every text, with the same placeholders", (file) => {
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

describe("the shipped language for a tag", () => {
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
  ])("%s gives %s", (tag, shipped) => expect(shippedLanguage(tag)).toBe(shipped));
});

describe("loading a language", () => {
  const answer = (body: string, status = 200) => {
    const asked = vi.fn(async (_url: URL) => new Response(body, { status }));
    vi.stubGlobal("fetch", asked);
    return asked;
  };

  test("fetches one file from the assets' folder", async () => {
    const asked = answer(readFileSync(new URL("de.json", FOLDER), "utf8"));
    expect(await loadLanguage("de-AT", BASE)).toMatchObject({
      tag: "de",
      direction: "ltr",
      words: { happy: "fröhlich" },
    });
    expect(asked.mock.calls.map(([url]) => String(url))).toEqual([`${BASE}lang/de.json`]);
  });

  test("fetches nothing for English", async () => {
    const asked = answer("");
    expect(await loadLanguage("en-US", BASE)).toBe(ENGLISH_LANGUAGE);
    expect(asked).not.toHaveBeenCalled();
  });

  test.each([
    ["not found", "no", 404],
    ["not JSON", "<!doctype html>", 200],
    ["null", "null", 200],
  ])("falls back to English, and reports English: %s", async (_name, body, status) => {
    answer(body, status);
    expect(await loadLanguage("fr", BASE)).toEqual(ENGLISH_LANGUAGE);
  });

  test("fills gaps of a file in English, and drops unknown keys", async () => {
    answer(JSON.stringify({ happy: "content", sad: 7, more: "x" }));
    expect((await loadLanguage("fr", BASE)).words).toEqual({ ...ENGLISH, happy: "content" });
  });
});

describe("a language that a page adds", () => {
  beforeEach(() => vi.stubGlobal("fetch", async () => new Response('{ "happy": "feliz", "sad": "triste" }')));

  test("is used in its own direction, with gaps filled in English", async () => {
    const told = vi.fn();
    languages.addEventListener("change", told, { once: true });
    addLanguage("he", { happy: "שמח" });
    expect(told).toHaveBeenCalledOnce();
    const words = { ...ENGLISH, happy: "שמח" };
    expect(await loadLanguage("he-IL", BASE)).toEqual({ tag: "he", direction: "rtl", words });
  });

  test("overrides a shipped one; the nearest tag wins, and other regions keep their words", async () => {
    addLanguage("pt_BR", { happy: "contente" });
    expect((await loadLanguage("pt-BR", BASE)).words).toMatchObject({ happy: "contente", sad: "triste" });
    expect((await loadLanguage("pt-BR-!?", BASE)).tag).toBe("pt-BR");
    expect((await loadLanguage("pt-PT", BASE)).words).toMatchObject({ happy: "feliz" });
    addLanguage("pt", { happy: "alegre", sad: "tristonho" });
    expect((await loadLanguage("pt-BR", BASE)).words).toMatchObject({ happy: "contente", sad: "tristonho" });
  });

  test.each([
    ["a tag that is none", "not a tag", {}, RangeError, /"not a tag" is not a language tag/],
    ["an unknown key", "nl", { hapy: "blij" }, TypeError, /"hapy".*lang\/en\.json/],
    ["a text that is no string", "nl", { happy: 1 }, TypeError, /"happy" of "nl" is 1/],
    ["no words", "nl", null, TypeError, /The words of "nl" are null/],
  ])("rejects %s", (_name, tag, words, kind, message) => {
    const add = () => addLanguage(tag, words as never);
    expect(add).toThrow(kind);
    expect(add).toThrow(message);
  });
});

test("fills placeholders, and keeps unknown ones", () => {
  expect(fill("{count} of {all}: {count}", { count: 2 })).toBe("2 of {all}: 2");
});
