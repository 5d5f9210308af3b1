/**
 * The kiosk on a machine that really boots: installs it from the release archive, measures how long it takes to its
 * first result, breaks it in every way that is listed below and measures how long it takes to be an exhibit again.
 *
 *   npm run test:kiosk                    everything, about 30 minutes
 *   npm run test:kiosk -- --short         install, boot, two faults, uninstall: what npm test runs
 *   npm run test:kiosk -- --only PATTERN  only the faults and states whose name matches
 *   npm run test:kiosk -- --release DIR   a release archive that is unpacked already, in place of one made from dist/
 *   npm run test:kiosk -- --json FILE     the figures; --pictures FOLDER the screen in each state
 *
 * Wants root on a 64-bit Debian-like Linux where systemd-nspawn may run; gets its tools by itself. Where it cannot, it
 * says so, and that nothing was tested: a failure, except of the short run.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { cameraFrames } from "./camera-frames.ts";
import { FAULTS, type Fault } from "./faults.ts";
import { Machine, whyNoMachine } from "./machine.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What the exhibit promises on this class of machine, ms. */
const FIRST_RESULT_TARGET_MS = 15_000;

/** Patience with a recovery before it counts as none. */
const LIMIT_MS = 180_000;

const POLL_MS = 250;

/** The nature of a virtual machine without a screen, a camera or a graphics chip; the rest is as it ships. */
const HEADLESS = `[Unit]
ConditionPathExists=
[Service]
Environment=WLR_BACKENDS=headless
`;

const FAKE_CAMERA = "browser_flags = --use-fake-device-for-media-stream";
/**
 * Turned by half, because cage 0.1.4 hands an unturned browser's picture to the screen untouched, and the last picture
 * that it drew itself is all that a screenshot would show. The screenshot is turned back.
 */
const DRAWN = "gpu = off\nrotation = 180\n";

/** What is played to the camera, in the settings' words. */
const FROM_CLIP = `${FAKE_CAMERA} --use-file-for-fake-video-capture=/var/lib/test-camera.mjpeg`;

/** Polled by the page under test; its size never changes, because the server lists its files once. */
const NO_FAULT = "none ";

const FAULT_SCRIPT = `
for (;;) {
  // One question at a time: more would take the heartbeat's connections from it while the server is slow.
  const fault = await fetch("/fault.txt", { cache: "no-store" }).then((answer) => answer.text(), () => "");
  if (fault.trim() === "spin") for (;;);
  if (fault.trim() === "hush") addEventListener("emotion-frame", (event) => event.stopImmediatePropagation(), true);
  await new Promise((resolve) => setTimeout(resolve, 500));
}
`;

const { values: options } = parseArgs({
  options: {
    short: { type: "boolean" },
    only: { type: "string" },
    release: { type: "string" },
    json: { type: "string" },
    pictures: { type: "string" },
  },
});

const isWanted = (name: string) => new RegExp(options.only ?? "").test(name);

interface Beat {
  readonly page: string;
  readonly state: string;
  readonly source: string;
  readonly error: string | null;
  readonly results: number;
}

const failures: string[] = [];
const report: Record<string, unknown> = { schema: 1, when: new Date().toISOString(), cores: cpus().length };

/** Work that waits for each core: beyond this the times say more about the other work than about the exhibit. */
const BUSY_PER_CORE = 1.5;

/** How busy the machine is: times mean little without it. */
const load = () => `load ${loadavg()[0]!.toFixed(1)} on ${cpus().length} cores`;

const isBusy = () => loadavg()[0]! / cpus().length > BUSY_PER_CORE;

function checkTime(what: string, ms: number, targetMs: number): void {
  const detail = `${(ms / 1000).toFixed(1)} s (target ${targetMs / 1000} s, ${load()})`;
  if (ms > targetMs && isBusy()) console.log(`LATE   ${what}: ${detail}: the machine is too busy for this to count`);
  else check(what, ms <= targetMs, detail);
}

