/**
 * The restart of server and browser at night. The server restarts after two hours at the least, and this test does not
 * wait so long: the server's process gets a clock that leaps when the test says so. The rest is the exhibit's own.
 */
import { emptyRoom } from "./cameras.ts";
import { type Exhibit, seesFace } from "./exhibit.ts";

/** While this file is there, the server has run for longer than it has. */
const LEAP = "/run/two-hours-later";
const LEAP_MS = 2.5 * 60 * 60_000;

const CLOCK = `
import { existsSync } from "node:fs";
const now = performance.now.bind(performance);
performance.now = () => now() + (existsSync("${LEAP}") ? ${LEAP_MS} : 0);
`;

const SERVER = "emotion-kiosk-server.service";
const DROP_IN = `/run/systemd/system/${SERVER}.d`;
const GIVE_CLOCK = `rm -f ${LEAP}; mkdir -p ${DROP_IN}
cat >/run/clock.mjs <<'END'
${CLOCK}END
printf '[Service]\\nEnvironment=NODE_OPTIONS=--import=/run/clock.mjs\\n' >${DROP_IN}/clock.conf
systemctl daemon-reload; systemctl restart ${SERVER}`;

/** The next process has the computer's own clock. */
const LEAP_AHEAD = `touch ${LEAP}; rm -r ${DROP_IN}; systemctl daemon-reload`;

const AT_NIGHT = "date -s 04:00";
const RESTARTS = `journalctl -b --no-pager -u ${SERVER} | grep -c 'restarting server and browser for the night'`;

/** Let the server believe that it has run for hours, with somebody in view when the hour of the restart begins. */
export async function stayUntilNight(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  const page = (await exhibit.beat())?.page;
  await exhibit.patiently(async () => {
    await machine.run(GIVE_CLOCK);
    await exhibit.until("face", (beat) => beat.page !== page && seesFace(beat));
  });
  await machine.run(LEAP_AHEAD);
  // Two hours have passed since the last heartbeat told of somebody; the next one tells again.
  let results: number | undefined;
  await exhibit.until("another heartbeat", (beat) => beat.results > (results ??= beat.results) && seesFace(beat));
  await machine.run(AT_NIGHT);
}

/** @returns How often server and browser have restarted for the night since the computer started. */
export async function nightlyRestarts({ machine }: Exhibit): Promise<number> {
  return Number((await machine.run(RESTARTS)).output);
}

/** Have everybody leave, and wait until server and browser restart. */
export async function leaveAtNight(exhibit: Exhibit): Promise<number> {
  const before = await nightlyRestarts(exhibit);
  exhibit.machine.unplug();
  await exhibit.plugIn(emptyRoom());
  const isRestarting = async () => (await nightlyRestarts(exhibit)) > before;
  return exhibit.untilTrue("restart for the night", isRestarting);
}
