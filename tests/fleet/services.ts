/**
 * The services of a fleet's central machine, as real programs on loopback with their own folders and ports: Mosquitto
 * with TLS, PostgreSQL, and a network between that can be made bad.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { createPrivateKey, sign, X509Certificate } from "node:crypto";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import pg from "pg";
import type { Membership } from "../../kiosk/fleet/membership.ts";

const SOURCE = fileURLToPath(new URL("../../kiosk/fleet", import.meta.url));
/** Against hanging: on a busy machine a start takes long. */
const START_TIMEOUT_MS = 300_000;

const PACKAGES = { mosquitto: "mosquitto", mosquitto_pub: "mosquitto-clients", openssl: "openssl" } as const;

/** @returns Why no fleet can be started here, or null where one can. As root on Debian what is missing is installed. */
export function whyNoFleet(): string | null {
  if (process.platform !== "linux") return "it needs Linux";
  const missing = () => [
    ...Object.entries(PACKAGES).flatMap(([command, name]) => (isThere(command) ? [] : [name])),
    ...(postgresFolder() === null ? ["postgresql"] : []),
  ];
  if (missing().length > 0 && process.getuid?.() === 0 && isThere("apt-get")) install(missing());
  return missing().length === 0 ? null : `install what is missing: sudo apt-get install ${missing().join(" ")}`;
}

function install(packages: readonly string[]): void {
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  try {
    execFileSync("apt-get", ["update", "-qq"], { stdio: "ignore", env });
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], { stdio: "ignore", env });
  } catch {
    console.log(`apt-get could not install ${packages.join(", ")}.`);
  }
}

function isThere(command: string): boolean {
  const folders = [...(process.env["PATH"] ?? "").split(":"), "/usr/sbin"];
  return folders.some((folder) => existsSync(join(folder, command)));
}

function postgresFolder(): string | null {
  const root = "/usr/lib/postgresql";
  const versions = existsSync(root) ? readdirSync(root).sort((a, b) => Number(a) - Number(b)) : [];
  const newest = versions.filter((version) => existsSync(join(root, version, "bin/initdb"))).at(-1);
  return newest === undefined ? null : join(root, newest, "bin");
}

