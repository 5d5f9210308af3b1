/** Writes the soak's report. Pure. */
import { type Line, figure, signed } from "./plot.ts";

/** One fault that was made. */
export interface Made {
  readonly name: string;
  /** Time since the start. */
  readonly hours: number;
  /** Time from the fault's end to the recovery. */
  readonly seconds: number;
  readonly errors: readonly string[];
  readonly recovered: boolean;
}

/** Everything that a run found. */
export interface Soaked {
  readonly about: string;
  readonly lines: readonly Line[];
  readonly faults: readonly Made[];
  /** Failures that no fault caused. */
  readonly strays: readonly string[];
  readonly progress: { readonly faces: number; readonly people: number; readonly loads: number } | undefined;
  /** Why the run ended early; `undefined` if it did not. */
  readonly failure: unknown;
}

/** @returns The report, and the reasons for which the run failed. */
export function summaryOf(soaked: Soaked): { readonly text: string; readonly faults: readonly string[] } {
  const { about, lines, faults, strays, progress, failure } = soaked;
  const problems = [
    ...lines.filter(({ trend }) => trend.verdict === "rises").map(({ name }) => `${name} rises`),
    ...lines.filter(({ samples }) => samples.length === 0).map(({ name }) => `${name} could not be read`),
    ...faults.filter(({ recovered }) => !recovered).map(({ name }) => `not recovered from: ${name}`),
    ...(failure === undefined ? [] : [`ended early: ${failure instanceof Error ? failure.message : String(failure)}`]),
    ...(progress !== undefined && progress.faces === 0 ? ["nobody was ever seen"] : []),
  ];
  const text = [
    about,
    "",
    `${faults.length} faults of ${new Set(faults.map(({ name }) => name)).size} kinds, ` +
      `${faults.filter(({ recovered }) => recovered).length} recovered from; networks loaded ${progress?.loads ?? 0} times; ` +
      `${progress?.faces ?? 0} faces in all, ${progress?.people ?? 0} at most at once.`,
    "",
    "| line | level | slope an hour | over the run | noise | z | verdict |",
    "| --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ...lines.map(({ name, unit, trend }) => {
      const [level, slope, rise, noise] = [
        figure(trend.level),
        signed(trend.slopePerHour),
        signed(trend.rise),
        figure(trend.noise),
      ];
      return `| ${name}${unit === "" ? "" : `, ${unit}`} | ${level} | ${slope} | ${rise} | ${noise} | ${trend.z.toFixed(1)} | ${trend.verdict} |`;
    }),
    "",
    "| fault | times | recovered after, s: median | most | codes told of |",
    "| --- | ---: | ---: | ---: | --- |",
    ...kindsOf(faults),
    "",
    ...(strays.length === 0
      ? ["Nothing went wrong between the faults."]
      : ["Between the faults:", ...strays.map((each) => `- ${each}`)]),
    "",
    problems.length === 0 ? "Passed." : `FAILED: ${problems.join("; ")}.`,
    "",
  ];
  return { text: text.join("\n"), faults: problems };
}

function kindsOf(faults: readonly Made[]): readonly string[] {
  return [...new Set(faults.map(({ name }) => name))].toSorted().map((name) => {
    const own = faults.filter((fault) => fault.name === name);
    const seconds = own.map((fault) => fault.seconds).toSorted((a, b) => a - b);
    const codes = [...new Set(own.flatMap(({ errors }) => errors))].toSorted();
    const middle = seconds[Math.floor((seconds.length - 1) / 2)]!;
    return `| ${name} | ${own.length} | ${middle.toFixed(1)} | ${seconds.at(-1)!.toFixed(1)} | ${codes.join(", ")} |`;
  });
}
