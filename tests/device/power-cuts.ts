/**
 * The power goes while the computer starts, while the exhibit runs, and in the minute in which server and browser restart
 * for the night. The computer must come back by itself each time.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { check } from "../kiosk/report.ts";
import type { Exhibit } from "./exhibit.ts";
import { leaveAtNight, stayUntilNight } from "./night.ts";

/** Cuts in a row before the computer may start to its end. */
const IN_A_ROW = 3;

/** In the middle of a start, ms. */
const STARTING_MS = 20_000;

/** In the rest of a start the browser loads the page, as it does in a run. */
const BOOT = 0.6;

/** Server and browser restart within this time, ms. */
const RESTART_MS = 60_000;

/** Switch a computer that is off on, and cut its power while it starts. */
export async function cutFirstStart({ machine }: Exhibit): Promise<void> {
  machine.powerOn();
  await sleep(STARTING_MS);
  await machine.cutPower();
}

/** A clock without a battery. */
const LONG_AGO = "2001-01-01T00:00:00";

/** The exhibit keeps counts, so that the data partition is written to. */
const SETTINGS = "statistics = on\n";

/** The settings are those of the card, the statistics' process runs, and their partition can be written to. */
const LOOK = [
  "grep -cx 'language = en' /etc/emotion-kiosk.conf",
  "grep -cx 'statistics = on' /etc/emotion-kiosk.conf",
  "systemctl is-active emotion-kiosk-statistics",
  "findmnt -no OPTIONS /var/lib/private | cut -d, -f1",
].join("; ");
const AS_BEFORE = "1\n1\nactive\nrw\n";

/**
 * Cut the power again and again, in groups. The first cut of a group hits the exhibit while it runs or, in every other
 * group, while server and browser restart for the night; the others hit the starts after it. Then the computer starts
 * without a network and with a wrong clock.
 */
export async function cutPower(exhibit: Exhibit, cuts: number): Promise<void> {
  const { machine } = exhibit;
  const startMs = exhibit.timesMs["from power on to a face"]!;
  for (let done = 0; done < cuts;) {
    const group = Math.min(IN_A_ROW, cuts - done);
    const moments: string[] = [];
    if ((done / IN_A_ROW) % 2 === 0) moments.push("in a run");
    else moments.push(`${await restartAtNight(exhibit, RESTART_MS * fraction(done))} s into the night's restart`);
    for (let cut = 0; cut < group; cut++) {
      await machine.cutPower();
      exhibit.writeCard(SETTINGS);
      machine.powerOn({ clock: LONG_AGO });
      if (cut === group - 1) continue;
      const ms = startMs * BOOT * fraction(done + cut);
      await sleep(ms);
      moments.push(`${(ms / 1000).toFixed(0)} s into a start`);
    }
    done += group;
    await recover(exhibit, `${done} power cuts: a face again`, moments);
  }
}

/** Wait for the restart of server and browser at night, and for a part of it. */
async function restartAtNight(exhibit: Exhibit, ms: number): Promise<string> {
  await stayUntilNight(exhibit);
  await leaveAtNight(exhibit);
  await sleep(ms);
  return (ms / 1000).toFixed(0);
}

async function recover(exhibit: Exhibit, what: string, moments: readonly string[]): Promise<void> {
  const startedAt = performance.now();
  await exhibit.plugIn();
  await exhibit.machine.order("set_link", { name: "nic", up: false });
  await exhibit.seeFaceAfterStart();
  exhibit.held(what, performance.now() - startedAt, `; cut ${moments.join(", ")}`);
  const { output } = await exhibit.machine.run(LOOK);
  check("settings and statistics are as before", output === AS_BEFORE, output.trim().replaceAll("\n", ", "));
  const { output: world } = await exhibit.machine.run("date +%F; cat /sys/class/net/e*/carrier");
  check(
    "it started without a network and with a wrong clock",
    world.endsWith("\n0\n"),
    world.trim().replaceAll("\n", ", "),
  );
}

/** @returns Moments, evenly spread: the golden ratio's multiples lie as far from each other as they can. */
const fraction = (index: number) => ((index + 1) * 0.618) % 1;
