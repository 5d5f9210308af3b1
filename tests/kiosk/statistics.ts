/**
 * Statistics on the machine: what was counted survives what happens to a kiosk, and what happens to the counts does not
 * concern the exhibit.
 */
import { randomUUID } from "node:crypto";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { LABELS } from "../../src/types.ts";
import { Authority, Broker, whyNoFleet } from "../fleet/services.ts";
import { DRAWN, FROM_CLIP, hasResult, isAlive, lastBeat, printState, until } from "./exhibit.ts";
import type { Machine } from "./machine.ts";
import { options } from "./options.ts";
import { check } from "./report.ts";

const KEEPER = "emotion-kiosk-statistics.service";
const REPORTER = "emotion-kiosk-reporter.service";
const FOLDER = "/var/lib/private/emotion-kiosk-statistics";
const SETTINGS = `${DRAWN}language = en\nstatistics = on\nstatistics_least = 1\n${FROM_CLIP}\n`;

/** Visits of each minute that the test posts. The exhibit's own minutes have fewer, so that the sum tells how many of the
 * test's are there. */
const VISITS = 1000;

const POWER_CUTS = 5;

/** An update of the kiosk restarts the server within this time of the installer's end, ms. */
const SETTLE_MS = 3000;

/** What the test has posted since the database began. */
const posted = { page: randomUUID(), index: 0, kept: 0 };

/** Statistics are switched on, and a process that is killed loses nothing. */
export async function keepStatistics(machine: Machine): Promise<void> {
  await guarded(machine, "statistics", async () => {
    check("statistics rest until they are asked for", !(await isActive(machine, KEEPER)));
    await switchOn(machine);
    check("statistics = on starts their process, and no reporter", !(await isActive(machine, REPORTER)));
    for (let minute = 0; minute < 3; minute++) await post(machine);
    await expectAll(machine, "what was posted is kept");
    await machine.run(`systemctl kill --signal=KILL ${KEEPER}`);
    await expectAll(machine, "nothing is lost when the statistics' process is killed");
    if (options.short) return;
    const before = await lastBeat(machine);
    await machine.run("systemctl kill --signal=KILL emotion-kiosk-server");
    await until("a result after the server was killed", () => hasResult(machine, before!.page));
    await post(machine);
    await expectAll(machine, "nothing is lost when the server is killed");
    // What differs from the release is replaced, and with it the whole folder.
    appendFileSync(join(machine.root, "opt/emotion-kiosk/kiosk/README.md"), "An older release.\n");
    const updated = await machine.run("/mnt/kiosk/install.sh");
    check("updates", updated.code === 0 && /^file: .*README\.md$/m.test(updated.output), updated.output.trim());
    await sleep(SETTLE_MS);
    await until("alive after the update", () => isAlive(machine));
    await post(machine);
    await expectAll(machine, "nothing is lost by an update");
  });
}

export async function continueStatistics(machine: Machine): Promise<void> {
  await guarded(machine, "statistics after a reboot", async () => {
    await knowTheTime(machine);
    await expectAll(machine, "nothing is lost by a reboot");
    await post(machine);
    await expectAll(machine, "counting goes on after a reboot");
  });
}

/** What is done to statistics after the reboot, each by its name. */
export const HARDSHIPS: readonly { readonly name: string; readonly test: Hardship }[] = [
  { name: "statistics of the exhibit", test: waitForExhibit },
  { name: "statistics and power cuts", test: cutPower },
  { name: "statistics on a full disk", test: fillDisk },
  { name: "statistics in a damaged database", test: damageDatabase },
  { name: "statistics in a fleet", test: joinFleet },
];

type Hardship = (machine: Machine, release: string) => Promise<void>;

export async function endure(machine: Machine, release: string, { name, test }: (typeof HARDSHIPS)[number]) {
  await guarded(machine, name, async () => {
    if (!(await isActive(machine, KEEPER))) await switchOn(machine);
    await test(machine, release);
  });
}

/** A minute that the exhibit's own page posts. */
async function waitForExhibit(machine: Machine): Promise<void> {
  await post(machine);
  // The test's page is one load, each of the exhibit's another.
  const loads = async () => Number(/^emotion_kiosk_restarts_total (\d+)/m.exec(await ask(machine, "/metrics"))?.[1]);
  await until("a minute of the exhibit", async () => (await loads()) >= 2);
  await expectAll(machine, "the exhibit's own minutes are kept beside the test's");
}

async function cutPower(machine: Machine, release: string): Promise<void> {
  for (let cut = 0; cut < POWER_CUTS; cut++) {
    for (let minute = 0; minute < 3; minute++) await post(machine);
    // Under way when the power goes: kept or not, but not twice.
    posted.index += 1;
    const last = send(machine);
    await sleep(Math.random() * 100);
    await machine.cutPower();
    await last;
    await machine.boot(release);
    await knowTheTime(machine);
    await until("statistics after a power cut", () => isActive(machine, KEEPER));
    await repeat(machine);
  }
  await expectAll(machine, `nothing is lost, and nothing there twice, after ${POWER_CUTS} power cuts`);
}

