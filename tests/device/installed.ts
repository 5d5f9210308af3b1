/**
 * The exhibit that is installed, as the manual says (kiosk/README.md, "Cloud-init"): a plain Debian 13, and on its boot
 * partition user-data.yaml with the owner's key, and the release's archive. Nobody touches it. The power goes in the middle of
 * the installation and of an update. A webcam is read through PipeWire, as a ribbon-cable camera is.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { check } from "../kiosk/report.ts";
import { Archive } from "./archive.ts";
import { DRAWN_MS, Exhibit, LIMIT_MS, seesFace } from "./exhibit.ts";
import { ARCHIVE, USER_DATA, makePlainDebian, packRelease } from "./images.ts";

/** An emulated processor unpacks and sets up Debian's packages in a quarter of an hour, ms. */
const INSTALLATION_MS = 90 * 60_000;

/** A fault that lasts longer counts as one, ms. */
const ORDER_MS = 3 * 60_000;

const KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ owner@museum";

const SETTINGS = "/etc/emotion-kiosk.conf";
const TARGET = "/opt/emotion-kiosk";
const INSTALLER = "/root/emotion-kiosk/kiosk/install.sh";
const SCRIPT = "/var/lib/cloud/scripts/per-boot/emotion-kiosk";
const UNPACKED = "/opt/emotion-kiosk-archive";

interface Moment {
  readonly name: string;
  /** A shell command that succeeds from this moment on. */
  readonly isReached: string;
  /** The time from then on until the power goes, ms. */
  readonly laterMs?: number;
}

/** The kernel writes a new file's name to the disk within 5 s, and what is in it within 35 s. */
const NAMES_WRITTEN_MS = 8000;

const INSTALLATION_CUTS: readonly Moment[] = [
  {
    name: "after cloud-init wrote its files",
    isReached: `test -s ${SCRIPT} -a -e /var/lib/cloud/instance/sem/config_users_groups`,
    laterMs: NAMES_WRITTEN_MS,
  },
  { name: "while packages are fetched", isReached: "ls /var/cache/apt/archives/partial/*.deb" },
  { name: "while Chromium is unpacked", isReached: "test -e /usr/lib/chromium/chromium.dpkg-new" },
  { name: "while packages are set up", isReached: "(($(grep -c ' status half-configured ' /var/log/dpkg.log) > 30))" },
  { name: "while the exhibit is copied", isReached: `test -d ${TARGET}.new/site` },
];

interface InstalledOptions {
  readonly pictures: string | undefined;
  /** Matches the names of the wanted steps. */
  readonly only: RegExp;
  readonly attempt: (name: string, exhibit: Exhibit, run: () => Promise<void>) => Promise<void>;
}

/** Each step goes on with the computer of the step before, except for the last, which has a new one. */
const STEPS: readonly (readonly [name: string, run: (exhibit: Exhibit) => Promise<void>])[] = [
  ["installation", installByItself],
  ["update", update],
  ["power cut in an update", cutUpdate],
  ["camera = csi", readThroughPipewire],
  ["read-only root", protectRoot],
];
const CUTS = "power cuts in the installation";

/** @returns The times that it took, by their names, ms. */
export async function runInstalled({ pictures, only, attempt }: InstalledOptions): Promise<Record<string, number>> {
  const images = await makePlainDebian();
  const release = packRelease();
  const archive = await Archive.open(ARCHIVE);
  const card = {
    "user-data": readFileSync(USER_DATA, "utf8").replace("ssh-ed25519 YOUR-PUBLIC-KEY", KEY),
    "meta-data": "instance-id: first-boot\n",
    archive: `${archive.address}\n`,
    [basename(release)]: readFileSync(release),
  };
  const computer = () => new Exhibit("amd64", images, pictures, { card, hasNetwork: true });
  const [whole, cut] = [computer(), computer()];
  const end = () => Promise.all([whole, cut].map((exhibit) => exhibit.destroy()));
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => void end().then(() => process.exit(1)));
  try {
    for (const [name, run] of STEPS) if (only.test(name)) await attempt(name, whole, () => run(whole));
    await whole.destroy();
    if (only.test(CUTS)) await attempt(CUTS, cut, () => cutInstallation(cut));
  } finally {
    await end();
    archive.close();
  }
  return { ...whole.timesMs, ...cut.timesMs };
}

