import { writeFileSync } from "node:fs";

/** Write a report to the file that the option `--json` names, if it was given. */
export function writeJson(path: string | undefined, report: unknown): void {
  if (path !== undefined) writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
}
