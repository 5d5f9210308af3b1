/** Reads the flags in the kiosk page's address. A flag with a bad value counts as missing. */
import type { BenchFlags } from "../bench/bench.ts";

/** Flags that become attributes of the element, which checks their values. */
const PASSED_ON = [
  "engine",
  "model",
  "camera",
  "max-faces",
  "max-fps",
  "range",
  "lang",
  "theme",
  "privacy",
  "overlay",
  "rotate",
];

/** The bench's flags as the address gives them. */
export interface AskedBench extends Omit<BenchFlags, "src"> {
  /** Address of a clip or picture on this origin, or `camera`; `null` without a usable address. */
  readonly src: string | null;
}

export interface Flags {
  /** The element's attributes. */
  readonly attributes: ReadonlyMap<string, string>;
  readonly lang: string | null;
  readonly theme: string | null;
  /** Opening hours, such as `09:00-18:00`; empty if always open. */
  readonly hours: string;
  readonly hud: boolean;
  /** Tells if counts are kept on the device, and if they are sent to a fleet as well. */
  readonly statistics: "off" | "kept" | "sent";
  /** True in the kiosk's own browser. */
  readonly kiosk: boolean;
  /** `null` without the flag `bench`. */
  readonly bench: AskedBench | null;
}

/** @param href The page's absolute address. */
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
    statistics: !flags.has("statistics") ? "off" : flags.get("statistics") === "sent" ? "sent" : "kept",
    kiosk: flags.has("kiosk"),
    bench: flags.has("bench") ? readBench(flags, src) : null,
  };
}

function readBench(flags: URLSearchParams, src: string | null): AskedBench {
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

/** @returns The absolute address if it is on the page's own origin; otherwise `null`. */
function ownAddress(address: string | null, href: string): string | null {
  if (address === null || !URL.canParse(address, href)) return null;
  const url = new URL(address, href);
  return url.origin === new URL(href).origin ? url.href : null;
}
