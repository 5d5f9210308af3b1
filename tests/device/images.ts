/** Makes the files that an emulated computer starts from, once, in the cache: the exhibit's disk and the camera's frames. */
import { execFileSync, type ExecFileSyncOptions } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cameraFrames } from "../kiosk/camera-frames.ts";
import { CAMERAS, type Camera } from "./cameras.ts";
import { type Arch, EMULATOR_PACKAGES, type Images, hasEmulator } from "./machine.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const CACHE = process.env["DEVICE_TEST_CACHE"] ?? join(homedir(), ".cache/emotion-cam-device");

/** `npm run image` needs these, too; it names them by itself. */
const IMAGE_PACKAGES = ["mmdebstrap", "squashfs-tools", "dosfstools", "mtools", "fdisk", "debian-archive-keyring"];
const IMAGE_COMMANDS = ["mmdebstrap", "mksquashfs", "mkfs.vfat", "mcopy", "sfdisk"];

/** @returns Why nothing can be emulated here, with the remedy; null where it can. */
export function whyNoDevice(arch: Arch): string | null {
  if (process.platform === "linux" && !isComplete(arch)) installPackages(arch);
  return whyIncomplete(arch);
}

/** @returns Why a short run would first have to install, download or emulate a lot; null where it would not. */
export function whyNoShortRun(arch: Arch): string | null {
  if (!isComplete(arch)) return whyIncomplete(arch);
  if (cachedImages(arch) !== null) return null;
  const isSoonMade = arch === HOST_ARCH && process.getuid?.() === 0 && existsSync(paths(arch).packages);
  return isSoonMade ? null : "no image of this release is in the cache; npm run test:device makes it";
}

function whyIncomplete(arch: Arch): string | null {
  if (process.platform !== "linux") return "it needs Linux";
  if (isComplete(arch)) return null;
  return `packages are missing: sudo apt-get install ${[...EMULATOR_PACKAGES[arch], ...IMAGE_PACKAGES].join(" ")}`;
}

/** The processor of this machine, as Debian calls it. */
export const HOST_ARCH = process.arch === "x64" ? "amd64" : process.arch;

function isComplete(arch: Arch): boolean {
  const folders = (process.env["PATH"] ?? "").split(":");
  const isThere = (command: string) => folders.some((folder) => existsSync(join(folder, command)));
  return hasEmulator(arch) && IMAGE_COMMANDS.every(isThere);
}

function installPackages(arch: Arch): void {
  if (process.getuid?.() !== 0) return;
  const quietly: ExecFileSyncOptions = {
    stdio: "ignore",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  };
  try {
    execFileSync("apt-get", ["update", "-qq"], quietly);
    const words = ["install", "-y", "-qq", "--no-install-recommends"];
    execFileSync("apt-get", [...words, ...EMULATOR_PACKAGES[arch], ...IMAGE_PACKAGES], quietly);
  } catch {
    // The caller names the packages.
  }
}

const paths = (arch: Arch) => ({
  disk: join(CACHE, `${arch}.img`),
  cameras: {
    usual: join(CACHE, "frames.mjpeg"),
    wide: join(CACHE, "frames-wide.mjpeg"),
    raw: join(CACHE, "frames.yuyv"),
  } satisfies Record<Camera, string>,
  key: join(CACHE, `${arch}.key`),
  packages: join(CACHE, `${arch}-packages.tar`),
});

/** @returns The images of this very release from the cache; null where one is missing or of another release. */
export function cachedImages(arch: Arch): Images | null {
  const { disk, cameras, key } = paths(arch);
  const isCurrent = existsSync(key) && readFileSync(key, "utf8") === releaseKey();
  return isCurrent && [disk, ...Object.values(cameras)].every((file) => existsSync(file)) ? { disk, cameras } : null;
}

/** Make what the cache lacks. Needs root. */
export async function makeImages(arch: Arch): Promise<Images> {
  mkdirSync(CACHE, { recursive: true });
  const { disk, cameras, key, packages } = paths(arch);
  await makeCameras(cameras);
  makeDisk(
    disk,
    key,
    releaseKey(),
    `the exhibit's image for ${arch} (minutes; half an hour where it is emulated)`,
    () => runScript("kiosk/image/build.sh", "--arch", arch, "--raw", disk, "--packages", packages),
  );
  return { disk, cameras };
}

/** Make a disk, unless the cache has it of the same key. */
function makeDisk(disk: string, key: string, wanted: string, what: string, make: () => void): void {
  if (existsSync(disk) && existsSync(key) && readFileSync(key, "utf8") === wanted) return;
  console.log(`Making in ${CACHE}: ${what}`);
  rmSync(key, { force: true });
  make();
  writeFileSync(key, wanted);
}

function runScript(script: string, ...words: readonly string[]): void {
  execFileSync(join(ROOT, script), words, { stdio: ["ignore", "ignore", "inherit"] });
}

async function makeCameras(cameras: Images["cameras"]): Promise<void> {
  for (const [camera, file] of Object.entries(cameras)) {
    if (existsSync(file)) continue;
    writeFileSync(file, await cameraFrames(join(ROOT, "dist"), CAMERAS[camera as Camera].show));
  }
}

/** The folder that keeps the files that Debian's archive has sent to emulated computers. */
export const ARCHIVE = join(CACHE, "archive");

/** Make what the cache lacks of the disk with a plain Debian, on which the exhibit is installed. Needs root. */
export async function makePlainDebian(): Promise<Images> {
  mkdirSync(CACHE, { recursive: true });
  const [disk, key] = ["plain-amd64.img", "plain-amd64.key"].map((name) => join(CACHE, name));
  const { cameras } = paths("amd64");
  await makeCameras(cameras);
  const script = "tests/device/plain-debian.sh";
  const wanted = createHash("sha256")
    .update(readFileSync(join(ROOT, script)))
    .digest("hex");
  makeDisk(disk!, key!, wanted, "a disk with a plain Debian (a minute)", () => runScript(script, disk!));
  return { disk: disk!, cameras };
}

/** Pack the release. @returns Its archive. */
export function packRelease(): string {
  execFileSync(join(ROOT, "kiosk/release.sh"), { stdio: "ignore" });
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  return join(ROOT, `release/emotion-kiosk-${version}.tar.gz`);
}

/** The setup file of cloud-init, as the release brings it. */
export const USER_DATA = join(ROOT, "kiosk/user-data.yaml");

/** The content of everything that the image is made of, except for Debian's packages. */
function releaseKey(): string {
  packRelease();
  const hash = createHash("sha256").update(readFileSync(join(ROOT, "release/SHA256SUMS")));
  const folder = join(ROOT, "kiosk/image");
  const files = readdirSync(folder, { withFileTypes: true }).filter((entry) => entry.isFile());
  for (const name of files.map((file) => file.name).sort()) hash.update(readFileSync(join(folder, name)));
  return hash.digest("hex");
}
