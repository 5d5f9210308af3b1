/**
 * Asks the registry whether a package of the lock file has a known hole: `npm run audit`. One that is high or critical
 * fails; a registry that does not answer does not, but is told aloud.
 */
import { spawnSync } from "node:child_process";

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
  for (const [name, { severity }] of found) console.log(`${severity}: ${name} (npm audit says more)`);
  const { total } = audit.metadata.vulnerabilities;
  console.log(total === 0 ? "No package of the lock file has a known hole." : `${total} known holes.`);
  process.exitCode = found.some(([, { severity }]) => GRAVE.has(severity)) ? 1 : 0;
}

function parse(text: string): Audit | null {
  try {
    return JSON.parse(text) as Audit;
  } catch {
    return null;
  }
}
