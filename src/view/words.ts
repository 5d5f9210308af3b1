import { LANGUAGES } from "../types.ts";

/** The element's texts in English. `static/lang/en.json` is a copy for translators to start from. */
export const ENGLISH = {
  happy: "happy",
  surprised: "surprised",
  neutral: "neutral",
  sad: "sad",
  fearful: "fearful",
  disgusted: "disgusted",
  angry: "angry",
  demo: "Demo",
  startTitle: "See which expression your face shows",
  startWhy:
    "The camera is used to find faces and to name the expression that each one appears to show. " +
    "The picture stays on this device: nothing is stored or sent.",
  startBrief: "Names a face's apparent expression. Nothing is stored or sent.",
  startButton: "Start the camera",
  playButton: "Start",
  startingTitle: "Starting",
  startingAsk: "If the browser asks, please allow the camera.",
  loading: "Loading, {percent} %",
  warmingUp: "Almost ready",
  nobody: "Come closer and look this way",
  tooDark: "Too dark to see",
  stepBack: "Please take a step back",
  paused: "Paused",
  lastMinute: "The last minute",
  noticeWhat: "Shows apparent expressions",
  noticeWhere: "Processed on this device, nothing is stored",
  cameraOn: "Camera on",
  stopButton: "Stop",
  retryWithin: "Next try within {seconds} s",
  retryRunning: "Trying again now",
  retryButton: "Try again",
  insecureTitle: "This page needs a secure address",
  insecureHelp:
    "Browsers allow the camera only on pages whose address begins with https:// or that are on this device itself.",
  unsupportedTitle: "This browser is not supported",
  unsupportedHelp: "Please open this page in a current version of Chrome, Edge, Firefox or Safari.",
  deniedTitle: "Camera access is blocked",
  deniedHelp: "Allow the camera for this page in the browser's address bar or settings. It then starts by itself.",
  policyTitle: "This page may not use the camera",
  policyHelp: "The site that embeds it has to allow the camera. The details are below.",
  missingTitle: "No camera found",
  missingHelp: "Plug in a camera. It starts by itself.",
  busyTitle: "Another program is using the camera",
  busyHelp: "Close that program. The camera then starts by itself.",
  lostTitle: "The camera was disconnected",
  lostHelp: "Check its cable. It starts again by itself.",
  stalledTitle: "The camera sends no pictures",
  stalledHelp: "It is restarting. If this does not help, unplug the camera and plug it in again.",
  sourceTitle: "This clip or picture cannot be shown",
  sourceHelp: "Check its address and format.",
  loadTitle: "A file could not be loaded",
  loadHelp: "Check the connection to this page's server.",
  corruptTitle: "The model's files are damaged",
  corruptHelp: "They must be installed again.",
  crashTitle: "Recognition has stopped",
  crashHelp: "It starts again by itself.",
  sayExpression: "Apparent expression: {expression}",
  sayPeople: "{count} people in view",
  sayNobody: "Nobody in view",
} as const;

/** The element's texts in one language. */
export type Words = Readonly<Record<keyof typeof ENGLISH, string>>;

/** Texts that a page adds in one language. The language's shipped texts, or else the English ones, fill the gaps. */
export type SomeWords = Readonly<Partial<Words>>;

/** A language and the element's texts in it. */
export interface Language {
  /** The language that the words are really in, as in HTML's `lang`. */
  readonly tag: string;
  readonly direction: "ltr" | "rtl";
  readonly words: Words;
}

/** Scripts written from right to left, by their ISO 15924 codes. */
const RIGHT_TO_LEFT = ["Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Syrc", "Thaa"];

export const ENGLISH_LANGUAGE: Language = { tag: "en", direction: "ltr", words: ENGLISH };

/** Texts that pages added, by language tag in lower case. */
const added = new Map<string, SomeWords>();

/** Fires `change` when a page adds a language. */
export const languages = new EventTarget();

/**
 * Add a language to every element on the page, or change texts of a language that it already has.
 *
 * @param tag A language tag as in HTML's `lang`; one without a region applies to all regions.
 * @param words Texts by the keys of `lang/en.json`; keys may be left out.
 * @throws RangeError If the tag is not a language tag.
 * @throws TypeError If a key is unknown or a value is not a string.
 */