function check(what: string, holds: boolean, detail = ""): void {
  console.log(`${holds ? "ok    " : "FAILED"} ${what}${detail === "" ? "" : `: ${detail}`}`);
  if (!holds) failures.push(what);
}

async function until(what: string, holds: () => Promise<boolean>): Promise<number> {
  const startedAt = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedAt > LIMIT_MS) throw new Error(`${what}: not within ${LIMIT_MS / 1000} s`);
    await sleep(POLL_MS);
  }
  return performance.now() - startedAt;
}

const lastBeat = async (machine: Machine) => ((await machine.get("/health"))?.["heartbeat"] ?? null) as Beat | null;
const isAlive = async (machine: Machine) => (await machine.get("/health"))?.["alive"] === true;

/** An answer about a frame of the camera, by a page other than the one named. */
async function hasResult(machine: Machine, notOf?: string): Promise<boolean> {
  const beat = await lastBeat(machine);
  return beat !== null && beat.page !== notOf && beat.results > 0 && beat.source === "camera";
}

async function picture(machine: Machine, name: string): Promise<void> {
  const command = "XDG_RUNTIME_DIR=/run/emotion-kiosk WAYLAND_DISPLAY=wayland-0 grim /root/screen.png";
  const { code, output } = await machine.run(command);
  check(`picture of the screen: ${name}`, code === 0, output.trim());
  if (code !== 0 || options.pictures === undefined) return;
  mkdirSync(options.pictures, { recursive: true });
  copyFileSync(join(machine.root, "root/screen.png"), join(options.pictures, `${name}.png`));
}

/** Every file of the system with its owner, mode, size and content, but for what is in motion anyway. */
async function fileSystem(machine: Machine): Promise<string[]> {
  const skip = [
    "proc",
    "sys",
    "dev",
    "run",
    "tmp",
    "mnt",
    "root",
    "var/log",
    "var/cache",
    "var/tmp",
    // What useradd and userdel keep of the state before: it has the day on which the user was made.
    ...["passwd-", "group-", "shadow-", "gshadow-"].map((name) => `etc/${name}`),
    // What systemd itself notes down: the entropy, the clock, the journal's catalogue.
    "var/lib/systemd",
  ];
  const prune = skip.map((path) => `-path ./${path}`).join(" -o ");
  const { output } = await machine.run(
    `cd /; find . \\( ${prune} \\) -prune -o -printf '%p %u %g %m %y %l\\n'; ` +
      `find . \\( ${prune} \\) -prune -o -type f -print0 | xargs -0 md5sum`,
  );
  return output.split("\n").sort();
}

async function install(machine: Machine): Promise<void> {
  // What a keeper of this machine writes into the settings; the installer leaves it alone.
  writeFileSync(join(machine.root, "etc/emotion-kiosk.conf"), `${DRAWN}language = en\n${FROM_CLIP}\n`);
  mkdirSync(join(machine.root, "etc/systemd/system/emotion-kiosk-browser.service.d"), { recursive: true });
  writeFileSync(join(machine.root, "etc/systemd/system/emotion-kiosk-browser.service.d/headless.conf"), HEADLESS);
  const dry = await machine.run("/mnt/kiosk/install.sh --dry-run");
  check("the dry run says what it would do, and does nothing", dry.code === 0 && /would run: useradd/.test(dry.output));
  check("nothing is there after the dry run", !existsSync(join(machine.root, "opt/emotion-kiosk")));
  const startedAt = performance.now();
  const first = await machine.run("/mnt/kiosk/install.sh");
  check("installs", first.code === 0, first.code === 0 ? `${first.output.split("\n").length} lines` : first.output);
  report["installMs"] = performance.now() - startedAt;
  await until("first result after installing", () => hasResult(machine));
  const second = await machine.run("/mnt/kiosk/install.sh");
  check("installing again changes no file", second.code === 0 && !/^file:/m.test(second.output), second.output.trim());
}

