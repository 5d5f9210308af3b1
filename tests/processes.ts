/** Running processes, as Linux lists them in /proc. A process that ends during the reading has empty values. */
import { readFileSync, readdirSync } from "node:fs";

/** A process and all that descend from it. */
export function processTree(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    // The name, in brackets, may hold spaces; the parent is the second field after it.
    const parent = Number(
      readOrEmpty(`/proc/${entry}/stat`)
        .replace(/^.*\) /s, "")
        .split(" ")[1],
    );
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const found = [root];
  for (let index = 0; index < found.length; index++) found.push(...(children.get(found[index]!) ?? []));
  return found;
}

/** The processes of a tree whose command line holds a word. */
export function processesWith(root: number, word: string): readonly number[] {
  return processTree(root).filter((pid) => readOrEmpty(`/proc/${pid}/cmdline`).includes(word));
}

/** Memory that a process shares with none. */
export function privateMB(pid: number): number {
  const rollup = readOrEmpty(`/proc/${pid}/smaps_rollup`);
  const kilobytes = [...rollup.matchAll(/^Private_(?:Clean|Dirty):\s+(\d+)/gm)].map((match) => Number(match[1]));
  return (kilobytes.reduce((sum, size) => sum + size, 0) * 1024) / 1e6;
}

export function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

export function entriesOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
