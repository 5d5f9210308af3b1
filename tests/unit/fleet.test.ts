import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { kioskUrl, managedPolicy } from "../../kiosk/chromium.ts";
import { discovery } from "../../kiosk/fleet/home-assistant.ts";
import { readAcknowledgement, readCounts, readTopic, topic } from "../../kiosk/fleet/messages.ts";
import { readMembership } from "../../kiosk/fleet/membership.ts";
import {
  fleetLines,
  fleetSettingsPath,
  parseFleetSettings,
  parseSettings,
  readSettings,
} from "../../kiosk/settings.ts";
import { eachExpression } from "../../kiosk/statistics-span.ts";
import { STATISTICS_LANGUAGES, statisticsWords } from "../../src/pages/statistics-words.ts";

const EPOCH = "00000000-0000-4000-8000-000000000001";
const row = (seq: number) => ({
  ...{ seq, clock: "ntp", from: "2026-11-26T09:00:00.000Z", to: "2026-11-26T09:01:00.000Z" },
  ...{ visits: 12, mostFaces: 2, presentS: 41, unsureS: 3.2, watchedS: 60, seconds: eachExpression(() => 1.5) },
});
const counts = (change: object = {}) => JSON.stringify({ v: 1, epoch: EPOCH, rows: [row(4), row(5)], ...change });

describe("a message of counts", () => {
  test("is read as it was written", () => {
    expect(readCounts(counts())).toEqual({ v: 1, epoch: EPOCH, rows: [row(4), row(5)] });
    expect(readCounts(counts({ rows: [] })).rows).toEqual([]);
  });

  test.each([
    [{ v: 2 }, /v is 2/],
    [{ epoch: "'; DROP TABLE" }, /not a UUID/],
    [{ rows: [row(4), row(6)] }, /row 1 is seq 6 after 4/],
    [{ rows: [row(0)] }, /seq is 0/],
    [{ rows: [{ ...row(1), from: row(1).to }] }, /is not before/],
    [{ rows: [{ ...row(1), clock: "sun" }] }, /clock is "sun"/],
    [{ rows: [{ ...row(1), visits: -3 }] }, /visits is -3/],
    [{ rows: [{ ...row(1), seconds: { happy: 1e300 } }] }, /angry is undefined/],
    [{ rows: Array.from({ length: 501 }, (_, index) => row(index + 1)) }, /at most 500/],
  ])("%o is refused", (change, message) => {
    expect(() => readCounts(counts(change))).toThrow(message);
  });

  test("whatever a stolen kiosk sends is read or refused, and ends nothing", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.constant(counts())), (text) => {
        try {
          expect(Array.isArray(readCounts(text).rows)).toBe(true);
        } catch (error) {
          expect(error instanceof RangeError || error instanceof SyntaxError || error instanceof TypeError).toBe(true);
        }
      }),
    );
  });
});

test("topics are read back, and names that are none are not", () => {
  expect(readTopic(topic("lobby-1", "counts"))).toEqual({ kiosk: "lobby-1", what: "counts" });
  for (const name of ["emotion/v1/+/counts", "emotion/v1/Lobby/counts", "emotion/v2/a/counts", "emotion/v1/a/b/../c/"])
    expect(readTopic(name)?.kiosk ?? "none").toMatch(/^(none|a)$/);
});

test("an acknowledgement that is none is refused", () => {
  expect(readAcknowledgement(`{"v":1,"epoch":"${EPOCH}","upto":7}`).upto).toBe(7);
  for (const text of ["{}", "[]", `{"v":1,"epoch":"x","upto":-1}`]) expect(() => readAcknowledgement(text)).toThrow();
});

test("a membership's file says what is wrong with it", () => {
  const pem = "-----BEGIN X-----";
  const file = { v: 1, kiosk: "lobby-1", broker: "mqtts://fleet.example:8883", ca: pem, certificate: pem, key: pem };
  expect(readMembership(JSON.stringify(file))).toMatchObject({ kiosk: "lobby-1", homeAssistant: false });
  for (const [change, message] of [
    [{ v: 2 }, /version 2/],
    [{ kiosk: "A/B" }, /name is "A\/B"/],
    [{ broker: "mqtt://plain" }, /not mqtts/],
    [{ key: "" }, /key is missing/],
  ] as const)
    expect(() => readMembership(JSON.stringify({ ...file, ...change }))).toThrow(message);
});