async function switchOn(exhibit: Exhibit): Promise<void> {
  exhibit.machine.powerOn();
  await exhibit.plugIn();
  if (!(await exhibit.machine.answers(LIMIT_MS))) throw new Error(`no shell: ${exhibit.machine.log("console.log")}`);
}

/** Wait until a shell command succeeds inside. */
async function until(exhibit: Exhibit, what: string, command: string, limitMs: number): Promise<void> {
  const holds = async () => (await exhibit.machine.run(`${command} >/dev/null 2>&1`, 60_000)).code === 0;
  await exhibit.untilTrue(what, holds, limitMs);
}

/** Wait until the exhibit has installed itself and sees a face. */
async function becomeExhibit(exhibit: Exhibit): Promise<void> {
  await until(exhibit, "installed", `test -e ${TARGET}/site -a ! -e ${SCRIPT}`, INSTALLATION_MS);
  await exhibit.patiently(() => exhibit.until("face", seesFace));
}

async function installByItself(exhibit: Exhibit): Promise<void> {
  const startedAt = performance.now();
  await switchOn(exhibit);
  await becomeExhibit(exhibit);
  exhibit.held("installed: from the first power on to a face", performance.now() - startedAt);
  await sleep(DRAWN_MS);
  await exhibit.picture("installed");
  await checkOwnersFile(exhibit);
  await checkOrder(exhibit, "installed");
}

/** Check each thing that user-data.yaml asks for. */
async function checkOwnersFile(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  const asked: readonly (readonly [string, string, string])[] = [
    ["host name", "hostname", "emotion-kiosk"],
    ["time zone", "readlink /etc/localtime", "/usr/share/zoneinfo/Europe/Berlin"],
    ["keeper's key", "cat ~keeper/.ssh/authorized_keys", KEY],
    ["keeper may do everything", "runuser -u keeper -- sudo -n id -un", "root"],
    ["no password over the network", "sshd -T | grep ^passwordauthentication", "passwordauthentication no"],
    ["settings", `paste -sd, ${SETTINGS}`, "language = en,resolution = 1920x1080,hours ="],
    ["nothing is left of the archive", `ls -d ${UNPACKED} ${SCRIPT} 2>/dev/null | wc -l`, "0"],
  ];
  for (const [what, command, wanted] of asked) {
    const { output } = await machine.run(command);
    check(`user-data.yaml: ${what}`, output.trim() === wanted, output.trim());
  }
  const { width, height } = await machine.look();
  check("user-data.yaml: the screen's picture", width === 1920 && height === 1080, `${width}x${height}`);
}

async function checkOrder(exhibit: Exhibit, when: string): Promise<void> {
  let wrong: string[] = [];
  // An emulated processor draws a large picture so slowly that now and then none comes between two heartbeats.
  const isInOrder = async () => {
    const { code, output } = await exhibit.machine.run(`${TARGET}/kiosk/install.sh --check`);
    wrong = output.split("\n").filter((line) => line.startsWith("WRONG"));
    return code === 0;
  };
  const holds = await exhibit.untilTrue("nothing is wrong", isInOrder, ORDER_MS).then(
    () => true,
    () => false,
  );
  check(`${when}: install.sh --check finds nothing wrong`, holds, wrong.join(" / "));
}

/** An older release: one of its files differs, and its list of checksums with it. The owner has changed a setting. */
const AGE = [
  `cd ${TARGET} && echo '<!-- older -->' >>site/sign.html`,
  "find site kiosk -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum >SHA256SUMS",
  `grep -qx 'max_faces = 2' ${SETTINGS} || echo 'max_faces = 2' >>${SETTINGS}`,
  "sync",
].join("; ");
const UNPACK = "tar -xzf /boot/firmware/emotion-kiosk-*.tar.gz -C /root";

async function update(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  await machine.run(`${AGE}; ${UNPACK}`);
  const page = (await exhibit.beat())?.page;
  await exhibit.patiently(async () => {
    const startedAt = performance.now();
    const { code, output } = await machine.run(INSTALLER);
    check("update: the installer", code === 0, code === 0 ? "" : output.slice(-500));
    await exhibit.until("face", (beat) => beat.page !== page && seesFace(beat));
    exhibit.held("update: until a face is seen", performance.now() - startedAt);
  });
  await checkUpdated(exhibit, "update");
}

