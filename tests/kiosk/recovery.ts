/** Recovery: the time from power on, and from each fault, to the first result. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { hasResult, isAlive, lastBeat, printState, until } from "./exhibit.ts";
import type { Fault } from "./faults.ts";
import type { Machine } from "./machine.ts";
import { check, checkTime, isBusy, load, report } from "./report.ts";

/** The limit for a machine of this class, ms. */
const FIRST_RESULT_TARGET_MS = 15_000;

/** The page under test polls this file. Its size never changes, because the server lists its files once. */
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

/** The page under test learns to misbehave. The list of checksums names the changed page, else the server would not start. */
export async function plantFaults(machine: Machine): Promise<void> {
  const site = join(machine.root, "opt/emotion-kiosk/site");
  const index = readFileSync(join(site, "index.html"), "utf8");
  if (!index.includes("fault.js")) {
    const script = '<script type="module" src="fault.js"></script>';
    writeFileSync(join(site, "index.html"), index.replace("</body>", `${script}</body>`));
    if (!index.includes("</body>")) writeFileSync(join(site, "index.html"), index + script);
  }
  writeFileSync(join(site, "fault.js"), FAULT_SCRIPT);
  writeFileSync(join(site, "fault.txt"), NO_FAULT);
  await machine.run("cd /opt/emotion-kiosk && sha256sum $(cut -c67- SHA256SUMS) >/root/sums; mv /root/sums SHA256SUMS");
  await machine.run("systemctl restart emotion-kiosk-server");
}

export async function measureBoot(machine: Machine, release: string): Promise<void> {
  const startedAt = performance.now();
  await machine.boot(release);
  const upMs = performance.now() - startedAt;
  await until("first result after boot", () => hasResult(machine));
  const firstResultMs = performance.now() - startedAt;
  report["boot"] = { upMs, firstResultMs };
  checkTime("first result after boot", firstResultMs, FIRST_RESULT_TARGET_MS);
}

export async function breakIt(machine: Machine, fault: Fault): Promise<{ name: string; ms: number | null }> {
  try {
    await until("alive before the fault", () => isAlive(machine));
    const before = await lastBeat(machine);
    const commanded = fault.isOutside
      ? machine.runInNetwork(fault.command.split(" ")).catch(String)
      : machine.run(fault.command).then(({ output }) => output);
    // Requests from outside go on while the state is read.
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
