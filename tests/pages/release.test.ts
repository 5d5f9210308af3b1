/** The release archive: the same site gives the same bytes, and the installer refuses a modified archive. */
import { execFileSync, spawnSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

let folder: string;
let said: string;

const pack = () => execFileSync(join(ROOT, "kiosk/release.sh"), { encoding: "utf8" });
const archive = () => join(ROOT, "release", said.trim().split("  ")[1]!);

// The archive needs GNU tar and sha256sum, as its target machines have.
describe.runIf(process.platform === "linux")("a release", () => {
  beforeAll(() => {
    said = pack();
    folder = mkdtempSync(join(tmpdir(), "release-"));
    execFileSync("tar", ["-xzf", archive(), "-C", folder, "--strip-components=1"]);
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** Run the installer without any change to the machine. */
  function install(): { status: number | null; output: string } {
    const { status, stdout, stderr } = spawnSync(join(folder, "kiosk/install.sh"), ["--dry-run"], { encoding: "utf8" });
    return { status, output: stdout + stderr };
  }

  test("the same site gives the same bytes, as their sha256 shows", () => {
    expect(readFileSync(`${archive()}.sha256`, "utf8")).toBe(said);
    expect(pack()).toBe(said);
  });

  test("the archive lists each of its files", () => {
    const listed = readFileSync(join(folder, "SHA256SUMS"), "utf8")
      .trim()
      .split("\n")
      .map((line) => line.slice(66));
    const there = readdirSync(folder, { recursive: true, withFileTypes: true, encoding: "utf8" })
      .filter((entry) => entry.isFile() && entry.name !== "SHA256SUMS")
      .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1));
    expect(there.sort()).toEqual(listed.sort());
    expect(there.filter((name) => name.endsWith(".map"))).toEqual([]);
  });

  test("the installer refuses an archive with a changed or added file", () => {
    expect(install().output).not.toMatch(/the release\b/);
    writeFileSync(join(folder, "dist/added.js"), "");
    expect(install()).toMatchObject({ status: 1, output: expect.stringMatching(/dist\/added\.js/) as string });
    rmSync(join(folder, "dist/added.js"));
    appendFileSync(join(folder, "dist/index.html"), "<!-- changed -->");
    expect(install()).toMatchObject({
      status: 1,
      output: expect.stringMatching(/dist\/index\.html: FAILED[^]*differ from the release/) as string,
    });
  });
});
