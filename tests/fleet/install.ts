/**
 * The central machine's installer on a bare Debian that boots in a container: from nothing to the first sums in the
 * database, and everything else that install.sh does. Needs root, systemd-nspawn and the network.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Membership, readMembership } from "../../kiosk/fleet/membership.ts";
import { type Reporter, startReporter } from "../../kiosk/fleet/reporter.ts";
import { startStatistics, type StatisticsService } from "../../kiosk/statistics.ts";
import { eachExpression } from "../../kiosk/statistics-span.ts";
import { type StatisticsDoor, statisticsDoor } from "../../kiosk/statistics-door.ts";
import { Machine, whyNoMachine } from "../kiosk/machine.ts";
import { unpackedArchive } from "../kiosk/release.ts";

const PORT = 8883;
/** Where --add-kiosk leaves its files. */
const HOME = "root";
const INSTALLED = "/opt/emotion-fleet/install.sh";
/** Against hanging, ms. */
const PATIENCE_MS = 60_000;

const VISITS = 12;

/** @returns The figures, or null where no machine can be booted here. */
export async function testInstaller(suite: string, undoing: (() => Promise<void> | void)[]): Promise<object | null> {
  const missing = whyNoMachine();
  if (missing !== null) {
    console.log(`SKIPPED the fleet's installer: ${missing}`);
    return null;
  }
  const release = unpackedArchive();
  undoing.push(() => rmSync(release, { recursive: true }));
  const machine = Machine.bare(suite);
  undoing.push(() => machine.destroy());
  await machine.boot(release, { hasNetwork: true });
  try {
    const test = new InstallerTest(machine, release, undoing);
    return { schema: 1, when: new Date().toISOString(), suite, ...(await test.run()) };
  } catch (error) {
    console.log(
      (await machine.run("journalctl -b --no-pager -n 60 -u mosquitto -u 'emotion-fleet*' | cut -c1-300")).output,
    );
    throw error;
  }
}

class InstallerTest {
  readonly #machine: Machine;
  readonly #release: string;
  readonly #undoing: (() => Promise<void> | void)[];

  constructor(machine: Machine, release: string, undoing: (() => Promise<void> | void)[]) {
    this.#machine = machine;
    this.#release = release;
    this.#undoing = undoing;
  }