/** A small disk of its own for the counts, which is filled. */
async function fillDisk(machine: Machine): Promise<void> {
  await post(machine);
  await until("alive before the disk is full", () => isAlive(machine));
  const page = (await lastBeat(machine))?.page;
  await machine.run(`systemctl stop ${KEEPER}; mount -t tmpfs -o size=2m,mode=0700 counts ${FOLDER}`);
  const before = { ...posted };
  Object.assign(posted, { page: randomUUID(), index: 0, kept: 0 });
  await machine.run(`systemctl start ${KEEPER}`);
  await until("statistics on a small disk", () => isActive(machine, KEEPER));
  await post(machine);
  await machine.run(`dd if=/dev/zero of=${FOLDER}/ballast bs=4k`);
  // The log has room of its own for some more.
  await until("a minute that is refused", async () => {
    posted.index += 1;
    return !(await send(machine));
  });
  await until("alive with a full disk", () => isAlive(machine));
  check("the exhibit goes on with a full disk", (await lastBeat(machine))?.page === page);
  check("--check names the full disk", /^WRONG .*counts are not kept/m.test(await complaints(machine)));
  await machine.run(`rm ${FOLDER}/ballast`);
  await repeat(machine);
  await expectAll(machine, "a minute that a full disk refused is kept when it has room");
  await machine.run(`systemctl stop ${KEEPER}; umount ${FOLDER}; systemctl start ${KEEPER}`);
  Object.assign(posted, before);
  await expectAll(machine, "the disk before it has what it had");
}

async function damageDatabase(machine: Machine): Promise<void> {
  await until("alive before the database is damaged", () => isAlive(machine));
  const page = (await lastBeat(machine))?.page;
  await machine.run(
    `systemctl stop ${KEEPER}; dd if=/dev/urandom of=${FOLDER}/statistics.db bs=4k count=4 conv=notrunc; ` +
      `sha256sum <${FOLDER}/statistics.db >/root/damaged; systemctl start ${KEEPER}`,
  );
  Object.assign(posted, { page: randomUUID(), index: 0, kept: 0 });
  await until("statistics with a new database", () => isActive(machine, KEEPER));
  await post(machine);
  await expectAll(machine, "a new database is begun in place of a damaged one");
  const { output } = await machine.run(
    `sha256sum <${FOLDER}/statistics.db.aside-*Z | diff - /root/damaged && echo same`,
  );
  check("the damaged database is kept under another name", output.trim() === "same", output.trim());
  const { output: log } = await machine.run(`journalctl -b -u ${KEEPER} | grep -c 'was set aside as'`);
  check("the log names it", Number(log) > 0);
  check("--check names it", /^WRONG .*set aside/m.test(await complaints(machine)));
  const isSame = (await lastBeat(machine))?.page === page;
  check("the exhibit did not notice", isSame && (await isAlive(machine)));
}

/** The reporter runs once the kiosk is in a fleet, and a broker hears of it; it ends when the kiosk leaves. */
async function joinFleet(machine: Machine): Promise<void> {
  const missing = whyNoFleet();
  if (missing !== null) return check("a fleet", false, missing);
  const folder = mkdtempSync(join(tmpdir(), "kiosk-fleet-"));
  const authority = new Authority(join(folder, "tls"));
  authority.issue("broker", "serverAuth");
  for (const name of ["lobby-1", "operator"]) authority.issue(name);
  const broker = new Broker(folder, authority, 8883);
  const program = machine.startInNetwork(["/usr/sbin/mosquitto", "-c", broker.conf]);
  try {
    const file = { ...authority.membership("lobby-1", broker.port), homeAssistant: false };
    writeFileSync(join(machine.root, "root/lobby-1.fleet.json"), JSON.stringify(file, null, 2));
    const joined = await machine.run("/mnt/kiosk/install.sh --fleet /root/lobby-1.fleet.json");
    check("joins a fleet", joined.code === 0, joined.code === 0 ? "" : joined.output);
    await until("the reporter", () => isActive(machine, REPORTER));
    await until("alive in the fleet", () => isAlive(machine));
    const health = JSON.parse(await heard(machine, authority, "health")) as Record<string, unknown>;
    const isWell = health["v"] === 1 && typeof health["version"] === "string" && Number(health["restarts"]) >= 1;
    check("the broker hears of the kiosk's health", isWell, JSON.stringify(health));
    await post(machine);
    const counts = JSON.parse(await heard(machine, authority, "counts")) as { rows: { visits: number }[] };
    check(
      "and its sums",
      counts.rows.some(({ visits }) => visits >= VISITS),
      `${counts.rows.length} sums`,
    );
    const { output: flags } = await machine.run("ps -u kiosk -o args | grep -c 'statistics=sent'");
    check("the exhibit's notice says that counts are sent", Number(flags) > 0);
    const left = await machine.run("/opt/emotion-kiosk/kiosk/install.sh --leave-fleet");
    check("leaves the fleet", left.code === 0 && !(await isActive(machine, REPORTER)), left.output);
    await until("alive after leaving", () => isAlive(machine));
    check("no reporter comes back", !(await isActive(machine, REPORTER)));
  } finally {
    const ended = new Promise((resolve) => program.once("exit", resolve));
    program.kill();
    await ended;
    rmSync(folder, { recursive: true });
  }
}

