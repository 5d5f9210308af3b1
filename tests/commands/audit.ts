/**
 * Ask the registry for known vulnerabilities of the packages in the lock file: `npm run audit`. Fails if one is high or
 * critical. If the registry does not answer, it says so and passes.
 */
import { spawnSync } from "node:child_process";

/** The part of `npm audit --json` that is used here. */
interface Audit {
  readonly error?: { readonly summary?: string; readonly detail?: string };
  readonly message?: string;
  readonly metadata?: { readonly vulnerabilities: Readonly<Record<string, number>> };
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly via: readonly unknown[] }>>;
}

const GRAVE: ReadonlySet<string> = new Set(["high", "critical"]);

const { stdout, stderr } = spawnSync("npm", ["audit", "--json"], { encoding: "utf8" });
const audit = parse(stdout);
if (audit?.metadata === undefined) {
  const why = audit?.message ?? audit?.error?.summary ?? stderr.trim().split("\n")[0];
  console.log(`NOT AUDITED: the registry did not answer (${why || "no reason given"}).`);
} else {
  const found = Object.entries(audit.vulnerabilities ?? {});
  for (const [name, { severity }] of found) console.log(`${severity}: ${name} (see \`npm audit\`)`);
  const { total } = audit.metadata.vulnerabilities;
  console.log(
    total === 0 ? "No package of the lock file has a known vulnerability." : `${total} known vulnerabilities.`,
  );
  process.exitCode = found.some(([, { severity }]) => GRAVE.has(severity)) ? 1 : 0;
}

/** @returns `null` if the text is not JSON. */
function parse(text: string): Audit | null {
  try {
    return JSON.parse(text) as Audit;
  } catch {
    return null;
  }
}
