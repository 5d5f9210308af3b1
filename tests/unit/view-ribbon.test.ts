import { describe, expect, test } from "vitest";
import { type Sample, ribbon } from "../../src/view/ribbon.ts";

describe("the ribbon of the last minute", () => {
  test("is empty without samples", () => {
    expect(ribbon([], 0)).toBe("none");
  });

  test("is empty where nobody was there", () => {
    expect(ribbon([{ timeMs: 0, label: "nobody" }], 1000)).toBe("none");
    const samples: Sample[] = [
      { timeMs: 30_000, label: "nobody" },
      { timeMs: 45_000, label: "happy" },
    ];
    expect(ribbon(samples, 60_000)).toBe(
      "linear-gradient(to right, transparent 0% 75.00%, var(--emotion-cam-happy) 75.00% 100.00%)",
    );
  });

  test("joins equal samples, ends with the present, and is transparent before the first sample", () => {
    const samples: Sample[] = [
      { timeMs: 30_000, label: "happy" },
      { timeMs: 36_000, label: "happy" },
      { timeMs: 45_000, label: "nobody" },
      { timeMs: 54_000, label: "sad" },
    ];
    expect(ribbon(samples, 60_000)).toBe(
      "linear-gradient(to right, transparent 0% 50.00%, var(--emotion-cam-happy) 50.00% 75.00%, " +
        "transparent 75.00% 90.00%, var(--emotion-cam-sad) 90.00% 100.00%)",
    );
  });

  test("drops samples older than a minute", () => {
    const samples: Sample[] = [
      { timeMs: 0, label: "angry" },
      { timeMs: 70_000, label: "sad" },
    ];
    expect(ribbon(samples, 100_000)).toMatch(
      /^linear-gradient\(to right, transparent 0% 0\.00%, var\(--emotion-cam-angry\) 0\.00% 50\.00%/,
    );
  });

  test("shows an uncertain expression pale and without its colour", () => {
    expect(ribbon([{ timeMs: 0, label: "unsure" }], 1000)).toContain("var(--emotion-cam-unsure) 45%");
  });
});
