/**
 * Runs the training scripts' own tests with a Python that has torch. Where the faces are but no such Python, it gets
 * Debian's packages when root; else it says aloud what it skips, and which command makes it run.
 */
import { type ExecFileSyncOptions, execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FACES = fileURLToPath(new URL("../../../shared/fer/train-images.npy", import.meta.url));
const PACKAGES = ["python3-torch", "python3-scipy", "python3-matplotlib"];
/** A Python of one's own may come first on the path; Debian's packages are for Debian's. */
const PYTHONS = ["python3", "/usr/bin/python3"];

function pythonWithTorch(): string | undefined {
  const check = ["-c", "import torch, numpy, scipy, matplotlib"];
  return PYTHONS.find((python) => spawnSync(python, check, { stdio: "ignore" }).status === 0);
}

function install(): void {
  console.log(`training: installing Debian's ${PACKAGES.join(", ")}`);
  const quietly: ExecFileSyncOptions = {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  };
  execFileSync("apt-get", ["update", "-qq"], quietly);
  execFileSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...PACKAGES], quietly);
}

function findPython(): string | undefined {
  const found = pythonWithTorch();
  if (found !== undefined || !existsSync(FACES)) return found;
  if (process.getuid?.() !== 0 || !existsSync("/usr/bin/apt-get")) return undefined;
  install();
  return pythonWithTorch();
}

const python = findPython();
if (python === undefined) {
  const why = existsSync(FACES) ? "" : " and the faces are not in ../shared/fer";
  console.log(`SKIPPED: the training scripts' tests. No Python with torch was found${why}.`);
  console.log(`To run them: apt-get install ${PACKAGES.join(" ")}`);
} else {
  const tests = ["-m", "unittest", "discover", "-s", "tests/training"];
  const { status } = spawnSync(python, tests, {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1" },
  });
  process.exitCode = status ?? 1;
}
