import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const KIOSK = fileURLToPath(new URL("../../kiosk", import.meta.url));

/** apt works only as root. */
const CAN_USE_APT = process.getuid?.() === 0 && existsSync("/usr/bin/apt-get") && existsSync("/usr/bin/perl");
if (!CAN_USE_APT) console.log("SKIPPED: the installer's waiting for apt's locks: it needs root, apt and perl.");

/** apt takes a second, and half a minute where other work waits for the processor. */
const HANG_MS = 300_000;

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "installer-"))));
afterEach(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string, mode = 0o644): string {
  const file = join(folder, path);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text, { mode });
  return file;
}

describe("the server's unit before it starts", () => {
  const unit = readFileSync(join(KIOSK, "system/emotion-kiosk-server.service"), "utf8");

  /** Run the unit's check of the installed files, as systemd would, on a folder of the test's. */
  function checkFiles(): { readonly status: number | null; readonly screen: string } {
    const [, script] = /^ExecStartPre=\+\/bin\/sh -c '([^']*)'/m.exec(unit)!;
    const command = script!
      .replaceAll("\\\n", " ")
      .replaceAll("\\\\", "\\")
      .replaceAll("$$", "$")
      .replaceAll("%%", "%")
      .replaceAll('\\"', '"')
      .replace("cd /opt/emotion-kiosk", `cd ${folder}/installed`)
      .replace("/dev/tty1", join(folder, "screen"));
    const { status } = spawnSync("/bin/sh", ["-c", command]);
    const screen = join(folder, "screen");
    return { status, screen: existsSync(screen) ? readFileSync(screen, "utf8") : "" };
  }

  beforeEach(() => {
    for (const name of ["index.html", "kiosk/server.mjs"]) write(`installed/site/${name}`, name);
    execFileSync("/bin/sh", ["-c", "find site -type f -exec sha256sum {} + >SHA256SUMS"], {
      cwd: join(folder, "installed"),
    });
  });

  test("finds whole files whole, and writes nothing on the screen", () => {
    expect(checkFiles()).toEqual({ status: 0, screen: "" });
  });

  test.each([
    ["an empty file", () => write("installed/site/index.html", ""), "site/index.html"],
    ["an empty server", () => write("installed/site/kiosk/server.mjs", ""), "site/kiosk/server.mjs"],
    ["a missing file", () => rmSync(join(folder, "installed/site/index.html")), "site/index.html"],
    ["an empty list of checksums", () => write("installed/SHA256SUMS", ""), "SHA256SUMS"],
    ["a missing list of checksums", () => rmSync(join(folder, "installed/SHA256SUMS")), "SHA256SUMS"],
  ])("names %s on the screen, and does not start", (_case, damage, name) => {
    damage();
    const { status, screen } = checkFiles();
    expect(status).toBe(1);
    expect(screen).toContain("Install it again");
    expect(screen).toContain(name);
  });
});

test.runIf(existsSync("/usr/bin/systemd-analyze"))("a visitor at a keyboard cannot switch the machine off", () => {
  const [, source, target] = /"(logind\.conf) (\/\S+)"/.exec(readFileSync(join(KIOSK, "parts.sh"), "utf8"))!;
  write(target!, readFileSync(join(KIOSK, "system", source!), "utf8"));
  // What logind reads, from all places where it looks.
  const options = [`--root=${folder}`, "--no-pager", "cat-config", "systemd/logind.conf"];
  const read = execFileSync("systemd-analyze", options, { encoding: "utf8" });
  const settings = Object.fromEntries([...read.matchAll(/^(\w+)=(.*)$/gm)].map(([, key, value]) => [key, value]));
  for (const key of ["PowerKey", "RebootKey", "SuspendKey", "HibernateKey"]) {
    expect(settings[`Handle${key}`], key).toBe("ignore");
    expect(settings[`Handle${key}LongPress`], key).toBe("ignore");
  }
  expect(settings["HandleLidSwitch"]).toBe("ignore");
});

test("at a first boot nothing is deleted before it is installed, and the next boot tries again", () => {
  const yaml = readFileSync(join(KIOSK, "user-data.yaml"), "utf8");
  const [, indented] = /per-boot\/emotion-kiosk\n(?: {4}\w.*\n)* {4}content: \|\n((?: {6}.*\n)+)/.exec(yaml)!;
  const script = write(
    "per-boot",
    indented!
      .replaceAll(/^ {6}/gm, "")
      .replace("/opt/", `${folder}/opt/`)
      .replace("/boot/firmware/", `${folder}/boot/`),
  );
  chmodSync(script, 0o755);
  mkdirSync(join(folder, "boot"));
  // The installer fails twice, as it does without a network, and says each time whether it lies where it was unpacked.
  const installer = `#!/bin/sh\necho run >>${folder}/runs; test "$(wc -l <${folder}/runs)" -gt 2\n`;
  write("release/emotion-kiosk/kiosk/install.sh", installer, 0o755);
  write("bin/sleep", `#!/bin/sh\nls ${folder}/opt/emotion-kiosk-archive/kiosk >>${folder}/kept\n`, 0o755);
  const tar = ["-czf", join(folder, "boot/emotion-kiosk-1.0.0.tar.gz"), "-C", join(folder, "release"), "emotion-kiosk"];
  execFileSync("tar", tar);
  execFileSync(script, { env: { PATH: `${folder}/bin:/usr/bin:/bin` } });
  expect(readFileSync(join(folder, "kept"), "utf8")).toBe("install.sh\ninstall.sh\n");
  expect(existsSync(join(folder, "opt/emotion-kiosk-archive"))).toBe(false);
  expect(existsSync(script)).toBe(false);
});

