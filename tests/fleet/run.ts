/**
 * A fleet with real Mosquitto and PostgreSQL on loopback, and faults at random; at the end PostgreSQL must have exactly
 * what the kiosks' databases have.
 *
 *   npm run test:fleet [-- --short] [-- --minutes N] [-- --kiosks N] [-- --json FILE]
 *   npm run test:fleet -- --load [--connections N] [--minutes N]
 */
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import sqlite from "node-sqlite3-wasm";
import { LABELS } from "../../src/types.ts";
import { checkDashboards } from "./dashboards.ts";
import { runLoad } from "./load.ts";
import { Authority, Broker, Disk, freePort, Network, NodeProgram, Postgres, whyNoFleet } from "./services.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Within the repository, so that imports of packages are found. */
const PROGRAMS = join(ROOT, "node_modules/.cache/emotion-cam/fleet");

/** All kiosks together make a minute each so many ms: more would measure the processor. */
const PACE_MS = 30;

/** When all is up again, what the kiosks hold must have arrived within this time, ms. */
const SETTLE_MS = 120_000;

/**
 * A kiosk that waits for nothing asks each second how far PostgreSQL has got, and again where no answer comes for 5 s. It
 * does not know of a backup that was restored since it last asked, so nothing may wait for this time on end, ms.
 */
const ASKED_MS = 15_000;

const { values } = parseArgs({
  options: {
    short: { type: "boolean" },
    load: { type: "boolean" },
    minutes: { type: "string" },
    kiosks: { type: "string" },
    connections: { type: "string" },
    json: { type: "string" },
  },
});

const AMOUNTS = ["visits", "present_ms", "unsure_ms", "watched_ms", ...LABELS.map((label) => `${label}_ms`)];
const TERMS = [
  "count(*) AS n",
  "max(most_faces) AS most_faces",
  ...AMOUNTS.map((name) => `sum(${name}) AS ${name}`),
].join(", ");

interface Kiosk {
  readonly name: string;
  readonly folder: string;
  readonly program: NodeProgram;
}

interface Fleet {
  readonly folder: string;
  readonly authority: Authority;
  readonly broker: Broker;
  readonly postgres: Postgres;
  readonly network: Network;
  readonly networkPort: number;
  readonly ingest: NodeProgram;
  readonly disk: Disk | null;
}

function say(text: string): void {
  console.log(`fleet: ${text}`);
}

async function main(): Promise<void> {
  const missing = whyNoFleet();
  if (missing !== null) {
    console.log(`SKIPPED the fleet's test: ${missing}`);
    return;
  }
  const folder = mkdtempSync(join(tmpdir(), "fleet-"));
  execFileSync("chmod", ["755", folder]);
  await compile();
  const fleet = await startFleet(folder);
  try {
    if (values.load) {
      const report = await runLoad(fleet, Number(values.connections ?? 2000), Number(values.minutes ?? 10));
      if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
      return;
    }
    checkDoors(fleet);
    say(`${await checkDashboards(fleet.postgres)} queries of the dashboards give the known answers`);
    const [kiosks, minutes] = values.short ? [3, 0.6] : [Number(values.kiosks ?? 20), Number(values.minutes ?? 30)];
    const report = await runFaults(fleet, kiosks, minutes);
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  } finally {
    await fleet.network.close();
    for (const program of [fleet.ingest, fleet.broker, fleet.postgres]) await program.kill().catch(() => {});
    fleet.disk?.unmount();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The kiosks' and the bridge's programs, as the build makes them. */
async function compile(): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    entryPoints: { kiosk: "tests/fleet/kiosk.ts", ingest: "kiosk/fleet/ingest.ts" },
    outdir: PROGRAMS,
    outExtension: { ".js": ".mjs" },
    ...{ bundle: true, packages: "external", platform: "node", format: "esm", target: "node18", logLevel: "warning" },
  });
}

async function startFleet(folder: string): Promise<Fleet> {
  const authority = new Authority(join(folder, "tls"));
  authority.issue("broker", "serverAuth");
  for (const name of ["ingest", "kiosk-0", "stranger", "stolen", "operator"]) authority.issue(name);
  authority.issue("expired", "clientAuth", ["-startdate", "20200101000000Z", "-enddate", "20200201000000Z"]);
  authority.revoke("stolen");
  const broker = new Broker(folder, authority, await freePort());
  // On a small disk of its own, which can be filled.
  const disk = Disk.mount(join(folder, "disk"), 512);
  const postgres = new Postgres(disk?.folder ?? folder, await freePort());
  await Promise.all([broker.start(), postgres.start()]);
  await postgres.create();
  const networkPort = await freePort();
  const network = await Network.between(networkPort, broker.port);
  const ingest = new NodeProgram(
    ...[join(PROGRAMS, "ingest.mjs"), "--broker", `mqtts://localhost:${broker.port}`],
    ...["--certificates", authority.folder, "--database", postgres.url],
  );
  await ingest.start();
  return { folder, authority, broker, postgres, network, networkPort, ingest, disk };
}

