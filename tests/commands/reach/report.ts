/** The report of `npm run reach` as text. */
import { type Report, WHOLE_WIDTHS, WIDTHS } from "./measure.ts";

/** @returns The share found at each of `WIDTHS`, by name, ours first. `NaN` where it was not measured. */
export function curvesOf({ recall = {}, peers = {} }: Report): readonly (readonly [string, readonly number[]])[] {
  return [
    ...Object.entries(recall)
      .reverse()
      .map(([range, byWidth]) => [`range ${range}`, WIDTHS.map((width) => byWidth[width] ?? Number.NaN)] as const),
    ...Object.entries(peers).map(([name, { recall: shares }]) => [name, shares] as const),
  ];
}

function printTable(rows: readonly (readonly [string, ...string[]])[]): void {
  const first = Math.max(...rows.map(([name]) => name.length));
  for (const [name, ...cells] of rows) {
    console.log([name.padEnd(first), ...cells.map((cell) => cell.padStart(11))].join(" "));
  }
}

/** Print the report. */
export function print(report: Report): void {
  const { runtime, pace, machine, heads, scenes, faceless, jitter, crossings, cost, fullRange } = report;
  console.log(
    `${runtime.engine} (${runtime.variant}), pace ${pace}, machine ${machine}, ${heads} heads, 640x480 at 15 frames a second`,
  );
  const curves = curvesOf(report);
  if (curves.length > 0) {
    console.log(`\nfound within half a second, of ${scenes} people each`);
    printTable([
      ["face width, px", ...WIDTHS.map(String)],
      ...curves.map(([name, shares]) => [name, ...shares.map((share) => share.toFixed(2))] as const),
    ]);
  }
  if (faceless) {
    const total = Object.values(faceless.faces).reduce((sum, count) => sum + count, 0);
    const kinds = Object.entries(faceless.faces).map(([kind, count]) => `${kind} ${count}`);
    console.log(`\nrange far, false faces in ${faceless.minutes} minutes: ${total} (${kinds.join(", ")})`);
  }
  const mistaken = [
    ...(faceless ? [["range far", faceless.mistaken] as const] : []),
    ...Object.entries(report.peers ?? {}).map(([name, peer]) => [name, peer.mistaken] as const),
  ];
  if (mistaken.length > 0) {
    console.log("\nframes without a face in which one is reported");
    printTable([
      ["", ...Object.keys(mistaken[0]![1])],
      ...mistaken.map(
        ([name, shares]) => [name, ...Object.values(shares).map((share) => `${(100 * share).toFixed(1)} %`)] as const,
      ),
    ]);
  }
  for (const [width, share] of Object.entries(jitter ?? {})) {
    console.log(`a still face of ${width} px jitters by ${(100 * share).toFixed(2)} % of its width`);
  }
  if (crossings !== undefined) console.log(`ids kept by four people who cross: ${(100 * crossings).toFixed(1)} %`);
  if (cost) {
    console.log(
      `one person in view, from pixels to faces, both ranges in turn: near ${cost.nearLooks.toFixed(2)} looks a frame, ` +
        `${cost.nearMs.toFixed(2)} ms; far ${cost.farLooks.toFixed(2)} looks, ${cost.farMs.toFixed(2)} ms; frame by frame ` +
        `${cost.moreMs.toFixed(2)} ms more, ${cost.ratio.toFixed(2)} times (medians; load average ` +
        `${cost.loadAverage.toFixed(1)}, 1 is this run alone)`,
    );
  }
  if (fullRange) {
    console.log(`\nfound in one look at the whole frame, of ${scenes} people each, by plain tfjs`);
    printTable([
      ["face width, px", ...WHOLE_WIDTHS.map(String), "least ms"],
      ...Object.entries(fullRange).map(([name, byWidth]) => {
        const wholes = WHOLE_WIDTHS.map((width) => byWidth[width]!);
        const leastMs = Math.min(...wholes.map((whole) => whole.leastMs));
        return [name, ...wholes.map((whole) => whole.recall.toFixed(2)), leastMs.toFixed(2)] as const;
      }),
    ]);
  }
}
