import { closeSync, openSync, readSync } from "node:fs";
import { LANGUAGES, MAX_FACES } from "../src/types.ts";

/** More than this is not a settings file, bytes. */
const MAX_BYTES = 64 * 1024;

/** Keeps a file full of nonsense from filling the log. */
const MAX_WARNINGS = 20;

/** The languages that ship, without script or region: the page finds `zh-Hans` by `zh`. */
const LANGUAGE_CODES = LANGUAGES.map((tag) => tag.split("-")[0]!);

/** The settings in `/etc/emotion-kiosk.conf`. A setting that is missing or not understood has its default. */
export interface Settings {
  /** The port of the server on loopback, 1024..65535. */
  readonly port: number;
  /** A USB webcam, or a ribbon-cable module that is read through PipeWire. */
  readonly camera: "usb" | "csi";
  /** A part of the camera's name; empty: the browser's first camera. */
  readonly cameraName: string;
  /** The camera's own turn, clockwise, degrees: the page turns its picture back. */
  readonly cameraRotation: 0 | 90 | 180 | 270;
  /** The screens that show the exhibit, where there are several: the last one, each its copy, or all as one picture. */
  readonly screens: "last" | "mirror" | "all";
  /** The screen's size, such as `1920x1080`; empty: the size that the screen prefers. */
  readonly resolution: string;
  /** The screen's turn, clockwise, degrees. */
  readonly rotation: 0 | 90 | 180 | 270;
  readonly gpu: "on" | "off";
  /** Empty: the system's. */
  readonly language: string;
  readonly theme: "dark" | "light" | "contrast";
  /** 1..16. */
  readonly maxFaces: number;
  /** `09:00-18:00`, local time; empty: always on. */
  readonly hours: string;
  /** The screen outside `hours`: a black picture, or no signal and, by HDMI-CEC, a television in standby. */
  readonly offHours: "black" | "off";
  /** `04:00`, local time; empty: never. */
  readonly nightlyRestart: string;
  /** `on` keeps counts of expressions and visits. */
  readonly statistics: "on" | "off";
  /** Visits that stand behind each figure at least, 1..1000. */
  readonly statisticsLeast: number;
  /** `on` lets Ctrl+Alt+F1 to F12 reach the text logins. */
  readonly vtSwitching: "on" | "off";
  /** Further command-line flags of Chromium. */
  readonly browserFlags: readonly string[];
}

export interface ParsedSettings {
  readonly settings: Settings;
  /** A sentence for each line that was not understood. */
  readonly warnings: readonly string[];
}

interface Rule<K extends keyof Settings> {
  readonly key: K;
  readonly fallback: Settings[K];
  /** The values that it takes, in words. */
  readonly wanted: string;
  /** The value, or undefined where the text is not one. */
  readonly read: (text: string) => Settings[K] | undefined;
}

const TIME = "(?:[01]\\d|2[0-3]):[0-5]\\d";

/**
 * Flags that would open the exhibit to its visitors, to other pages or to the network, start other programs, or end the
 * browser as soon as it starts.
 */
const FORBIDDEN_FLAG = new RegExp(
  `^--(${[
    "no-sandbox|disable-.*-sandbox|no-zygote|single-process|allow-sandbox-debugging",
    "disable-web-security|allow-running-insecure-content|unsafely-treat-insecure-origin-as-secure|allow-file-access.*",
    "use-fake-ui-for-media-stream|auto-accept-.*|auto-select-.*|load-extension|disable-site-isolation.*",
    "remote-debugging-.*|remote-allow-origins|proxy-.*|host-resolver-rules|host-rules|ignore-certificate-errors.*",
    ".*-cmd-prefix|.*-launcher|user-data-dir|app|kiosk",
    "headless|version|product-version|help|dump-dom|screenshot|print-to-pdf|pack-extension.*",
  ].join("|")})(=|$)`,
);

function oneOf<T extends string>(values: readonly T[]): (text: string) => T | undefined {
  return (text) => values.find((value) => value === text);
}

function integer(min: number, max: number): (text: string) => number | undefined {
  return (text) => (/^\d{1,5}$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined);
}

function matching(pattern: RegExp): (text: string) => string | undefined {
  return (text) => (text === "" || pattern.test(text) ? text : undefined);
}

function readTurn(text: string): 0 | 90 | 180 | 270 | undefined {
  return ([0, 90, 180, 270] as const).find((degrees) => String(degrees) === text);
}

function readFlags(text: string): readonly string[] | undefined {
  const flags = text.split(/\s+/).filter((flag) => flag !== "");
  return flags.every((flag) => /^--[a-z]/.test(flag) && !FORBIDDEN_FLAG.test(flag)) ? flags : undefined;
}

const rule = <K extends keyof Settings>(
  key: K,
  fallback: Settings[K],
  wanted: string,
  read: Rule<K>["read"],
): Rule<K> => ({ key, fallback, wanted, read });