describe("settings from afar", () => {
  test("are four, each as strict as in the file", () => {
    const { text, refused } = parseFleetSettings({
      ...{ hours: "09:00-18:00", maxFaces: 2, theme: "neon", browserFlags: "--no-sandbox", port: 80 },
      language: "de\nport = 9999",
    });
    expect(text).toBe("hours = 09:00-18:00\nmax_faces = 2\n");
    expect(refused.length).toBe(4);
  });

  test("whatever is sent, nothing else gets into the settings", () => {
    const words = fc.constantFrom("hours", "language", "theme", "maxFaces", "browserFlags", "port", "statistics");
    const values = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.constant("x\nbrowser_flags = --no-sandbox"),
      fc.constant(null),
    );
    fc.assert(
      fc.property(fc.dictionary(words, values), (wishes) => {
        const { settings, warnings } = parseSettings(parseFleetSettings(wishes).text);
        const { hours, language, theme, maxFaces, ...rest } = settings;
        const { hours: _h, language: _l, theme: _t, maxFaces: _m, ...defaults } = parseSettings("").settings;
        expect([rest, warnings]).toEqual([defaults, []]);
        expect([hours, language, theme, maxFaces].length).toBe(4);
      }),
    );
  });

  test("come after the owner's, and a file full of nonsense changes nothing", () => {
    const folder = mkdtempSync(join(tmpdir(), "settings-"));
    try {
      const path = join(folder, "emotion-kiosk.conf");
      writeFileSync(path, "hours = 10:00-12:00\nport = 9000\ntheme = light\n");
      writeFileSync(
        fleetSettingsPath(path),
        "theme = contrast\nport = 80\nbrowser_flags = --no-sandbox\nhours = never\n",
      );
      expect(fleetSettingsPath(path)).toBe(join(folder, "emotion-kiosk-fleet.conf"));
      expect(fleetLines(fleetSettingsPath(path))).toBe("theme = contrast\n");
      expect(readSettings(path).settings).toMatchObject({ theme: "contrast", port: 9000, hours: "10:00-12:00" });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

test("visitors reach no page of statistics from the exhibit", () => {
  const { settings } = parseSettings("statistics = on\nport = 9000\n");
  const { URLBlocklist: blocked, URLAllowlist: allowed } = managedPolicy(settings) as Record<string, string[]>;
  expect(allowed).toEqual(["http://localhost:9000"]);
  for (const path of ["statistics.html", "statistics.json", "statistics.csv", "metrics"])
    expect(blocked).toContain(`http://localhost:9000/${path}`);
  expect(new URL(kioskUrl(settings)).searchParams.get("statistics")).toBe("kept");
  expect(kioskUrl(parseSettings("").settings)).not.toContain("statistics");
});

test("Home Assistant's discovery names what the health message has", () => {
  const { components } = discovery("lobby-1") as { components: Record<string, Record<string, string>> };
  const health = readFileSync(new URL("../../kiosk/fleet/messages.ts", import.meta.url), "utf8");
  for (const { value_template: template, unique_id: id } of Object.values(components)) {
    expect(id).toMatch(/^emotion_kiosk_lobby_1_/);
    const field = /value_json\.(\w+)/.exec(template ?? "value_json.v")![1];
    expect(health).toContain(`readonly ${field}:`);
  }
});

test.each(STATISTICS_LANGUAGES)("the page of statistics has its words in %s, placeholders and all", (language) => {
  const english = statisticsWords("en").words;
  const { words } = statisticsWords(language);
  const holes = (text: string) => (text.match(/\{\w+\}/g) ?? []).sort();
  for (const [key, text] of Object.entries(english)) {
    const said = words[key as keyof typeof words];
    expect(said, key).not.toBe("");
    expect(holes(said), key).toEqual(holes(text));
  }
  const apparent = {
    en: /apparent/i,
    de: /scheinbar/i,
    es: /aparente/i,
    fr: /apparente/i,
    it: /apparent/i,
    ja: /見かけ/,
    pt: /aparente/i,
    "zh-Hans": /表面/,
  };
  for (const title of ["expressionsTitle", "visitsTitle", "hoursTitle", "timeTitle", "heading"] as const)
    expect(words[title]).toMatch(apparent[language as keyof typeof apparent]);
});
