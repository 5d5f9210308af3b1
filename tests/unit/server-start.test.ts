import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, expect, test, vi } from "vitest";
import { createServer } from "../../kiosk/server.ts";

/** A program's start on a machine that is busy with everything else. */
vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

/** The bundle that `npm start` runs after the build, as a program. */
let folder: string;
let program: string;
let running: ChildProcess | null = null;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "server-start-"));
  program = join(folder, "dist/kiosk/server.mjs");
  mkdirSync(join(folder, "empty"));
  await build({
    entryPoints: [fileURLToPath(new URL("../../kiosk/main.ts", import.meta.url))],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node18",
    logLevel: "silent",
  });
  writeFileSync(join(folder, "dist/index.html"), "the site");
});

afterEach(() => {
  running?.kill("SIGKILL");
  running = null;
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Starts the program, and gives its output as soon as it matches or the program has ended. */
function start(args: readonly string[], environment: Record<string, string>, awaited: RegExp): Promise<string> {
  const env = { PATH: join(folder, "empty"), PORT: "0", ...environment };
  running = spawn(process.execPath, [program, ...args], { env });
  const child = running;
  let output = "";
  return new Promise((resolve) => {
    const take = (chunk: Buffer) => {
      output += chunk.toString();
      if (awaited.test(output)) resolve(output);
    };
    child.stdout!.on("data", take);
    child.stderr!.on("data", take);
    child.once("close", () => resolve(output));
  });
}

test("--no-open prints the address, and nothing else, when it is ready to answer", async () => {
  const output = await start(["--no-open"], {}, /\n/);
  expect(output).toMatch(/^http:\/\/localhost:\d+\/\n$/);
  expect(await (await fetch(output.trim())).text()).toBe("the site");
});

test("without a browser it serves, and says how to get one", async () => {
  const output = await start([], {}, /Install one/);
  const [url] = /http:\S+/.exec(output)!;
  expect(output).toMatch(/No Chromium or Chrome was found.*Install one: /);
  expect((await fetch(url)).status).toBe(200);
});

test.runIf(process.platform === "linux")(
  "with a browser and no desktop, or as root, it says why it opens none",
  async () => {
    const browser = join(folder, "bin");
    mkdirSync(browser);
    writeFileSync(join(browser, "chromium"), "#!/bin/sh\n", { mode: 0o755 });
    const output = await start([], { PATH: browser }, /Not opened/);
    expect(output).toMatch(/Not opened: (as root .* without its sandbox|there is no desktop here)/);
  },
);

const OPENS_HERE = process.platform === "linux" && process.getuid?.() !== 0;
if (!OPENS_HERE) console.warn("Skipped: opening a browser, which npm start does on Linux as an ordinary user alone.");

test.runIf(OPENS_HERE)("it opens a browser on the whole screen", async () => {
  const browser = join(folder, "desktop");
  mkdirSync(browser);
  writeFileSync(join(browser, "chromium"), `#!/bin/sh\necho "$@" >${folder}/flags\nexec /bin/sleep 10\n`, {
    mode: 0o755,
  });
  const output = await start([], { PATH: browser, DISPLAY: ":0" }, /Opened in/);
  expect(output).toMatch(/Opened in .*chromium/);
});

test("a port that is taken is named in one line", async () => {
  const other = await createServer({ site: join(folder, "dist"), port: 0 });
  const output = await start(["--no-open"], { PORT: String(other.port) }, /never/);
  await other.close();
  expect(output).toMatch(
    new RegExp(`^Port ${other.port} is taken by another program\\..*PORT=${other.port + 1} npm start\n$`),
  );
  expect(running!.exitCode).toBe(1);
});

test("a PORT that is none is named in one line", async () => {
  const output = await start(["--no-open"], { PORT: "eighty" }, /never/);
  expect(output).toMatch(/^PORT=eighty is not a port\..*\n$/);
});

test("it ends at once when it is told to", async () => {
  await start(["--no-open"], {}, /\n/);
  const ended = new Promise((resolve) => running!.once("exit", (code) => resolve(code)));
  running!.kill("SIGTERM");
  expect(await ended).toBe(0);
});

test("--keeps-statistics says by its status whether the settings want them, where nothing may be compiled", async () => {
  const settings = join(folder, "kiosk.conf");
  // As in the units: the reporter's may not make memory executable.
  const flags = ["--jitless", "--no-expose-wasm", program, "--settings", settings, "--keeps-statistics"];
  const status = (text: string) => {
    writeFileSync(settings, text);
    const child = spawn(process.execPath, flags, { stdio: "ignore" });
    return new Promise((resolve) => child.once("exit", resolve));
  };
  expect(await status("statistics = on\n")).toBe(0);
  expect(await status("statistics = off\n")).toBe(1);
  expect(await status("")).toBe(1);
});