  async run(): Promise<object> {
    const before = await this.#files();
    await this.#do("/mnt/kiosk/fleet/install.sh --dry-run --name fleet.test");
    assert.equal(await this.#files(), before, "the dry run changed something");
    say("the dry run changes nothing");

    const began = performance.now();
    await this.#do("/mnt/kiosk/fleet/install.sh --name fleet.test");
    const installS = secondsSince(began);
    say(`installed in ${installS} s, Debian's packages included`);
    await this.#do(`${INSTALLED} --add-kiosk lobby-1 --site Berlin`);
    const kiosk = await Kiosk.start(this.#membership("lobby-1"), this.#undoing);
    await kiosk.count();
    await this.#expectVisits(kiosk.visits);
    const firstSumS = secondsSince(began);
    say(`the first sum that a chart shows came ${firstSumS} s after the installer was started`);
    await this.#expectWell();

    await this.#again();
    await this.#checkDoors();
    await this.#checkGrafana();
    await this.#backUp(kiosk);
    await this.#reboot(kiosk);
    await this.#setFromAfar(kiosk);
    await this.#revoke(kiosk);
    await this.#uninstall();
    return { installS, firstSumS };
  }

  /** A second run, an update for one, changes nothing. */
  async #again(): Promise<void> {
    const before = await this.#files();
    const output = await this.#do("/mnt/kiosk/fleet/install.sh --name fleet.test");
    assert.doesNotMatch(output, /^(file|packages|user|database|certificate)/m, "a second run did something");
    assert.equal(await this.#files(), before, "a second run changed something");
    await this.#do(`${INSTALLED}`);
    assert.equal(await this.#files(), before, "the installed copy changed something");
    await this.#expectWell();
    say("a second run changes nothing");
  }

  async #checkDoors(): Promise<void> {
    await this.#do(`${INSTALLED} --add-kiosk lobby-2`);
    // As the authority makes them, but for its dates.
    await this.#do(
      "mkdir -p /root/expired && cd /root/expired && " +
        "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=expired -keyout key.pem -out csr.pem && " +
        "openssl ca -batch -notext -config /etc/emotion-fleet/ca/openssl.cnf -in csr.pem -out certificate.pem " +
        "-startdate 20200101000000Z -enddate 20200201000000Z",
    );
    const file = (name: string) => readFileSync(join(this.#machine.root, HOME, "expired", name), "utf8");
    const own = this.#membership("lobby-1");
    const expired: Membership = {
      ...own,
      kiosk: "expired",
      certificate: file("certificate.pem"),
      key: file("key.pem"),
    };
    assert.equal(publish(own, "lobby-1"), "taken");
    assert.equal(publish(this.#membership("lobby-2"), "lobby-1"), "refused");
    assert.equal(publish(expired, "expired"), "refused");
    assert.equal(publish({ ...own, certificate: "", key: "" }, "lobby-1"), "refused");
    say("mosquitto_pub: taken on the own topic; refused on another's, with an expired certificate and with none");
  }

  /** Grafana itself is not in Debian; its folders and its user stand for it. */
  async #checkGrafana(): Promise<void> {
    await this.#do(
      "useradd --system grafana; mkdir -p /etc/grafana/provisioning/datasources /etc/grafana/provisioning/dashboards; " +
        "printf '[Service]\\nExecStart=/bin/true\\n' >/etc/systemd/system/grafana-server.service; systemctl daemon-reload",
    );
    const output = await this.#do(INSTALLED);
    assert.match(output, /^file: \/etc\/grafana\/provisioning\/datasources\/emotion-fleet\.yaml$/m);
    assert.match(output, /^file: \/etc\/grafana\/provisioning\/dashboards\/emotion-fleet\.yaml$/m);
    const psql = (sql: string) => this.#machine.run(`runuser -u grafana -- psql -X -At -d emotion -c "${sql}"`);
    assert.equal((await psql("SELECT count(*) FROM emotion.kiosks_now")).output, "2\n");
    assert.notEqual((await psql("DELETE FROM emotion.hours")).code, 0, "Grafana's user may write");
    say("Grafana's folders get its files, and its user may read and not write");
  }

  /** The kiosk sends again what it sent after the backup. */
  async #backUp(kiosk: Kiosk): Promise<void> {
    await this.#do(`${INSTALLED} --backup /root/backup.tar.gz`);
    const mode = statSync(join(this.#machine.root, HOME, "backup.tar.gz")).mode & 0o777;
    assert.equal(mode, 0o600, "others may read the backup");
    for (let minute = 0; minute < 5; minute++) await kiosk.count();
    await this.#expectVisits(kiosk.visits);
    await this.#do(`${INSTALLED} --restore /root/backup.tar.gz`);
    await kiosk.count();
    await this.#expectVisits(kiosk.visits);
    await this.#expectWell();
    say("a backup is restored, and what came after it comes again");
  }

  async #reboot(kiosk: Kiosk): Promise<void> {
    await this.#machine.shutDown();
    await kiosk.count();
    await this.#machine.boot(this.#release, { hasNetwork: true });
    await this.#expectVisits(kiosk.visits);
    await this.#expectWell();
    say("all is up again after a reboot");
  }

  async #setFromAfar(kiosk: Kiosk): Promise<void> {
    await this.#do(`${INSTALLED} --add-operator`);
    const file = (name: string) => readFileSync(join(this.#machine.root, HOME, name), "utf8");
    const operator = { ...this.#membership("lobby-1"), certificate: file("operator.pem"), key: file("operator.key") };
    assert.equal(publish(operator, "lobby-1", "config/set", '{"language":"de"}'), "taken");
    await until("settings from afar", () => kiosk.wanted() === "language = de\n");
    say("an operator's settings reach the kiosk");
  }

  /** A revoked kiosk is out at once; with a new certificate it goes on where it was. */
  async #revoke(kiosk: Kiosk): Promise<void> {
    const stolen = this.#membership("lobby-1");
    const refused = this.#machine.run(`${INSTALLED} --add-kiosk lobby-1`);
    assert.notEqual((await refused).code, 0, "a second valid certificate was made");
    await this.#do(`${INSTALLED} --revoke lobby-1`);
    await until("the broker", () => publish(this.#membership("lobby-2"), "lobby-2") === "taken");
    assert.equal(publish(stolen, "lobby-1"), "refused");
    const before = await this.#visits();
    await kiosk.count();
    await sleep(10_000);
    assert.equal(await this.#visits(), before, "the revoked kiosk's sums still come");
    await this.#do(`${INSTALLED} --add-kiosk lobby-1 --site Berlin`);
    await kiosk.join(this.#membership("lobby-1"));
    await this.#expectVisits(kiosk.visits);
    await kiosk.close();
    say("a revoked kiosk is out; with a new certificate it goes on where it was");
  }

  async #uninstall(): Promise<void> {
    await this.#do(`${INSTALLED} --uninstall`);
    const { output } = await this.#machine.run(
      "find /etc /opt /usr /var/lib -xdev -name '*emotion*'; getent passwd emotion-fleet",
    );
    assert.equal(output, "", "something is left");
    assert.equal(publish(this.#membership("lobby-2"), "lobby-2"), "refused");
    assert.ok((await this.#visits()) > 0, "the database went too");
    await this.#do("runuser -u postgres -- dropdb emotion");
    say("uninstalled: nothing is left but packages and the database, which one more command drops");
  }

  /** Run as root on the machine. @throws AssertionError where it fails. */
  async #do(command: string): Promise<string> {
    const { code, output } = await this.#machine.run(`cd /${HOME}; ${command}`);
    assert.equal(code, 0, `${command} failed:\n${output}`);
    return output;
  }

  /** @returns What --add-kiosk wrote. */
  #membership(name: string): Membership {
    const path = join(this.#machine.root, HOME, `${name}.fleet.json`);
    assert.equal(statSync(path).mode & 0o777, 0o600, "others may read a kiosk's key");
    return readMembership(readFileSync(path, "utf8"));
  }

  /** @returns Names and checksums of what the installer may write. */
  async #files(): Promise<string> {
    const { output } = await this.#machine.run(
      "find /etc /opt -xdev -type f -not -name revoked.pem -not -name 'crlnumber*' -print0 | sort -z | xargs -0 sha256sum",
    );
    return output;
  }

  async #expectWell(): Promise<void> {
    let said = "";
    const isWell = async () => {
      const { code, output } = await this.#machine.run(`${INSTALLED} --check`);
      said = output;
      return code === 0;
    };
    await until("--check", isWell).catch(() => assert.fail(`--check says:\n${said}`));
  }

  /** @returns The visits that the dashboards read. */
  async #visits(): Promise<number> {
    const sql = "SELECT coalesce(sum(visits), 0) FROM emotion.kiosk_hours WHERE kiosk = 'lobby-1' AND site = 'Berlin'";
    const { output } = await this.#machine.run(`runuser -u postgres -- psql -X -At -d emotion -c "${sql}"`);
    return Number(output);
  }

  async #expectVisits(visits: number): Promise<void> {
    let there = Number.NaN;
    const isThere = async () => (there = await this.#visits()) === visits;
    await until("sums", isThere).catch(() => assert.fail(`${there} of ${visits} visits came`));
  }
}

/** A kiosk of this machine: the real store and reporter, with minutes that pass in a moment. */
class Kiosk {
  readonly #folder: string;
  readonly #statistics: StatisticsService;
  readonly #door: StatisticsDoor;
  readonly #page = randomUUID();
  #reporter: Reporter;
  #index = 0;

  private constructor(folder: string, statistics: StatisticsService, door: StatisticsDoor, membership: Membership) {
    this.#folder = folder;
    this.#statistics = statistics;
    this.#door = door;
    this.#reporter = this.#report(membership);
  }

  static async start(membership: Membership, undoing: (() => Promise<void> | void)[]): Promise<Kiosk> {
    const folder = mkdtempSync(join(tmpdir(), "fleet-kiosk-"));
    undoing.push(() => rmSync(folder, { recursive: true }));
    const socket = join(folder, "socket");
    const statistics = await startStatistics(folder, socket, { least: 10, clock: () => "ntp" });
    const kiosk = new Kiosk(folder, statistics, statisticsDoor(socket), membership);
    undoing.push(() => kiosk.close());
    return kiosk;
  }

  get visits(): number {
    return this.#index * VISITS;
  }

  async count(): Promise<void> {
    this.#index += 1;
    const toMs = Date.now();
    const entry = {
      ...{ from: new Date(toMs - 60_000).toISOString(), to: new Date(toMs).toISOString() },
      ...{ visits: VISITS, mostFaces: 3, presentS: 41.2, unsureS: 3.1, watchedS: 59.9 },
      seconds: eachExpression(() => 5.5),
    };
    const body = JSON.stringify({ page: this.#page, index: this.#index, entry });
    const { status } = await this.#door.forward("POST", "/spans", body);
    assert.equal(status, 204);
  }

  /** Take up another membership. */
  async join(membership: Membership): Promise<void> {
    await this.#reporter.close();
    this.#reporter = this.#report(membership);
  }

  /** @returns Settings from afar that came. */
  wanted(): string {
    const path = join(this.#folder, "wanted.conf");
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  async close(): Promise<void> {
    await this.#reporter.close();
    await this.#statistics.close();
  }

  #report(membership: Membership): Reporter {
    const wanted = join(this.#folder, "wanted.conf");
    const here = { ...membership, broker: `mqtts://localhost:${PORT}` };
    return startReporter({ membership: here, statistics: this.#door, wanted, everyS: 1, patienceMs: 5000 });
  }
}

/** Publish with Mosquitto's own client. @returns Whether the broker took it. */
function publish(who: Membership, kiosk: string, what = "counts", payload = "{}"): "taken" | "refused" {
  const folder = mkdtempSync(join(tmpdir(), "fleet-client-"));
  try {
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const identity =
      who.key === "" ? [] : ["--cert", file("certificate.pem", who.certificate), "--key", file("key.pem", who.key)];
    const where = ["-h", "localhost", "-p", String(PORT), "-V", "5", "-q", "1", "--cafile", file("ca.pem", who.ca)];
    const message = ["-t", `emotion/v1/${kiosk}/${what}`, "-m", payload];
    const { status, stderr, stdout } = spawnSync("mosquitto_pub", [...where, ...identity, ...message], {
      encoding: "utf8",
    });
    return status === 0 && !/not authori[sz]ed/i.test(stderr + stdout) ? "taken" : "refused";
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function until(what: string, holds: () => Promise<boolean> | boolean): Promise<void> {
  for (const ends = Date.now() + PATIENCE_MS; !(await holds()); await sleep(500))
    if (Date.now() > ends) throw new Error(`${what}: not within ${PATIENCE_MS / 1000} s`);
}

function secondsSince(began: number): number {
  return Math.round((performance.now() - began) / 100) / 10;
}

function say(text: string): void {
  console.log(`fleet's installer: ${text}`);
}