/** End the programs of runs that were killed, whose folders have their dead process's number, and take their disks away. */
export function clearDeadRuns(): void {
  const dead = readdirSync(tmpdir())
    .filter((name) => /^fleet-\d+-/.test(name) && !existsSync(`/proc/${name.split("-")[1]}`))
    .map((name) => join(tmpdir(), name));
  for (const folder of dead) {
    for (const pid of processesOf(folder)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It ended with its parent.
      }
    }
    const mounts = readFileSync("/proc/self/mounts", "utf8").split("\n");
    for (const [, path] of mounts.map((line) => line.split(" ")))
      if (path?.startsWith(`${folder}/`)) execFileSync("umount", ["-l", path]);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** @returns The numbers of processes whose command names a folder. */
function processesOf(folder: string): number[] {
  const names = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(`${folder}/`);
    } catch {
      return false;
    }
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid && names(name))
    .map(Number);
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Made by the same openssl commands as install.sh's. */
export class Authority {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
    mkdirSync(join(folder, "issued"), { recursive: true });
    writeFileSync(join(folder, "index.txt"), "");
    writeFileSync(join(folder, "serial"), "1000\n");
    writeFileSync(join(folder, "crlnumber"), "1000\n");
    writeFileSync(
      join(folder, "openssl.cnf"),
      `[ca]\ndefault_ca=fleet\n[fleet]\ndir=${folder}\ndatabase=${folder}/index.txt\nserial=${folder}/serial\n` +
        `crlnumber=${folder}/crlnumber\nnew_certs_dir=${folder}/issued\ncertificate=${folder}/ca.pem\n` +
        `private_key=${folder}/ca.key\ndefault_md=sha256\ndefault_days=30\ndefault_crl_days=30\npolicy=any\n` +
        `unique_subject=no\n[any]\ncommonName=supplied\n`,
    );
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    this.#openssl(
      "req",
      "-x509",
      ...key,
      "-days",
      "30",
      "-subj",
      "/CN=Test fleet",
      "-keyout",
      "ca.key",
      "-out",
      "ca.pem",
    );
    this.#list();
  }

  /** @param dates `openssl ca`'s own: `-startdate 20200101000000Z -enddate 20200201000000Z`. */
  issue(name: string, usage: "clientAuth" | "serverAuth" = "clientAuth", dates: readonly string[] = []): void {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    this.#openssl("req", ...key, "-subj", `/CN=${name}`, "-keyout", `${name}.key`, "-out", `${name}.csr`);
    const extensions = join(this.folder, `${name}.ext`);
    writeFileSync(extensions, `extendedKeyUsage=${usage}\nsubjectAltName=DNS:${name},DNS:localhost,IP:127.0.0.1\n`);
    const files = ["-in", `${name}.csr`, "-out", `${name}.pem`, "-extfile", extensions];
    this.#openssl("ca", "-batch", "-notext", "-config", "openssl.cnf", ...files, ...dates);
  }

  revoke(name: string): void {
    this.#openssl("ca", "-config", "openssl.cnf", "-revoke", `${name}.pem`);
    this.#list();
  }

  /**
   * Copies of one certificate with other names and one key, signed anew: openssl would run for minutes for thousands.
   *
   * @param names All of the same length.
   */
  issueMany(names: readonly string[]): void {
    const [first, ...others] = names as [string, ...string[]];
    this.issue(first);
    const key = this.read(`${first}.key`);
    const signer = createPrivateKey(this.read("ca.key"));
    const certificate = new X509Certificate(this.read(`${first}.pem`)).raw;
    const [signed, algorithm] = derParts(certificate);
    for (const name of others) {
      if (name.length !== first.length) throw new Error(`${name} is not as long as ${first}`);
      const renamed = Buffer.from(signed!.toString("latin1").replaceAll(first, name), "latin1");
      const signature = der(0x03, Buffer.concat([Buffer.of(0), sign("sha256", renamed, signer)]));
      const copy = der(0x30, Buffer.concat([renamed, algorithm!, signature])).toString("base64");
      writeFileSync(
        join(this.folder, `${name}.pem`),
        `-----BEGIN CERTIFICATE-----\n${copy.replace(/.{64}/g, "$&\n")}\n-----END CERTIFICATE-----\n`,
      );
      writeFileSync(join(this.folder, `${name}.key`), key);
    }
  }

  read(file: string): string {
    return readFileSync(join(this.folder, file), "utf8");
  }

  #list(): void {
    this.#openssl("ca", "-config", "openssl.cnf", "-gencrl", "-out", "revoked.pem");
  }

  #openssl(...args: string[]): void {
    execFileSync("openssl", args, { cwd: this.folder, stdio: ["ignore", "ignore", "pipe"] });
  }

  membership(kiosk: string, port: number): Membership {
    const [certificate, key] = [this.read(`${kiosk}.pem`), this.read(`${kiosk}.key`)];
    const broker = `mqtts://localhost:${port}`;
    return { v: 1, kiosk, broker, ca: this.read("ca.pem"), certificate, key, homeAssistant: true };
  }
}

/** @returns An element of ASN.1's distinguished encoding rules (X.690). */
function der(tag: number, content: Buffer): Buffer {
  const { length } = content;
  const lengths = length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...lengths), content]);
}

/** @returns The elements within an element of such an encoding. */
function derParts(element: Buffer): Buffer[] {
  const sizeAt = (at: number) => {
    const octets = element[at + 1]! < 0x80 ? 0 : element[at + 1]! & 0x7f;
    const head = 2 + octets;
    return { head, total: head + (octets === 0 ? element[at + 1]! : element.readUIntBE(at + 2, octets)) };
  };
  const parts: Buffer[] = [];
  for (let at = sizeAt(0).head; at < element.length; at += sizeAt(at).total)
    parts.push(element.subarray(at, at + sizeAt(at).total));
  return parts;
}

/** A program of ours or of others that is started, killed and started again. */
export abstract class Program {
  protected child: ChildProcess | null = null;
  readonly output: string[] = [];

  protected abstract spawn(): ChildProcess;
  protected abstract isUp(): Promise<boolean>;

  async start(): Promise<void> {
    const ends = Date.now() + START_TIMEOUT_MS;
    for (;;) {
      if (this.child === null) {
        const child = this.spawn();
        this.child = child;
        for (const stream of [child.stdout, child.stderr])
          stream?.on("data", (chunk: Buffer) => {
            this.output.push(chunk.toString());
            this.output.splice(0, this.output.length - 200);
          });
        child.once("exit", () => {
          if (this.child === child) this.child = null;
        });
      }
      if (await this.isUp()) return;
      if (Date.now() > ends) throw new Error(`${this.constructor.name} did not start:\n${this.output.join("")}`);
      await sleep(100);
    }
  }

  get pid(): number {
    return this.child?.pid ?? 0;
  }

  /** @returns Zeros where it does not run. */
  usage(): Usage {
    return usageOf(this.pid);
  }

  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    const { child } = this;
    if (child === null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    this.signal(signal);
    await ended;
    this.child = null;
  }

  protected signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }
}

