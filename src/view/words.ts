/** Everything the element says, in English; `static/lang/en.json` holds the same, as the pattern for translators. */
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
    "The camera is used to find faces and to name the expression they appear to show. " +
    "The picture stays on this device: nothing is stored, nothing is sent.",
  startBrief: "Names a face's apparent expression. Nothing is stored or sent.",
  startButton: "Start the camera",
  playButton: "Start",
  startingTitle: "Starting",
  startingAsk: "If the browser asks, please allow the camera.",
  loading: "Loading, {percent} %",
  warmingUp: "Warming up",
  nobody: "Come closer and look this way",
  paused: "Paused",
  lastMinute: "The last minute",
  noticeWhat: "Shows apparent expressions",
  noticeWhere: "Processed on this device, nothing is stored",
  cameraOn: "Camera on",
  stopButton: "Stop",
  retryWithin: "Next try within {seconds} s",
  retryRunning: "Starting again by itself",
  retryButton: "Try again",
  insecureTitle: "This page needs a secure address",
  insecureHelp: "Browsers give the camera only to pages whose address begins with https:// or is on this very machine.",
  unsupportedTitle: "This browser cannot run it",
  unsupportedHelp: "Please open the page in a current Chrome, Edge, Firefox or Safari.",
  deniedTitle: "The camera is not allowed",
  deniedHelp: "Allow the camera for this page in the browser's address bar or settings. It then starts by itself.",
  missingTitle: "No camera found",
  missingHelp: "Plug in a camera: it starts by itself.",
  busyTitle: "The camera is in use elsewhere",
  busyHelp: "Close the other program that uses the camera. It then starts by itself.",
  lostTitle: "The camera was disconnected",
  lostHelp: "Check its cable. It starts again by itself.",
  stalledTitle: "The camera sends no pictures",
  stalledHelp: "It is being started again. If this goes on, unplug the camera and plug it in again.",
  sourceTitle: "This clip or picture cannot be shown",
  sourceHelp: "Check its address and its format.",
  loadTitle: "A part could not be loaded",
  loadHelp: "Check the connection to the server that this page comes from.",
  corruptTitle: "The network's files are damaged",
  corruptHelp: "They have to be installed again.",
  crashTitle: "Recognition stopped",
  crashHelp: "It starts again by itself.",
  sayExpression: "Apparent expression: {expression}",
  sayPeople: "{count} people in view",
  sayNobody: "Nobody in view",
} as const;

/** Everything the element says, in one language. */
export type Words = Readonly<Record<keyof typeof ENGLISH, string>>;

/** Words of one language that a page brings along; what it leaves out is said as the language says it otherwise. */
export type SomeWords = Readonly<Partial<Words>>;

/** What the element speaks. */
export interface Language {
  /** As in HTML's `lang`: the language that the words really are in. */
  readonly tag: string;
  readonly direction: "ltr" | "rtl";
  readonly words: Words;
}

/** The languages that ship beside English, as their files are named. */
const TRANSLATED = ["de", "es", "fr", "it", "ja", "pt", "zh-Hans"] as const;

/** Scripts that are written from right to left. */
const FROM_RIGHT = ["Adlm", "Arab", "Hebr", "Mand", "Nkoo", "Rohg", "Syrc", "Thaa"];

export const ENGLISH_LANGUAGE: Language = { tag: "en", direction: "ltr", words: ENGLISH };

/** By tag, in lower case. */
const added = new Map<string, SomeWords>();

/** Says `change` when a language was added. */
export const languages = new EventTarget();

/**
 * Teaches every element a language, or other words in one that it knows. A tag without a region is for all regions.
 *
 * @throws RangeError Where the tag is no language tag. TypeError where a key or a value is not what the element says.
 */
export function addLanguage(tag: string, words: SomeWords): void {
  const key = canonical(tag).toLowerCase();
  if (typeof words !== "object" || words === null)
    throw new TypeError(`The words of "${tag}" are ${String(words)}. Give an object like the one in lang/en.json.`);
  for (const [name, text] of Object.entries(words)) {
    if (!(name in ENGLISH))
      throw new TypeError(`"${name}" is nothing that the element says. The keys are those of lang/en.json.`);
    if (typeof text !== "string")
      throw new TypeError(`"${name}" of "${tag}" is ${String(text)}. Give its text in that language.`);
  }
  added.set(key, { ...added.get(key), ...words });
  languages.dispatchEvent(new Event("change"));
}

/**
 * @param lang A language tag as in HTML's `lang`; regions are passed over (`de-AT` is `de`, `zh-CN` is `zh-Hans`).
 * @param assetBase Absolute URL of the folder that holds `lang/`, ending in a slash.
 * @returns The language; English where it does not ship, was not added or cannot be had. Never rejects.
 */
export async function loadLanguage(lang: string, assetBase: string): Promise<Language> {
  const own = addedWords(lang);
  const shipped = shippedLanguage(lang);
  const rest = shipped === "en" ? ENGLISH : await fetchWords(shipped, assetBase);
  const words = own === null ? rest : { ...rest, ...own.words };
  // What a file could not be fetched for is said in English.
  const tag = own !== null ? own.tag : rest === ENGLISH ? "en" : shipped;
  return words === ENGLISH ? ENGLISH_LANGUAGE : { tag, direction: directionOf(tag), words };
}

/** @returns The shipped language that a tag asks for, `en` where there is none. */
export function shippedLanguage(lang: string): (typeof TRANSLATED)[number] | "en" {
  const primary = lang.trim().toLowerCase().split(/[-_]/)[0];
  // Traditional script does not ship; the simplified one is nearer to its readers than English.
  if (primary === "zh") return "zh-Hans";
  return TRANSLATED.find((language) => language === primary) ?? "en";
}

/** What pages added for a tag: the nearest one counts most, `pt-BR` before `pt`. */
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
    throw new RangeError(`"${tag}" is no language tag. Give one as in HTML's lang: "nl", "pt-BR".`);
  }
}

function directionOf(tag: string): Language["direction"] {
  return FROM_RIGHT.includes(new Intl.Locale(tag).maximize().script ?? "") ? "rtl" : "ltr";
}

/** @returns The text with each `{name}` replaced by its value. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replace(/\{(\w+)\}/g, (placeholder, name: string) => String(values[name] ?? placeholder));
}

/** A file of an older release may lack words, and a server may answer with anything. */
function completed(file: unknown): Words {
  if (typeof file !== "object" || file === null) return ENGLISH;
  const known = Object.entries(file).filter(([key, value]) => key in ENGLISH && typeof value === "string");
  return { ...ENGLISH, ...Object.fromEntries(known) };
}
