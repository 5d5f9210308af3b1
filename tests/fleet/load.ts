/**
 * The load of a great fleet: real TLS connections of simulated kiosks. Together they send sums five times as often as
 * 10,000 kiosks do, and health as often as these; each of them sends again what PostgreSQL does not acknowledge.
 */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import mqtt, { type MqttClient } from "mqtt";
import { LABELS } from "../../src/types.ts";
import { type Counts, type Health, MAX_ROWS, topic, type WireRow } from "../../kiosk/fleet/messages.ts";
import type { Authority, Broker, NodeProgram, Postgres, Usage } from "./services.ts";

interface Parts {
  readonly authority: Authority;
  readonly broker: Broker;
  readonly postgres: Postgres;
  readonly ingest: NodeProgram;
}

/** 10,000 kiosks send sums each five minutes, 33 messages a second. So many times that is sent here. */
const FLEET = 10_000;
const COUNTS_EVERY_S = 300;
const HEALTH_EVERY_S = 60;
const TIMES = 5;

/** A full museum has a sum each minute. */
const ROWS = 5;

const REPORT_EVERY_MS = 30_000;

/** TLS connections that are begun at a time. */
const CONNECT_TOGETHER = 20;

/** A kiosk that hears nothing for this long sends again, as the reporter does, ms. */
const PATIENCE_MS = 30_000;

/** When all is sent, rows may be late; those still missing after so long without any new acknowledgement are lost, ms. */
const SILENCE_MS = 3 * PATIENCE_MS;

class SimulatedKiosk {
  readonly name: string;
  readonly client: MqttClient;
  readonly #epoch = randomUUID();
  #sentAt = 0;
  #stop = (): void => {};
  seq = 0;
  acked = 0;
  /** Messages of health. */
  healths = 0;