/** Check the broker's access rules with Mosquitto's own client. */
function checkDoors({ authority, broker, folder }: Fleet): void {
  const other = new Authority(join(folder, "other"));
  other.issue("kiosk-0");
  const publish = (who: string, kiosk: string, from = authority) => {
    const file = (name: string) => join(from.folder, name);
    const identity = who === "" ? [] : ["--cert", file(`${who}.pem`), "--key", file(`${who}.key`)];
    const where = ["-h", "localhost", "-p", String(broker.port), "-V", "5", "-q", "1"];
    const what = ["-t", `emotion/v1/${kiosk}/counts`, "-m", "{}"];
    const tls = ["--cafile", join(authority.folder, "ca.pem"), ...identity];
    const { status, stderr, stdout } = spawnSync("mosquitto_pub", [...where, ...tls, ...what], { encoding: "utf8" });
    return { isTaken: status === 0 && !/not authori[sz]ed/i.test(stderr + stdout), words: stderr + stdout };
  };
  const cases: readonly (readonly [string, boolean, ReturnType<typeof publish>])[] = [
    ["a kiosk on its own topic", true, publish("kiosk-0", "kiosk-0")],
    ["a kiosk on another's topic", false, publish("kiosk-0", "stranger")],
    ["a revoked certificate", false, publish("stolen", "stolen")],
    ["an expired certificate", false, publish("expired", "expired")],
    ["a certificate of another authority", false, publish("kiosk-0", "kiosk-0", other)],
    ["no certificate", false, publish("", "kiosk-0")],
    ["the operator as a kiosk", false, publish("operator", "kiosk-0")],
  ];
  for (const [who, isTaken, result] of cases)
    assert.equal(result.isTaken, isTaken, `${who} was ${result.isTaken ? "taken" : `refused: ${result.words}`}`);
  say(`${cases.length} certificates and topics are taken and refused as they should be`);
}

async function runFaults(fleet: Fleet, count: number, minutes: number): Promise<object> {
  const kiosks = Array.from({ length: count }, (_, index) =>
    kioskOf(fleet, index + 1, Date.now() + minutes * 60_000, count * PACE_MS),
  );
  for (const { program } of kiosks) await program.start();
  say(`${count} kiosks run for ${minutes} minutes`);
  const ends = Date.now() + minutes * 60_000;
  const done: Record<string, number> = {};
  for (;;) {
    const faults = faultsOf(fleet, kiosks);
    const names = Object.keys(faults);
    if (Date.now() >= ends && names.every((fault) => done[fault] !== undefined)) break;
    // Each once, then at random.
    const name = names.find((fault) => done[fault] === undefined) ?? names[Math.floor(Math.random() * names.length)]!;
    done[name] = (done[name] ?? 0) + 1;
    await faults[name]!();
    await sleep(Math.min(Math.random() * 4000, Math.max(ends - Date.now(), 0)));
  }
  say(
    `faults: ${Object.entries(done)
      .map(([name, times]) => `${name} ${times}`)
      .join(", ")}`,
  );
  await allUp(fleet, kiosks);
  const settledS = await settle(fleet, kiosks);
  for (const { program } of kiosks) await program.kill("SIGTERM");
  const sums = await compare(fleet, kiosks);
  say(`${sums.rows} sums of ${sums.spans} spans agree exactly, ${settledS.toFixed(1)} s after the last fault`);
  return { schema: 1, when: new Date().toISOString(), kiosks: count, minutes, faults: done, settledS, ...sums };
}

/**
 * @param endsAt Until when minutes are made, Unix time in ms.
 * @param paceMs Time between two minutes.
 */
function kioskOf(fleet: Fleet, index: number, endsAt: number, paceMs: number): Kiosk {
  const name = `kiosk-${index}`;
  fleet.authority.issue(name);
  const folder = join(fleet.folder, name);
  mkdirSync(folder);
  const membership = join(folder, "fleet.json");
  writeFileSync(membership, JSON.stringify(fleet.authority.membership(name, fleet.networkPort)));
  return {
    name,
    folder,
    program: new NodeProgram(join(PROGRAMS, "kiosk.mjs"), folder, membership, String(endsAt), String(paceMs)),
  };
}

type Fault = () => Promise<void>;

function faultsOf(fleet: Fleet, kiosks: readonly Kiosk[]): Readonly<Record<string, Fault>> {
  const { broker, ingest, network, postgres, disk } = fleet;
  const some = kiosks[Math.floor(Math.random() * kiosks.length)]!;
  const restart = async (program: Broker | Postgres | NodeProgram) => {
    await program.kill();
    await program.start();
  };
  return {
    "kiosk killed": () => restart(some.program),
    "ingest killed": () => restart(ingest),
    "broker killed": () => restart(broker),
    "PostgreSQL killed": () => restart(postgres),
    "packets swallowed": async () => {
      network.swallow();
      await sleep(3000);
      network.heal();
    },
    "connections cut": async () => network.cut(),
    "backup restored": async () => {
      postgres.backUp();
      await sleep(5000);
      await postgres.restore();
    },
    ...(disk === null
      ? {}
      : {
          "disk full": async () => {
            disk.fill();
            await sleep(3000);
            disk.relieve();
            // PostgreSQL ends where it cannot write its log.
            await postgres.start();
          },
        }),
  };
}

