import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { readClassifier } from "../../src/runtime/contract.ts";
import { softmaxRows } from "../../src/runtime/softmax.ts";
import { LABELS } from "../../src/types.ts";

interface Prior {
  readonly shares: Readonly<Record<string, number>>;
  readonly training: Readonly<Record<string, number>>;
}

function contractOf(model: string): { readonly prior?: Prior } {
  return JSON.parse(readFileSync(new URL(`../../models/${model}/contract.json`, import.meta.url), "utf8"));
}

describe("the prior of a classifier's contract", () => {
  test.each(["edge", "edge-fer2013"])("%s: rare expressions have a greater share than in training", (model) => {
    const { shares, training } = contractOf(model).prior!;
    for (const mix of [shares, training])
      expect(Object.values(mix).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 3);
    const byRarity = [...LABELS].sort((a, b) => training[a]! - training[b]!);
    expect(shares[byRarity[0]!]!).toBeGreaterThan(training[byRarity[0]!]!);
    expect(shares[byRarity.at(-1)!]!).toBeLessThan(training[byRarity.at(-1)!]!);
  });

  test("the shift turns answers for one mix of faces into those for the other", () => {
    const contract = contractOf("edge");
    const { shares, training } = contract.prior!;
    const { toTrainingPrior } = readClassifier("contract.json", contract);
    // A picture that says nothing is answered with the mix itself.
    const blank = Float32Array.from(LABELS, (label) => Math.log(shares[label]!));
    const answer = softmaxRows(blank, LABELS.length, 1, toTrainingPrior);
    LABELS.forEach((label, i) => expect(answer[i]).toBeCloseTo(training[label]!, 4));
  });

  test("a contract without one needs no shift", () => {
    expect(readClassifier("contract.json", contractOf("seed")).toTrainingPrior).toBeNull();
  });

  test.each([0, -0.1, 1.1, "much", undefined])("the share %s is refused by its name", (share) => {
    const contract = contractOf("edge");
    const { shares, training } = contract.prior!;
    const broken = { ...contract, prior: { shares: { ...shares, fearful: share }, training } };
    expect(() => readClassifier("contract.json", broken)).toThrow(/"prior\.shares\.fearful" is not a number/);
  });
});
