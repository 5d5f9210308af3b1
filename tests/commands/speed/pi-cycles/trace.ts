/** Reads the emulator's log: which blocks of instructions a program ran, how often, and one after which. */
import type { Readable } from "node:stream";

/** Instructions that run one after the other. */
export interface Block {
  /** Each as eight hexadecimal digits. */
  readonly instructions: readonly string[];
  /** How often it ran in each call of the traced function. */
  readonly runs: number[];
  /** How often each block, by its number, followed it. */
  readonly followers: Map<number, number>;
}

/** The blocks of instructions that ran in the traced code. */
export interface Trace {
  readonly blocks: readonly Block[];
  /** How often the function was called whose block was the first to run. */
  readonly calls: number;
}

/** @throws Error Where a block ran that was not shown. */
export async function readTrace(log: Readable): Promise<Trace> {
  const blocks: Block[] = [];
  const numbers = new Map<string, number>();
  let shown: string[] = [];
  let before: Block | null = null;
  let entry = "";
  let calls = 0;
  const take = (line: string) => {
    if (line.startsWith("IN:")) shown = [];
    else if (line.startsWith("0x")) shown.push(line);
    if (!line.startsWith("Trace")) return;
    // Trace 0: HOST [BASE/ADDRESS/FLAGS/FLAGS]
    const at = line.indexOf("/") + 1;
    const address = line.slice(at, line.indexOf("/", at));
    let number = numbers.get(address);
    if (number === undefined) {
      const instructions = shown.map((instruction) => instruction.split(/\s+/)[1]!);
      if (BigInt(shown[0]?.split(":")[0] ?? 0) !== BigInt(`0x${address}`)) throw new Error(`${address} was not shown.`);
      number = blocks.push({ instructions, runs: [], followers: new Map() }) - 1;
      numbers.set(address, number);
      if (entry === "") entry = address;
    }
    if (address === entry) {
      calls += 1;
      before = null;
    }
    const block = blocks[number]!;
    block.runs[calls - 1] = (block.runs[calls - 1] ?? 0) + 1;
    before?.followers.set(number, (before.followers.get(number) ?? 0) + 1);
    before = block;
  };
  let rest = "";
  for await (const part of log.setEncoding("latin1")) {
    const lines = (rest + String(part)).split("\n");
    rest = lines.pop()!;
    for (const line of lines) take(line);
  }
  return { blocks, calls };
}