async function allUp(fleet: Fleet, kiosks: readonly Kiosk[]): Promise<void> {
  fleet.network.heal();
  fleet.disk?.relieve();
  for (const program of [fleet.postgres, fleet.broker, fleet.ingest, ...kiosks.map((kiosk) => kiosk.program)])
    await program.start();
}

/** @returns Seconds until PostgreSQL has what the kiosks hold, and shows them all online. */
async function settle(fleet: Fleet, kiosks: readonly Kiosk[]): Promise<number> {
  const began = Date.now();
  let since: number | null = null;
  for (;;) {
    const waiting = await Promise.all(kiosks.map(({ folder }) => waitingAt(join(folder, "socket"))));
    const fed = kiosks.every(({ program }) => program.output.join("").includes("fed"));
    const [online] = await fleet.postgres.query<{ n: string }>(
      "SELECT count(*) AS n FROM emotion.kiosks_now WHERE online AND heard_at > now() - interval '1 minute'",
    );
    const isSettled = fed && waiting.every((sums) => sums === 0) && Number(online!.n) === kiosks.length;
    since = isSettled ? (since ?? Date.now()) : null;
    if (since !== null && Date.now() - since >= ASKED_MS) return (since - began) / 1000;
    if (Date.now() - began > SETTLE_MS) {
      const words = `these sums wait: ${waiting.join(" ")}; ${online!.n} of ${kiosks.length} kiosks are shown online`;
      throw new Error(`After ${SETTLE_MS / 1000} s ${words}\n${fleet.ingest.output.slice(-5).join("")}`);
    }
    await sleep(500);
  }
}

async function waitingAt(socket: string): Promise<number> {
  const { statisticsDoor } = await import("../../kiosk/statistics-door.ts");
  const { status, body } = await statisticsDoor(socket).forward("GET", "/health");
  return status === 200 ? (JSON.parse(body) as { waiting: number }).waiting : Number.NaN;
}

/** @throws AssertionError where a sum differs. */
async function compare({ postgres }: Fleet, kiosks: readonly Kiosk[]): Promise<{ rows: number; spans: number }> {
  let [rows, spans] = [0, 0];
  for (const { name, folder } of kiosks) {
    rmSync(join(folder, "statistics.db.lock"), { recursive: true, force: true });
    const db = new sqlite.Database(join(folder, "statistics.db"));
    db.exec("PRAGMA locking_mode = EXCLUSIVE");
    const here = numbers(db.get(`SELECT ${TERMS} FROM sums`)!);
    // Every span is in a sum, but for those that wait for visits.
    const summed = "WHERE id <= (SELECT max(last_span) FROM sums)";
    const posted = numbers(db.get(`SELECT ${TERMS} FROM spans ${summed}`)!);
    const twice = db.get(
      "SELECT count(*) AS n FROM (SELECT 1 FROM spans GROUP BY from_ms, to_ms, happy_ms HAVING count(*) > 1)",
    );
    db.close();
    const ours = `WHERE kiosk = (SELECT id FROM emotion.kiosks WHERE name = '${name}')`;
    const [there] = await postgres.query(`SELECT ${TERMS} FROM emotion.sums ${ours}`);
    const [rolledUp] = await postgres.query(`SELECT ${TERMS} FROM emotion.hours ${ours}`);
    const [sequence] = await postgres.query(
      `SELECT count(DISTINCT (epoch, seq)) AS seqs, (SELECT sum(upto) FROM emotion.epochs ${ours}) AS upto FROM emotion.sums ${ours}`,
    );
    assert.deepEqual(numbers(there!), here, `${name}: PostgreSQL and SQLite differ`);
    assert.deepEqual(
      { ...numbers(rolledUp!), n: here["n"] },
      here,
      `${name}: the roll-up by hour differs from its sums`,
    );
    assert.deepEqual({ ...posted, n: here["n"] }, here, `${name}: sums and spans differ`);
    assert.deepEqual(numbers(sequence!), { seqs: here["n"], upto: here["n"] }, `${name}: a number is there twice`);
    assert.equal(Number(twice!["n"]), 0, `${name}: a span is there twice`);
    rows += here["n"]!;
    spans += posted["n"]!;
  }
  assert.ok(rows > 0, "no kiosk made a sum");
  return { rows, spans };
}

function numbers(row: object): Record<string, number> {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, Number(value)]));
}

await main();