/** What can be said of the installed machine as it stands. */
async function examine(machine: Machine): Promise<void> {
  const units = "emotion-kiosk-server.service emotion-kiosk-browser.service";
  const verified = await machine.run(`systemd-analyze verify ${units}`);
  check("systemd-analyze verify has nothing to say", verified.output.trim() === "", verified.output.trim());
  const { output } = await machine.run(`systemd-analyze security --no-pager ${units} | grep Overall`);
  const exposures = [...output.matchAll(/(\S+)\.service: ([\d.]+)/g)].map(([, unit, value]) => [unit!, Number(value)]);
  report["exposure"] = Object.fromEntries(exposures);
  console.log(`       exposure by systemd-analyze security: ${JSON.stringify(report["exposure"])}`);
  const renderers = await machine.run(
    "for pid in $(pgrep -u kiosk -f -- --type=renderer); do readlink /proc/$pid/ns/user; done; readlink /proc/1/ns/user",
  );
  const spaces = renderers.output.trim().split("\n");
  const isSandboxed = spaces.length > 1 && spaces.slice(0, -1).every((space) => space !== spaces.at(-1));
  check("Chromium's sandbox is on: renderers have a user namespace of their own", isSandboxed);
  const { output: lines } = await machine.run("ps -u kiosk -o args");
  check(
    "no flag grants the camera or drops the sandbox",
    !/--no-sandbox|--use-fake-ui|disable-web-security/.test(lines),
  );
  const { output: groups } = await machine.run("id -nG kiosk");
  check("the user is in video and render only", groups.trim() === "kiosk video render", groups.trim());
  await checkDoors(machine);
  const complaints =
    (await machine.run("/opt/emotion-kiosk/kiosk/install.sh --check")).output.match(/^WRONG.*/gm) ?? [];
  const ours = complaints.filter((line) => !/\/dev\/|No screen/.test(line));
  check(
    "--check complains of the devices that this machine lacks, and of nothing else",
    ours.length === 0,
    ours.join("; "),
  );
  if (process.env["PATH"]?.split(":").some((folder) => existsSync(join(folder, "shellcheck")))) {
    const scripts = ["install", "start-browser", "write-policy", "release"].map((name) =>
      join(ROOT, `kiosk/${name}.sh`),
    );
    execFileSync("shellcheck", scripts, { stdio: "inherit" });
    check("shellcheck has nothing to say", true);
  } else console.log("shellcheck is not installed: the scripts were not checked by it.");
}

/** Addresses on which TCP and UDP sockets wait, as the kernel writes them: hexadecimal, words turned round. */
const LOOPBACK = /^(0100007F|00000000000000000000000001000000):/;

/** What somebody finds who sits at the machine's network, or at its disk. */
async function checkDoors(machine: Machine): Promise<void> {
  const { output: waiting } = await machine.run(
    `awk '$4 == "0A" { print $2 }' /proc/net/tcp /proc/net/tcp6; awk 'FNR > 1 { print $2 }' /proc/net/udp /proc/net/udp6`,
  );
  const addresses = waiting.trim().split("\n");
  const open = addresses.filter((address) => !LOOPBACK.test(address));
  check("nothing but loopback listens", addresses.length > 0 && open.length === 0, open.join(" "));
  const { output: kept } = await machine.run(
    "find / -xdev -user kiosk -not -path '/proc/*'; find /var/lib/private -type f",
  );
  check("nothing is kept: the browser's user owns no file outside memory", kept.trim() === "", kept.trim());
  const profile = "nsenter -t $(pgrep -o -u kiosk chromium) -m stat -f -c %T /tmp /dev/shm";
  const { output: kinds } = await machine.run(profile);
  check("the profile lies in memory", kinds.trim() === "tmpfs\ntmpfs", kinds.trim());
}

/** A stranger's server inside, and a browser sent to it: whether it was asked for its page. */
const REACH = `
node -e 'require("http").createServer((q, a) => { require("fs").appendFileSync("/run/reached", q.url); a.end(); }).listen(9090)' &
stranger=$!
rm -f /run/reached; sleep 1
timeout 30 runuser -u kiosk -- env HOME=/tmp chromium --headless --disable-gpu --user-data-dir=/tmp/reach http://localhost:9090/page
kill $stranger; rm -rf /tmp/reach
grep -c page /run/reached`;

