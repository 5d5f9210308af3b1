/**
 * Measure how small a face is found and what that costs: the shipped engine and pipeline on made scenes, in Chromium.
 *
 *   npm run reach -- [--engine int8|float] [--scenes N] [--minutes N] [--pace adaptive|measure] [--machine this|fast]
 *                    [--json FILE] [--svg FILE] [--only recall,faceless,jitter,crossings,cost,peers,full-range]
 *
 * A scene has 640x480 pixels: a head and shoulders at a random place, mirrored half the time, brighter or darker, before
 * furniture, with a camera's noise. The heads are the astronaut of tests/fixtures and, if they are there, the pictures of
 * ../shared/faces. `--machine fast` tells the pipeline that looks cost nothing. A slow or busy machine, which would skip
 * looks, then gives the figures of a fast one.
 *
 * Two parts run only if `--only` names them: `peers` measures other libraries, which it installs, and `full-range`
 * compares BlazeFace's two networks on one look at the whole frame.
 */
import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { InputError, runCommand } from "../shared/input-error.ts";
import { writeJson } from "../shared/write-json.ts";
import { PARTS, USUAL_PARTS, WIDTHS, measure } from "./measure.ts";
import { plotRecall } from "./plot.ts";
import { curvesOf, print } from "./report.ts";

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      engine: { type: "string", default: "int8" },
      scenes: { type: "string", default: "30" },
      minutes: { type: "string", default: "2" },
      pace: { type: "string", default: "adaptive" },
      machine: { type: "string", default: "this" },
      only: { type: "string", default: USUAL_PARTS.join(",") },
      json: { type: "string" },
      svg: { type: "string" },
    },
  });
  const { engine, pace, machine } = values;
  if (engine !== "int8" && engine !== "float") throw new InputError(`--engine ${engine} is neither int8 nor float.`);
  if (pace !== "adaptive" && pace !== "measure")
    throw new InputError(`--pace ${pace} is neither adaptive nor measure.`);
  if (machine !== "this" && machine !== "fast") throw new InputError(`--machine ${machine} is neither this nor fast.`);
  const only = new Set(values.only.split(","));
  const unknown = [...only].find((part) => !PARTS.includes(part));
  if (unknown !== undefined) throw new InputError(`--only ${unknown} is none of ${PARTS.join(", ")}.`);
  const report = await measure({
    engine,
    settings: { pace, machine },
    only,
    scenes: countOf("--scenes", values.scenes),
    minutes: countOf("--minutes", values.minutes),
  });
  print(report);
  writeJson(values.json, report);
  if (values.svg !== undefined) await writeFile(values.svg, plotRecall(WIDTHS, curvesOf(report)));
}

function countOf(option: string, text: string): number {
  const count = Number(text);
  if (!(count > 0)) throw new InputError(`${option} ${text} is not a number above 0.`);
  return count;
}

await runCommand(main);
