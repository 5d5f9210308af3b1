import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
function start(
  debian: keyof typeof CAGES,
  words: readonly string[],
  environment: NodeJS.ProcessEnv = {},
  others: Readonly<Record<string, string>> = {},
  /** An open file that the script inherits as number 3. */
  inherited: number | "ignore" = "ignore",
): string {
  const program = (name: string, text: string) =>
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  program("cage", `case $1 in -h) printf ' ${CAGES[debian]}';; *) ${others["cage"] ?? 'echo cage "$@"'};; esac`);
  program(
    "wlr-randr",
    `case $# in 0) printf 'HDMI-A-1 "one"\\n  Enabled: yes\\nHDMI-A-2 "two"\\n';; *) echo randr "$@";; esac`,
  );
  program("chromium", others["chromium"] ?? "echo chromium");
  // Ends the care for the screens.
  program("sleep", others["sleep"] ?? "exit 1");
  if (others["wlr-randr"] !== undefined) program("wlr-randr", others["wlr-randr"]);
  program("words", `printf '%s\\0' ${words.map((word) => `'${word}'`).join(" ")}`);
  const script = readFileSync(SCRIPT, "utf8")
    .replace(/\/usr\/bin\/node .*--browser/, join(folder, "words"))
    .replace("/dev/dri", folder)
    .replace("/sys/class/drm", folder);
  writeFileSync(join(folder, "start"), script, { mode: 0o755 });
  const env = { PATH: `${folder}:/usr/bin:/bin`, TMPDIR: folder, ...environment };
  const stdio = ["ignore", "pipe", "inherit", inherited] as const;
  return execFileSync(join(folder, "start"), { encoding: "utf8", env, stdio: [...stdio] }).replaceAll(folder, "");
}

const WITHIN_CAGE = { WAYLAND_DISPLAY: "wayland-0", EMOTION_KIOSK_CAGE: "1" };

test.each([
  ["last", "off", "cage -m last -- /start\n"],
  ["all", "off", "cage -m extend -- /start\n"],
  ["mirror", "off", "cage -m extend -- /start\n"],
  ["last", "on", "cage -m last -s -- /start\n"],
])("with screens = %s and vt_switching = %s the compositor is started as: %s", (screens, vt, command) => {
  expect(start(13, ["0", "", "usb", screens, vt, "", "--flag"])).toBe(command);
});

test("Debian 12's compositor turns the picture, Debian 13's leaves it to wlr-randr", () => {
  const words = ["180", "", "usb", "last", "off", "", "--flag"];
  expect(start(12, words)).toBe("cage -m extend -r -r -- /start\n");
  expect(start(12, words, WITHIN_CAGE)).toBe("chromium\n");
  expect(start(13, words)).toBe("cage -m last -- /start\n");
  expect(start(13, words, WITHIN_CAGE)).toContain("randr --output HDMI-A-1 --transform 180\n");
});

test.each([
  [90, "270", " -r -r -r"],
  [270, "90", " -r"],
])("a picture that is turned clockwise by %i is turned by %s against the clock", (rotation, transform, turns) => {
  const words = [String(rotation), "", "usb", "all", "off", "", "--flag"];
  expect(start(12, words)).toBe(`cage -m extend${turns} -- /start\n`);
  expect(start(13, words, WITHIN_CAGE)).toContain(`randr --output HDMI-A-1 --transform ${transform}\n`);
});

test.each([
  [12, 1, "extend"],
  [12, 2, "last"],
  [13, 1, "last"],
] as const)("Debian %i's compositor with %i connected screens gets -m %s", (debian, count, mode) => {
  for (const name of ["card0-HDMI-A-1", "card0-HDMI-A-2"]) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "status"), name <= `card0-HDMI-A-${count}` ? "connected\n" : "disconnected\n");
  }
  expect(start(debian, ["0", "", "usb", "last", "off", "", "--flag"])).toBe(`cage -m ${mode} -- /start\n`);
});

