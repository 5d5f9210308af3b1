/**
 * The command line of the server. The build bundles it into `dist/kiosk/server.mjs`, which `npm start`, the kiosk's units
 * and its installer run.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromiumArguments, managedPolicy } from "./chromium.ts";
import { Keeper } from "./keeper.ts";
import { openBrowser } from "./open-browser.ts";
import { DEFAULT_PORT, type SiteServer, createServer } from "./server.ts";
import { fleetLines, fleetSettingsPath, readSettings, type Settings } from "./settings.ts";
import { metric } from "./statistics-export.ts";
import { statisticsDoor } from "./statistics-door.ts";

/** Where the kiosk's statistics unit answers. */
const STATISTICS_SOCKET = "/run/emotion-kiosk-statistics/socket";

/** Set by the build. */
declare const EMOTION_KIOSK_VERSION: string | undefined;

const OPTIONS = {
  /** `npm start`: serve, and open no browser. */
  "no-open": { type: "boolean" },
  /** `npm start`: open an ordinary window instead of the whole screen. */
  window: { type: "boolean" },
  /** `npm start`: keep statistics, in `~/.local/share/emotion-cam`. */
  statistics: { type: "boolean" },
  /** `npm start`: show a year of made-up statistics. */
  "statistics-demo": { type: "boolean" },
  /** The kiosk: serve as this file says, under systemd's watchdog. The options below need it too. */
  settings: { type: "string" },
  /** Print the words that start-browser.sh needs, each ended by a NUL. */
  browser: { type: "boolean" },
  /** Print Chromium's managed policy. */
  policy: { type: "boolean" },
  /** Take up the settings from afar that lie in this file. */
  "take-fleet-settings": { type: "string" },
  /** Say by the exit status whether statistics are kept. */
  "keeps-statistics": { type: "boolean" },
  /** Print each setting that was not understood; fail if there is one. */
  "check-settings": { type: "boolean" },
} as const;

/** @param args The command line after the program's name. */
export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.settings === undefined) {
    return serveAndOpen({
      opens: !values["no-open"],
      fullScreen: !values.window,
      statistics: values["statistics-demo"] ? "demo" : values.statistics ? "kept" : "off",
    });
  }
  const { settings, warnings } = readSettings(values.settings);
  if (values.browser) {
    const { rotation, resolution, camera, screens, vtSwitching, hours, offHours } = settings;
    const litHours = offHours === "off" ? hours : "";
    const words = [rotation, resolution, camera, screens, vtSwitching, litHours, ...chromiumArguments(settings)];
    process.stdout.write(words.map((word) => `${word}\0`).join(""));
  } else if (values.policy) {
    process.stdout.write(`${JSON.stringify(managedPolicy(settings), null, 2)}\n`);
  } else if (values["take-fleet-settings"] !== undefined) {
    takeFleetSettings(values.settings, values["take-fleet-settings"]);
  } else if (values["keeps-statistics"]) {
    process.exitCode = settings.statistics === "on" ? 0 : 1;
  } else if (values["check-settings"]) {
    for (const warning of warnings) console.log(warning);
    process.exitCode = warnings.length === 0 ? 0 : 1;
  } else {
    for (const warning of warnings) console.warn(`${values.settings}: ${warning}`);
    await serveExhibit(settings);
  }
}

/** Keep what an operator may set; the file that the reporter wrote may hold anything. */
function takeFleetSettings(settings: string, wanted: string): void {
  const path = fleetSettingsPath(settings);
  // A message sets some of them; those that it leaves out stay as they are.
  const lines = `${fleetLines(path)}${fleetLines(wanted)}`.trimEnd().split("\n");
  const latest = new Map(lines.map((line) => [line.split(" ", 1)[0], line]));
  writeFileSync(`${path}.new`, [...latest.values(), ""].join("\n"), { mode: 0o644 });
  renameSync(`${path}.new`, path);
}

