import { describe, expect, test } from "vitest";
import { changes, lastAlike, readHistory, type HistoryEntry } from "../commands/speed/bench-history.ts";

const ENTRY: HistoryEntry = {
  when: "2026-11-22T10:00:00.000Z",
  commit: "0123abc",
  machine: "4 x Cortex-A76",
  browser: "Chrome/156.0.0.0",
  kind: "int8, edge, clip 640x480, measure, throttle 1",
  fps: 30,
  totalMs: 4,
  cpuMsPerFrame: 6,
  firstResultMs: 500,
  wasmMB: 16,
};

describe("the bench's history", () => {
  test("finds the last entry of the same machine and kind", () => {
    const history = [
      { ...ENTRY, commit: "old" },
      { ...ENTRY, commit: "last" },
      { ...ENTRY, commit: "other machine", machine: "2 x AMD EPYC" },
      { ...ENTRY, commit: "other kind", kind: "float" },
    ];
    expect(lastAlike(history, ENTRY)?.commit).toBe("last");
    expect(lastAlike([], ENTRY)).toBeUndefined();
  });

  test("reports values that got worse or better, and ignores changes of a few percent", () => {
    const now = { ...ENTRY, fps: 24, totalMs: 3, cpuMsPerFrame: 6.5, firstResultMs: 550.1 };
    expect(changes(ENTRY, now)).toEqual([
      "WORSE  frames a second: 30 -> 24 (−20 %)",
      "better a frame, median: 4 ms -> 3 ms (−25 %)",
      "WORSE  first result: 500 ms -> 550.1 ms (+10 %)",
    ]);
    expect(changes(ENTRY, ENTRY)).toEqual([]);
  });

  test("reads one entry from each line, and names an invalid line", () => {
    const line = JSON.stringify(ENTRY);
    expect(readHistory(`${line}\n\n${line}\n`)).toEqual([ENTRY, ENTRY]);
    expect(readHistory("")).toEqual([]);
    expect(() => readHistory(`${line}\n{"when":`)).toThrow("Line 2");
  });
});