test.each([
  ["--disable-gpu", ["renderD128"], "pixman"],
  ["--flag", ["renderD128"], ""],
  ["--flag", [], "pixman"],
])("with %s and graphics chips %j the compositor's renderer is '%s'", (flag, chips, renderer) => {
  for (const chip of chips) writeFileSync(join(folder, chip), "");
  expect(start(13, ["0", "", "usb", "last", "off", "", flag], {}, { cage: 'echo "$WLR_RENDERER"' })).toBe(
    `${renderer}\n`,
  );
});

test("the browser starts when there is a screen", () => {
  const words = ["0", "", "usb", "last", "off", "", "--flag"];
  const randr = `[ ! -e ${folder}/screen ] || echo HDMI-A-1`;
  expect(start(13, words, WITHIN_CAGE, { "wlr-randr": randr, sleep: `echo waits; touch ${folder}/screen` })).toBe(
    "waits\nchromium\n",
  );
});

test("the arrow of compositor and browser is one transparent pixel", () => {
  const words = ["0", "", "usb", "last", "off", "", "--flag"];
  const cage = 'od -An -v -tx4 -w64 "$XCURSOR_PATH/default/cursors/left_ptr"';
  const [magic, header, version, count, ...rest] = start(13, words, {}, { cage }).trim().split(" ");
  expect([magic, header, version, count].join(" ")).toBe("72756358 00000010 00010000 00000001");
  const [kind, size, offset, ...image] = rest;
  expect([kind, size, offset]).toEqual(["fffd0002", "00000018", "0000001c"]);
  // Header's length, kind, size, version, width, height, the hot spot's place, the time, the pixel.
  expect(image.map((word) => parseInt(word, 16))).toEqual([36, 0xfffd0002, 24, 1, 1, 1, 0, 0, 0, 0]);
});

test("only the browser holds the compositor's pipe: the compositor ends when nobody does", () => {
  const pipe = openSync(join(folder, "pipe"), "w");
  const holds = (name: string) => `[ -e /proc/$$/fd/3 ] && echo ${name} holds || echo ${name} does not`;
  const programs = { chromium: holds("chromium"), sleep: `${holds("sleep")}; exit 1` };
  try {
    const said = start(13, ["180", "", "usb", "last", "off", "", "--flag"], WITHIN_CAGE, programs, pipe);
    expect(
      said
        .split("\n")
        .filter((line) => /hold|not/.test(line))
        .toSorted(),
    ).toEqual(["chromium holds", "sleep does not"]);
  } finally {
    closeSync(pipe);
  }
});

test("mirrored screens lie at the same place", () => {
  expect(start(13, ["0", "", "usb", "mirror", "off", "", "--flag"], WITHIN_CAGE)).toBe(
    "randr --output HDMI-A-1 --pos 0,0\nrandr --output HDMI-A-2 --pos 0,0\nchromium\n",
  );
});

