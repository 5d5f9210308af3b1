/** Gets and starts the Firefox of the tests. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import puppeteer, { type Browser } from "puppeteer-core";

const CANDIDATES = ["/usr/bin/firefox-esr", "/usr/bin/firefox", "/Applications/Firefox.app/Contents/MacOS/firefox"];

/** A start takes seconds, and a minute on a busy machine. */
const START_MS = 240_000;

/**
 * Find Firefox, and install Debian's `firefox-esr` where there is none and this is root on Debian.
 *
 * @returns The path, or `null` where there is none.
 */
export function firefoxPath(): string | null {
  const named = process.env["FIREFOX_PATH"];
  if (named !== undefined && named !== "") return named;
  return CANDIDATES.find((path) => existsSync(path)) ?? installed();
}

function installed(): string | null {
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return null;
  console.log("No Firefox found: installing Debian's firefox-esr.");
  const options = { stdio: "inherit", env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" } } as const;
  const wait = ["-o", "DPkg::Lock::Timeout=300", "-qq"];
  try {
    execFileSync("apt-get", [...wait, "update"], options);
    execFileSync("apt-get", [...wait, "install", "-y", "firefox-esr"], options);
  } catch (error) {
    console.error(`firefox-esr cannot be installed: ${String(error)}`);
  }
  return CANDIDATES.find((path) => existsSync(path)) ?? null;
}

/**
 * Start Firefox without a screen, over WebDriver BiDi.
 *
 * @param preferences Of about:config, on top of a fake camera that needs no permission.
 */
export function startFirefox(executablePath: string, preferences: Record<string, unknown> = {}): Promise<Browser> {
  return puppeteer.launch({
    browser: "firefox",
    executablePath,
    headless: true,
    timeout: START_MS,
    protocolTimeout: START_MS,
    extraPrefsFirefox: {
      "media.navigator.streams.fake": true,
      "media.navigator.permission.disabled": true,
      ...preferences,
    },
  });
}