/** What the policy lets a browser of this machine reach, whoever starts it. */
async function checkPolicy(machine: Machine): Promise<void> {
  const reached = async () => (await machine.run(REACH)).output.trim().endsWith("1");
  check("the policy blocks every other address", !(await reached()));
  const more = join(machine.root, "etc/chromium/policies/managed/zz-more.json");
  writeFileSync(more, '{ "URLAllowlist": ["http://localhost:9090"] }');
  check("and nothing but the policy does", await reached());
  rmSync(more);
}

/** The page under test learns to misbehave. */
function plantFaults(machine: Machine): void {
  const site = join(machine.root, "opt/emotion-kiosk/site");
  const index = readFileSync(join(site, "index.html"), "utf8");
  if (!index.includes("fault.js")) {
    const script = '<script type="module" src="fault.js"></script>';
    writeFileSync(join(site, "index.html"), index.replace("</body>", `${script}</body>`));
    if (!index.includes("</body>")) writeFileSync(join(site, "index.html"), index + script);
  }
  writeFileSync(join(site, "fault.js"), FAULT_SCRIPT);
  writeFileSync(join(site, "fault.txt"), NO_FAULT);
}

async function measureBoot(machine: Machine, release: string): Promise<void> {
  const startedAt = performance.now();
  await machine.boot(release);
  const upMs = performance.now() - startedAt;
  await until("first result after boot", () => hasResult(machine));
  const firstResultMs = performance.now() - startedAt;
  report["boot"] = { upMs, firstResultMs };
  checkTime("first result after boot", firstResultMs, FIRST_RESULT_TARGET_MS);
}

/** What the exhibit is in for hours, rightly: it must look right, and no watchdog must bark. */
interface State {
  readonly name: string;
  readonly settings: string;
  readonly holds: (health: Record<string, unknown>, beat: Beat) => boolean;
  /** Brings the state about, and takes it away again. */
  readonly begin?: string;
  readonly end?: string;
  /** The watchdog is to bark: what is seen is what a visitor sees until then. */
  readonly isFault?: boolean;
}

/** Longer than the watchdog's patience, which counts from the first sign of life on. */
const STATE_MS = 60_000;

/** What eases in has come to rest, and the slow machine has drawn it, ms. */
const SETTLE_MS = 5000;

/** Hours that begin when this one is over, so that the exhibit is closed now. */
function closedHours(): string {
  const hour = new Date().getHours();
  const twoDigits = (value: number) => String(value % 24).padStart(2, "0");
  return `${twoDigits(hour + 2)}:00-${twoDigits(hour + 3)}:00`;
}

const STATES: readonly State[] = [
  {
    name: "no camera",
    settings: "language = en\n",
    holds: (health, beat) => health["alive"] === true && beat.source === "clip" && beat.results > 0,
  },
  {
    name: "nobody there",
    settings: `language = de\ntheme = light\n${FAKE_CAMERA}`,
    holds: (health, beat) => health["alive"] === true && beat.source === "camera" && beat.results > 0,
  },
  {
    name: "camera denied",
    settings: `language = es\n${FROM_CLIP}`,
    begin: `echo '{ "VideoCaptureAllowedUrls": [] }' >/etc/chromium/policies/managed/zz-denied.json`,
    end: "rm /etc/chromium/policies/managed/zz-denied.json",
    holds: (health, beat) => health["alive"] === true && beat.error === "camera-denied",
  },
  {
    name: "a network's file gone",
    settings: `language = fr\n${FROM_CLIP}`,
    begin: "mv /opt/emotion-kiosk/site/models /root/models",
    end: "mv /root/models /opt/emotion-kiosk/site/models",
    holds: (_health, beat) => beat.error === "model-load",
    isFault: true,
  },
  {
    name: "off hours",
    settings: `hours = ${closedHours()}\n${FROM_CLIP}`,
    holds: (health, beat) => health["alive"] === true && beat.state === "idle",
  },
  {
    name: "turned and in high contrast",
    settings: `language = ja\ntheme = contrast\nrotation = 90\n${FROM_CLIP}`,
    holds: (health, beat) => health["alive"] === true && beat.source === "camera" && beat.results > 0,
  },
];