export interface Usage {
  /** The processor's time, ms. */
  readonly cpuMs: number;
  /** Memory that no other process has, bytes. */
  readonly ownBytes: number;
  /** Files and shared memory, each counted once for all who have it, bytes. */
  readonly sharedBytes: number;
}

const NO_USAGE: Usage = { cpuMs: 0, ownBytes: 0, sharedBytes: 0 };

function usageOf(pid: number): Usage {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /, "")
      .split(" ");
    // Clock ticks of 10 ms; user and system time, those of ended children too.
    const ticks = [11, 12, 13, 14].reduce((sum, index) => sum + Number(fields[index]), 0);
    const memory = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    const bytes = (name: string) => 1024 * Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(memory)![1]);
    return { cpuMs: ticks * 10, ownBytes: bytes("Pss_Anon"), sharedBytes: bytes("Pss") - bytes("Pss_Anon") };
  } catch {
    return NO_USAGE;
  }
}

export class Broker extends Program {
  readonly port: number;
  readonly conf: string;

  constructor(folder: string, authority: Authority, port: number) {
    super();
    this.port = port;
    mkdirSync(join(folder, "broker"), { recursive: true });
    this.conf = join(folder, "broker/mosquitto.conf");
    const acl = join(folder, "broker/acl");
    writeFileSync(acl, readFileSync(join(SOURCE, "mosquitto.acl"), "utf8"));
    chmodSync(acl, 0o600);
    const values = { PORT: port, ADDRESS: "127.0.0.1", TLS: authority.folder, ACL: acl, DATA: join(folder, "broker") };
    const text = Object.entries(values).reduce(
      (conf, [word, value]) => conf.replaceAll(`@${word}@`, String(value)),
      readFileSync(join(SOURCE, "mosquitto.conf"), "utf8"),
    );
    // The folder is root's; the user's own where it is not root.
    writeFileSync(this.conf, `${text}\n${process.getuid?.() === 0 ? "user root\n" : ""}`);
  }

  protected override spawn(): ChildProcess {
    return spawn("mosquitto", ["-c", this.conf], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` },
    });
  }

  protected override isUp(): Promise<boolean> {
    return canConnect(this.port);
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => resolve(true));
    socket.once("error", () => resolve(false)).once("connect", () => socket.destroy());
  });
}

export class Postgres extends Program {
  readonly port: number;
  readonly folder: string;
  readonly #bin = postgresFolder()!;
  readonly #user = process.getuid?.() === 0 ? "postgres" : null;

  constructor(folder: string, port: number) {
    super();
    this.port = port;
    this.folder = join(folder, "postgres");
    mkdirSync(this.folder, { recursive: true });
    if (this.#user !== null) {
      for (const parent of [folder, this.folder]) execFileSync("chmod", ["a+x", parent]);
      execFileSync("chown", [this.#user, this.folder]);
    }
    this.#run(
      "initdb",
      "-D",
      this.#data,
      "-U",
      "postgres",
      "-A",
      "trust",
      "-E",
      "UTF8",
      "--no-sync",
      "--locale=C.UTF-8",
    );
  }

  get #data(): string {
    return join(this.folder, "data");
  }

  get url(): string {
    return `postgresql://postgres@127.0.0.1:${this.port}/emotion`;
  }

  /** Make the database with its schema. */
  async create(): Promise<void> {
    await this.query("CREATE DATABASE emotion", "postgres");
    await this.query(readFileSync(join(SOURCE, "schema.sql"), "utf8"));
  }

  async query<T extends pg.QueryResultRow>(sql: string, database = "emotion"): Promise<readonly T[]> {
    const client = new pg.Client({ connectionString: this.url.replace(/emotion$/, database) });
    client.on("error", () => {});
    await client.connect();
    try {
      const result = (await client.query<T>(sql)) as pg.QueryResult<T> | pg.QueryResult<T>[];
      return (Array.isArray(result) ? result.at(-1)! : result).rows;
    } finally {
      await client.end();
    }
  }

  backUp(): void {
    this.#run(
      "pg_dump",
      "-h",
      "127.0.0.1",
      "-p",
      String(this.port),
      "-U",
      "postgres",
      "-Fc",
      "-f",
      this.#dump,
      "emotion",
    );
  }

  /** Replace the database by the backup; whoever is connected is thrown out. */
  async restore(): Promise<void> {
    await this.query("DROP DATABASE emotion WITH (FORCE)", "postgres");
    await this.query("CREATE DATABASE emotion", "postgres");
    // As install.sh does: whole or not at all. Ingest, which goes on here, must not write into half of it.
    const where = ["-h", "127.0.0.1", "-p", String(this.port), "-U", "postgres", "-d", "emotion"];
    this.#run("pg_restore", "--single-transaction", ...where, this.#dump);
  }

