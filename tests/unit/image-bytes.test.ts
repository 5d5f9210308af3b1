/** The image's partitions have the same bytes whenever they are made. */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const BUILD = fileURLToPath(new URL("../../kiosk/image/build.sh", import.meta.url));

/** Longer than the two seconds in which a FAT file system counts time. */
const LATER_MS = 2100;

const PATH = `${process.env["PATH"]}:/usr/sbin:/sbin`;
const missing = ["mkfs.vfat", "mcopy", "mke2fs"].filter(
  (command) => !PATH.split(":").some((folder) => existsSync(join(folder, command))),
);
if (missing.length > 0) console.log(`SKIPPED: the image's bytes: missing ${missing.join(", ")}.`);

/** Make the partition of the settings and that of the statistics. @returns Their checksums. */
function makePartitions(): string[] {
  const work = mkdtempSync(join(tmpdir(), "image-bytes-"));
  try {
    writeFileSync(join(work, "archive"), "a release");
    const commands = `source ${BUILD}; work=${work}; arch=amd64; archive=${join(work, "archive")}; make_card; make_data`;
    const env = { ...process.env, PATH, SOURCE_DATE_EPOCH: "1700000000", TZ: "UTC", LC_ALL: "C" };
    execFileSync("bash", ["-c", commands], { env });
    return ["card.fat", "data.ext4"].map((name) =>
      createHash("sha256")
        .update(readFileSync(join(work, name)))
        .digest("hex"),
    );
  } finally {
    rmSync(work, { recursive: true });
  }
}

test.skipIf(missing.length > 0)("partitions made at different times are the same", async () => {
  const first = makePartitions();
  await sleep(LATER_MS);
  expect(makePartitions()).toEqual(first);
});
