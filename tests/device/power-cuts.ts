/** The power goes while the computer starts and while the exhibit runs; it must come back by itself each time. */
import { setTimeout as sleep } from "node:timers/promises";
import { check } from "../kiosk/report.ts";
import type { Exhibit } from "./exhibit.ts";

/** Cuts in a row, at moments spread over a start, before the computer may start to its end. */
const IN_A_ROW = 3;

/** In the middle of a start, ms. */
const STARTING_MS = 20_000;

/** Switch a computer that is off on, and cut its power while it starts. */
export async function cutFirstStart({ machine }: Exhibit): Promise<void> {
  machine.powerOn();
  await sleep(STARTING_MS);
  await machine.cutPower();
}

/** A clock without a battery. */
const LONG_AGO = "2001-01-01T00:00:00";

/**
 * Cut the power again and again, in groups: the first cut of a group hits the running exhibit, the others the starts after
 * it. Then the computer starts without a network and with a wrong clock.
 */
export async function cutPower(exhibit: Exhibit, cuts: number): Promise<void> {
  const startMs = exhibit.timesMs["from power on to a face"]!;
  for (let done = 0; done < cuts;) {
    const group = Math.min(IN_A_ROW, cuts - done);
    for (let cut = 0; cut < group; cut++) {
      await exhibit.machine.cutPower();
      exhibit.machine.powerOn({ clock: LONG_AGO });
      if (cut < group - 1) await sleep(startMs * fraction(done + cut));
    }
    done += group;
    await exhibit.plugIn();
    const startedAt = performance.now();
    await exhibit.machine.order("set_link", { name: "nic", up: false });
    await exhibit.seeFaceAfterStart();
    const { output } = await exhibit.machine.run(
      "date +%Y; cat /sys/class/net/e*/carrier; grep -c '^language = en' /etc/emotion-kiosk.conf",
    );
    exhibit.held(`${done} power cuts: a face again`, performance.now() - startedAt);
    check(`${done} power cuts`, output.endsWith("0\n1\n"), output.trim());
  }
}

/** @returns Moments in a start, evenly spread: the golden ratio's multiples lie as far from each other as they can. */
const fraction = (index: number) => ((index + 1) * 0.618) % 1;
