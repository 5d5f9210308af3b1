/** Says how a kiosk is: its exhibit, its statistics, and its machine. */
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { get } from "node:http";
import { json } from "node:stream/consumers";
import { readSettings } from "../settings.ts";
import type { StatisticsDoor } from "../statistics-door.ts";
import { clockSource } from "../store-clock.ts";
import type { Membership } from "./membership.ts";
import type { Health } from "./messages.ts";

const DAY_MS = 86_400_000;

/** The longest time that the exhibit's server may take to answer, ms. */
const ASK_TIMEOUT_MS = 3000;

export interface HealthOptions {
  readonly membership: Membership;
  /** To the process that keeps the statistics. */
  readonly statistics: StatisticsDoor;
  /** The exhibit's settings file. */
  readonly settings?: string;
}

export class HealthReader {
  readonly #options: HealthOptions;
  #results: { readonly count: number; readonly at: number } | null = null;

  constructor(options: HealthOptions) {
    this.#options = options;
  }

  /** Ask the exhibit, the process that keeps the statistics, and the machine. */
  async read(): Promise<Health> {
    const { membership, settings: path, statistics } = this.#options;
    const port = path === undefined ? null : readSettings(path).settings.port;
    const exhibit = port === null ? null : await askExhibit(port);
    const kept = await statistics.forward("GET", "/health");
    const counts = kept.status === 200 ? (JSON.parse(kept.body) as KeptHealth) : null;
    const problem = exhibit !== null && !exhibit.alive ? `The exhibit is not alive: ${exhibit.why}` : null;
    const days = (Date.parse(new X509Certificate(membership.certificate).validTo) - Date.now()) / DAY_MS;
    return {
      ...{ v: 1, at: new Date().toISOString(), version: exhibit?.version ?? "", clock: clockSource() },
      uptimeS: exhibit === null ? null : Math.round(exhibit.uptimeMs / 1000),
      resultsPerS: this.#resultsPerSecond(exhibit?.heartbeat?.results),
      camera: exhibit?.heartbeat?.error ?? exhibit?.heartbeat?.state ?? "unknown",
      problem:
        port !== null && exhibit === null
          ? "The exhibit's server does not answer."
          : (problem ?? (counts === null ? kept.body.trim() : counts.problem)),
      ...{ restarts: counts?.loads ?? 0, waiting: counts?.waiting ?? 0, visits: counts?.visits ?? 0 },
      ...{ temperatureC: temperature(), throttled: isThrottled(), certificateDays: Math.floor(days) },
    };
  }

  #resultsPerSecond(count: number | undefined): number | null {
    const before = this.#results;
    const at = performance.now();
    this.#results = count === undefined ? null : { count, at };
    // A page that was loaded anew counts from 0.
    if (count === undefined || before === null || count < before.count || at - before.at < 1000) return null;
    return Math.round(((count - before.count) / (at - before.at)) * 10_000) / 10;
  }
}

interface KeptHealth {
  readonly problem: string | null;
  readonly waiting: number;
  readonly loads: number;
  readonly visits: number;
}

interface ExhibitHealth {
  readonly version: string;
  readonly uptimeMs: number;
  readonly alive: boolean;
  readonly why: string | null;
  readonly heartbeat: { readonly results: number; readonly state: string; readonly error: string | null } | null;
}

/** @returns What the exhibit's server says of itself, or null where it does not answer. */
async function askExhibit(port: number): Promise<ExhibitHealth | null> {
  try {
    const response = await new Promise<Parameters<typeof json>[0]>((resolve, reject) => {
      const signal = AbortSignal.timeout(ASK_TIMEOUT_MS);
      get({ host: "127.0.0.1", port, path: "/health", signal }, resolve).once("error", reject);
    });
    return (await json(response)) as ExhibitHealth;
  } catch {
    return null;
  }
}

function temperature(): number | null {
  const milli = Number(readOrNull("/sys/class/thermal/thermal_zone0/temp") ?? Number.NaN);
  return Number.isFinite(milli) ? Math.round(milli / 100) / 10 : null;
}

/** The firmware's word on a Raspberry Pi: bits 0 to 3 are what is so now. */
function isThrottled(): boolean | null {
  const word = readOrNull("/sys/devices/platform/soc/soc:firmware/get_throttled");
  return word === null ? null : (Number.parseInt(word, 16) & 0xf) !== 0;
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    return null;
  }
}
