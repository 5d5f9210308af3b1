import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { softmaxRows } from "../../src/runtime/softmax.ts";
import { readFaceLabels } from "../commands/accuracy/face-labels.ts";
import { calibrationError, compare, silenceBelow } from "../commands/accuracy/recognition.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "labels-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const VOTES = "neutral happiness surprise sadness anger disgust fear contempt unknown not_face";
const HEADER = `name,fer2013,${VOTES.split(" ")
  .map((tag) => `votes_${tag}`)
  .join(",")}`;

function write(...rows: string[]): string {
  const path = join(folder, "labels.csv");
  writeFileSync(path, [HEADER, ...rows, ""].join("\n"));
  return path;
}

describe("readFaceLabels", () => {
  test("reads both labels, and the majority of all ten tags if it is one of the seven", () => {
    const path = write(
      "a.png,angry,4,0,0,0,1,0,0,4,1,0",
      "b.png,disgusted,1,0,0,1,0,2,0,6,0,0",
      "c.png,,0,9,0,0,0,0,0,0,0,1",
      "d.png,sad,0,0,0,0,0,0,0,0,0,10",
    );
    expect(readFaceLabels(path)).toEqual([
      { fer2013: "angry", ferplus: "neutral" },
      { fer2013: "disgusted", ferplus: null },
      { fer2013: null, ferplus: "happy" },
      { fer2013: "sad", ferplus: null },
    ]);
  });

  test.each([
    ["a.png,angry,4,0,0", "line 2 has 5 cells, not 12"],
    ["a.png,cross,4,0,0,0,1,0,0,4,1,0", 'line 2 has the unknown label "cross"'],
    ["a.png,angry,4,0,0,x,1,0,0,4,1,0", "line 2 has votes that are not counts"],
    ["a.png,angry,4,0,0,,1,0,0,4,1,0", "line 2 has votes that are not counts"],
  ])("refuses %s", (row, message) => {
    const path = write(row);
    expect(() => readFaceLabels(path)).toThrow(`${path}: ${message}`);
  });

  test("names a missing column", () => {
    const path = join(folder, "other.csv");
    writeFileSync(path, "name,emotion\na.png,3\n");
    expect(() => readFaceLabels(path)).toThrow(`${path}: has no column "fer2013"`);
  });
});

/** @returns Scores with a probability for the label at `index`; the others share the rest. */
function answer(index: number, probability: number): Float32Array {
  const scores = new Float32Array(7).fill((1 - probability) / 6);
  scores[index] = probability;
  return scores;
}

describe("compare", () => {
  test("counts the labelled faces, in rows by truth and columns by answer", () => {
    const scores = [answer(0, 0.9), answer(3, 0.9), answer(3, 0.9), null, answer(6, 0.9)];
    const { accuracy, n, recall, confusion } = compare(scores, ["angry", "angry", "happy", "happy", null]);
    expect({ accuracy, n }).toEqual({ accuracy: 0.5, n: 4 });
    expect(recall).toMatchObject({ angry: 0.5, happy: 0.5, sad: null });
    expect(confusion[0]).toEqual([1, 0, 0, 1, 0, 0, 0]);
    expect(confusion[3]).toEqual([0, 0, 0, 1, 0, 0, 0]);
  });

  test("the mean recall counts a rare expression as much as a frequent one, and leaves out one that does not occur", () => {
    const scores = [answer(3, 0.9), answer(3, 0.9), answer(3, 0.9), answer(0, 0.9)];
    const { accuracy, meanRecall } = compare(scores, ["happy", "happy", "happy", "disgusted"]);
    expect({ accuracy, meanRecall }).toEqual({ accuracy: 0.75, meanRecall: 0.5 });
  });

  test("is 0 where no face has a label", () => {
    expect(compare([answer(3, 0.9)], [null])).toMatchObject({ accuracy: 0, meanRecall: 0, n: 0 });
  });
});

describe("calibrationError", () => {
  test("is 0 if answers are right as often as their confidence says", () => {
    const scores = Array.from({ length: 10 }, () => answer(3, 0.7));
    const truth = scores.map((_, i) => (i < 7 ? "happy" : "sad") as "happy" | "sad");
    expect(calibrationError(scores, truth)).toBeCloseTo(0);
  });

  test("is the gap between accuracy and confidence", () => {
    const scores = [answer(3, 0.9), answer(3, 0.9), answer(0, 0.5), answer(0, 0.5)];
    expect(calibrationError(scores, ["happy", "sad", "angry", "angry"])).toBeCloseTo((0.4 + 0.5) / 2);
  });
});

describe("silenceBelow", () => {
  const scores = [answer(3, 0.9), answer(3, 0.6), answer(0, 0.5), answer(0, 0.35)];
  const truth = ["happy", "sad", "angry", "angry"] as const;

  test("tells how many answers are said, and how often these and the others are right", () => {
    expect(silenceBelow(0.6, scores, truth)).toEqual({ least: 0.6, said: 0.5, rightSaid: 0.5, rightUnsaid: 1 });
    expect(silenceBelow(0.95, scores, truth)).toEqual({ least: 0.95, said: 0, rightSaid: null, rightUnsaid: 0.75 });
  });

  test("leaves out faces without a label", () => {
    expect(silenceBelow(0.4, scores, ["happy", null, null, "sad"])).toEqual({
      ...{ least: 0.4, said: 0.5, rightSaid: 1, rightUnsaid: 0 },
    });
  });
});

describe("softmaxRows", () => {
  test.each([Number.NaN, Infinity])("refuses the logit %s", (logit) => {
    expect(() => softmaxRows(Float32Array.of(0, 1, logit), 3, 1)).toThrow(/no number/);
  });

  test("makes each row sum to 1 and keeps the order, also of large logits", () => {
    const rows = softmaxRows(Float32Array.of(1, 2, 3, 1000, 999, -1000), 3, 1);
    expect([...rows.subarray(0, 3)].map((value) => Number(value.toFixed(4)))).toEqual([0.09, 0.2447, 0.6652]);
    expect(rows[3]! + rows[4]! + rows[5]!).toBeCloseTo(1);
    expect(rows[3]! / rows[4]!).toBeCloseTo(Math.E, 4);
  });

  test("adds the shift to the logits of each row, before the temperature", () => {
    const shifted = softmaxRows(Float32Array.of(1, 2, 3, 0), 2, 2, Float32Array.of(0.5, -0.5));
    expect([...shifted]).toEqual([...softmaxRows(Float32Array.of(1.5, 1.5, 3.5, -0.5), 2, 2)]);
  });

  test("is less sure at a higher temperature", () => {
    const [cold] = softmaxRows(Float32Array.of(2, 0), 2, 1);
    const [warm] = softmaxRows(Float32Array.of(2, 0), 2, 2);
    expect(warm).toBeCloseTo(1 / (1 + Math.exp(-1)), 5);
    expect(warm).toBeLessThan(cold!);
  });
});
