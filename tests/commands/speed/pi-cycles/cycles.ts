/** Estimates cycles of traced code with LLVM's model of a processor, `llvm-mca`. */
import { execFileSync } from "node:child_process";
import type { Block, Trace } from "./trace.ts";

/** A processor that the emulator and LLVM know. */
export interface Processor {
  /** The emulator's name. */
  readonly name: string;
  /** LLVM's name of the model. */
  readonly model: string;
  /** Instructions that it decodes in a cycle. */
  readonly width: number;
}

/** The first with a model of the Neoverse N1, which is the Cortex-A76 for servers. */
const LEAST_VERSION = 17;
const VERSIONS = ["", ..."22 21 20 19 18 17".split(" ").map((version) => `-${version}`)];

/** A block follows another on the way through the code if it does so in this share of both's runs. */
const MUTUAL_SHARE = 0.5;

/** A way through the code is repeated as often, so that its start does not count. */
const ITERATIONS = 200;

/** @returns The ending of LLVM's commands, such as `-19`. @throws Error Where there is none, with the remedy. */
export function findLlvm(): string {
  for (const ending of VERSIONS) {
    try {
      const said = execFileSync(`llvm-mca${ending}`, ["--version"], { encoding: "utf8" });
      if (Number(/version (\d+)/.exec(said)?.[1]) >= LEAST_VERSION) return ending;
    } catch {
      // Another one may be there.
    }
  }
  throw new Error(`llvm-mca of LLVM ${LEAST_VERSION} or later is missing: apt-get install llvm-19`);
}

/** @returns Cycles of each call of the traced function. */
export function estimateCycles({ blocks, calls }: Trace, processor: Processor, llvm: string): number[] {
  const ways = findWays(blocks);
  const words = disassemble(new Set(blocks.flatMap(({ instructions }) => instructions)), llvm);
  const lengths = ways.map((way) => sum(way.map(({ instructions }) => instructions.length)));
  const perWay = analyze(ways, words, processor, llvm);
  return Array.from({ length: calls }, (_, call) =>
    sum(
      ways.map((way, i) => {
        const run = sum(way.map(({ instructions, runs }) => instructions.length * (runs[call] ?? 0)));
        return (run / lengths[i]!) * Math.max(perWay[i]!, lengths[i]! / processor.width);
      }),
    ),
  );
}

/**
 * Join blocks that mostly follow each other, above all those of a loop: a processor works on several of them at once. Each
 * block is in one way.
 */
function findWays(blocks: readonly Block[]): Block[][] {
  const runs = new Map(blocks.map((block) => [block, sum(block.runs)]));
  const taken = new Set<Block>();
  const next = (block: Block): Block | undefined => {
    const [number, times] = [...block.followers].reduce((most, one) => (one[1] > most[1] ? one : most), [-1, 0]);
    const follower = blocks[number];
    if (follower === undefined || taken.has(follower)) return undefined;
    return times >= MUTUAL_SHARE * Math.max(runs.get(block)!, runs.get(follower)!) ? follower : undefined;
  };
  const work = (block: Block) => runs.get(block)! * block.instructions.length;
  const ways: Block[][] = [];
  for (const start of blocks.toSorted((a, b) => work(b) - work(a))) {
    const way: Block[] = [];
    let block = taken.has(start) ? undefined : start;
    for (; block !== undefined; block = next(block)) {
      taken.add(block);
      way.push(block);
    }
    if (way.length > 0) ways.push(way);
  }
  return ways;
}

/** @returns Each instruction in LLVM's words. Calls and returns are branches, whose targets a processor knows early. */
function disassemble(instructions: ReadonlySet<string>, llvm: string): ReadonlyMap<string, string> {
  const all = [...instructions];
  const bytes = all.map((word) =>
    word
      .match(/../g)!
      .toReversed()
      .map((byte) => `0x${byte}`)
      .join(" "),
  );
  const options = ["--disassemble", "--triple=aarch64", "--mattr=+all"];
  const said = execFileSync(`llvm-mc${llvm}`, options, { input: bytes.join("\n"), encoding: "utf8" });
  const lines = said.split("\n").filter((line) => /^\t[^.]/.test(line));
  if (lines.length !== all.length) throw new Error(`llvm-mc names ${lines.length} of ${all.length} instructions.`);
  return new Map(all.map((word, i) => [word, lines[i]!.replace(/^\t(bl|blr|ret)\b.*/, "\tb\t#4")]));
}

/** @returns Cycles of each way when it repeats, everything in the first cache. */
function analyze(
  ways: readonly (readonly Block[])[],
  words: ReadonlyMap<string, string>,
  { model }: Processor,
  llvm: string,
): number[] {
  const input = ways.map(
    (way, i) =>
      `# LLVM-MCA-BEGIN ${i}\n` +
      way.flatMap(({ instructions }) => instructions.map((word) => `${words.get(word)!}\n`)).join("") +
      "# LLVM-MCA-END\n",
  );
  const options = ["-mtriple=aarch64", `-mcpu=${model}`, "-mattr=+dotprod", `-iterations=${ITERATIONS}`, "-json"];
  const said = execFileSync(`llvm-mca${llvm}`, [...options, "-all-views=false", "-summary-view"], {
    input: input.join(""),
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  const { CodeRegions: regions } = JSON.parse(said) as {
    CodeRegions: { Name: string; SummaryView: { TotalCycles: number } }[];
  };
  const cycles = new Map(regions.map(({ Name, SummaryView }) => [Name, SummaryView.TotalCycles / ITERATIONS]));
  return ways.map((_, i) => {
    const found = cycles.get(String(i));
    if (found === undefined) throw new Error(`llvm-mca says nothing of way ${i}.`);
    return found;
  });
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + (number ?? 0), 0);
}
