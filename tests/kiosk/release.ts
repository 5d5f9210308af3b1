import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Make the release archive from dist/ and unpack it as its user would. */
export function unpackedArchive(): string {
  execFileSync(join(ROOT, "kiosk/release.sh"), { stdio: "ignore" });
  const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
  const archive = join(ROOT, `release/emotion-kiosk-${version}.tar.gz`);
  const folder = mkdtempSync(join(tmpdir(), "kiosk-release-"));
  execFileSync("tar", ["-xzf", archive, "-C", folder, "--strip-components=1"]);
  execFileSync("chmod", ["755", folder]);
  return folder;
}
