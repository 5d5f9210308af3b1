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
import { type Acknowledgement, readCounts, readHealth, readObject, readTopic, ROOT, topic } from "./messages.ts";

/** PostgreSQL's transactions at a time. */
const WORKERS = 4;

/** Messages that the broker hands out before the first of them is done with. */
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
  const taken = { rows: 0, messages: 0 };
  const pool = new pg.Pool({ connectionString: options.database, max: WORKERS, connectionTimeoutMillis: 10_000 });
  // An idle connection that PostgreSQL ends is made anew when it is needed.
  pool.on("error", (error) => complain(error.message));
  const client = mqtt.connect(options.broker, {
    ...options.tls,
    protocolVersion: 5,
    clientId: "ingest",
    clean: true,
    keepalive: 30,
    reconnectPeriod: 2000,
    properties: { receiveMaximum: IN_FLIGHT },
  });
  // The broker's acknowledgement goes out when PostgreSQL is done: so many messages at a time, and no queue in memory.
  client.handleMessage = (packet, done) => {
    void handle(packet as IPublishPacket, pool, client, taken).finally(() => done());
  };
  client.on("connect", () => {
    client.subscribe([`${ROOT}/+/counts`, `${ROOT}/+/health`, `${ROOT}/+/status`, `${ROOT}/+/config/reported`], {
      qos: 1,
    });
  });
  client.on("error", (error) => complain(error.message));
  const partitions = () => pool.query("SELECT emotion.make_partitions()").catch((error) => complain(String(error)));
  void partitions();
  const timer = setInterval(partitions, PARTITIONS_EVERY_MS);
  return {
    taken,
    close: async () => {
      clearInterval(timer);
      await client.endAsync(true);
      await pool.end();
    },
  };
}

async function handle(
  { topic: name, payload }: IPublishPacket,
  pool: pg.Pool,
  client: MqttClient,
  taken: Ingest["taken"],
): Promise<void> {
  const said = readTopic(name);
  if (said === null) return;
  const { kiosk } = said;
  const text = payload.toString("utf8");
  try {
    switch (said.what) {
      case "counts": {
        const { epoch, rows } = readCounts(text);
        const sql = "SELECT emotion.take($1, $2, $3) AS upto";
        const result = await pool.query<{ upto: string }>(sql, [kiosk, epoch, JSON.stringify(rows)]);
        const ack: Acknowledgement = { v: 1, epoch, upto: Number(result.rows[0]!.upto) };
        taken.messages += 1;
        if (rows.length > 0 && rows.at(-1)!.seq === ack.upto) taken.rows += rows.length;
        client.publish(topic(kiosk, "ack"), JSON.stringify(ack), { qos: 0 });
        return;
      }
      case "health":
        await pool.query("SELECT emotion.take_health($1, $2)", [kiosk, JSON.stringify(readHealth(text))]);
        return;
      case "status":
        await pool.query("SELECT emotion.take_status($1, $2)", [kiosk, text === "online"]);
        return;
      case "config/reported":
        await pool.query("SELECT emotion.take_settings($1, $2)", [kiosk, JSON.stringify(readObject(text))]);
    }
  } catch (error) {
    // The kiosk hears no acknowledgement and sends again.
    complain(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
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
