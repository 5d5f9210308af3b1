/**
 * The command line of the server. The build bundles it into `dist/kiosk/server.mjs`, which `npm start`, the kiosk's units
 * and its installer run.
 */
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { chromiumArguments, managedPolicy } from "./chromium.ts";
import { Keeper } from "./keeper.ts";
import { openBrowser } from "./open-browser.ts";
import { DEFAULT_PORT, type SiteServer, createServer } from "./server.ts";
import { readSettings, type Settings } from "./settings.ts";

const OPTIONS = {
  /** `npm start`: serve, and open no browser. */
  "no-open": { type: "boolean" },
  /** `npm start`: open an ordinary window instead of the whole screen. */
  window: { type: "boolean" },
  /** The kiosk: serve as this file says, under systemd's watchdog. The options below need it too. */
  settings: { type: "string" },
  /** Print the words that start-browser.sh needs, each ended by a NUL. */
  browser: { type: "boolean" },
  /** Print Chromium's managed policy. */
  policy: { type: "boolean" },
  /** Print each setting that was not understood; fail if there is one. */
  "check-settings": { type: "boolean" },
} as const;

/** @param args The command line after the program's name. */
export async function main(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({ args: [...args], options: OPTIONS });
  if (values.settings === undefined) return serveAndOpen({ opens: !values["no-open"], fullScreen: !values.window });
  const { settings, warnings } = readSettings(values.settings);
  if (values.browser) {
    const { rotation, resolution, camera, screens, vtSwitching } = settings;
    const words = [rotation, resolution, camera, screens, vtSwitching, ...chromiumArguments(settings)];
    process.stdout.write(words.map((word) => `${word}\0`).join(""));
  } else if (values.policy) {
    process.stdout.write(`${JSON.stringify(managedPolicy(settings), null, 2)}\n`);
  } else if (values["check-settings"]) {
    for (const warning of warnings) console.log(warning);
    process.exitCode = warnings.length === 0 ? 0 : 1;
  } else {
    for (const warning of warnings) console.warn(`${values.settings}: ${warning}`);
    await serveExhibit(settings);
  }
}

/** `npm start`. */
async function serveAndOpen({ opens, fullScreen }: { opens: boolean; fullScreen: boolean }): Promise<void> {
  const server = await createServer({ port: portFromEnvironment() });
  closeOnSignal(server);
  console.log(server.url);
  if (opens) console.log(await openBrowser(server.url, { fullScreen }));
}

/** The kiosk's service. */
async function serveExhibit(settings: Settings): Promise<void> {
  const keeper = new Keeper({
    nightlyRestart: settings.nightlyRestart,
    renew: () => {
      console.log("Nobody is in view: restarting server and browser for the night.");
      process.exit(0);
    },
  });
  const server = await createServer({
    port: settings.port,
    onHeartbeat: (posted) => keeper.beat(posted),
    health: () => keeper.health(),
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
