/** The commit that is built, as git tells it. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** @returns {string} The commit's id, with `-dirty` where files differ from it; `unknown` outside a checkout. */
export function commitId() {
  return git("describe", "--always", "--dirty", "--abbrev=12", "--exclude=*") ?? "unknown";
}

/** @returns {string} When the commit was made, in ISO 8601; the present time outside a checkout. */
export function commitTime() {
  const seconds = git("log", "-1", "--format=%ct");
  return (seconds === null ? new Date() : new Date(1000 * Number(seconds))).toISOString();
}

/** @param {string[]} words */
function git(...words) {
  try {
    return execFileSync("git", words, { cwd: ROOT, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return null;
  }
}
