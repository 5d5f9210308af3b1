/**
 * `npm run test:arm`: the integer kernels on emulated ARM processors, byte for byte. Every variant runs the shipped
 * networks and random ones, and calibration chooses a variant. Where no emulator can be had it says so and passes.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import sirv from "sirv";
import { type Report, makeCases } from "./cases.ts";
import { PROCESSORS, runOnArm, whyNoArm } from "./emulator.ts";

const SITE = fileURLToPath(new URL("../../dist", import.meta.url));

/** tfjs looks for a browser's worker: the program pretends to be one, and Node's own globals are out of its sight. */
const WORKER = `
  globalThis.self = globalThis;
  globalThis.WorkerGlobalScope = function () {};
  globalThis.importScripts = () => {};
  globalThis.location = { href: globalThis.process.argv[2] };
`;
const MAIN = `
  import { runCases } from "./kernels.ts";
  console.log(JSON.stringify(await runCases(location.href)));
`;

async function bundle(outFile: string): Promise<void> {
  await build({
    stdin: { contents: MAIN, resolveDir: fileURLToPath(new URL(".", import.meta.url)), loader: "ts" },
    outfile: outFile,
    bundle: true,
    format: "esm",
    platform: "browser",
    banner: { js: WORKER },
    define: { process: "undefined", require: "undefined" },
    logLevel: "error",
  });
}

async function serve(): Promise<{ readonly url: string; close(): void }> {
  const cases = await makeCases(SITE);
  const site = sirv(SITE);
  const server = createServer((request, response) => {
    const made = cases.get(request.url ?? "");
    if (made !== undefined) response.end(made);
    else site(request, response, () => void response.writeHead(404).end());
  });
  // An emulated client is slow enough to use a connection just when the server gives it up.
  server.keepAliveTimeout = 0;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, close: () => server.close() };
}

/** @returns How many networks gave other bytes than the reference. */
async function test(processor: string, script: string, url: string): Promise<number> {
  const startMs = Date.now();
  const { compared, mismatches, chosen } = JSON.parse(await runOnArm(processor, script, url)) as Report;
  const seconds = Math.round((Date.now() - startMs) / 1000);
  console.log(
    `${processor}: ${compared - mismatches.length} of ${compared} networks give the reference's bytes; ` +
      `calibration chose ${chosen}; ${seconds} s`,
  );
  for (const mismatch of mismatches) console.error(`${processor}: other bytes: ${mismatch}`);
  if (compared === 0) throw new Error(`${processor}: no network was compared`);
  return mismatches.length;
}

async function main(): Promise<void> {
  const why = whyNoArm();
  if (why !== null) {
    console.log(`SKIPPED: the kernels on ARM: ${why}.`);
    return;
  }
  const folder = await mkdtemp(join(tmpdir(), "emotion-cam-arm-"));
  const server = await serve();
  try {
    const script = join(folder, "kernels.mjs");
    await bundle(script);
    for (const processor of PROCESSORS) if ((await test(processor, script, server.url)) > 0) process.exitCode = 1;
  } finally {
    server.close();
    await rm(folder, { recursive: true });
  }
}

await main();
