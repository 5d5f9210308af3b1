/**
 * A fleet with real Mosquitto and PostgreSQL on loopback, and faults at random; at the end PostgreSQL must have exactly
 * what the kiosks' databases have.
 *
 *   npm run test:fleet [-- --short] [-- --minutes N] [-- --kiosks N] [-- --json FILE]
 *   npm run test:fleet -- --load [--connections N] [--minutes N]
 *   npm run test:fleet -- --install [--suite trixie]    the installer on a bare Debian that boots, bookworm by default
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
import { testInstaller } from "./install.ts";
import { runLoad } from "./load.ts";
import {
  Authority,
  Broker,
  clearDeadRuns,
  Disk,
  freePort,
  Network,
  NodeProgram,
  Postgres,
  type Program,
  whyNoFleet,
} from "./services.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
/** Within the repository, so that imports of packages are found. */
const PROGRAMS = join(ROOT, "node_modules/.cache/emotion-cam/fleet");

/** All kiosks together make a minute each so many ms: more would measure the processor. */
const PACE_MS = 30;

/** When all is up again, what the kiosks hold must have arrived within this time, ms. */
const SETTLE_MS = 120_000;

const { values } = parseArgs({
  options: {
    short: { type: "boolean" },
    load: { type: "boolean" },
    install: { type: "boolean" },
    suite: { type: "string" },
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
  clearDeadRuns();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => void cleanUp().then(() => process.exit(1)));
  try {
    const report = values.install ? await testInstaller(values.suite ?? "bookworm", undoing) : await testServices();
    if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  } finally {
    await cleanUp();
  }
}

/** What is to be undone at the end, the newest first. */
const undoing: (() => Promise<void> | void)[] = [];

let ending: Promise<void> | null = null;

/** Once, whoever asks: a signal ends the test, and its end asks again. */
function cleanUp(): Promise<void> {
  ending ??= undoAll();
  return ending;
}

async function undoAll(): Promise<void> {
  for (const undo of undoing.splice(0).reverse()) {
    try {
      await undo();
    } catch (error) {
      say(`could not be cleaned up: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** The folder's name has the number of its process, by which {@link clearDeadRuns} knows that the run is dead. */
function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), `fleet-${process.pid}-`));
  undoing.push(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  execFileSync("chmod", ["755", folder]);
  return folder;
}

async function testServices(): Promise<object> {
  const folder = makeFolder();
  await compile();
  const fleet = await startFleet(folder);
  if (values.load) return runLoad(fleet, Number(values.connections ?? 2000), Number(values.minutes ?? 10));
  checkDoors(fleet);
  say(`${await checkDashboards(fleet.postgres)} queries of the dashboards give the known answers`);
  return values.short
    ? runFaults(fleet, 3, 0.6)
    : runFaults(fleet, Number(values.kiosks ?? 20), Number(values.minutes ?? 30));
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
  const broker = untilTheEnd(new Broker(folder, authority, await freePort()));
  // On a small disk of its own, which can be filled.
  const disk = Disk.mount(join(folder, "disk"), 512);
  if (disk !== null) undoing.push(() => disk.unmount());
  const postgres = untilTheEnd(new Postgres(disk?.folder ?? folder, await freePort()));
  await Promise.all([broker.start(), postgres.start()]);
  await postgres.create();
  const networkPort = await freePort();
  const network = await Network.between(networkPort, broker.port);
  undoing.push(() => network.close());
  const ingest = untilTheEnd(
    new NodeProgram(
      ...[join(PROGRAMS, "ingest.mjs"), "--broker", `mqtts://localhost:${broker.port}`],
      ...["--certificates", authority.folder, "--database", postgres.url],
    ),
  );
  await ingest.start();
  return { folder, authority, broker, postgres, network, networkPort, ingest, disk };
}

function untilTheEnd<T extends Program>(program: T): T {
  undoing.push(() => program.kill());
  return program;
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
  const order: string[] = [];
  for (;;) {
    const faults = faultsOf(fleet, kiosks);
    const names = Object.keys(faults);
    if (Date.now() >= ends && names.every((fault) => done[fault] !== undefined)) break;
    // Each once, then at random.
    const name = names.find((fault) => done[fault] === undefined) ?? names[Math.floor(Math.random() * names.length)]!;
    done[name] = (done[name] ?? 0) + 1;
    order.push(name);
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
  const sums = await compare(fleet, kiosks, order.slice(-3));
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
  const program = new NodeProgram(join(PROGRAMS, "kiosk.mjs"), folder, membership, String(endsAt), String(paceMs));
  return { name, folder, program: untilTheEnd(program) };
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
  // A kiosk that holds nothing back may not have heard yet that a backup was restored. Its first word of now may have been
  // under way before; its second is about the database as it is.
  const firstWords = new Map<Kiosk, number>();
  const isCurrent = (kiosk: Kiosk, { waiting, syncedAtMs }: Kept) => {
    if (syncedAtMs === null || syncedAtMs < began) return false;
    if (!firstWords.has(kiosk)) firstWords.set(kiosk, syncedAtMs);
    return waiting === 0 && syncedAtMs > firstWords.get(kiosk)!;
  };
  for (;;) {
    const kept = await Promise.all(kiosks.map(({ folder }) => keptAt(join(folder, "socket"))));
    const fed = kiosks.every(({ program }) => program.output.join("").includes("fed"));
    const [online] = await fleet.postgres.query<{ n: string }>(
      "SELECT count(*) AS n FROM emotion.kiosks_now WHERE online AND heard_at > now() - interval '1 minute'",
    );
    const areCurrent = kiosks.map((kiosk, index) => isCurrent(kiosk, kept[index]!)).every(Boolean);
    if (fed && areCurrent && Number(online!.n) === kiosks.length) return (Date.now() - began) / 1000;
    if (Date.now() - began > SETTLE_MS) {
      const waiting = kept.map((each) => each.waiting).join(" ");
      const words = `these sums wait: ${waiting}; ${online!.n} of ${kiosks.length} kiosks are shown online`;
      throw new Error(`After ${SETTLE_MS / 1000} s ${words}\n${fleet.ingest.output.slice(-5).join("")}`);
    }
    await sleep(500);
  }
}

/** What the process that keeps a kiosk's statistics says of itself. */
interface Kept {
  readonly waiting: number;
  readonly syncedAtMs: number | null;
}

async function keptAt(socket: string): Promise<Kept> {
  const { statisticsDoor } = await import("../../kiosk/statistics-door.ts");
  const { status, body } = await statisticsDoor(socket).forward("GET", "/health");
  return status === 200 ? (JSON.parse(body) as Kept) : { waiting: Number.NaN, syncedAtMs: null };
}

/**
 * @param last The last faults.
 * @throws AssertionError where a sum differs.
 */
async function compare(
  { postgres }: Fleet,
  kiosks: readonly Kiosk[],
  last: readonly string[],
): Promise<{ rows: number; spans: number }> {
  let [rows, spans] = [0, 0];
  for (const { name, folder } of kiosks) {
    rmSync(join(folder, "statistics.db.lock"), { recursive: true, force: true });
    const db = new sqlite.Database(join(folder, "statistics.db"));
    db.exec("PRAGMA locking_mode = EXCLUSIVE");
    const here = numbers(db.get(`SELECT ${TERMS} FROM sums`)!);
    // Every span is in a sum, but for those that wait for visits.
    const summed = "WHERE id <= (SELECT max(last_span) FROM sums)";
    const posted = numbers(db.get(`SELECT ${TERMS} FROM spans ${summed}`)!);
    const state = db.all("SELECT key, value FROM meta");
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
    const epochs = await postgres.query(`SELECT epoch, upto FROM emotion.epochs ${ours}`);
    assert.deepEqual(
      numbers(there!),
      here,
      `${name}: PostgreSQL (${JSON.stringify(epochs)}) and SQLite (${JSON.stringify(state)}) differ after ${last.join(", ")}`,
    );
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
