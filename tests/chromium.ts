/**
 * The path of the tests' browser, and its arguments. Run as a program, it installs one where none is found: Debian's
 * `chromium` when root, else it says the one command that does.
 */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { pathToFileURL } from "node:url";

const CANDIDATES = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable",
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
  "/Applications/Chromium.app/Contents/MacOS/Chromium",
  "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
];

const REMEDY =
  "No Chromium or Chrome found. Install one (Debian, Ubuntu, Raspberry Pi OS: `sudo apt-get install chromium`) " +
  "or name one with CHROMIUM_PATH.";

/** Never shipped: tests run as root in containers, where Chromium's sandbox cannot start. */
const ROOT_ONLY = process.getuid?.() === 0 ? ["--no-sandbox"] : [];

/** The GPU is off because kiosks run without one; the rest keeps the browser from looking for a network. */
export const CHROMIUM_ARGS: readonly string[] = [
  ...ROOT_ONLY,
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** A camera without a device and without a prompt: a moving shape, in which there is no face. */
export const FAKE_CAMERA_ARGS: readonly string[] = [
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
];

/**
 * @returns The path of the browser that `CHROMIUM_PATH` names, or of the first one installed.
 * @throws Error that says how to install one.
 */
export function chromiumPath(): string {
  const named = process.env["CHROMIUM_PATH"];
  if (named !== undefined && named !== "") {
    if (!existsSync(named)) throw new Error(`CHROMIUM_PATH names ${named}, which does not exist.`);
    return named;
  }
  const found = CANDIDATES.find((path) => existsSync(path));
  if (found === undefined) throw new Error(REMEDY);
  return found;
}

function installAsRoot(): void {
  const options = { stdio: "inherit", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } } as const;
  execFileSync("apt-get", ["update", "-qq"], options);
  execFileSync("apt-get", ["install", "-y", "-qq", "chromium"], options);
}

function ensureChromium(): void {
  try {
    console.log(`browser: ${chromiumPath()}`);
  } catch (error) {
    if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get") || process.env["CHROMIUM_PATH"]) throw error;
    console.log("No Chromium or Chrome found: installing Debian's.");
    installAsRoot();
    console.log(`browser: ${chromiumPath()}`);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    ensureChromium();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exit(1);
  }
}
