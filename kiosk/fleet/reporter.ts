/**
 * The kiosk's way to its fleet: the only part of a kiosk with a network, and off unless the owner gives it a file. It
 * reads sums from the process that keeps them, sends them until they are acknowledged, and says how the kiosk is.
 *
 *   node reporter.mjs --fleet FILE --socket PATH [--settings FILE] [--wanted FILE] [--every SECONDS]
 *
 * FILE is what `install.sh --add-kiosk` wrote on the central machine. Written for Node 18 and later.
 */
import { X509Certificate } from "node:crypto";
import { readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { get } from "node:http";
import { json } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import mqtt, { type MqttClient } from "mqtt";
import { parseFleetSettings, readSettings } from "../settings.ts";
import { type StatisticsDoor, statisticsDoor } from "../statistics-door.ts";
import { clockSource } from "../store-clock.ts";
import { discovery } from "./home-assistant.ts";
import {
  type Counts,
  type Health,
  KIOSK,
  MAX_ROWS,
  readAcknowledgement,
  readObject,
  topic,
  type WireRow,
} from "./messages.ts";

const EVERY_S = 300;
const HEALTH_EVERY_MS = 60_000;
const DAY_MS = 86_400_000;

/** No acknowledgement within this time: the message is sent again, ms. */
const PATIENCE_MS = 30_000;

const KEEPALIVE_S = 60;
const RECONNECT_MS = 5000;

/** How long the exhibit's server may take to say how it is, ms. */
const ASK_TIMEOUT_MS = 3000;

/** The file of a kiosk's membership: where its broker is, and who the kiosk is to it. */
export interface Membership {
  readonly v: 1;
  readonly kiosk: string;
  /** `mqtts://host:8883` */
  readonly broker: string;
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
  /** True to announce the kiosk to Home Assistant. */
  readonly homeAssistant: boolean;
}

/** @throws Error that says what is wrong with the file. */
export function readMembership(text: string): Membership {
  const file = readObject(text);
  const { v, kiosk, broker, ca, certificate, key, homeAssistant } = file;
  const wrong = (what: string) => new Error(`${what} Make the file anew: install.sh --add-kiosk NAME.`);
  if (v !== 1) throw wrong(`The fleet's file is of version ${String(v)}, not 1.`);
  if (typeof kiosk !== "string" || !KIOSK.test(kiosk)) throw wrong(`The kiosk's name is ${JSON.stringify(kiosk)}.`);
  if (typeof broker !== "string" || !/^mqtts:\/\/[^/]+$/.test(broker))
    throw wrong(`The broker is ${JSON.stringify(broker)}, not mqtts://HOST:PORT.`);
  for (const pem of [ca, certificate, key])
    if (typeof pem !== "string" || !pem.includes("-----BEGIN ")) throw wrong("A certificate or key is missing.");
  return {
    v,
    kiosk,
    broker,
    ca: ca as string,
    certificate: certificate as string,
    key: key as string,
    homeAssistant: homeAssistant === true,
  };
}

export interface ReporterOptions {
  readonly membership: Membership;
  /** To the process that keeps the statistics. */
  readonly statistics: StatisticsDoor;
  /** The exhibit's settings file. */
  readonly settings?: string;
  /** Where settings from afar are written for systemd to take them up. */
  readonly wanted?: string;
  /** Seconds between messages of counts. */
  readonly everyS?: number;
  /** How long an acknowledgement is waited for, ms. */
  readonly patienceMs?: number;
  /** Seconds after which a connection without a word is given up. */
  readonly keepaliveS?: number;
}

export interface Reporter {
  close(): Promise<void>;
}

export function startReporter(options: ReporterOptions): Reporter {
  const { kiosk, broker, ca, certificate, key } = options.membership;
  const client = mqtt.connect(broker, {
    ...{ ca, cert: certificate, key, rejectUnauthorized: true },
    protocolVersion: 5,
    clientId: kiosk,
    clean: true,
    keepalive: options.keepaliveS ?? KEEPALIVE_S,
    connectTimeout: 20_000,
    reconnectPeriod: Math.min(RECONNECT_MS, (options.everyS ?? EVERY_S) * 1000),
    // The database keeps rows that could not be sent; the next round reads them again.
    queueQoSZero: false,
    will: { topic: topic(kiosk, "status"), payload: Buffer.from("offline"), qos: 1, retain: true },
  });
  const reporter = new Sender(client, options);
  client.on("connect", () => reporter.greet());
  client.on("message", (name, payload) => reporter.hear(name, payload.toString("utf8")));
  client.on("error", (error) => console.error(error.message));
  return {
    close: async () => {
      reporter.stop();
      if (client.connected) await client.publishAsync(topic(kiosk, "status"), "offline", { qos: 1, retain: true });
      await client.endAsync(true);
    },
  };
}

class Sender {
  readonly #client: MqttClient;
  readonly #options: ReporterOptions;
  readonly #everyMs: number;
  readonly #timers: ReturnType<typeof setInterval>[];
  /** When the message went out that is not acknowledged yet, on a clock that nobody sets; null: there is none. */
  #sentAt: number | null = null;
  #isAsking = false;
  #nextAt = 0;
  #results: { readonly count: number; readonly at: number } | null = null;

  constructor(client: MqttClient, options: ReporterOptions) {
    this.#client = client;
    this.#options = options;
    this.#everyMs = (options.everyS ?? EVERY_S) * 1000;
    this.#timers = [
      setInterval(() => void this.#send(), Math.min(1000, this.#everyMs / 4)),
      setInterval(() => void this.#sayHealth(), Math.min(HEALTH_EVERY_MS, this.#everyMs * 4)),
    ];
  }

  stop(): void {
    this.#timers.forEach(clearInterval);
  }

  /** The connection is there, again perhaps. */
  greet(): void {
    const { kiosk, homeAssistant } = this.#options.membership;
    this.#client.subscribe([topic(kiosk, "ack"), topic(kiosk, "config/set")], { qos: 1 });
    this.#publish("status", "online", true);
    if (homeAssistant)
      this.#client.publish(`homeassistant/device/${kiosk}/config`, JSON.stringify(discovery(kiosk)), {
        qos: 1,
        retain: true,
      });
    this.#sentAt = null;
    this.#nextAt = 0;
    void this.#sayHealth();
    this.#saySettings();
  }

  hear(name: string, payload: string): void {
    const { kiosk } = this.#options.membership;
    try {
      if (name === topic(kiosk, "ack")) void this.#takeAcknowledgement(payload);
      if (name === topic(kiosk, "config/set")) this.#takeSettings(readObject(payload));
    } catch (error) {
      console.error(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** One message is under way at most. Where nothing waits an empty one asks how far the fleet has got. */
  async #send(): Promise<void> {
    const now = performance.now();
    const isDue =
      this.#sentAt === null ? now >= this.#nextAt : now - this.#sentAt > (this.#options.patienceMs ?? PATIENCE_MS);
    if (!isDue || this.#isAsking || !this.#client.connected) return;
    this.#isAsking = true;
    try {
      const { epoch, rows } = await this.#unsent(MAX_ROWS);
      const counts: Counts = { v: 1, epoch, rows };
      this.#sentAt = performance.now();
      // Not repeated by the client: what is not acknowledged by the database is sent anew from the database.
      this.#client.publish(topic(this.#options.membership.kiosk, "counts"), JSON.stringify(counts), { qos: 1 });
    } catch (error) {
      console.error(error instanceof Error ? error.message : String(error));
      this.#nextAt = performance.now() + Math.min(PATIENCE_MS, this.#everyMs);
    } finally {
      this.#isAsking = false;
    }
  }

  async #unsent(limit: number): Promise<{ epoch: string; waiting: number; rows: readonly WireRow[] }> {
    const { status, body } = await this.#options.statistics.forward("GET", `/unsent?limit=${limit}`);
    if (status !== 200) throw new Error(body.trim());
    return JSON.parse(body) as { epoch: string; waiting: number; rows: readonly WireRow[] };
  }

  async #takeAcknowledgement(payload: string): Promise<void> {
    const { epoch, upto } = readAcknowledgement(payload);
    await this.#options.statistics.forward("POST", "/ack", JSON.stringify({ epoch, upto }));
    this.#sentAt = null;
    const { waiting } = await this.#unsent(0);
    // Kiosks that come back together do not all send again together.
    this.#nextAt = performance.now() + (waiting > 0 ? 0 : this.#everyMs * (0.9 + 0.2 * Math.random()));
  }

  #takeSettings(wishes: Record<string, unknown>): void {
    const { text, refused } = parseFleetSettings(wishes);
    for (const reason of refused) console.error(`config/set: ${reason}`);
    const { wanted } = this.#options;
    if (wanted === undefined || text === "") return;
    writeFileSync(`${wanted}.new`, text);
    renameSync(`${wanted}.new`, wanted);
  }

  #saySettings(): void {
    const { settings: path } = this.#options;
    if (path === undefined) return;
    const { hours, language, theme, maxFaces } = readSettings(path).settings;
    this.#publish("config/reported", JSON.stringify({ hours, language, theme, maxFaces }), true);
  }

  async #sayHealth(): Promise<void> {
    if (!this.#client.connected) return;
    this.#publish("health", JSON.stringify(await this.#health()), true);
    this.#saySettings();
  }

  async #health(): Promise<Health> {
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

  #publish(what: string, text: string, retain: boolean): void {
    this.#client.publish(topic(this.#options.membership.kiosk, what), text, { qos: 1, retain });
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

function main(): void {
  const { values } = parseArgs({
    options: {
      fleet: { type: "string" },
      socket: { type: "string" },
      settings: { type: "string" },
      wanted: { type: "string" },
      every: { type: "string" },
    },
  });
  const { fleet, socket, settings, wanted, every } = values;
  if (fleet === undefined || socket === undefined)
    throw new Error("Usage: node reporter.mjs --fleet FILE --socket PATH [--settings FILE] [--wanted FILE]");
  const everyS = Number(every ?? EVERY_S);
  if (!(everyS > 0)) throw new Error(`--every ${every} is not a number of seconds.`);
  const membership = readMembership(readFileSync(fleet, "utf8"));
  const reporter = startReporter({
    ...{ membership, everyS, statistics: statisticsDoor(socket) },
    ...(settings === undefined ? {} : { settings }),
    ...(wanted === undefined ? {} : { wanted }),
  });
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void reporter.close().then(() => process.exit(0)));
  console.log(`${membership.kiosk} reports to ${membership.broker}`);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
