import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LABELS } from "../../src/types.ts";

const run = promisify(execFile);
/** Limit for a busy machine. */
const HANG_MS = 300_000;
const ASTRONAUT = { x: 172, y: 72, width: 104, height: 116 };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "commands-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function command(name: string, ...options: string[]) {
  return run(process.execPath, ["--import", "tsx", `tests/commands/${name}.ts`, ...options]);
}

async function failure(started: Promise<unknown>): Promise<{ code: number; stderr: string }> {
  return started.then(
    () => expect.unreachable("it succeeds"),
    (reason: { code: number; stderr: string }) => reason,
  );
}

/** Write faces and labels in the format of the training data. The faces are noise. */
function writeFaces(count: number): { images: string; labels: string } {
  const images = join(folder, "faces.npy");
  const labels = join(folder, "faces.csv");
  const header = `{'descr': '|u1', 'fortran_order': False, 'shape': (${count}, 48, 48), }`.padEnd(117) + "\n";
  const pixels = Buffer.from(Array.from({ length: count * 48 * 48 }, (_, i) => (i * 2654435761) >>> 24));
  writeFileSync(
    images,
    Buffer.concat([Buffer.from("\x93NUMPY\x01\x00\x76\x00", "latin1"), Buffer.from(header), pixels]),
  );
  const tags = "neutral happiness surprise sadness anger disgust fear contempt unknown not_face".split(" ");
  const rows = Array.from({ length: count }, (_, i) => `${i}.png,${LABELS[i % 7]},0,9,0,0,0,0,0,${i % 2 ? 10 : 0},0,0`);
  writeFileSync(labels, [`name,fer2013,${tags.map((tag) => `votes_${tag}`).join(",")}`, ...rows, ""].join("\n"));
  return { images, labels };
}

const FACES = "../shared/fer/valid-images.npy";
const LABELS_FILE = "../shared/fer/valid-labels.csv";
const CROPPED = 80;
/** Accuracy that the crop may cost, plus three standard errors. About one face in twelve gets another label. */
const MOST_LOST = 0.015 + 3 * Math.sqrt(1 / 12 / CROPPED);

describe("live-crop", () => {
  if (!existsSync(FACES)) console.warn("SKIPPED: live crops of labelled faces, which are not in ../shared/fer");
  test.skipIf(!existsSync(FACES))(
    "reads faces on camera like bare ones",
    async () => {
      const json = join(folder, "live-crop.json");
      const options = ["--images", FACES, "--labels", LABELS_FILE, "--count", String(CROPPED), "--json", json];
      await command("accuracy/live-crop", ...options);
      const { found, ferplus } = JSON.parse(readFileSync(json, "utf8"));
      expect(found).toBeGreaterThan(0.8 * CROPPED);
      expect(ferplus.bare).toBeGreaterThan(0.75);
      expect(ferplus.bare - ferplus.live).toBeLessThan(MOST_LOST);
    },
    HANG_MS,
  );
});

describe("detect", () => {
  test("finds the astronaut, and writes the result", async () => {
    const json = join(folder, "faces.json");
    const { stdout, stderr } = await command(
      "reach/detect",
      "--images",
      "tests/fixtures",
      "--range",
      "near",
      "--json",
      json,
    );
    expect(stdout).toContain("astronaut.jpg");
    expect(stderr).toContain("1/1");
    const [picture] = JSON.parse(readFileSync(json, "utf8"));
    expect(picture).toMatchObject({ file: "astronaut.jpg", width: 512, height: 512 });
    const [face] = picture.faces;
    expect(face.keypoints).toHaveLength(6);
    expect(face.score).toBeGreaterThan(0.6);
    const { x, y, width, height } = face.box;
    expect(Math.hypot(x + width / 2 - 224, y + height / 2 - 130)).toBeLessThan(ASTRONAUT.width / 6);
    expect(width).toBeGreaterThan(0.75 * ASTRONAUT.width);
  });

  test("refuses a folder without pictures in one line, with exit code 2", async () => {
    const { code, stderr } = await failure(command("reach/detect", "--images", folder));
    expect(code).toBe(2);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(`${folder}: holds no picture`);
  });
});

describe("evaluate", () => {
  test("counts every face, whatever its label", async () => {
    const { images, labels } = writeFaces(70);
    const json = join(folder, "evaluation.json");
    const { stdout } = await command("accuracy/evaluate", "--images", images, "--labels", labels, "--json", json);
    expect(stdout).toContain("FER2013's labels");
    const report = JSON.parse(readFileSync(json, "utf8"));
    expect(report).toMatchObject({ schema: 1, faces: 70, fer2013: { n: 70 }, ferplus: { n: 35 } });
    const sum = (rows: number[][]) => rows.flat().reduce((total, count) => total + count, 0);
    expect(sum(report.fer2013.confusion)).toBe(70);
    expect(report.fer2013.confusion.map((row: number[]) => sum([row]))).toEqual([10, 10, 10, 10, 10, 10, 10]);
    expect(Object.keys(report.fer2013.recall)).toEqual([...LABELS]);
    expect(report.ece).toBeGreaterThanOrEqual(0);
  });

  test.each([
    [["--labels", "x.csv"], "--images"],
    [["--images", "nowhere.npy", "--labels", "x.csv"], "nowhere.npy: cannot be read"],
    [["--images", "package.json", "--labels", "x.csv"], "package.json: is not a NumPy .npy file"],
    [["--model", "nothing", "--images", "x", "--labels", "x"], "--model nothing"],
    [["--image", "x"], "--image"],
  ])("refuses %j in one line, with exit code 2", async (options, message) => {
    const { code, stderr } = await failure(command("accuracy/evaluate", ...options));
    expect(code).toBe(2);
    expect(stderr.trim().split("\n")).toHaveLength(1);
    expect(stderr).toContain(message);
  });
});