export function addLanguage(tag: string, words: SomeWords): void {
  const key = canonical(tag).toLowerCase();
  if (typeof words !== "object" || words === null)
    throw new TypeError(`The words of "${tag}" are ${String(words)}. Give an object with keys of lang/en.json.`);
  for (const [name, text] of Object.entries(words)) {
    if (!(name in ENGLISH))
      throw new TypeError(`"${name}" is not a text of the element. Use the keys of lang/en.json.`);
    if (typeof text !== "string")
      throw new TypeError(`"${name}" of "${tag}" is ${String(text)}. Give a string in that language.`);
  }
  added.set(key, { ...added.get(key), ...words });
  languages.dispatchEvent(new Event("change"));
}

/**
 * Load a language: the shipped texts, overridden by those that the page added.
 *
 * @param lang A language tag as in HTML's `lang`; for shipped languages the region is ignored (`de-AT` gives `de`,
 * `zh-CN` gives `zh-Hans`).
 * @param assetBase Absolute URL of the folder that holds `lang/`, ending in a slash.
 * @returns The language; English if it is neither shipped nor added, or if its file cannot be loaded. Never rejects.
 */
export async function loadLanguage(lang: string, assetBase: string): Promise<Language> {
  const own = addedWords(lang);
  const shipped = shippedLanguage(lang);
  const rest = shipped === "en" ? ENGLISH : await fetchWords(shipped, assetBase);
  const words = own === null ? rest : { ...rest, ...own.words };
  // If the file could not be loaded, the words are English.
  const tag = own !== null ? own.tag : rest === ENGLISH ? "en" : shipped;
  return words === ENGLISH ? ENGLISH_LANGUAGE : { tag, direction: directionOf(tag), words };
}

/** @returns The shipped language for a tag; `en` if there is none. */
export function shippedLanguage(lang: string): (typeof LANGUAGES)[number] {
  const primary = lang.trim().toLowerCase().split(/[-_]/)[0];
  // Traditional Chinese does not ship; its readers understand the simplified script better than English.
  if (primary === "zh") return "zh-Hans";
  return LANGUAGES.find((language) => language === primary) ?? "en";
}

/** @returns The texts that pages added for a tag, the nearest tag first (`pt-BR` before `pt`); `null` if there are none. */
function addedWords(lang: string): { readonly tag: string; readonly words: SomeWords } | null {
  const subtags = lang.trim().toLowerCase().replaceAll("_", "-").split("-");
  const known = subtags.map((_, index) => subtags.slice(0, index + 1).join("-")).filter((tag) => added.has(tag));
  const nearest = known.at(-1);
  if (nearest === undefined) return null;
  return { tag: canonical(nearest), words: Object.assign({}, ...known.map((tag) => added.get(tag))) };
}

async function fetchWords(language: string, assetBase: string): Promise<Words> {
  try {
    const response = await fetch(new URL(`lang/${language}.json`, assetBase));
    if (!response.ok) return ENGLISH;
    return completed(await response.json());
  } catch {
    return ENGLISH;
  }
}

function canonical(tag: string): string {
  try {
    return new Intl.Locale(tag.trim().replaceAll("_", "-")).toString();
  } catch {
    throw new RangeError(`"${tag}" is not a language tag. Give one as in HTML's lang, for example "nl" or "pt-BR".`);
  }
}

function directionOf(tag: string): Language["direction"] {
  return RIGHT_TO_LEFT.includes(new Intl.Locale(tag).maximize().script ?? "") ? "rtl" : "ltr";
}

/** @returns The text with each `{name}` replaced by its value. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (placeholder, name: string) => String(values[name] ?? placeholder));
}

/** Keep the known texts of a language file and fill the gaps in English. The file may be old, or not a language file at all. */
function completed(file: unknown): Words {
  if (typeof file !== "object" || file === null) return ENGLISH;
  const known = Object.entries(file).filter(([key, value]) => key in ENGLISH && typeof value === "string");
  return { ...ENGLISH, ...Object.fromEntries(known) };
}
