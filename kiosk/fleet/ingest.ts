/**
 * The bridge from the broker to the database, on the central machine: takes what kiosks send, has PostgreSQL keep it in
 * one transaction, and only then acknowledges it. It keeps nothing itself; a kiosk sends again what was not acknowledged.
 *
 *   node ingest.mjs --broker mqtts://HOST:8883 --certificates DIR [--database postgresql:///emotion?host=/var/run/postgresql]
 *
 * DIR holds ca.pem, ingest.pem and ingest.key.
 */
import { readFileSync, realpathSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from "mqtt";
import pg from "pg";
import { type Acknowledgement, readCounts, readHealth, readObject, readTopic, topic } from "./messages.ts";

/** PostgreSQL's transactions at a time. */
const WORKERS = 4;

/** Messages that are in memory at a time; the broker keeps the others. */
const IN_FLIGHT = 64;

/** Least time between two reports of failures, ms: a stolen kiosk must not fill the log. */
const COMPLAIN_EVERY_MS = 1000;

const PARTITIONS_EVERY_MS = 86_400_000;

export interface IngestOptions {
  /** `mqtts://host:8883` */
  readonly broker: string;
  readonly tls: Pick<IClientOptions, "ca" | "cert" | "key">;
  /** A connection string of PostgreSQL's. */
  readonly database: string;
}

export interface Ingest {
  /** Rows that PostgreSQL took over since the start, and messages that were answered. */
  readonly taken: { rows: number; messages: number };
  close(): Promise<void>;
}

export function startIngest(options: IngestOptions): Ingest {
  const bridge = new Bridge(options);
  void bridge.makePartitions();
  const timer = setInterval(() => void bridge.makePartitions(), PARTITIONS_EVERY_MS);
  return {
    taken: bridge.taken,
    close: async () => {
      clearInterval(timer);
      await bridge.close();
    },
  };
}

class Bridge {
  readonly taken = { rows: 0, messages: 0 };
  readonly #pool: pg.Pool;
  /** Connections for data that each kiosk sends again within a minute: a commit that a power cut undoes is no loss, so it costs no fsync. */
  readonly #loose: pg.Pool;
  readonly #client: MqttClient;
  /** The end of each kiosk's newest message: a kiosk's messages keep their order, those of others do not wait. */
  readonly #lanes = new Map<string, Promise<void>>();
  #inFlight = 0;
  /** Lets the next message come, where there are too many. */
  #resume: (() => void) | null = null;
  /** True where a retained message could not be kept. */
  #hasMissed = false;

  constructor(options: IngestOptions) {
    const pool = { connectionString: options.database, max: WORKERS, connectionTimeoutMillis: 10_000 };
    this.#pool = new pg.Pool(pool);
    this.#loose = new pg.Pool({ ...pool, options: "-c synchronous_commit=off" });
    // An idle connection that PostgreSQL ends is made anew when it is needed.
    for (const each of [this.#pool, this.#loose])
      each.on("error", (error) => {
        // PostgreSQL may come back as an older one: a backup was restored.
        this.#hasMissed = true;
        complain(error.message);
      });
    this.#client = mqtt.connect(options.broker, {
      ...options.tls,
      protocolVersion: 5,
      clientId: "ingest",
      clean: true,
      keepalive: 30,
      reconnectPeriod: 2000,
      properties: { receiveMaximum: IN_FLIGHT },
    });
    // MQTT.js hands over the next message when it hears that this one is done. It hears so at once while few are in
    // memory, so that PostgreSQL works at several. The broker's acknowledgement says nothing: the kiosk waits for ours.
    this.#client.handleMessage = (packet, done) => this.#take(packet as IPublishPacket, done);
    this.#client.on("connect", () => this.#subscribe());
    this.#client.on("error", (error) => complain(error.message));
  }

  async makePartitions(): Promise<void> {
    await this.#pool.query("SELECT emotion.make_partitions()").catch((error) => complain(String(error)));
  }

  async close(): Promise<void> {
    await this.#client.endAsync(true);
    await Promise.all([this.#pool.end(), this.#loose.end()]);
  }

  /** Retained messages come anew with each subscription. */
  #subscribe(): void {
    const topics = ["counts", "health", "status", "config/reported"].map((what) => topic("+", what));
    this.#client.subscribe(topics, { qos: 1 });
  }

  #take({ topic: name, payload }: IPublishPacket, done: () => void): void {
    const said = readTopic(name);
    if (said === null) return done();
    const { kiosk, what } = said;
    const text = payload.toString("utf8");
    this.#inFlight += 1;
    const lane: Promise<void> = (this.#lanes.get(kiosk) ?? Promise.resolve())
      .then(() => this.#handle(kiosk, what, text))
      .catch((error: unknown) => this.#fail(name, what, error))
      .then(() => this.#end(kiosk, lane));
    this.#lanes.set(kiosk, lane);
    if (this.#inFlight < IN_FLIGHT) done();
    else this.#resume = done;
  }

  #end(kiosk: string, lane: Promise<void>): void {
    if (this.#lanes.get(kiosk) === lane) this.#lanes.delete(kiosk);
    this.#inFlight -= 1;
    const resume = this.#resume;
    this.#resume = null;
    resume?.();
  }

  async #handle(kiosk: string, what: string, text: string): Promise<void> {
    switch (what) {
      case "counts":
        await this.#keepCounts(kiosk, text);
        break;
      case "health":
        await this.#loose.query("SELECT emotion.take_health($1, $2)", [kiosk, JSON.stringify(readHealth(text))]);
        break;
      case "status":
        await this.#pool.query("SELECT emotion.take_status($1, $2)", [kiosk, text === "online"]);
        break;
      case "config/reported":
        await this.#loose.query("SELECT emotion.take_settings($1, $2)", [kiosk, JSON.stringify(readObject(text))]);
    }
    if (!this.#hasMissed) return;
    this.#hasMissed = false;
    this.#subscribe();
  }

  async #keepCounts(kiosk: string, text: string): Promise<void> {
    const { epoch, rows } = readCounts(text);
    const sql = "SELECT emotion.take($1, $2, $3) AS upto";
    const result = await this.#pool.query<{ upto: string }>(sql, [kiosk, epoch, JSON.stringify(rows)]);
    const ack: Acknowledgement = { v: 1, epoch, upto: Number(result.rows[0]!.upto) };
    this.taken.messages += 1;
    if (rows.length > 0 && rows.at(-1)!.seq === ack.upto) this.taken.rows += rows.length;
    this.#client.publish(topic(kiosk, "ack"), JSON.stringify(ack), { qos: 0 });
  }

  /** The kiosk hears no acknowledgement of counts and sends them again; of the rest the broker has the newest. */
  #fail(name: string, what: string, error: unknown): void {
    complain(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    if (what !== "counts" && isAway(error)) this.#hasMissed = true;
  }
}

/**
 * @returns True where PostgreSQL cannot be reached, has no room, goes down or lacks its database or schema: no connection,
 * or an error of class 08, 3D, 3F, 53 or 57 (PostgreSQL's manual, appendix A). What a message says cannot cause these.
 */
function isAway(error: unknown): boolean {
  if (error instanceof RangeError || error instanceof SyntaxError) return false;
  return !(error instanceof pg.DatabaseError) || /^(08|3D|3F|53|57)/.test(error.code ?? "");
}

let complainedAt = 0;

function complain(message: string): void {
  const now = Date.now();
  if (now - complainedAt < COMPLAIN_EVERY_MS) return;
  complainedAt = now;
  console.error(message);
}

function main(): void {
  const { values } = parseArgs({
    options: { broker: { type: "string" }, certificates: { type: "string" }, database: { type: "string" } },
  });
  const { broker, certificates: folder, database = "postgresql:///emotion?host=/var/run/postgresql" } = values;
  if (broker === undefined || folder === undefined)
    throw new Error("Usage: node ingest.mjs --broker mqtts://HOST:8883 --certificates DIR [--database URL]");
  const file = (name: string) => readFileSync(join(folder, name));
  const tls = { ca: file("ca.pem"), cert: file("ingest.pem"), key: file("ingest.key") };
  const ingest = startIngest({ broker, tls, database });
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void ingest.close().then(() => process.exit(0)));
  console.log(`From ${broker} to ${database}`);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
