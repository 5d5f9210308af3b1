/** The security of the installed machine: its units, its sandbox, its ports, its files and Chromium's policy. */
import { execFileSync } from "node:child_process";
import { existsSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Machine } from "./machine.ts";
import { check, report } from "./report.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Check the installed machine while it runs. */
export async function examine(machine: Machine): Promise<void> {
  const units = "emotion-kiosk-server.service emotion-kiosk-browser.service";
  const verified = await machine.run(`systemd-analyze verify ${units}`);
  check("systemd-analyze verify has nothing to say", verified.output.trim() === "", verified.output.trim());
  const { output } = await machine.run(`systemd-analyze security --no-pager ${units} | grep Overall`);
  const exposures = [...output.matchAll(/(\S+)\.service: ([\d.]+)/g)].map(([, unit, value]) => [unit!, Number(value)]);
  report["exposure"] = Object.fromEntries(exposures);
  console.log(`       exposure by systemd-analyze security: ${JSON.stringify(report["exposure"])}`);
  const renderers = await machine.run(
    "for pid in $(pgrep -u kiosk -f -- --type=renderer); do readlink /proc/$pid/ns/user; done; readlink /proc/1/ns/user",
  );
  const spaces = renderers.output.trim().split("\n");
  const isSandboxed = spaces.length > 1 && spaces.slice(0, -1).every((space) => space !== spaces.at(-1));
  check("Chromium's sandbox is on: renderers have a user namespace of their own", isSandboxed);
  const { output: lines } = await machine.run("ps -u kiosk -o args");
  check(
    "no flag grants the camera or drops the sandbox",
    !/--no-sandbox|--use-fake-ui|disable-web-security/.test(lines),
  );
  const { output: groups } = await machine.run("id -nG kiosk");
  check("the user is in video and render only", groups.trim() === "kiosk video render", groups.trim());
  await checkDoors(machine);
  const complaints =
    (await machine.run("/opt/emotion-kiosk/kiosk/install.sh --check")).output.match(/^WRONG.*/gm) ?? [];
  const ours = complaints.filter((line) => !/\/dev\/|No screen/.test(line));
  check(
    "--check complains of the devices that this machine lacks, and of nothing else",
    ours.length === 0,
    ours.join("; "),
  );
  if (process.env["PATH"]?.split(":").some((folder) => existsSync(join(folder, "shellcheck")))) {
    const scripts = ["install", "check", "parts", "start-browser", "write-policy", "release"].map((name) =>
      join(ROOT, `kiosk/${name}.sh`),
    );
    execFileSync("shellcheck", ["--external-sources", ...scripts], { stdio: "inherit" });
    check("shellcheck has nothing to say", true);
  } else console.log("shellcheck is not installed: the scripts were not checked by it.");
}

/** Addresses on which TCP and UDP sockets wait, as the kernel writes them: hexadecimal, words turned round. */
const LOOPBACK = /^(0100007F|00000000000000000000000001000000):/;

/** Check the open ports and the files that the exhibit leaves on the disk. */
async function checkDoors(machine: Machine): Promise<void> {
  const { output: waiting } = await machine.run(
    `awk '$4 == "0A" { print $2 }' /proc/net/tcp /proc/net/tcp6; awk 'FNR > 1 { print $2 }' /proc/net/udp /proc/net/udp6`,
  );
  const addresses = waiting.trim().split("\n");
  const open = addresses.filter((address) => !LOOPBACK.test(address));
  check("nothing but loopback listens", addresses.length > 0 && open.length === 0, open.join(" "));
  const { output: kept } = await machine.run(
    "find / -xdev -user kiosk -not -path '/proc/*'; find /var/lib/private -type f",
  );
  check("nothing is kept: the browser's user owns no file outside memory", kept.trim() === "", kept.trim());
  const profile = "nsenter -t $(pgrep -o -u kiosk chromium) -m stat -f -c %T /tmp /dev/shm";
  const { output: kinds } = await machine.run(profile);
  check("the profile lies in memory", kinds.trim() === "tmpfs\ntmpfs", kinds.trim());
}

/** Start another server inside and open its page in a browser: prints 1 if the page was requested. */
const REACH = `
node -e 'require("http").createServer((q, a) => { require("fs").appendFileSync("/run/reached", q.url); a.end(); }).listen(9090)' &
stranger=$!
rm -f /run/reached; sleep 1
timeout 30 runuser -u kiosk -- env HOME=/tmp chromium --headless --disable-gpu --user-data-dir=/tmp/reach http://localhost:9090/page
kill $stranger; rm -rf /tmp/reach
grep -c page /run/reached`;

/** Check which addresses the policy allows to any browser of this machine. */
export async function checkPolicy(machine: Machine): Promise<void> {
  const reached = async () => (await machine.run(REACH)).output.trim().endsWith("1");
  check("the policy blocks every other address", !(await reached()));
  const more = join(machine.root, "etc/chromium/policies/managed/zz-more.json");
  writeFileSync(more, '{ "URLAllowlist": ["http://localhost:9090"] }');
  check("and nothing but the policy does", await reached());
  rmSync(more);
}