async function showState(machine: Machine, state: State): Promise<void> {
  const file = `${DRAWN}${state.settings}\n`;
  writeFileSync(join(machine.root, "etc/emotion-kiosk.conf"), file);
  await machine.run(`${state.begin ?? "true"}; systemctl restart emotion-kiosk-server`);
  const holds = async () => {
    const health = await machine.get("/health");
    const beat = (health?.["heartbeat"] ?? null) as Beat | null;
    return health !== null && beat !== null && state.holds(health, beat);
  };
  try {
    await until(state.name, holds);
    const { page } = (await lastBeat(machine))!;
    await sleep(SETTLE_MS);
    await picture(machine, state.name.replaceAll(/[^a-z]+/g, "-"));
    if (state.isFault) return;
    await sleep(STATE_MS);
    const after = await lastBeat(machine);
    check(`${state.name}: lasts`, (await holds()) && after?.page === page);
  } catch (error) {
    check(state.name, false, error instanceof Error ? error.message : String(error));
    await printState(machine);
  } finally {
    if (state.end !== undefined) await machine.run(state.end);
  }
}

/** The system under an overlay that is lost at power-off, as in README.md, "Read-only root". */
async function runReadOnly(machine: Machine, release: string): Promise<void> {
  await machine.shutDown();
  await machine.boot(release, true);
  try {
    await until("first result with a read-only root", () => hasResult(machine));
    await machine.run("touch /etc/written");
    const isKept = existsSync(join(machine.root, "etc/written"));
    check("runs from a read-only root, and keeps nothing", !isKept && (await isAlive(machine)));
  } catch (error) {
    check("runs from a read-only root", false, error instanceof Error ? error.message : String(error));
    await printState(machine);
  }
  await machine.shutDown();
  await machine.boot(release);
}

/** For whoever has to find out why. */
async function printState(machine: Machine): Promise<void> {
  console.log(JSON.stringify(await machine.get("/health")));
  console.log((await machine.run("systemctl status --no-pager -n 0 'emotion-kiosk-*' | cut -c1-150")).output);
  console.log((await machine.run("journalctl -b --no-pager -n 40 -u 'emotion-kiosk-*' | cut -c1-250")).output);
}

async function breakIt(machine: Machine, fault: Fault): Promise<{ name: string; ms: number | null }> {
  try {
    await until("alive before the fault", () => isAlive(machine));
    const before = await lastBeat(machine);
    const commanded = fault.isOutside
      ? machine.runInNetwork(fault.command.split(" ")).catch(String)
      : machine.run(fault.command).then(({ output }) => output);
    // What comes from outside goes on while it is looked at.
    const output = fault.isOutside ? "" : await commanded;
    const startedAt = performance.now();
    if (fault.staysAlive) {
      await sleep(fault.staysAlive);
      const harmless = (await isAlive(machine)) && (await lastBeat(machine))?.page === before!.page;
      const said = `${output}${await commanded}`.trim().split("\n").slice(-6).join("; ");
      // A flood takes its share of the processor, and on a busy machine the exhibit has little of it left.
      if (!harmless && fault.isOutside && isBusy()) console.log(`LATE   ${fault.name}: ${load()}: ${said}`);
      else check(`${fault.name}: does no harm`, harmless, harmless && !fault.isOutside ? "" : said);
      return { name: fault.name, ms: 0 };
    }
    const heal = fault.heal === undefined ? null : setTimeout(() => void machine.run(fault.heal!), 4000);
    await until(fault.name, () => hasResult(machine, before!.page));
    const ms = performance.now() - startedAt;
    if (heal !== null) clearTimeout(heal);
    checkTime(fault.name, ms, fault.targetMs);
    return { name: fault.name, ms };
  } catch (error) {
    check(fault.name, false, error instanceof Error ? error.message : String(error));
    await printState(machine);
    return { name: fault.name, ms: null };
  }
}

