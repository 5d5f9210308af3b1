/**
 * A whole Debian machine in a folder: made by debootstrap, booted by systemd-nspawn with no network but its own
 * loopback. What a test writes goes to a layer that is thrown away.
 */
import { type ChildProcess, execFile, execFileSync, type ExecFileSyncOptions, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";

const execFileAsync = promisify(execFile);

/** Kept between runs: downloading and unpacking a system takes minutes. */
const CACHE = process.env["KIOSK_TEST_CACHE"] ?? join(homedir(), ".cache/emotion-cam-kiosk");

const MIRROR = process.env["KIOSK_TEST_MIRROR"] ?? "http://deb.debian.org/debian";
const SECURITY_MIRROR = process.env["KIOSK_TEST_SECURITY_MIRROR"] ?? "http://deb.debian.org/debian-security";
/** Debian 13, as of Raspberry Pi OS and the image, and Debian 12, the oldest that a kiosk may have. */
export const SUITES = ["trixie", "bookworm"] as const;

/** Beside the smallest system: what every real Debian has, and what looks at the screen. */
const BASE_PACKAGES = ["systemd", "systemd-sysv", "dbus", "udev", "kmod", "ca-certificates", "grim", "procps"];

const TOOLS = [
  { command: "systemd-nspawn", package: "systemd-container" },
  { command: "debootstrap", package: "debootstrap" },
  { command: "nsenter", package: "util-linux" },
  { command: "curl", package: "curl" },
  { command: "wrk", package: "wrk" },
];

/** For each of the two parts of making a system: beyond it the network is too slow for a test. */
const MAKING_TIMEOUT_MS = 15 * 60_000;
const BOOT_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;

/** Why no machine can be booted here, or null where one can. */
export function whyNoMachine(): string | null {
  if (process.platform !== "linux") return "it needs Linux";
  if (process.getuid?.() !== 0) return "it needs root";
  const missing = () => TOOLS.filter(({ command }) => !isThere(command)).map((tool) => tool.package);
  if (missing().length > 0 && isThere("apt-get")) install(missing());
  if (missing().length > 0) return `packages are missing: ${missing().join(", ")}`;
  const folder = mkdtempSync("/tmp/overlay-");
  try {
    for (const name of ["lower", "upper", "work", "root"]) mkdirSync(join(folder, name));
    mountOverlay(join(folder, "root"), [join(folder, "lower")], join(folder, "upper"), join(folder, "work"));
    execFileSync("umount", [join(folder, "root")]);
    return null;
  } catch (error) {
    return `overlay file systems cannot be mounted here (${error instanceof Error ? error.message : String(error)})`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** On Debian root gets its tools by itself, as it gets the tests' browser. */
function install(packages: readonly string[]): void {
  const environment = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const quietly: ExecFileSyncOptions = { stdio: ["ignore", "ignore", "inherit"], env: environment };
  try {
    execFileSync("apt-get", ["update", "-qq"], quietly);
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...packages], quietly);
  } catch {
    console.log(`apt-get could not install ${packages.join(", ")}.`);
  }
}

function isThere(command: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, command)));
}

function mountOverlay(root: string, lower: readonly string[], upper: string, work: string): void {
  for (const folder of [root, upper, work]) mkdirSync(folder, { recursive: true });
  const options = `lowerdir=${lower.join(":")},upperdir=${upper},workdir=${work}`;
  execFileSync("mount", ["-t", "overlay", "overlay", "-o", options, root]);
}

export class Machine {
  /** The machine's `/`, seen from outside. */
  readonly root: string;
  readonly #folder: string;
  #nspawn: ChildProcess | null = null;
  #init = 0;

  private constructor(folder: string) {
    this.#folder = folder;
    this.root = join(folder, "root");
  }

