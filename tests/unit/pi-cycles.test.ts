import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { readTrace } from "../commands/speed/pi-cycles/trace.ts";

/** A function at 0x10 whose loop at 0x18 runs `turns` times, as the emulator logs it. */
function logOf(...turns: readonly number[]): string {
  const shown = new Set<number>();
  const run = (address: number, ...instructions: readonly string[]) => {
    const lines = instructions.map((word, i) => `0x${(address + 4 * i).toString(16)}:  ${word}  words`);
    const isNew = !shown.has(address);
    shown.add(address);
    const digits = address.toString(16).padStart(16, "0");
    return `${isNew ? `----------------\nIN: \n${lines.join("\n")}\n\n` : ""}Trace 0: 0x7f00 [1001/${digits}/01/02] \n`;
  };
  return turns
    .map((count) => run(0x10, "d2800110", "54000809") + run(0x18, "4e8e9610", "54ffffc1").repeat(count))
    .join("");
}

test("the emulator's log is read as blocks, their runs in each call, and what follows what", async () => {
  const log = logOf(3, 5);
  const parts = [log.slice(0, 77), log.slice(77, 130), log.slice(130)];
  const { blocks, calls } = await readTrace(Readable.from(parts, { objectMode: false }));
  expect(calls).toBe(2);
  expect(blocks.map(({ instructions, runs }) => ({ instructions, runs }))).toEqual([
    { instructions: ["d2800110", "54000809"], runs: [1, 1] },
    { instructions: ["4e8e9610", "54ffffc1"], runs: [3, 5] },
  ]);
  expect([...blocks[0]!.followers]).toEqual([[1, 2]]);
  expect([...blocks[1]!.followers]).toEqual([[1, 6]]);
});

test("a block that ran and was not shown is an error", async () => {
  const log = "Trace 0: 0x7f00 [1001/0000000000000010/01/02] \n";
  await expect(readTrace(Readable.from([log]))).rejects.toThrow("was not shown");
});
