/** Installing and uninstalling: what the installer writes, and that nothing of it is left afterwards. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DRAWN, FROM_CLIP, hasResult, until } from "./exhibit.ts";
import type { Machine } from "./machine.ts";
import { check, report } from "./report.ts";

/** A screen without a device, because a machine in a container has none. The rest is as it ships. */
const HEADLESS = `[Unit]
ConditionPathExists=
[Service]
Environment=WLR_BACKENDS=headless
`;

/** @returns Each file with its owner, mode and content, without those that change on any running system. */
export async function fileSystem(machine: Machine): Promise<string[]> {
  const skip = [
    "proc",
    "sys",
    "dev",
    "run",
    "tmp",
    "mnt",
    "root",
    "var/log",
    "var/cache",
    "var/tmp",
    // Copies of the state before useradd and userdel: they hold the day on which the user was made.
    ...["passwd-", "group-", "shadow-", "gshadow-"].map((name) => `etc/${name}`),
    // systemd's own state: the entropy, the clock, the journal's catalogue.
    "var/lib/systemd",
  ];
  const prune = skip.map((path) => `-path ./${path}`).join(" -o ");
  const { output } = await machine.run(
    `cd /; find . \\( ${prune} \\) -prune -o -printf '%p %u %g %m %y %l\\n'; ` +
      `find . \\( ${prune} \\) -prune -o -type f -print0 | xargs -0 md5sum`,
  );
  return output.split("\n").sort();
}

export async function install(machine: Machine): Promise<void> {
  // The owner's settings, which the installer does not change.
  writeFileSync(join(machine.root, "etc/emotion-kiosk.conf"), `${DRAWN}language = en\n${FROM_CLIP}\n`);
  mkdirSync(join(machine.root, "etc/systemd/system/emotion-kiosk-browser.service.d"), { recursive: true });
  writeFileSync(join(machine.root, "etc/systemd/system/emotion-kiosk-browser.service.d/headless.conf"), HEADLESS);
  const dry = await machine.run("/mnt/kiosk/install.sh --dry-run");
  check("the dry run says what it would do, and does nothing", dry.code === 0 && /would run: useradd/.test(dry.output));
  check("nothing is there after the dry run", !existsSync(join(machine.root, "opt/emotion-kiosk")));
  const startedAt = performance.now();
  const first = await machine.run("/mnt/kiosk/install.sh");
  check("installs", first.code === 0, first.code === 0 ? `${first.output.split("\n").length} lines` : first.output);
  report["installMs"] = performance.now() - startedAt;
  await until("first result after installing", () => hasResult(machine));
  const second = await machine.run("/mnt/kiosk/install.sh");
  check("installing again changes no file", second.code === 0 && !/^file:/m.test(second.output), second.output.trim());
}

export async function uninstall(machine: Machine, before: readonly string[]): Promise<void> {
  const gone = await machine.run(
    "rm -r /etc/systemd/system/emotion-kiosk-browser.service.d; /opt/emotion-kiosk/kiosk/install.sh --uninstall",
  );
  check("uninstalls", gone.code === 0, gone.code === 0 ? "" : gone.output);
  await sleep(2000);
  const after = await fileSystem(machine);
  const added = after.filter((line) => !before.includes(line));
  const removed = before.filter((line) => !after.includes(line));
  check("nothing is left of it", added.length + removed.length === 0, [...added, ...removed].slice(0, 20).join("\n"));
}