/** Run the script within a compositor with two screens, one of them on, and let it look at the clock at each time. */
function startAt(times: readonly string[], hours: string, compositor: "sets screens" | "sets none"): readonly string[] {
  const path = (name: string) => join(folder, name);
  const program = (name: string, text: string) => writeFileSync(path(name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  const screens = `printf 'HDMI-A-1 "one"\\n  Enabled: no\\nHDMI-A-2 "two"\\n  Enabled: yes\\n  Position: 1280,0\\n'`;
  const randr = `case $# in 0) ${screens};; *) echo wlr-randr "$@" >>${path("log")};; esac`;
  program("wlr-randr", compositor === "sets screens" ? randr : "exit 1");
  program("cec-ctl", `echo cec-ctl "$@" >>${path("log")}`);
  program("cage", `printf '${CAGES[compositor === "sets screens" ? 13 : 12]}'`);
  // Each wait ends at the next time, and the last one fails, which ends the loop.
  program(
    "sleep",
    `read -r time <${path("times")} || { touch ${path("done")}; exit 1; }
    sed -i 1d ${path("times")}; echo $time >${path("clock")}`,
  );
  program("chromium", `until [ -e ${path("done")} ]; do /bin/sleep 0.02; done`);
  program("words", `printf '%s\\0' 0 '' usb last off ${hours} --flag`);
  writeFileSync(path("times"), times.map((time) => `${time}\n`).join(""));
  rmSync(path("done"), { force: true });
  writeFileSync(path("log"), "");
  writeFileSync(path("hdmi0"), "");
  const script = readFileSync(SCRIPT, "utf8")
    .replace(/\/usr\/bin\/node .*--browser/, path("words"))
    .replace("printf -v now '%(%H:%M)T' -1", `now=$(<${path("clock")})`)
    .replace("/dev/cec", path("hdmi"));
  writeFileSync(path("start"), script, { mode: 0o755 });
  execFileSync(path("start"), { env: { PATH: `${folder}:/usr/bin:/bin`, ...WITHIN_CAGE } });
  return readFileSync(path("log"), "utf8").replaceAll(folder, "").trim().split("\n");
}

const STANDBY = "cec-ctl --device /hdmi0 --playback --to 0 --standby";
const WAKE = "cec-ctl --device /hdmi0 --playback --to 0 --image-view-on";

test("with off_hours = off the lit screens are switched off once outside the hours, and on again", () => {
  const off = ["wlr-randr --output HDMI-A-2 --off", STANDBY];
  const on = ["wlr-randr --output HDMI-A-2 --on --pos 1280,0", WAKE];
  expect(startAt(["17:59", "18:00", "18:01", "08:59", "09:00", "09:01"], "09:00-18:00", "sets screens")).toEqual([
    ...off,
    ...on,
  ]);
  expect(startAt(["01:59", "02:00", "19:59", "20:00", "23:59", "00:00"], "20:00-02:00", "sets screens")).toEqual([
    ...off,
    ...on,
  ]);
});

test("Debian 12's compositor cannot switch screens off: televisions are told all the same", () => {
  expect(startAt(["18:00", "09:00"], "09:00-18:00", "sets none")).toEqual([STANDBY, WAKE]);
});

/** A bus, PipeWire and its session manager that say what they do; a socket stands where PipeWire's would. */
function startWithPipewire(browser: string, manager: string): string[] {
  const socket = `perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); bind(S, pack_sockaddr_un($ARGV[0]))' "$XDG_RUNTIME_DIR/pipewire-0"`;
  const programs = {
    "dbus-run-session": 'shift; exec "$@"',
    "dbus-send": `echo "$*" >${folder}/answer`,
    pipewire: `${socket}; exec /bin/sleep 60`,
    wireplumber: manager,
  };
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(folder, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  const words = ["0", "", "csi", "last", "off", "", "--flag"];
  const environment = { ...WITHIN_CAGE, XDG_RUNTIME_DIR: folder };
  // PipeWire's socket is looked for until it is there.
  return start(13, words, environment, { chromium: browser, sleep: "exec /bin/sleep 0.1" }).trim().split("\n");
}

test("a ribbon-cable camera: the portal's question is answered, and the browser gets its words", () => {
  const lines = startWithPipewire('echo "chromium $*"; /bin/sleep 0.5', "exec /bin/sleep 60");
  const answer = readFileSync(join(folder, "answer"), "utf8");
  expect(answer).toContain("org.freedesktop.impl.portal.PermissionStore.SetPermission");
  expect(answer).toContain("string:devices boolean:true string:camera string: array:string:yes");
  expect(lines.some((line) => /^chromium --user-data-dir=\S+ --flag$/.test(line))).toBe(true);
});

test("a ribbon-cable camera: if the session manager ends, the browser ends too", () => {
  const lines = startWithPipewire(
    "echo chromium; trap 'echo ended; exit' TERM; while :; do /bin/sleep 0.1; done",
    "/bin/sleep 2",
  );
  expect(lines).toContain("ended");
});
