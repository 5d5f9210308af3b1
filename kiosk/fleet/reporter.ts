/**
 * The kiosk's way to its fleet: the only part of a kiosk with a network, and off unless the owner gives it a file. It
 * reads sums from the process that keeps them, sends them until they are acknowledged, and says how the kiosk is.
 *
 *   node reporter.mjs --fleet FILE --socket PATH [--settings FILE] [--wanted FILE] [--every SECONDS]
 *
 * FILE is what `install.sh --add-kiosk` wrote on the central machine. Written for Node 18 and later.
 */
import { readFileSync, realpathSync, renameSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import mqtt, { type MqttClient } from "mqtt";
import { parseFleetSettings, readSettings } from "../settings.ts";
import { statisticsDoor } from "../statistics-door.ts";
import { type HealthOptions, HealthReader } from "./health.ts";
import { discovery } from "./home-assistant.ts";
import { readMembership } from "./membership.ts";
import { type Counts, MAX_ROWS, readAcknowledgement, readObject, topic, type WireRow } from "./messages.ts";

const EVERY_S = 300;
const HEALTH_EVERY_MS = 60_000;
/** No acknowledgement within this time: the message is sent again, ms. */
const PATIENCE_MS = 30_000;

const KEEPALIVE_S = 60;
const RECONNECT_MS = 5000;

export interface ReporterOptions extends HealthOptions {
  /** Where settings from afar are written for systemd to take them up. */
  readonly wanted?: string;
  /** Seconds between messages of counts. */
  readonly everyS?: number;
  /** The longest wait for an acknowledgement, ms. */
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
  readonly #health: HealthReader;

  constructor(client: MqttClient, options: ReporterOptions) {
    this.#client = client;
    this.#health = new HealthReader(options);
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
    this.#publish("health", JSON.stringify(await this.#health.read()), true);
    this.#saySettings();
  }

  #publish(what: string, text: string, retain: boolean): void {
    this.#client.publish(topic(this.#options.membership.kiosk, what), text, { qos: 1, retain });
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
