import { readFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { parseSettings, readSettings } from "../../kiosk/settings.ts";

const DEFAULTS = parseSettings("").settings;
const SHIPPED = new URL("../../kiosk/system/emotion-kiosk.conf", import.meta.url);

test("the file that ships says the defaults, every one, and nothing else", () => {
  const shipped = readFileSync(SHIPPED, "utf8");
  expect(parseSettings(shipped)).toEqual({ settings: DEFAULTS, warnings: [] });
  const words = [...shipped.matchAll(/^([a-z_]+) =/gm)].map(([, word]) => word);
  expect(words).toHaveLength(Object.keys(DEFAULTS).length);
  expect(new Set(words).size).toBe(words.length);
});

test("each setting is understood", () => {
  const { settings, warnings } = parseSettings(`
    port = 9000            # of the server
    camera=csi
    camera_name = "HD Pro Webcam C920"
    camera_rotation = 180
    screens = mirror
    resolution = 1920x1080
    rotation = 90
    gpu = off
    language = ja
    theme = contrast
    max_faces = 2
    hours = 09:00-18:30
    off_hours = off
    nightly_restart =
    statistics = on
    statistics_least = 25
    vt_switching = on
    browser_flags = --force-device-scale-factor=2  --mute-audio
  `);
  expect(warnings).toEqual([]);
  expect(settings).toEqual({
    port: 9000,
    camera: "csi",
    cameraName: "HD Pro Webcam C920",
    cameraRotation: 180,
    screens: "mirror",
    resolution: "1920x1080",
    rotation: 90,
    gpu: "off",
    language: "ja",
    theme: "contrast",
    maxFaces: 2,
    hours: "09:00-18:30",
    offHours: "off",
    nightlyRestart: "",
    statistics: "on",
    statisticsLeast: 25,
    vtSwitching: "on",
    browserFlags: ["--force-device-scale-factor=2", "--mute-audio"],
  });
});

test.each([
  "port = 80",
  "port = 65536",
  "port = 8e3",
  "camera = ribbon",
  "resolution = 4k",
  "rotation = 45",
  "camera_rotation = 1",
  "screens = both",
  "vt_switching = yes",
  "gpu = maybe",
  "language = klingon",
  "theme = pink",
  "max_faces = 0",
  "max_faces = 1000",
  "hours = 9-18",
  "off_hours = dark",
  "hours = 09:00-24:00",
  "nightly_restart = soon",
  "browser_flags = --no-sandbox",
  "browser_flags = --mute-audio --disable-gpu-sandbox",
  "browser_flags = --remote-debugging-port=9222",
  "browser_flags = --use-fake-ui-for-media-stream",
  "browser_flags = --renderer-cmd-prefix=/bin/true",
  "browser_flags = --headless=new",
  "browser_flags = --version",
  "browser_flags = http://example.org/",
  "colour = red",
  "constructor = 1",
  "gibberish",
])("%s leaves the default and says so", (line) => {
  const { settings, warnings } = parseSettings(`${line}\n`);
  expect(settings).toEqual(DEFAULTS);
  expect(warnings).toHaveLength(1);
});

test("a warning names the setting, what it wants, what it got and what is used", () => {
  expect(parseSettings("rotation = 45").warnings).toEqual(['rotation wants 0, 90, 180 or 270, not "45"; using "0"']);
});

test("whatever the file holds, there are settings, and never a flag that takes the sandbox away", () => {
  const line = fc.oneof(
    fc.string({ unit: "binary" }),
    fc
      .tuple(fc.constantFrom("port", "browser_flags", "hours", "camera_name", "max_faces"), fc.string())
      .map(([word, value]) => `${word} = ${value}`),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 30 }), (lines) => {
      const { settings, warnings } = parseSettings(lines.join("\n"));
      expect(Object.keys(settings)).toEqual(Object.keys(DEFAULTS));
      expect(settings.port).toBeGreaterThanOrEqual(1024);
      expect(settings.browserFlags.join(" ")).not.toMatch(/sandbox/);
      expect(warnings.length).toBeLessThanOrEqual(21);
    }),
    { numRuns: 50 },
  );
});

test("a file that is missing means the defaults, and says so", () => {
  const { settings, warnings } = readSettings("/nowhere/emotion-kiosk.conf");
  expect(settings).toEqual(DEFAULTS);
  expect(warnings).toEqual(["/nowhere/emotion-kiosk.conf cannot be read (ENOENT); using the defaults"]);
});