test("until the kiosk is installed, each boot does everything of cloud-init's file again", () => {
  const yaml = readFileSync(join(KIOSK, "user-data.yaml"), "utf8");
  const [, command] = /^bootcmd:\n {2}- (.*)\n/m.exec(yaml)!;
  const boot = () =>
    execFileSync("/bin/sh", ["-c", command!.replace("/opt/", `${folder}/opt/`).replace("/var/", `${folder}/var/`)]);
  const marks = ["config_write_files", "config_users_groups", "config_ssh"];
  const done = () => marks.filter((mark) => existsSync(join(folder, "var/lib/cloud/instance/sem", mark)));
  const doAll = () => marks.forEach((mark) => write(`var/lib/cloud/instance/sem/${mark}`, ""));
  boot();
  doAll();
  boot();
  expect(done()).toEqual([]);
  doAll();
  write("opt/emotion-kiosk/site/index.html", "");
  boot();
  expect(done()).toEqual(marks);
});

describe.runIf(CAN_USE_APT)("packages", () => {
  /** A package system of the test's own, with one package to be had and nothing installed. */
  function makePackageSystem(): NodeJS.ProcessEnv {
    const admin = join(folder, "var/lib/dpkg");
    for (const path of ["info", "updates", "triggers"]) mkdirSync(join(admin, path), { recursive: true });
    write("var/lib/dpkg/status", "");
    for (const path of ["var/lib/apt/lists/partial", "var/cache/apt/archives/partial", "var/log/apt", "etc/apt"])
      mkdirSync(join(folder, path), { recursive: true });
    const control = "Package: kiosk-test\nVersion: 1\nArchitecture: all\nMaintainer: test\nDescription: test\n";
    write("package/DEBIAN/control", control);
    mkdirSync(join(folder, "repository"));
    const archive = join(folder, "repository/kiosk-test.deb");
    execFileSync("dpkg-deb", ["--build", join(folder, "package"), archive], { stdio: "ignore" });
    const [sum] = execFileSync("sha256sum", [archive], { encoding: "utf8" }).split(" ");
    const size = readFileSync(archive).length;
    const list = write("repository/Packages", `${control}Filename: ./kiosk-test.deb\nSize: ${size}\nSHA256: ${sum}\n`);
    const [listSum] = execFileSync("sha256sum", [list], { encoding: "utf8" }).split(" ");
    write("repository/Release", `Suite: test\nSHA256:\n ${listSum} ${readFileSync(list).length} Packages\n`);
    write("etc/apt/sources.list", `deb [trusted=yes] copy:${folder}/repository ./\n`);
    // The packages of the machine itself are left alone.
    const configuration = write(
      "apt.conf",
      [
        `Dir "${folder}/";`,
        `Dir::State::status "${admin}/status";`,
        `Dir::Etc::parts "${folder}/none";`,
        `Dir::Bin::methods "/usr/lib/apt/methods";`,
        `Dir::Bin::dpkg "/usr/bin/dpkg";`,
        `APT::Sandbox::User "root";`,
        `DPkg::Path "/usr/sbin:/usr/bin:/sbin:/bin";`,
        "",
      ].join("\n"),
    );
    return { ...process.env, APT_CONFIG: configuration, DPKG_ADMINDIR: admin };
  }

  /** Hold a lock as apt and dpkg do, for some seconds. */
  function holdLock(path: string, seconds: number): Promise<void> {
    const script = `
      use Fcntl; open(my $file, ">", $ARGV[0]) or die; $| = 1;
      my $lock = pack("s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0); fcntl($file, F_SETLK, $lock) or die; print "held\\n"; sleep $ARGV[1];`;
    const holder = spawn("perl", ["-e", script, join(folder, path), String(seconds)]);
    return new Promise((resolve, reject) => {
      holder.stdout.once("data", () => resolve());
      holder.once("exit", (code) => reject(new Error(`The lock could not be taken (exit code ${code}).`)));
    });
  }

  function expectInstalled(env: NodeJS.ProcessEnv): void {
    // Constants can be set only once, and this installation has its own folder.
    const script = `
      source <(sed 's/^readonly //' ${KIOSK}/parts.sh)
      source <(sed 's|^here=.*||; s|^source .*||; s|^readonly RETRY_S=.*|RETRY_S=1|; s|^readonly PATIENCE_S=.*|PATIENCE_S=60|' ${KIOSK}/install.sh)
      TARGET=${folder}/opt
      wanted_packages() { echo kiosk-test; }
      install_packages`;
    const { status, stdout, stderr } = spawnSync("bash", ["-c", script], { env, encoding: "utf8" });
    expect({ status, output: status === 0 ? "" : stdout + stderr }).toEqual({ status: 0, output: "" });
    expect(readFileSync(join(folder, "var/lib/dpkg/status"), "utf8")).toContain("Status: install ok installed");
    expect(readFileSync(join(folder, "opt/packages"), "utf8")).toBe("kiosk-test\n");
  }

  test(
    "are installed after a power cut has left apt's lists empty",
    () => {
      const env = makePackageSystem();
      execFileSync("apt-get", ["update"], { env, stdio: "ignore" });
      const lists = join(folder, "var/lib/apt/lists");
      const packages = readdirSync(lists).filter((name) => name.endsWith("_Packages"));
      expect(packages).not.toEqual([]);
      for (const name of packages) truncateSync(join(lists, name));
      expectInstalled(env);
    },
    HANG_MS,
  );

  test.each(["var/lib/dpkg/lock-frontend", "var/lib/apt/lists/lock"])(
    "are installed once the lock %s is free",
    async (lock) => {
      const env = makePackageSystem();
      await holdLock(lock, 3);
      expectInstalled(env);
    },
    HANG_MS,
  );
});
