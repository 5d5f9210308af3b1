import { spawn } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** Names on the path, in the order in which they are tried. */
const COMMANDS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"];

/** The browsers' usual paths on macOS and Windows. */
const PLACES: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
  ],
  win32: ["ProgramFiles", "ProgramFiles(x86)", "LOCALAPPDATA"].flatMap((variable) => {
    const folder = process.env[variable];
    if (folder === undefined) return [];
    return ["Google\\Chrome\\Application\\chrome.exe", "Microsoft\\Edge\\Application\\msedge.exe"].map((path) =>
      join(folder, path),
    );
  }),
};

const INSTALL: Readonly<Partial<Record<NodeJS.Platform, string>>> = {
  linux: "sudo apt install chromium (Debian, Raspberry Pi OS), or your system's package of Chromium or Chrome",
  darwin: "brew install --cask chromium, or https://www.google.com/chrome/",
  win32: "winget install Google.Chrome",
};

/** A browser that ends within this time has failed to start, ms. */
const START_TIMEOUT_MS = 2000;

/** @returns The path of the machine's Chromium or Chrome, or null if there is none. */
export function findBrowser(): string | null {
  const onPath = (process.env["PATH"] ?? "")
    .split(delimiter)
    .filter((folder) => folder !== "")
    .flatMap((folder) => COMMANDS.map((command) => ({ command, path: join(folder, command) })));
  const ordered = COMMANDS.flatMap((command) => onPath.filter((entry) => entry.command === command));
  const candidates = [...ordered.map((entry) => entry.path), ...(PLACES[process.platform] ?? [])];
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Open a page in the machine's Chromium or Chrome, with a new profile that is removed when the server ends.
 *
 * @param url The page's address.
 * @returns A sentence that says if it opened, and if not, why.
 */
export async function openBrowser(url: string, options: { readonly fullScreen: boolean }): Promise<string> {
  const browser = findBrowser();
  if (browser === null) {
    const how = INSTALL[process.platform] ?? "your system's package of Chromium or Chrome";
    return `No Chromium or Chrome was found, so nothing is opened. Install one: ${how}. Then open ${url}`;
  }
  if (process.platform === "linux" && process.getuid?.() === 0) {
    return `Not opened: as root ${browser} runs only without its sandbox, which this never does. Open ${url} as an ordinary user.`;
  }
  if (process.platform === "linux" && !process.env["DISPLAY"] && !process.env["WAYLAND_DISPLAY"]) {
    return `Not opened: there is no desktop here (neither DISPLAY nor WAYLAND_DISPLAY is set). Open ${url} in a browser of this machine.`;
  }
  const profile = mkdtempSync(join(tmpdir(), "emotion-cam-"));
  const child = spawn(browser, browserArguments(url, profile, options.fullScreen), { stdio: "ignore" });
  process.once("exit", () => {
    child.kill();
    rmSync(profile, { recursive: true, force: true, maxRetries: 3 });
  });
  const failure = await new Promise<string | null>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(`it ended at once (${signal ?? `exit code ${code}`})`));
    setTimeout(() => resolve(null), START_TIMEOUT_MS).unref();
  });
  if (failure !== null) return `${browser} did not start: ${failure}. Open ${url} by hand.`;
  child.unref();
  return `Opened in ${browser}. ${options.fullScreen ? "Alt+F4 closes it; " : ""}Ctrl+C here stops the server.`;
}

function browserArguments(url: string, profile: string, fullScreen: boolean): string[] {
  return [
    `--user-data-dir=${profile}`,
    "--no-first-run",
    "--no-default-browser-check",
    "--password-store=basic",
    "--use-mock-keychain",
    ...(fullScreen ? ["--kiosk", "--start-fullscreen"] : ["--new-window"]),
    url,
  ];
}
