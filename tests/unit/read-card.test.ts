import { execFileSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";

const SCRIPT = fileURLToPath(new URL("../../kiosk/image/read-card.sh", import.meta.url));

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "read-card-"));
  for (const name of ["card", "root/etc", "root/usr/share/zoneinfo/Europe"])
    mkdirSync(join(folder, name), { recursive: true });
  writeFileSync(join(folder, "root/usr/share/zoneinfo/Europe/Berlin"), "");
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Write the files of the partition EXHIBIT and run the script on a root that is a folder. */
function readCard(card: Readonly<Record<string, string>>): string {
  for (const [name, text] of Object.entries(card)) writeFileSync(join(folder, "card", name), text);
  return execFileSync("bash", ["-c", '"$0" "$1" "$2" 2>&1', SCRIPT, join(folder, "card"), join(folder, "root")], {
    encoding: "utf8",
  });
}

const written = (name: string) => readFileSync(join(folder, "root", name), "utf8");
const isWritten = (name: string) => existsSync(join(folder, "root", name));

test("the exhibit's settings lose the marks of Windows' editors", () => {
  readCard({ "emotion-kiosk.conf": "\ufefflanguage = de\r\nhours = 09:00-18:00\r\n" });
  expect(written("etc/emotion-kiosk.conf")).toBe("language = de\nhours = 09:00-18:00\n");
});

test("the machine gets its time zone, name and Wi-Fi", () => {
  const said = readCard({
    "machine.conf":
      "time_zone = Europe/Berlin\r\nhost_name = hall-2\r\nwifi_name = Café 1\r\nwifi_password = a secret\\ word\r\nwifi_country = DE\r\n",
  });
  expect(said).toBe("");
  expect(readlinkSync(join(folder, "root/etc/localtime"))).toBe("/usr/share/zoneinfo/Europe/Berlin");
  expect(written("etc/hostname")).toBe("hall-2\n");
  // iwd wants other names than ASCII ones in hexadecimal, and reads a backslash as the beginning of an escape.
  const network = `var/lib/iwd/=${Buffer.from("Café 1").toString("hex")}.psk`;
  expect(written(network)).toBe("[Security]\nPassphrase=a secret\\\\ word\n");
  expect(statSync(join(folder, "root", network)).mode & 0o777).toBe(0o600);
  expect(written("etc/iwd/main.conf")).toBe("[General]\nCountry=DE\n");
});

test("wrong values are named and left out, and the others count", () => {
  const said = readCard({
    "machine.conf":
      "time_zone = ../../etc/passwd\nhost_name = Hall 2\nwifi_name = Hall\nwifi_password = short\nwifi_country = Germany\nssh_key = hunter2\n",
    "emotion-kiosk.conf": "language = it\n",
  });
  for (const name of ["time_zone", "host_name", "wifi_password", "wifi_country", "ssh_key"])
    expect(said).toContain(name);
  for (const name of ["etc/localtime", "etc/hostname", "var/lib/iwd/Hall.psk", "root/.ssh"])
    expect(isWritten(name)).toBe(false);
  expect(written("etc/emotion-kiosk.conf")).toBe("language = it\n");
});

test("a partition without files leaves the exhibit's own settings", () => {
  expect(readCard({})).toContain("holds no settings");
  expect(isWritten("etc/emotion-kiosk.conf")).toBe(false);
});

test("a key and a fleet's file are only root's to read", () => {
  readCard({ "machine.conf": "ssh_key = ssh-ed25519 AAAA you@desk\n", "hall.fleet.json": "{}" });
  expect(written("root/.ssh/authorized_keys")).toBe("ssh-ed25519 AAAA you@desk\n");
  expect(statSync(join(folder, "root/etc/emotion-kiosk-fleet.json")).mode & 0o777).toBe(0o600);
});
