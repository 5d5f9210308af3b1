import { execFileSync } from "node:child_process";

/** @returns The commit that is checked out, with `-dirty` if files differ from it; `unknown` outside a checkout. */
export function commitId(): string {
  const command = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
  try {
    return execFileSync("git", command, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return "unknown";
  }
}