  constructor(name: string, client: MqttClient, delaysMs: number[]) {
    this.name = name;
    this.client = client;
    client.on("message", (_, payload) => {
      const { upto } = JSON.parse(payload.toString()) as { upto: number };
      if (upto === this.seq && upto > this.acked) delaysMs.push(performance.now() - this.#sentAt);
      this.acked = Math.max(this.acked, upto);
    });
  }

  start(countsEveryMs: number, healthEveryMs: number): void {
    const stops = [every(countsEveryMs, () => this.sendCounts(ROWS)), every(healthEveryMs, () => this.#sendHealth())];
    this.#stop = () => stops.forEach((stop) => stop());
  }

  stop(): void {
    this.#stop();
  }

  /** Send once more what was not acknowledged in time. */
  sendAgain(): void {
    if (this.acked < this.seq && performance.now() - this.#sentAt > PATIENCE_MS) this.sendCounts(0);
  }

  /** Send new rows after those that are not acknowledged yet. */
  sendCounts(newRows: number): void {
    this.seq += newRows;
    const rows = Array.from({ length: Math.min(this.seq - this.acked, MAX_ROWS) }, (_, i) => rowOf(this.acked + 1 + i));
    const counts: Counts = { v: 1, epoch: this.#epoch, rows };
    this.#sentAt = performance.now();
    this.client.publish(topic(this.name, "counts"), JSON.stringify(counts), { qos: 1 });
  }

  #sendHealth(): void {
    this.healths += 1;
    const health: Health = {
      ...{ v: 1, at: new Date().toISOString(), version: "1.0.0", clock: "ntp", uptimeS: 3600, resultsPerS: 14.8 },
      ...{ camera: "running", problem: null, restarts: 1, waiting: this.seq - this.acked, visits: this.seq * 12 },
      ...{ temperatureC: 51.2, throttled: false, certificateDays: 900 },
    };
    this.client.publish(topic(this.name, "health"), JSON.stringify(health), { qos: 1, retain: true });
  }
}

/** @returns What ends the repetition, which begins at a random time within its first period. */
function every(periodMs: number, work: () => void): () => void {
  let timer = setTimeout(function again() {
    timer = setTimeout(again, periodMs);
    work();
  }, Math.random() * periodMs);
  return () => clearTimeout(timer);
}

const beganMs = Date.now();

/** The minutes of a kiosk follow each other; so does their place in the roll-up by hour. */
function rowOf(seq: number): WireRow {
  const fromMs = beganMs + seq * 60_000;
  return {
    ...{ seq, clock: "ntp", visits: 12, mostFaces: 3, presentS: 41.2, unsureS: 3.1, watchedS: 59.9 },
    from: new Date(fromMs).toISOString(),
    to: new Date(fromMs + 60_000).toISOString(),
    seconds: Object.fromEntries(LABELS.map((label) => [label, 5.5])) as WireRow["seconds"],
  };
}

/**
 * Run the load and compare what was sent with what PostgreSQL has.
 *
 * @throws AssertionError where rows are lost or there twice.
 */
export async function runLoad(
  { authority, broker, postgres, ingest }: Parts,
  connections: number,
  minutes: number,
): Promise<object> {
  console.log(`load: ${connections} certificates`);
  const names = Array.from({ length: connections }, (_, index) => `load-${10_000 + index}`);
  authority.issueMany(names);
  const delaysMs: number[] = [];
  const kiosks: SimulatedKiosk[] = [];
  for (let at = 0; at < connections; at += CONNECT_TOGETHER) {
    const some = names.slice(at, at + CONNECT_TOGETHER);
    const clients = await Promise.all(some.map((name) => connectOne(authority, broker, name)));
    kiosks.push(...clients.map((client, index) => new SimulatedKiosk(some[index]!, client, delaysMs)));
  }
  let dropped = 0;
  for (const { client } of kiosks) client.on("close", () => (dropped += 1));
  console.log(`load: ${connections} connections`);

  const share = (connections / FLEET) * 1000;
  for (const kiosk of kiosks) kiosk.start((COUNTS_EVERY_S / TIMES) * share, HEALTH_EVERY_S * share);
  const parts = { broker, ingest, postgres };
  const before = usagesOf(parts);
  const generatorBefore = process.cpuUsage();
  const began = performance.now();
  const ends = began + minutes * 60_000;
  const memory: object[] = [];
  while (performance.now() < ends) {
    await sleep(Math.min(REPORT_EVERY_MS, ends - performance.now()));
    const megabytes = mapValues(usagesOf(parts), ({ ownBytes, sharedBytes }) => ({
      ...{ own: Math.round(ownBytes / 1e6), shared: Math.round(sharedBytes / 1e6) },
    }));
    memory.push({ afterS: Math.round((performance.now() - began) / 1000), ...megabytes });
    console.log(`load: ${sum(kiosks, "seq")} rows sent, ${sum(kiosks, "acked")} acknowledged, MB`, megabytes);
  }
  const lastedS = (performance.now() - began) / 1000;
  const after = usagesOf(parts);
  const generator = process.cpuUsage(generatorBefore);
  for (const kiosk of kiosks) kiosk.stop();
  const rowsLate = sum(kiosks, "seq") - sum(kiosks, "acked");
  const lateS = await settle(kiosks);
  const countsSent = sum(kiosks, "seq") / ROWS;
  const [kept] = await postgres.query<{ rows: string; upto: string; hours: string }>(
    `SELECT (SELECT count(*) FROM emotion.sums) AS rows, (SELECT sum(upto) FROM emotion.epochs) AS upto,
       (SELECT sum(visits) FROM emotion.hours) AS hours`,
  );
  for (const { client } of kiosks) client.end(true);
  delaysMs.sort((a, b) => a - b);
  const quantile = (part: number) => Math.round(delaysMs[Math.floor((delaysMs.length - 1) * part)] ?? Number.NaN);
  const cores = mapValues(after, ({ cpuMs }, name) => round((cpuMs - before[name]!.cpuMs) / 1000 / lastedS));
  const report = {
    ...{ schema: 1, when: new Date().toISOString(), processor: cpus()[0]?.model, connections, minutes },
    ...{ countsPerS: round(countsSent / lastedS), healthPerS: round(sum(kiosks, "healths") / lastedS) },
    ...{ rowsSent: sum(kiosks, "seq"), rowsKept: Number(kept!.rows), dropped },
    // Not acknowledged when the last was sent, and when the last of these was.
    ...{ rowsLate, lateS: round(lateS), rowsNeverAcknowledged: sum(kiosks, "seq") - sum(kiosks, "acked") },
    acknowledgedAfterMs: { median: quantile(0.5), p99: quantile(0.99), most: quantile(1) },
    cores: { ...cores, generator: round((generator.user + generator.system) / 1e6 / lastedS) },
    memoryMB: memory,
  };
  console.log(JSON.stringify(report, null, 2));
  console.log(
    `load: when the last row was sent ${rowsLate} were not acknowledged; the last acknowledgement came ` +
      `${report.lateS} s later; ${report.rowsSent - report.rowsKept} rows are lost`,
  );
  const said = ingest.output.slice(-5).join("");
  assert.equal(report.rowsKept, report.rowsSent, `rows were lost, or are there twice; ingest says: ${said}`);
  assert.equal(Number(kept!.upto), report.rowsSent, "the epochs do not count what the sums have");
  assert.equal(Number(kept!.hours), report.rowsSent * 12, "the roll-up by hour does not have what the sums have");
  return report;
}

async function connectOne(authority: Authority, broker: Broker, name: string): Promise<MqttClient> {
  const { ca, certificate, key } = authority.membership(name, broker.port);
  const client = mqtt.connect(`mqtts://localhost:${broker.port}`, {
    ...{ ca, cert: certificate, key, protocolVersion: 5, clientId: name, keepalive: 60, reconnectPeriod: 5000 },
  });
  client.on("error", (error) => console.error(name, error.message));
  await new Promise<void>((resolve) => client.once("connect", () => resolve()));
  await client.subscribeAsync(topic(name, "ack"), { qos: 1 });
  return client;
}

/**
 * Wait until everything is acknowledged, or nothing more comes.
 *
 * @returns Seconds until the last acknowledgement.
 */
async function settle(kiosks: readonly SimulatedKiosk[]): Promise<number> {
  const began = performance.now();
  let heardAt = began;
  for (let acked = sum(kiosks, "acked"); acked < sum(kiosks, "seq"); await sleep(1000)) {
    for (const kiosk of kiosks) kiosk.sendAgain();
    const now = sum(kiosks, "acked");
    if (now > acked) [acked, heardAt] = [now, performance.now()];
    else if (performance.now() - heardAt > SILENCE_MS) break;
  }
  return (heardAt - began) / 1000;
}

function usagesOf(parts: Readonly<Record<string, { usage(): Usage }>>): Record<string, Usage> {
  return mapValues(parts, (part) => part.usage());
}

function mapValues<T, R>(values: Readonly<Record<string, T>>, of: (value: T, name: string) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, of(value, name)]));
}

function sum(kiosks: readonly SimulatedKiosk[], what: "seq" | "acked" | "healths"): number {
  return kiosks.reduce((total, kiosk) => total + kiosk[what], 0);
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