  get #dump(): string {
    return join(this.folder, "backup.dump");
  }

  protected override spawn(): ChildProcess {
    const options = ["-D", this.#data, "-p", String(this.port), "-h", "127.0.0.1", "-k", this.folder];
    return this.#spawn("postgres", ...options, "-c", "max_wal_size=256MB", "-c", "log_min_messages=fatal");
  }

  protected override async isUp(): Promise<boolean> {
    try {
      await this.query("SELECT 1", "postgres");
      return true;
    } catch {
      return false;
    }
  }

  /** `runuser` stands between: the postmaster's own number is in its file. */
  get postmaster(): number {
    try {
      return Number(readFileSync(join(this.#data, "postmaster.pid"), "utf8").split("\n")[0]);
    } catch {
      return 0;
    }
  }

  protected override signal(signal: NodeJS.Signals): void {
    if (this.postmaster > 0) process.kill(this.postmaster, signal);
    else this.child?.kill(signal);
  }

  /** @returns The usage of the postmaster and all its processes. */
  override usage(): Usage {
    const main = this.postmaster;
    return readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .filter((pid) => pid === main || parentOf(pid) === main)
      .map((pid) => usageOf(pid))
      .reduce(
        (sum, { cpuMs, ownBytes, sharedBytes }) => ({
          cpuMs: sum.cpuMs + cpuMs,
          ownBytes: sum.ownBytes + ownBytes,
          sharedBytes: sum.sharedBytes + sharedBytes,
        }),
        NO_USAGE,
      );
  }

  #command(name: string, args: readonly string[]): [string, string[]] {
    const program = join(this.#bin, name);
    return this.#user === null ? [program, [...args]] : ["runuser", ["-u", this.#user, "--", program, ...args]];
  }

  #run(name: string, ...args: string[]): void {
    const [command, all] = this.#command(name, args);
    execFileSync(command, all, { stdio: ["ignore", "ignore", "pipe"], cwd: "/" });
  }

  #spawn(name: string, ...args: string[]): ChildProcess {
    const [command, all] = this.#command(name, args);
    return spawn(command, all, { stdio: ["ignore", "pipe", "pipe"], cwd: "/" });
  }
}

function parentOf(pid: number): number {
  try {
    return Number(
      readFileSync(`/proc/${pid}/stat`, "utf8")
        .replace(/^.*\) /, "")
        .split(" ")[1],
    );
  } catch {
    return 0;
  }
}

/** A Node program that says something when it is ready. */
export class NodeProgram extends Program {
  readonly #args: readonly string[];
  #hasSpoken = false;

  constructor(...args: readonly string[]) {
    super();
    this.#args = args;
  }

  protected override spawn(): ChildProcess {
    this.#hasSpoken = false;
    const child = spawn(process.execPath, [...this.#args], { stdio: ["ignore", "pipe", "pipe"] });
    child.stdout!.once("data", () => (this.#hasSpoken = true));
    return child;
  }

  protected override async isUp(): Promise<boolean> {
    return this.#hasSpoken;
  }
}

/** A network between kiosks and broker: whole, swallowing every packet in silence, or cutting connections. */
export class Network {
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #swallows = false;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async between(port: number, brokerPort: number): Promise<Network> {
    const network = new Network(createServer((socket) => network.#join(socket, brokerPort)));
    await new Promise<void>((resolve) => network.#server.listen(port, "127.0.0.1", resolve));
    return network;
  }

  #join(near: Socket, brokerPort: number): void {
    const far = connect(brokerPort, "127.0.0.1");
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [pair, [far, near]] as const) {
      // A swallowed packet is lost for good: TLS sees its stream end up in disorder, as after a broken link.
      from.on("data", (chunk) => this.#swallows || to.write(chunk));
      from.on("error", () => {});
      from.once("close", () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
  }

  swallow(): void {
    this.#swallows = true;
  }

  heal(): void {
    this.#swallows = false;
  }

  cut(): void {
    for (const [near] of this.#pairs) near.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** A small disk in memory that can be filled; null where none can be mounted here. */
export class Disk {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static mount(folder: string, megabytes: number): Disk | null {
    mkdirSync(folder, { recursive: true });
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}m`, "tmpfs", folder], { stdio: "ignore" });
      return new Disk(folder);
    } catch {
      return null;
    }
  }

  fill(): void {
    const chunk = Buffer.alloc(1 << 20);
    try {
      for (;;) appendFileSync(join(this.folder, "ballast"), chunk);
    } catch {
      // The disk is full.
    }
  }

  relieve(): void {
    rmSync(join(this.folder, "ballast"), { force: true });
  }

  unmount(): void {
    execFileSync("umount", ["-l", this.folder]);
  }
}
