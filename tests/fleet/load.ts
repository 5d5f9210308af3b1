/** The load of a great fleet: real TLS connections of simulated kiosks, each of which waits for its acknowledgements. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import mqtt, { type MqttClient } from "mqtt";
import { LABELS } from "../../src/types.ts";
import { topic } from "../../kiosk/fleet/messages.ts";
import type { Authority, Broker, NodeProgram, Postgres } from "./services.ts";

interface Parts {
  readonly authority: Authority;
  readonly broker: Broker;
  readonly postgres: Postgres;
  readonly ingest: NodeProgram;
}

/** A kiosk sends each five minutes; these five times as often. */
const EVERY_MS = 60_000;
const ROWS = 5;

/** Certificates are made for so many; each is used under the name in it by connections in turn. */
const REPORT_EVERY_MS = 30_000;

interface Client {
  readonly client: MqttClient;
  readonly epoch: string;
  seq: number;
  acked: number;
}

export async function runLoad(
  { authority, broker, postgres, ingest }: Parts,
  connections: number,
  minutes: number,
): Promise<object> {
  const clients: Client[] = [];
  console.log(`load: ${connections} certificates and connections`);
  for (let index = 0; index < connections; index += 1) {
    clients.push(await connectOne(authority, broker, `load-${index}`));
    if ((index + 1) % 250 === 0) console.log(`load: ${index + 1} connected`);
  }
  const parts = { broker, ingest, postgres };
  const before = usages(parts);
  const began = Date.now();
  const ends = began + minutes * 60_000;
  const memory: Record<string, number>[] = [];
  const timers = clients.map((client) => {
    const first = Math.random() * EVERY_MS;
    let timer = setTimeout(function send() {
      publish(client);
      timer = setTimeout(send, EVERY_MS);
    }, first);
    return () => clearTimeout(timer);
  });
  while (Date.now() < ends) {
    await sleep(Math.min(REPORT_EVERY_MS, ends - Date.now()));
    const now = usages(parts);
    memory.push(Object.fromEntries(Object.entries(now).map(([name, { rss }]) => [name, Math.round(rss / 1e6)])));
    const sent = clients.reduce((sum, { seq }) => sum + seq, 0);
    console.log(
      `load: ${sent} rows sent, ${clients.reduce((sum, { acked }) => sum + acked, 0)} acknowledged, MB ${JSON.stringify(memory.at(-1))}`,
    );
  }
  timers.forEach((stop) => stop());
  const lasted = (Date.now() - began) / 1000;
  const after = usages(parts);
  for (const until = Date.now() + 60_000; Date.now() < until && clients.some(({ seq, acked }) => acked < seq);)
    await sleep(200);
  const sent = clients.reduce((sum, { seq }) => sum + seq, 0);
  const [kept] = await postgres.query<{ n: string }>("SELECT count(*) AS n FROM emotion.sums");
  for (const { client } of clients) client.end(true);
  const cores = Object.fromEntries(
    Object.keys(after).map((name) => [name, round((after[name]!.cpuMs - before[name]!.cpuMs) / 1000 / lasted)]),
  );
  const report = {
    ...{ schema: 1, when: new Date().toISOString(), connections, minutes },
    ...{ messagesPerS: round(sent / ROWS / lasted), rows: sent, kept: Number(kept!.n), cores },
    memoryMB: { first: memory[0], last: memory.at(-1) },
  };
  console.log(JSON.stringify(report, null, 2));
  assert.equal(Number(kept!.n), sent, "rows were lost, or are there twice");
  return report;
}

async function connectOne(authority: Authority, broker: Broker, name: string): Promise<Client> {
  authority.issue(name);
  const { ca, certificate, key } = authority.membership(name, broker.port);
  const client = mqtt.connect(`mqtts://localhost:${broker.port}`, {
    ...{ ca, cert: certificate, key, protocolVersion: 5, clientId: name, keepalive: 60, reconnectPeriod: 5000 },
  });
  client.on("error", (error) => console.error(name, error.message));
  await new Promise<void>((resolve) => client.once("connect", () => resolve()));
  await client.subscribeAsync(topic(name, "ack"), { qos: 1 });
  const made: Client = { client, epoch: randomUUID(), seq: 0, acked: 0 };
  client.on("message", (_, payload) => (made.acked = Math.max(made.acked, JSON.parse(payload.toString()).upto)));
  return made;
}

function publish(client: Client): void {
  const now = Date.now();
  const from = client.acked + 1;
  // New rows, and those that are not acknowledged yet.
  client.seq += ROWS;
  const rows = Array.from({ length: client.seq - client.acked }, (_, index) => ({
    ...{ seq: from + index, clock: "ntp", visits: 12, mostFaces: 3, presentS: 41.2, unsureS: 3.1, watchedS: 59.9 },
    from: new Date(now - (ROWS - index) * 60_000 - 60_000).toISOString(),
    to: new Date(now - (ROWS - index) * 60_000).toISOString(),
    seconds: Object.fromEntries(LABELS.map((label) => [label, 5.5])),
  }));
  const name = client.client.options.clientId!;
  client.client.publish(topic(name, "counts"), JSON.stringify({ v: 1, epoch: client.epoch, rows }), { qos: 1 });
}

function usages(parts: Readonly<Record<string, { usage(): { cpuMs: number; rss: number } }>>) {
  return Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, part.usage()]));
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