interface Wishes {
  readonly opens: boolean;
  readonly fullScreen: boolean;
  readonly statistics: "off" | "kept" | "demo";
}

/** `npm start`. */
async function serveAndOpen({ opens, fullScreen, statistics }: Wishes): Promise<void> {
  const keeping = statistics === "off" ? null : await keepStatistics(statistics === "demo");
  const door = keeping === null ? {} : { statistics: statisticsDoor(keeping.socket) };
  const server = await createServer({ port: portFromEnvironment(), ...door, metrics: () => buildInfo() });
  closeOnSignal(server);
  console.log(server.url);
  if (keeping !== null) console.log(`Statistics: ${server.url}statistics.html`);
  const page = statistics === "demo" ? "statistics.html" : statistics === "kept" ? "?statistics" : "";
  if (opens) console.log(await openBrowser(server.url + page, { fullScreen: fullScreen && statistics !== "demo" }));
}

/** Start the process that keeps statistics, as the kiosk's unit does; it ends with this one. */
async function keepStatistics(isDemo: boolean): Promise<{ readonly socket: string }> {
  const data = process.env["XDG_DATA_HOME"] ?? process.env["LOCALAPPDATA"] ?? join(homedir(), ".local/share");
  const folder = isDemo ? mkdtempSync(join(tmpdir(), "emotion-statistics-")) : join(data, "emotion-cam");
  mkdirSync(folder, { recursive: true });
  const socket =
    process.platform === "win32" ? `\\\\.\\pipe\\emotion-statistics-${process.pid}` : join(folder, "socket");
  const program = fileURLToPath(new URL("statistics.mjs", import.meta.url));
  const options = ["--folder", folder, "--socket", socket, "--attached", ...(isDemo ? ["--demo"] : [])];
  const child = spawn(process.execPath, [program, ...options], { stdio: ["pipe", "pipe", "inherit"] });
  process.once("exit", () => {
    child.kill();
    if (isDemo) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  await firstWord(child);
  return { socket };
}

/** @throws An `Error` where the process ends before it says that it is ready. */
function firstWord(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    child.stdout!.once("data", () => resolve());
    child.once("exit", (code) => reject(new Error(`Statistics did not start (exit code ${code}).`)));
  });
}

function version(): string {
  return typeof EMOTION_KIOSK_VERSION === "string" ? EMOTION_KIOSK_VERSION : "source";
}

function buildInfo(): string {
  return metric("build_info", "gauge", "The release that runs.", [`{version="${version()}"}`, 1]);
}

/** The kiosk's service. */
async function serveExhibit(settings: Settings): Promise<void> {
  const keeper = new Keeper({
    nightlyRestart: settings.nightlyRestart,
    screenRests: settings.offHours === "off",
    renew: () => {
      console.log("Nobody is in view: restarting server and browser for the night.");
      process.exit(0);
    },
  });
  const server = await createServer({
    port: settings.port,
    onHeartbeat: (posted) => keeper.beat(posted),
    health: () => ({ version: version(), ...keeper.health() }),
    ...(settings.statistics === "on" ? { statistics: statisticsDoor(STATISTICS_SOCKET) } : {}),
    metrics: () => buildInfo() + metric("results_total", "counter", "Answers of the networks.", ["", keeper.results]),
  });
  closeOnSignal(server);
  console.log(`Serving ${server.url}`);
  keeper.run();
}

/** @throws An `Error` where `PORT=` is set to something else than a port. */
function portFromEnvironment(): number {
  const text = process.env["PORT"];
  if (text === undefined || text === "") return DEFAULT_PORT;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65535) return port;
  throw new Error(`PORT=${text} is not a port. Give a whole number from 1 to 65535: PORT=${DEFAULT_PORT} npm start`);
}

function closeOnSignal(server: SiteServer): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void server.close().then(() => process.exit(0)));
  }
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) {
  main(process.argv.slice(2)).catch((error: unknown) => {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  });
}
