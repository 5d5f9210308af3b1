import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const SCRIPT = fileURLToPath(new URL("../../kiosk/start-browser.sh", import.meta.url));

/** The compositors of Debian 12 and 13, as far as the script asks about them. */
const CAGES = { 12: "-m last\n -r\tRotate\n", 13: "-m last\n" } as const;

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "start-browser-"))));
afterEach(() => rmSync(folder, { recursive: true }));

/** Run the script with programs that print their arguments. */
function start(debian: keyof typeof CAGES, words: readonly string[], environment: NodeJS.ProcessEnv = {}): string {
  const program = (name: string, text: string) =>
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  program("cage", `case $1 in -h) printf ' ${CAGES[debian]}';; *) echo cage "$@";; esac`);
  program(
    "wlr-randr",
    `case $# in 0) printf 'HDMI-A-1 "one"\\n  Enabled: yes\\nHDMI-A-2 "two"\\n';; *) echo randr "$@";; esac`,
  );
  program("chromium", `echo chromium`);
  program("words", `printf '%s\\0' ${words.map((word) => `'${word}'`).join(" ")}`);
  const script = readFileSync(SCRIPT, "utf8").replace(/\/usr\/bin\/node .*--browser/, join(folder, "words"));
  writeFileSync(join(folder, "start"), script, { mode: 0o755 });
  const env = { PATH: `${folder}:/usr/bin:/bin`, ...environment };
  return execFileSync(join(folder, "start"), { encoding: "utf8", env }).replaceAll(folder, "");
}

const WITHIN_CAGE = { WAYLAND_DISPLAY: "wayland-0", EMOTION_KIOSK_CAGE: "1" };

test.each([
  ["last", "off", "cage -m last -- /start\n"],
  ["all", "off", "cage -m extend -- /start\n"],
  ["mirror", "off", "cage -m extend -- /start\n"],
  ["last", "on", "cage -m last -s -- /start\n"],
])("with screens = %s and vt_switching = %s the compositor is started as: %s", (screens, vt, command) => {
  expect(start(13, ["0", "", "usb", screens, vt, "--flag"])).toBe(command);
});

test("Debian 12's compositor turns the picture, Debian 13's leaves it to wlr-randr", () => {
  const words = ["180", "", "usb", "last", "off", "--flag"];
  expect(start(12, words)).toBe("cage -m last -r -r -- /start\n");
  expect(start(12, words, WITHIN_CAGE)).toBe("chromium\n");
  expect(start(13, words)).toBe("cage -m last -- /start\n");
  expect(start(13, words, WITHIN_CAGE)).toContain("randr --output HDMI-A-1 --transform 180\n");
});

test("mirrored screens lie at the same place", () => {
  expect(start(13, ["0", "", "usb", "mirror", "off", "--flag"], WITHIN_CAGE)).toBe(
    "randr --output HDMI-A-1 --pos 0,0\nrandr --output HDMI-A-2 --pos 0,0\nchromium\n",
  );
});
