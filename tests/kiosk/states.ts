/** States in which the exhibit may stay for hours: each must look right, and the watchdog must leave it alone. */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type Beat,
  DRAWN,
  FAKE_CAMERA,
  FROM_CLIP,
  hasResult,
  isAlive,
  lastBeat,
  picture,
  printState,
  until,
} from "./exhibit.ts";
import type { Machine } from "./machine.ts";
import { check } from "./report.ts";

/** A state in which the exhibit may stay for hours. It must look right, and nothing may restart it. */
interface State {
  readonly name: string;
  readonly settings: string;
  readonly holds: (health: Record<string, unknown>, beat: Beat) => boolean;
  /** Commands that bring the state about and end it. */
  readonly begin?: string;
  readonly end?: string;
}

/** Longer than the watchdog's limit, ms. */
const STATE_MS = 60_000;

/** Animations have ended by then, and a slow machine has drawn them, ms. */
const SETTLE_MS = 5000;

/** @returns Opening hours that begin later, so that the exhibit is closed now. */
function closedHours(): string {
  const hour = new Date().getHours();
  const twoDigits = (value: number) => String(value % 24).padStart(2, "0");
  return `${twoDigits(hour + 2)}:00-${twoDigits(hour + 3)}:00`;
}

export const STATES: readonly State[] = [
  {
    name: "no camera",
    settings: "language = en\n",
    holds: (health, beat) => health["alive"] === true && beat.source === "clip" && beat.results > 0,
  },
  {
    name: "nobody there",
    settings: `language = de\ntheme = light\n${FAKE_CAMERA}`,
    holds: (health, beat) => health["alive"] === true && beat.source === "camera" && beat.results > 0,
  },
  {
    name: "camera denied",
    settings: `language = es\n${FROM_CLIP}`,
    begin: `echo '{ "VideoCaptureAllowedUrls": [] }' >/etc/chromium/policies/managed/zz-denied.json`,
    end: "rm /etc/chromium/policies/managed/zz-denied.json",
    holds: (health, beat) => health["alive"] === true && beat.error === "camera-denied",
  },
  {
    name: "off hours",
    settings: `hours = ${closedHours()}\n${FROM_CLIP}`,
    holds: (health, beat) => health["alive"] === true && beat.state === "idle",
  },
  {
    name: "turned and in high contrast",
    settings: `language = ja\ntheme = contrast\nrotation = 90\n${FROM_CLIP}`,
    holds: (health, beat) => health["alive"] === true && beat.source === "camera" && beat.results > 0,
  },
];

export async function showState(machine: Machine, state: State): Promise<void> {
  const file = `${DRAWN}${state.settings}\n`;
  writeFileSync(join(machine.root, "etc/emotion-kiosk.conf"), file);
  await machine.run(`${state.begin ?? "true"}; systemctl restart emotion-kiosk-server`);
  const holds = async () => {
    const health = await machine.get("/health");
    const beat = (health?.["heartbeat"] ?? null) as Beat | null;
    return health !== null && beat !== null && state.holds(health, beat);
  };
  try {
    await until(state.name, holds);
    const { page } = (await lastBeat(machine))!;
    await sleep(SETTLE_MS);
    await picture(machine, state.name.replaceAll(/[^a-z]+/g, "-"));
    await sleep(STATE_MS);
    const after = await lastBeat(machine);
    check(`${state.name}: lasts`, (await holds()) && after?.page === page);
  } catch (error) {
    check(state.name, false, error instanceof Error ? error.message : String(error));
    await printState(machine);
  } finally {
    if (state.end !== undefined) await machine.run(state.end);
  }
}

/** A file damaged by a failing card: the exhibit does not start, the screen and --check say why, and it comes back. */
export async function damageFile(machine: Machine): Promise<void> {
  const damage = `f=$(find /opt/emotion-kiosk/site/models -type f -size +10k | head -1); cp $f /root/whole; echo $f >/root/name; : >$f`;
  await machine.run(`${damage}; rm -f /dev/tty1; systemctl restart emotion-kiosk-server`);
  await sleep(SETTLE_MS);
  const { output: screen } = await machine.run("cat /dev/tty1");
  const { output: name } = await machine.run("cat /root/name");
  check("a damaged file is named on the screen", screen.includes(name.trim().split("/").at(-1)!), screen.trim());
  const { output } = await machine.run("/opt/emotion-kiosk/kiosk/install.sh --check");
  check("a damaged file is named by --check", /^WRONG .*damaged/m.test(output));
  await machine.run("cp /root/whole $(cat /root/name); rm -f /dev/tty1");
  await until("the exhibit is back when the file is", () => isAlive(machine));
}

/** The system under an overlay that is lost at power-off, as in README.md, "Read-only root". */
export async function runReadOnly(machine: Machine, release: string): Promise<void> {
  await machine.shutDown();
  await machine.boot(release, { readOnly: true });
  try {
    await until("first result with a read-only root", () => hasResult(machine));
    await machine.run("touch /etc/written");
    const isKept = existsSync(join(machine.root, "etc/written"));
    check("runs from a read-only root, and keeps nothing", !isKept && (await isAlive(machine)));
  } catch (error) {
    check("runs from a read-only root", false, error instanceof Error ? error.message : String(error));
    await printState(machine);
  }
  await machine.shutDown();
  await machine.boot(release);
}
