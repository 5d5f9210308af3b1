/**
 * Makes a release from `dist/`, in `release/`: the package, the kiosk's archive, a software bill of materials of
 * each, the changelog's entry and checksums of them all. The same commit gives the same bytes.
 *
 *   npm run release                     the version in package.json
 *   npm run release -- --tag v1.2.3     the same, but fail where package.json or CHANGELOG.md name another version
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { commitTime } from "./commit.mjs";
import { type Network, networkNames, readNetwork } from "./networks.mjs";
import { PARTS_FILE } from "./third-party.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const RELEASE = join(ROOT, "release");
const SUMS = join(RELEASE, "SHA256SUMS");
const NETWORKS = join(ROOT, "dist/models");

export interface Part {
  readonly name: string;
  readonly version: string;
  /** SPDX identifier. */
  readonly license: string;
  /** As in the lock file: the algorithm, a dash, base64. */
  readonly integrity?: string;
}

/** The archive that a bill of materials is about. */
export interface Subject {
  readonly type: "library" | "application";
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** The archive's hash, in hexadecimal. */
  readonly sha256: string;
  /** ISO 8601. */
  readonly timestamp: string;
}

/**
 * @param tag The tag to be released, `v` before the version; `null` for a trial.
 * @returns The changelog's entry for a version, without its heading. A trial falls back to the entry "Unreleased".
 * @throws An `Error` that names the versions that differ, or the missing entry.
 */
export function changelogEntry(changelog: string, version: string, tag: string | null): string {
  if (tag !== null && tag !== `v${version}`)
    throw new Error(`The tag is ${tag} and package.json's version ${version}: tag v${version}, or change the version.`);
  const sections = new Map(
    changelog
      .split(/^## /m)
      .slice(1)
      .map((section) => {
        const [heading = "", ...lines] = section.split("\n");
        return [heading.trim().split(" ", 1)[0], lines.join("\n").trim()] as const;
      }),
  );
  const entry = sections.get(version) ?? (tag === null ? sections.get("Unreleased") : undefined);
  if (entry === undefined || entry === "")
    throw new Error(`CHANGELOG.md says nothing about ${version}: write an entry under the heading "## ${version}".`);
  return entry;
}

/** @returns A bill of materials in CycloneDX 1.6: every third-party package and every network that is inside. */
export function billOfMaterials(subject: Subject, parts: readonly Part[], networks: readonly Network[]): object {
  const { type, name, version, license, sha256, timestamp } = subject;
  const components = [
    ...[...new Map(parts.map((part) => [purl(part.name, part.version), part]))].map(([ref, part]) => ({
      type: "library",
      "bom-ref": ref,
      name: part.name,
      version: part.version,
      licenses: [{ license: { id: part.license } }],
      purl: ref,
      ...(part.integrity !== undefined && { hashes: [hashOf(part.integrity)] }),
    })),
    ...networks.map((network) => ({
      type: "machine-learning-model",
      "bom-ref": `model:${network.name}@${network.version}`,
      name: network.name,
      version: network.version,
      components: network.files.map((file) => ({
        type: "file",
        name: `models/${network.name}/${file.path}`,
        hashes: [{ alg: "SHA-256", content: file.sha256 }],
      })),
    })),
  ];
  const own = purl(name, version);
  return {
    $schema: "http://cyclonedx.org/schema/bom-1.6.schema.json",
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${uuidOf(sha256)}`,
    version: 1,
    metadata: {
      timestamp,
      component: {
        type,
        "bom-ref": own,
        name,
        version,
        licenses: [{ license: { id: license } }],
        ...(type === "library" && { purl: own }),
        hashes: [{ alg: "SHA-256", content: sha256 }],
      },
    },
    components,
    dependencies: [{ ref: own, dependsOn: components.map((component) => component["bom-ref"]) }],
  };
}

function purl(name: string, version: string): string {
  return `pkg:npm/${name.replace(/^@/, "%40")}@${version}`;
}

function hashOf(integrity: string) {
  const [algorithm = "", base64 = ""] = integrity.split("-", 2);
  return { alg: algorithm.replace("sha", "SHA-"), content: Buffer.from(base64, "base64").toString("hex") };
}

/** @returns A UUID made from a hash, so that the same archive has the same one. RFC 9562, version 8. */
function uuidOf(sha256: string): string {
  const variant = ((parseInt(sha256[16]!, 16) & 3) | 8).toString(16);
  const digits = `${sha256.slice(0, 12)}8${sha256.slice(13, 16)}${variant}${sha256.slice(17, 32)}`;
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

function sha256Of(file: string): string {
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

function json(path: string) {
  return JSON.parse(readFileSync(path, "utf8"));
}

function main(): void {
  const { values } = parseArgs({ options: { tag: { type: "string" } } });
  const { name, version, license } = json(join(ROOT, "package.json"));
  const entry = changelogEntry(readFileSync(join(ROOT, "CHANGELOG.md"), "utf8"), version, values.tag ?? null);
  rmSync(RELEASE, { recursive: true, force: true });
  mkdirSync(RELEASE);

  // `npm run release` has just built dist/; the package's own script would build it again.
  const pack = ["pack", "--ignore-scripts", "--silent", "--pack-destination", RELEASE];
  execFileSync("npm", pack, { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
  execFileSync("kiosk/release.sh", { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
  // release.sh leaves the checksums of the files inside the archive, which contains them too.
  rmSync(SUMS, { force: true });

  const { inPackage, inPages } = json(PARTS_FILE) as Record<"inPackage" | "inPages", Part[]>;
  const archives = [
    { type: "library", name, archive: `${name}-${version}.tgz`, parts: inPackage },
    {
      type: "application",
      name: "emotion-kiosk",
      archive: `emotion-kiosk-${version}.tar.gz`,
      parts: [...inPackage, ...inPages],
    },
  ] as const;
  const networks = networkNames(NETWORKS).map((name) => readNetwork(NETWORKS, name));
  const timestamp = commitTime();
  for (const { archive, parts, ...about } of archives) {
    const subject = { ...about, version, license, timestamp, sha256: sha256Of(join(RELEASE, archive)) };
    const bill = JSON.stringify(billOfMaterials(subject, parts, networks), null, 2);
    writeFileSync(join(RELEASE, `${about.name}-${version}.cdx.json`), `${bill}\n`);
  }
  writeFileSync(join(RELEASE, `CHANGELOG-${version}.md`), `${entry}\n`);

  const sums = readdirSync(RELEASE)
    .sort()
    .map((file) => `${sha256Of(join(RELEASE, file))}  ${file}\n`);
  writeFileSync(SUMS, sums.join(""));
  console.log(`release/ holds\n${sums.join("")}`.trimEnd());
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  try {
    main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
