/**
 * One kiosk of the test, a process of its own that is killed at random: the real store and the real reporter, fed with
 * minutes that pass in a moment, by a clock that jumps.
 *
 *   node kiosk.mjs FOLDER MEMBERSHIP UNTIL PACE_MS
 *
 * A line of output for each span that was kept: `kept PAGE INDEX`.
 */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startReporter } from "../../kiosk/fleet/reporter.ts";
import { startStatistics } from "../../kiosk/statistics.ts";
import { eachExpression } from "../../kiosk/statistics-span.ts";
import { statisticsDoor } from "../../kiosk/statistics-door.ts";

const [folder, membershipPath, until, paceMs] = process.argv.slice(2) as [string, string, string, string];
const socket = join(folder, "socket");
let offsetMs = 0;

await startStatistics(folder, socket, { least: 10, clock: () => "ntp", now: () => Date.now() + offsetMs });
const statistics = statisticsDoor(socket);
const membership = JSON.parse(readFileSync(membershipPath, "utf8"));
startReporter({ membership, statistics, everyS: 1, patienceMs: 5000, keepaliveS: 5 });
console.log("up");

const page = randomUUID();
let toMs = Date.now();
for (let index = 1; Date.now() < Number(until); index += 1) {
  // The clock jumps by up to two days, and is right again later.
  if (Math.random() < 0.02) offsetMs = Math.random() < 0.5 ? 0 : Math.round((Math.random() - 0.5) * 4 * 86_400_000);
  const fromMs = toMs;
  toMs = Math.max(Date.now() + offsetMs, 1);
  const tenths = () => Math.floor(Math.random() * 600) / 10;
  const entry = {
    from: new Date(fromMs).toISOString(),
    to: new Date(toMs).toISOString(),
    visits: Math.floor(Math.random() * 12),
    mostFaces: Math.floor(Math.random() * 5),
    presentS: tenths(),
    unsureS: tenths(),
    watchedS: 59.987,
    seconds: eachExpression(tenths),
  };
  const body = JSON.stringify({ page, index, entry });
  // Posted until it is taken, as the page does; sometimes once more, as where the answer was lost.
  while ((await statistics.forward("POST", "/spans", body)).status !== 204) await sleep(200);
  if (Math.random() < 0.05) await statistics.forward("POST", "/spans", body);
  console.log(`kept ${page} ${index}`);
  await sleep(Number(paceMs));
}
console.log("fed");
setInterval(() => {}, 1000);