/** Each setting by the word that the file uses. */
const RULES = {
  port: rule("port", 8080, "a port from 1024 to 65535", integer(1024, 65535)),
  camera: rule("camera", "usb", "usb or csi", oneOf(["usb", "csi"] as const)),
  camera_name: rule("cameraName", "", "at most 100 plain characters", matching(/^[^\p{Cc}]{1,100}$/u)),
  camera_rotation: rule("cameraRotation", 0, "0, 90, 180 or 270", readTurn),
  screens: rule("screens", "last", "last, mirror or all", oneOf(["last", "mirror", "all"] as const)),
  resolution: rule("resolution", "", "a size such as 1920x1080", matching(/^[1-9]\d{2,3}x[1-9]\d{2,3}$/)),
  rotation: rule("rotation", 0, "0, 90, 180 or 270", readTurn),
  gpu: rule("gpu", "on", "on or off", oneOf(["on", "off"] as const)),
  language: rule("language", "", `one of ${LANGUAGE_CODES.join(" ")}`, oneOf([...LANGUAGE_CODES, ""])),
  theme: rule("theme", "dark", "dark, light or contrast", oneOf(["dark", "light", "contrast"] as const)),
  max_faces: rule("maxFaces", 4, `a number from 1 to ${MAX_FACES}`, integer(1, MAX_FACES)),
  hours: rule("hours", "", "hours such as 09:00-18:00", matching(new RegExp(`^${TIME}-${TIME}$`))),
  off_hours: rule("offHours", "black", "black or off", oneOf(["black", "off"] as const)),
  nightly_restart: rule("nightlyRestart", "04:00", "a time such as 04:00", matching(new RegExp(`^${TIME}$`))),
  statistics: rule("statistics", "off", "on or off", oneOf(["on", "off"] as const)),
  statistics_least: rule("statisticsLeast", 10, "a number from 1 to 1000", integer(1, 1000)),
  vt_switching: rule("vtSwitching", "off", "on or off", oneOf(["on", "off"] as const)),
  browser_flags: rule("browserFlags", [], "Chromium's flags, none that takes its sandbox away", readFlags),
} as const;

/**
 * Read the text of a settings file: lines of `word = value`, and comments after `#`. A line that is not understood becomes
 * a warning and leaves the default, so that a spelling mistake never stops an exhibit.
 */
export function parseSettings(text: string): ParsedSettings {
  const warnings: string[] = [];
  const settings: Record<string, unknown> = {};
  for (const { key, fallback } of Object.values(RULES)) settings[key] = fallback;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const content = line.replace(/(^|\s)#.*$/, "").trim();
    if (content === "") continue;
    const [, word, quoted] = /^([a-z_]+)\s*=\s*(.*)$/.exec(content) ?? [];
    const known = word === undefined ? undefined : Object.hasOwn(RULES, word) && RULES[word as keyof typeof RULES];
    if (!known) {
      warnings.push(`line ${index + 1} is not a setting: ${JSON.stringify(content.slice(0, 60))}`);
      continue;
    }
    const value = quoted!.replace(/^(["'])(.*)\1$/, "$2");
    const read = known.read(value);
    if (read !== undefined) settings[known.key] = read;
    else
      warnings.push(
        `${word} wants ${known.wanted}, not ${JSON.stringify(value.slice(0, 60))}; using "${String(known.fallback)}"`,
      );
  }
  const told = warnings.slice(0, MAX_WARNINGS);
  if (told.length < warnings.length) told.push(`and ${warnings.length - told.length} more`);
  return { settings: settings as unknown as Settings, warnings: told };
}

/** Settings that a fleet's operator may change from afar: the file's word and the message's key. */
const FROM_AFAR = { hours: "hours", language: "language", theme: "theme", max_faces: "maxFaces" } as const;

/**
 * Understand settings that a fleet's operator sent: few, and each as strict as in the file.
 *
 * @param wishes `{ hours, language, theme, maxFaces }`, any of them.
 * @returns Lines for {@link fleetSettingsPath}, empty where none is good, and a sentence for each that is refused.
 */
export function parseFleetSettings(wishes: Readonly<Record<string, unknown>>): {
  readonly text: string;
  readonly refused: readonly string[];
} {
  const lines: string[] = [];
  const refused: string[] = [];
  for (const [name, value] of Object.entries(wishes).slice(0, 20)) {
    const word = Object.entries(FROM_AFAR).find(([, key]) => key === name)?.[0] as keyof typeof FROM_AFAR | undefined;
    const text = typeof value === "number" || typeof value === "string" ? String(value) : "\0";
    if (word === undefined) refused.push(`${JSON.stringify(name.slice(0, 40))} cannot be set from afar`);
    else if (RULES[word].read(text) === undefined)
      refused.push(`${name} wants ${RULES[word].wanted}, not ${JSON.stringify(value)?.slice(0, 60)}`);
    else lines.push(`${word} = ${text}\n`);
  }
  return { text: lines.join(""), refused };
}

/** @returns Where settings from afar lie, beside the owner's file, whose words they replace. */
export function fleetSettingsPath(path: string): string {
  return path.replace(/(\.conf)?$/, "-fleet.conf");
}

/** @returns The lines of a file of settings from afar that may stand there, whatever else it holds. */
export function fleetLines(path: string): string {
  let text: string;
  try {
    text = readStart(path);
  } catch {
    return "";
  }
  return text
    .split("\n")
    .filter((line) => Object.keys(FROM_AFAR).some((word) => line.startsWith(`${word} = `)))
    .filter((line) => parseSettings(line).warnings.length === 0)
    .map((line) => `${line}\n`)
    .join("");
}

/** Read a settings file. A file that is missing or cannot be read means the defaults, and a warning. */
export function readSettings(path: string): ParsedSettings {
  try {
    return parseSettings(`${readStart(path)}\n${fleetLines(fleetSettingsPath(path))}`);
  } catch (error) {
    const parsed = parseSettings("");
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    return { ...parsed, warnings: [`${path} cannot be read (${reason}); using the defaults`] };
  }
}

function readStart(path: string): string {
  const buffer = Buffer.alloc(MAX_BYTES);
  const file = openSync(path, "r");
  try {
    return buffer.toString("utf8", 0, readSync(file, buffer, 0, MAX_BYTES, 0));
  } finally {
    closeSync(file);
  }
}