/** @returns The next message of the kiosk that an operator hears. */
async function heard(machine: Machine, authority: Authority, what: string): Promise<string> {
  const file = (name: string) => join(authority.folder, name);
  const tls = ["--cafile", file("ca.pem"), "--cert", file("operator.pem"), "--key", file("operator.key")];
  const where = ["-h", "localhost", "-p", "8883", "-V", "5", "-t", `emotion/v1/lobby-1/${what}`];
  return machine.runInNetwork(["mosquitto_sub", ...where, ...tls, "-C", "1", "-W", "120"]);
}

async function switchOn(machine: Machine): Promise<void> {
  await knowTheTime(machine);
  writeFileSync(join(machine.root, "etc/emotion-kiosk.conf"), SETTINGS);
  await machine.run("systemctl restart emotion-kiosk-server");
  await until("statistics", () => isActive(machine, KEEPER));
  await until("alive with statistics", () => isAlive(machine));
}

/** As if a time server had been heard: minutes without a known time would wait for one. */
async function knowTheTime(machine: Machine): Promise<void> {
  await machine.run("mkdir -p /run/systemd/timesync && touch /run/systemd/timesync/synchronized");
}

async function isActive(machine: Machine, unit: string): Promise<boolean> {
  return (await machine.run(`systemctl is-active ${unit}`)).output.trim() === "active";
}

async function complaints(machine: Machine): Promise<string> {
  return (await machine.run("/opt/emotion-kiosk/kiosk/install.sh --check")).output;
}

/** @returns The answer's body; empty where there is none. */
async function ask(machine: Machine, path: string): Promise<string> {
  return machine.runInNetwork(["curl", "-s", "-m", "10", `http://localhost:8080${path}`]).catch(() => "");
}

/** Post the next minute, again until it is taken, as the exhibit's page does. */
async function post(machine: Machine): Promise<void> {
  posted.index += 1;
  await repeat(machine);
}

async function repeat(machine: Machine): Promise<void> {
  await until("the newest minute is taken", () => send(machine));
}

/** Post the newest minute. @returns Whether it was taken. */
async function send(machine: Machine): Promise<boolean> {
  const { page, index } = posted;
  const toMs = Date.now();
  const entry = {
    ...{ from: new Date(toMs - 60_000).toISOString(), to: new Date(toMs).toISOString() },
    ...{ visits: VISITS, mostFaces: 4, presentS: 50, unsureS: 2.5, watchedS: 59.9 },
    seconds: Object.fromEntries(LABELS.map((label) => [label, 7])),
  };
  const request = [
    "-X",
    "POST",
    "-H",
    "Content-Type: application/json",
    "--data",
    JSON.stringify({ page, index, entry }),
  ];
  const what = ["-s", "-m", "12", "-o", "/dev/null", "-w", "%{http_code}", ...request];
  const status = await machine.runInNetwork(["curl", ...what, "http://localhost:8080/statistics"]).catch(() => "");
  if (status === "204") posted.kept = Math.max(posted.kept, index);
  return status === "204";
}

/** Check that each minute that was taken is there once. Those of a power cut were repeated until they were taken. */
async function expectAll(machine: Machine, what: string): Promise<void> {
  const range = `from=${new Date(Date.now() - 86_400_000).toISOString()}&to=${new Date(Date.now() + 3_600_000).toISOString()}`;
  const total = async () => {
    const body = await ask(machine, `/statistics.json?${range}&by=day`);
    return body.startsWith("{") ? (JSON.parse(body) as { total: { visits: number } }).total.visits : Number.NaN;
  };
  await until("the statistics' answer", async () => !Number.isNaN(await total()));
  const visits = await total();
  check(what, Math.floor(visits / VISITS) === posted.kept, `${posted.kept} minutes posted, ${visits} visits kept`);
}

async function guarded(machine: Machine, what: string, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    check(what, false, error instanceof Error ? error.message : String(error));
    await printState(machine);
    console.log((await machine.run(`systemctl status --no-pager -n 20 ${KEEPER} ${REPORTER}`)).output);
  }
}
