import { type ChildProcess, spawn } from "node:child_process";
import { afterEach, expect, test, vi } from "vitest";
import { processTree } from "../processes.ts";
import { ROOT } from "./packed.ts";

/** A build takes 15 s on two idle cores, and minutes on busy ones. */
const HANG_MS = 600_000;

let npm: ChildProcess | null = null;
let started: readonly number[] = [];

afterEach(() => {
  npm?.kill("SIGKILL");
  for (const pid of started.filter(isRunning)) process.kill(pid, "SIGKILL");
});

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Run `npm start -- --no-open` until it has printed its address. */
function npmStart(): Promise<string> {
  const child = spawn("npm", ["start", "--", "--no-open"], { cwd: ROOT, env: { ...process.env, PORT: "0" } });
  npm = child;
  let output = "";
  return new Promise((resolve, reject) => {
    const take = (chunk: Buffer) => {
      output += chunk.toString();
      const [url] = /http:\/\/localhost:\d+\/(?=\n)/.exec(output) ?? [];
      if (url !== undefined) resolve(url);
    };
    child.stdout.on("data", take);
    child.stderr.on("data", take);
    child.once("close", () => reject(new Error(`npm start ended:\n${output}`)));
  });
}

test.runIf(process.platform === "linux")(
  "npm start builds and serves, and SIGTERM to npm ends all of it",
  async () => {
    const url = await npmStart();
    expect(await (await fetch(url)).text()).toContain("<!doctype html>");
    started = processTree(npm!.pid!);
    npm!.kill("SIGTERM");
    await vi.waitFor(() => expect(started.filter(isRunning)).toEqual([]), { timeout: 20_000 });
    await expect(fetch(url)).rejects.toThrow();
  },
  HANG_MS,
);