async function checkUpdated(exhibit: Exhibit, when: string): Promise<void> {
  const { output } = await exhibit.machine.run(
    `grep -c older ${TARGET}/site/sign.html; grep -cxE 'resolution = 1920x1080|max_faces = 2' ${SETTINGS}`,
  );
  check(`${when}: the files are new, the settings kept`, output === "0\n2\n", output.trim().replaceAll("\n", ", "));
  await checkOrder(exhibit, when);
}

async function cutUpdate(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  await machine.run(AGE);
  await machine.run(`setsid ${INSTALLER} >/dev/null 2>&1 </dev/null &`);
  await until(exhibit, "the update copies", `test -d ${TARGET}.new/site`, LIMIT_MS);
  await recover(exhibit, "power cut in an update");
  await checkOrder(exhibit, "power cut in an update");
  await machine.run(INSTALLER);
  await exhibit.patiently(() => exhibit.until("face", seesFace));
  await checkUpdated(exhibit, "update after the power cut");
}

/** Chromium reads a ribbon-cable camera through PipeWire. Here it reads the webcam that way. */
async function readThroughPipewire(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  const page = (await exhibit.beat())?.page;
  await exhibit.patiently(async () => {
    const { code, output } = await machine.run(`echo 'camera = csi' >>${SETTINGS}; ${INSTALLER}`, INSTALLATION_MS);
    check("camera = csi: the installer", code === 0, code === 0 ? "" : output.slice(-500));
    await exhibit.until("face", (beat) => beat.page !== page && seesFace(beat));
  });
  const { output } = await machine.run("pgrep -c -x 'pipewire|wireplumber'");
  check("camera = csi: a face is seen through PipeWire, without a question", Number(output) === 2, output.trim());
  await exhibit.picture("csi");
  await checkOrder(exhibit, "camera = csi");
  const startedAt = performance.now();
  const before = (await exhibit.beat())?.page;
  await exhibit.patiently(async () => {
    await machine.run("pkill -KILL -x pipewire");
    await exhibit.until("face", (beat) => beat.page !== before && seesFace(beat));
  });
  exhibit.held("camera = csi: PipeWire ended: until a face is seen", performance.now() - startedAt);
}

/** Debian's overlayroot, as the manual says. What a package's scripts do for a usual boot partition is done by hand. */
const PROTECT = [
  "DEBIAN_FRONTEND=noninteractive apt-get install -y -q overlayroot",
  `echo 'overlayroot="tmpfs"' >/etc/overlayroot.conf`,
  "cp /boot/initrd.img-* /boot/firmware/initrd.img",
  "sync",
].join(" && ");

async function protectRoot(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  const { code, output } = await machine.run(PROTECT, INSTALLATION_MS);
  check("read-only root: overlayroot", code === 0, code === 0 ? "" : output.slice(-500));
  await recover(exhibit, "read-only root");
  const NOTE = "/opt/note";
  const { output: type } = await machine.run(`findmnt -no FSTYPE /; echo >${NOTE}; sync`);
  check("read-only root: the root is an overlay", type.trim() === "overlay", type.trim());
  await checkOrder(exhibit, "read-only root");
  await recover(exhibit, "read-only root, a power cut");
  const { output: left } = await machine.run(
    `ls ${NOTE} 2>/dev/null | wc -l; grep -cx 'resolution = 1920x1080' ${SETTINGS}`,
  );
  check("read-only root: nothing was written, the settings are kept", left === "0\n1\n", left.trim());
}

/** Cut the power, and wait until the exhibit sees a face again. */
async function recover(exhibit: Exhibit, what: string): Promise<void> {
  await exhibit.machine.cutPower();
  const startedAt = performance.now();
  await switchOn(exhibit);
  await becomeExhibit(exhibit);
  exhibit.held(`${what}: a face again`, performance.now() - startedAt);
}

async function cutInstallation(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  for (const { name, isReached, laterMs = 0 } of INSTALLATION_CUTS) {
    await switchOn(exhibit);
    await until(exhibit, name, isReached, INSTALLATION_MS);
    await sleep(laterMs);
    await machine.cutPower();
    check(`power cut ${name}`, true);
  }
  await recover(exhibit, `${INSTALLATION_CUTS.length} power cuts in the installation`);
  await checkOwnersFile(exhibit);
  await checkOrder(exhibit, "power cuts in the installation");
}