async function main(): Promise<void> {
  const reason = whyNoMachine();
  if (reason !== null) return sayUntested(`no machine can be booted here: ${reason}`);
  const release = options.release ?? unpackedArchive();
  let machine: Machine;
  try {
    machine = Machine.create(release);
  } catch (error) {
    return sayUntested(`no Debian could be made: ${error instanceof Error ? error.message : String(error)}`);
  }
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void machine.destroy().then(() => process.exit(1)));
  }
  try {
    await machine.boot(release);
  } catch (error) {
    // Where systemd-nspawn is not allowed, this is where it shows.
    await machine.destroy();
    return sayUntested(error instanceof Error ? error.message : String(error));
  }
  try {
    writeFileSync(join(machine.root, "var/lib/test-camera.mjpeg"), await cameraFrames(join(release, "dist")));
    await testMachine(machine, release);
  } catch (error) {
    await printState(machine);
    throw error;
  } finally {
    await machine.destroy();
    if (options.release === undefined) rmSync(release, { recursive: true });
  }
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`);
  console.log(failures.length === 0 ? "All held." : `${failures.length} did not hold: ${failures.join("; ")}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

/** Whoever asked for the kiosk's test alone is failed; continuous integration goes on without. */
function sayUntested(reason: string): void {
  console.log(`KIOSK NOT TESTED: ${reason}.`);
  process.exitCode = options.short ? 0 : 1;
}

/** The release archive made from dist/, unpacked as its user would. */
function unpackedArchive(): string {
  execFileSync(join(ROOT, "kiosk/release.sh"), { stdio: "ignore" });
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  const archive = join(ROOT, `release/emotion-kiosk-${version}.tar.gz`);
  const folder = mkdtempSync(join(tmpdir(), "kiosk-release-"));
  execFileSync("tar", ["-xzf", archive, "-C", folder, "--strip-components=1"]);
  execFileSync("chmod", ["755", folder]);
  return folder;
}

async function testMachine(machine: Machine, release: string): Promise<void> {
  const before = await fileSystem(machine);
  await install(machine);
  await until("alive after installing", () => isAlive(machine));
  await picture(machine, "running");
  await examine(machine);
  plantFaults(machine);
  await machine.shutDown();

  await measureBoot(machine, release);
  const faults = FAULTS.filter((fault) => isWanted(fault.name) && (!options.short || fault.inShort === true));
  const recoveries = [];
  for (const fault of faults) recoveries.push(await breakIt(machine, fault));
  report["recoveries"] = recoveries;
  if (!options.short) {
    for (const state of STATES) {
      if (isWanted(state.name)) await showState(machine, state);
    }
    if (isWanted("policy")) await checkPolicy(machine);
    writeFileSync(join(machine.root, "etc/emotion-kiosk.conf"), `${DRAWN}${FROM_CLIP}\n`);
    if (isWanted("read-only root")) await runReadOnly(machine, release);
  }
  await uninstall(machine, before);
}

async function uninstall(machine: Machine, before: readonly string[]): Promise<void> {
  const gone = await machine.run(
    "rm -r /etc/systemd/system/emotion-kiosk-browser.service.d; /opt/emotion-kiosk/kiosk/install.sh --uninstall",
  );
  check("uninstalls", gone.code === 0, gone.code === 0 ? "" : gone.output);
  await sleep(2000);
  const after = await fileSystem(machine);
  const added = after.filter((line) => !before.includes(line));
  const removed = before.filter((line) => !after.includes(line));
  check("nothing is left of it", added.length + removed.length === 0, [...added, ...removed].slice(0, 20).join("\n"));
}

await main();
