/** The package as npm publishes it, installed beside the bundlers and frameworks of the tests. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const HERE = fileURLToPath(new URL(".", import.meta.url));
/** Folder in which the apps' imports find it. */
export const INSTALLED = join(HERE, "node_modules/emotion-cam");

const LOCK = join(HERE, "package-lock.json");
/** The lock file by which the packages were installed. */
const INSTALLED_LOCK = join(HERE, "node_modules/.installed-lock");

/** True if bundlers and frameworks are installed. Without them, the tests that need them say SKIPPED. */
export const PEERS = installPeers();

/** Install the bundlers and frameworks of the apps, once for each lock file. */
function installPeers(): boolean {
  const lock = readFileSync(LOCK, "utf8");
  if (existsSync(INSTALLED_LOCK) && readFileSync(INSTALLED_LOCK, "utf8") === lock) return true;
  console.log("Installing bundlers and frameworks for the package's tests (once, some 190 MB) …");
  const options = ["--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"];
  try {
    execFileSync("npm", ["ci", ...options], { cwd: HERE, stdio: "inherit" });
  } catch (cause) {
    if (process.env["CI"]) throw cause;
    console.warn("SKIPPED: bundlers' apps and frameworks' types, for npm's registry cannot be reached.");
    return false;
  }
  writeFileSync(INSTALLED_LOCK, lock);
  return true;
}

/**
 * Pack `dist/` as it is, and unpack it where the apps' imports find it.
 *
 * @returns Paths in the package, by name.
 */
export function installPackage(): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), "emotion-cam-packed-"));
  try {
    // Its script would build dist/ again while the other tests read it.
    const options = ["--json", "--ignore-scripts", "--pack-destination", folder];
    const said = execFileSync("npm", ["pack", ...options], { cwd: ROOT, encoding: "utf8" });
    const [packed] = JSON.parse(said) as [{ filename: string; files: { path: string }[] }];
    execFileSync("tar", ["-xzf", packed.filename], { cwd: folder });
    rmSync(INSTALLED, { recursive: true, force: true });
    cpSync(join(folder, "package"), INSTALLED, { recursive: true });
    return packed.files.map(({ path }) => path).sort();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
