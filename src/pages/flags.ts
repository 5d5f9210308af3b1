/** What the address of the kiosk page asks for. Pure: whatever stands there, what comes out is sound. */

/** Flags of the page that are attributes of the element, which knows good values from bad ones. */
const PASSED_ON = ["engine", "model", "camera", "max-faces", "max-fps", "range", "lang", "theme", "privacy", "overlay"];

export interface BenchFlags {
  /** A clip's or picture's address of this origin, `camera`, or `null` where nothing of use is asked for. */
  readonly src: string | null;
  readonly seconds?: number;
  readonly engine?: "int8" | "float";
  readonly pace?: "adaptive" | "measure";
}

export interface Flags {
  /** The element's attributes. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly lang: string | null;
  readonly theme: string | null;
  /** Empty: always open. */
  readonly hours: string;
  readonly hud: boolean;
  /** Whether the kiosk's own browser shows the page. */
  readonly kiosk: boolean;
  /** `null` where no bench is asked for. */
  readonly bench: BenchFlags | null;
}

/** @param href The page's own, absolute. */
export function readFlags(href: string): Flags {
  const flags = new URL(href).searchParams;
  const src = ownAddress(flags.get("src"), href);
  const attributes = new Map<string, string>();
  for (const flag of PASSED_ON) if (flags.has(flag)) attributes.set(flag, flags.get(flag)!);
  if (src !== null) attributes.set("src", src);
  return {
    attributes,
    lang: flags.get("lang"),
    theme: flags.get("theme"),
    hours: flags.get("hours") ?? "",
    hud: flags.has("hud"),
    kiosk: flags.has("kiosk"),
    bench: flags.has("bench") ? readBench(flags, src) : null,
  };
}

function readBench(flags: URLSearchParams, src: string | null): BenchFlags {
  const seconds = Number(flags.get("bench"));
  const engine = flags.get("engine");
  const pace = flags.get("pace");
  return {
    src: flags.get("src") === "camera" ? "camera" : src,
    ...(seconds > 0 && Number.isFinite(seconds) ? { seconds } : {}),
    ...(engine === "int8" || engine === "float" ? { engine } : {}),
    ...(pace === "adaptive" || pace === "measure" ? { pace } : {}),
  };
}

/** @returns The address, where it is one of this origin; else `null`. */
function ownAddress(address: string | null, href: string): string | null {
  if (address === null || !URL.canParse(address, href)) return null;
  const url = new URL(address, href);
  return url.origin === new URL(href).origin ? url.href : null;
}