  /**
   * A machine as it comes out of Debian's installer, with the kiosk's packages downloaded and installed, and nothing
   * else of it.
   *
   * @param suite One of {@link SUITES}.
   * @param release The folder with `kiosk/` and `dist/` whose installer names the packages; seen as `/mnt` inside.
   */
  static create(suite: string, release: string): Machine {
    const base = baseOf(suite);
    const packages = join(CACHE, `${suite}-packages`);
    if (!existsSync(join(packages, "complete"))) makePackages(base, packages, release);
    return Machine.#upon([join(packages, "layer"), join(base, "root")]);
  }

  /** A machine with the smallest Debian that boots. */
  static bare(suite: string): Machine {
    return Machine.#upon([join(baseOf(suite), "root")]);
  }

  static #upon(lower: readonly string[]): Machine {
    const machine = new Machine(mkdtempSync(join(CACHE, "machine-")));
    mountOverlay(machine.root, lower, join(machine.#folder, "upper"), join(machine.#folder, "work"));
    // Debian's installer writes it; debootstrap does not.
    writeFileSync(join(machine.root, "etc/hosts"), "127.0.0.1 localhost\n::1 localhost\n");
    return machine;
  }

  /**
   * Boots, and returns once systemd answers: its units may still be starting.
   *
   * @param readOnly Whether the system lies under an overlay in memory, as a Raspberry Pi's overlay file system has it.
   * @param hasNetwork Whether it shares this machine's network, and its ports.
   */
  async boot(release: string, { readOnly = false, hasNetwork = false } = {}): Promise<void> {
    const log = join(this.#folder, "console.log");
    this.#init = 0;
    this.#nspawn = spawn(
      "systemd-nspawn",
      [
        "--quiet",
        "--boot",
        `--directory=${this.root}`,
        "--register=no",
        "--keep-unit",
        "--kill-signal=SIGRTMIN+3",
        hasNetwork ? "--resolv-conf=copy-host" : "--private-network",
        "--link-journal=no",
        `--bind-ro=${release}:/mnt`,
        ...(readOnly ? ["--volatile=overlay"] : []),
      ],
      { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, SYSTEMD_NSPAWN_UNIFIED_HIERARCHY: "1" } },
    );
    for (const stream of [this.#nspawn.stdout!, this.#nspawn.stderr!]) {
      stream.on("data", (chunk: Buffer) => writeFileSync(log, chunk, { flag: "a" }));
    }
    const ends = Date.now() + BOOT_TIMEOUT_MS;
    while (!(await this.#findInit())) {
      if (this.#nspawn.exitCode !== null || Date.now() > ends) {
        throw new Error(`The machine did not boot:\n${existsSync(log) ? readFileSync(log, "utf8") : ""}`);
      }
      await sleep(50);
    }
  }

  async #findInit(): Promise<boolean> {
    const pid = this.#nspawn!.pid!;
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ");
    this.#init = Number(children[0] ?? 0);
    if (!this.#init) return false;
    const { code } = await this.run("test -S /run/systemd/private");
    return code === 0;
  }

  /** Runs a shell command inside, as root. */
  async run(command: string): Promise<{ code: number; output: string }> {
    const target = ["-t", String(this.#init), "-m", "-u", "-i", "-n", "-p"];
    const environment = "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin; cd /;";
    try {
      const options = { maxBuffer: 1 << 26 };
      const words = [...target, "/bin/bash", "-c", `${environment} exec 2>&1; ${command}`];
      return { code: 0, output: (await execFileAsync("nsenter", words, options)).stdout };
    } catch (error) {
      const { code, stdout } = error as { code?: number; stdout?: string };
      return { code: typeof code === "number" ? code : -1, output: stdout ?? "" };
    }
  }

  /** Starts this machine's own program in the other's network; the caller ends it. */
  startInNetwork(words: readonly string[]): ChildProcess {
    return spawn("nsenter", ["-t", String(this.#init), "-n", ...words], { stdio: ["ignore", "ignore", "inherit"] });
  }

  /** Runs this machine's own program in the other's network: nothing is needed inside. */
  async runInNetwork(words: readonly string[]): Promise<string> {
    return (await execFileAsync("nsenter", ["-t", String(this.#init), "-n", ...words])).stdout;
  }

  /** Asks the kiosk's server inside; null where it does not answer. */
  async get(path: string): Promise<Record<string, unknown> | null> {
    try {
      const answer = await this.runInNetwork(["curl", "-s", "-m", "2", `http://localhost:8080${path}`]);
      return JSON.parse(answer) as Record<string, unknown>;
    } catch {
      return null;
    }
  }

  /** Ends at once, as without power. */
  async cutPower(): Promise<void> {
    const nspawn = this.#nspawn!;
    const gone = new Promise<void>((resolve) => nspawn.once("exit", () => resolve()));
    this.#kill();
    await gone;
    this.#nspawn = null;
  }

  /** The kernel ends every process of the machine with its first. Debian 13's systemd outlives nspawn. */
  #kill(): void {
    if (this.#init > 0 && existsSync(`/proc/${this.#init}`)) process.kill(this.#init, "SIGKILL");
    this.#nspawn?.kill("SIGKILL");
  }

  /** Shuts down in good order. */
  async shutDown(): Promise<void> {
    const nspawn = this.#nspawn;
    if (nspawn === null || nspawn.exitCode !== null) return;
    const gone = new Promise<void>((resolve) => nspawn.once("exit", () => resolve()));
    nspawn.kill("SIGTERM");
    const late = setTimeout(() => this.#kill(), STOP_TIMEOUT_MS);
    await gone;
    clearTimeout(late);
    this.#nspawn = null;
  }

  /** Throws the machine away. */
  async destroy(): Promise<void> {
    await this.shutDown();
    execFileSync("umount", [this.root]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** @returns The folder whose `root` is the smallest system of a Debian that boots, made where there is none yet. */
function baseOf(suite: string): string {
  const folder = join(CACHE, `${suite}-base`);
  if (!existsSync(join(folder, "complete"))) makeBase(folder, suite);
  return folder;
}

function makeBase(folder: string, suite: string): void {
  console.log(`Making a Debian ${suite} in ${folder} (once; about two minutes)`);
  rmSync(folder, { recursive: true, force: true });
  const root = join(folder, "root");
  mkdirSync(root, { recursive: true });
  const sources = [`deb ${MIRROR} ${suite} main`, `deb ${MIRROR} ${suite}-updates main`];
  execFileSync("debootstrap", ["--variant=minbase", `--include=${BASE_PACKAGES.join(",")}`, suite, root, MIRROR], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: MAKING_TIMEOUT_MS,
  });
  // A system that is thrown away with its machine need not be safe from a power cut while it is made.
  writeFileSync(join(root, "etc/dpkg/dpkg.cfg.d/unsafe-io"), "force-unsafe-io\n");
  sources.push(`deb ${SECURITY_MIRROR} ${suite}-security main`);
  writeFileSync(join(root, "etc/apt/sources.list"), `${sources.join("\n")}\n`);
  writeFileSync(join(folder, "complete"), "");
}

/** The installer itself brings the packages, in a machine that is not booted (as when an image is built), and goes. */
function makePackages(base: string, folder: string, release: string): void {
  console.log(`Installing the kiosk's packages into ${folder} (once; about two minutes)`);
  rmSync(folder, { recursive: true, force: true });
  const root = join(folder, "root");
  mountOverlay(root, [join(base, "root")], join(folder, "layer"), join(folder, "work"));
  try {
    const commands = "/mnt/kiosk/install.sh && /mnt/kiosk/install.sh --uninstall && apt-get clean";
    execFileSync(
      "systemd-nspawn",
      [
        ...["--quiet", `--directory=${root}`, "--register=no", "--keep-unit", "--as-pid2"],
        ...["--resolv-conf=copy-host", `--bind-ro=${release}:/mnt`, "/bin/bash", "-ec", commands],
      ],
      { stdio: ["ignore", "ignore", "inherit"], timeout: MAKING_TIMEOUT_MS },
    );
  } finally {
    execFileSync("umount", [root]);
  }
  writeFileSync(join(folder, "complete"), "");
}
