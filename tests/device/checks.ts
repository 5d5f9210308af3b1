/** Each check does something to the running exhibit and judges the outcome. All run in one start, in the order of the list. */
import { setTimeout as sleep } from "node:timers/promises";
import { check } from "../kiosk/report.ts";
import { DRAWN_MS, type DeviceBeat, type Exhibit, playsDemo, seesFace } from "./exhibit.ts";
import { leaveAtNight, nightlyRestarts, stayUntilNight } from "./night.ts";
import { type Picture, difference, turned } from "./screens.ts";

interface DeviceCheck {
  readonly name: string;
  readonly inShort?: true;
  readonly run: (exhibit: Exhibit) => Promise<void>;
}

/** The mean difference of two pictures of the same, between which a face moved, of 255. */
const ALIKE = 6;

/** The compositor looks at its screens each 5 s; drawing them takes an emulated processor seconds. */
const SCREENS_SET_MS = 60_000;

/** A picture that is smaller than the screen, px. */
const LOW_WIDTH = 1024;
const LOW_HEIGHT = 768;

/** A museum's screen is off for longer, but nothing else happens then. */
const REST_MS = 15_000;

const SETTINGS = "/etc/emotion-kiosk.conf";
const TARGET = "/opt/emotion-kiosk";
const CHECK = `${TARGET}/kiosk/install.sh --check`;
const SERVER = "emotion-kiosk-server.service";
const BROWSER = "emotion-kiosk-browser.service";

const SECONDS_TO_RESET_MS = 120_000;

export const CHECKS: readonly DeviceCheck[] = [
  { name: "seat", inShort: true, run: seat },
  { name: "cursor", run: cursor },
  { name: "camera", inShort: true, run: pullCamera },
  { name: "camera of another format", run: changeCamera },
  { name: "camera that is busy", run: occupyCamera },
  { name: "night's restart", run: restartAtNight },
  // It leaves a setting behind that takes no other camera.
  { name: "two cameras", run: nameCamera },
  { name: "last screen", run: lastScreen },
  { name: "findings", run: findBroken },
  { name: "mirrored, turned, hours", run: (exhibit) => mirror(exhibit).finally(() => exhibit.plugInMoving()) },
  { name: "all screens", run: allScreens },
  {
    name: "resolution, turned by a quarter",
    run: (exhibit) => turnByQuarter(exhibit).finally(() => exhibit.plugInMoving()),
  },
  {
    name: "screen off and on",
    run: (exhibit) => switchScreenOff(exhibit).finally(() => exhibit.machine.plugScreen(0)),
  },
  { name: "white page", run: whitenPage },
  { name: "memory", run: fillMemory },
  { name: "machine's watchdog", run: freezeSystemd },
];

/** The compositor has the screen, as an ordinary user. */
async function seat({ machine }: Exhibit): Promise<void> {
  const { output } = await machine.run("ps -o user= -C cage; cat /sys/class/tty/tty0/active");
  check("seat: cage runs as kiosk, on tty1", output === "kiosk\ntty1\n", output.trim().replaceAll("\n", ", "));
}

/** The computer has a pointer that nobody has touched, and then somebody moves it. */
async function cursor(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  const isHidden = async () => !(await machine.showsCursor());
  await exhibit.untilTrue("no cursor", isHidden, SCREENS_SET_MS);
  check("cursor: none while nobody touches the pointer", true);
  const moves = setInterval(() => void machine.movePointer(Math.random(), Math.random()), 500);
  await exhibit.untilTrue("a cursor", () => machine.showsCursor(), SCREENS_SET_MS).finally(() => clearInterval(moves));
  const hidden = await exhibit.untilTrue("no cursor", isHidden, SCREENS_SET_MS);
  exhibit.held("cursor: moved, it is seen; then until it hides", hidden);
}

async function pullCamera(exhibit: Exhibit): Promise<void> {
  const before = await exhibit.invocations();
  exhibit.held("camera pulled: until the demo plays", await exhibit.pullCamera());
  await exhibit.picture("camera-pulled");
  await exhibit.plugIn();
  exhibit.held("camera plugged in again: until a face is seen", await exhibit.until("face", seesFace));
  check("the camera's plug restarts nothing", (await exhibit.invocations()) === before);
}

/** Two cameras, of which one is silent: `camera_name` takes the one that it names, and no other. */
async function nameCamera(exhibit: Exhibit): Promise<void> {
  const { machine, webcam } = exhibit;
  await machine.plugIn({ ...webcam, name: "Other Webcam", frames: [] }, 1);
  await exhibit.set(`camera_name = ${webcam.name}\n`);
  check("camera_name: of two cameras the named one shows a face", true);
  const demo = await exhibit.pullCamera();
  exhibit.held("camera_name: without the named camera the demo plays, not the other camera", demo);
  await exhibit.plugIn();
  exhibit.held("camera_name: plugged in again: until a face is seen", await exhibit.until("face", seesFace));
  machine.unplug(1);
}

/** Cameras that offer one format and one size alone. The kernel tells what the browser has it read. */
async function changeCamera(exhibit: Exhibit): Promise<void> {
  for (const kind of ["raw", "wide"] as const) {
    const camera = exhibit.camera(kind);
    const what = `${camera.pixels} of ${camera.width}x${camera.height}`;
    await exhibit.pullCamera();
    await exhibit.plugIn(camera);
    exhibit.held(`a camera that offers ${what} alone: until a face is seen`, await exhibit.until("face", seesFace));
    const read = (await exhibit.machine.run(READ_FORMAT)).output;
    check(`the kernel reads ${what}`, read === what.replace("MJPEG", "MJPG"), read);
    await sleep(DRAWN_MS);
    await exhibit.picture(`camera-${kind}`);
  }
  await exhibit.pullCamera();
  await exhibit.plugIn();
  await exhibit.until("face", seesFace);
}

/** VIDIOC_G_FMT: what is read of the camera. https://docs.kernel.org/userspace-api/media/v4l/vidioc-g-fmt.html */
const READ_FORMAT = `perl -e '
  for (glob "/dev/video*") {
    my $format = pack "L x204", 1;
    open my $camera, "+<", $_ or next;
    ioctl $camera, 0xc0d05604, $format or next;
    my ($width, $height, $pixels) = unpack "x8 L L a4", $format;
    print "$pixels of \${width}x$height";
  }'`;

/** Another program has the camera before the browser can have it. */
async function occupyCamera(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  const before = await exhibit.invocations();
  await exhibit.pullCamera();
  await machine.run(OCCUPY);
  await exhibit.plugIn();
  const isBusy = (beat: DeviceBeat) => beat.error === "camera-busy" && playsDemo(beat);
  exhibit.held(
    "another program has the camera: until the page says so, and the demo plays",
    await exhibit.until("busy", isBusy),
  );
  await exhibit.picture("camera-busy");
  await sleep(WATCHDOG_MS);
  check("while it has it, the demo plays", isBusy((await exhibit.beat())!));
  await machine.run("systemctl stop other-program");
  exhibit.held("the program ends: until a face is seen", await exhibit.until("face", seesFace));
  check("a busy camera restarts nothing", (await exhibit.invocations()) === before);
}

/** Without a sign of life the exhibit's watchdog would have acted by then, ms. */
const WATCHDOG_MS = 60_000;

/** VIDIOC_REQBUFS: who has a camera's buffers has the camera. */
const OCCUPY = `cat >/run/occupy.pl <<'END'
  until (our $has) {
    for (glob "/dev/video*") {
      my $buffers = pack "L5", 2, 1, 1, 0, 0;
      open my $camera, "+<", $_ or next;
      $has = $camera if ioctl $camera, 0xc0145608, $buffers;
    }
    select undef, undef, undef, 0.02;
  }
  sleep;
END
systemd-run --quiet --unit=other-program perl /run/occupy.pl`;

/** At the hour of the restart somebody is in view; then everybody leaves. */
async function restartAtNight(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  await stayUntilNight(exhibit);
  const before = (await exhibit.invocations()).split("\n");
  await sleep(QUIET_MS);
  check("night: nothing restarts while somebody is in view", (await exhibit.invocations()) === before.join("\n"));
  exhibit.held("night: from the last face until server and browser restart", await leaveAtNight(exhibit));
  const page = (await exhibit.beat())?.page;
  await exhibit.patiently(async () => {
    const isNew = (beat: DeviceBeat) => beat.page !== page && beat.source === "camera" && beat.results > 0;
    await exhibit.until("an empty room", isNew);
  });
  await sleep(QUIET_MS);
  check("night: there is one restart, although nobody comes", (await nightlyRestarts(exhibit)) === 1);
  const after = (await exhibit.invocations()).split("\n");
  check("night: server and browser are new", after[0] !== before[0] && after[1] !== before[1]);
  machine.unplug();
  await exhibit.plugIn();
  exhibit.held("night: somebody comes: until a face is seen", await exhibit.until("face", seesFace));
}

/** With nobody in view for this long, and another look at the clock, the server restarts at night, ms. */
const QUIET_MS = 75_000;

/** Two screens, and `screens = last`: the one that was plugged in last shows the exhibit. */
async function lastScreen(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  await machine.plugScreen(1);
  await exhibit.untilTrue("exhibit on the second screen", () => exhibit.shows(1), SCREENS_SET_MS);
  check("a second screen shows the exhibit, and the first is dark", (await exhibit.litScreens()) === "2");
  await exhibit.picture("last-screen", 1);
  await machine.unplugScreen(1);
  await exhibit.untilTrue("exhibit on the first screen", () => exhibit.shows(0), SCREENS_SET_MS);
  check("without it the first shows the exhibit again", (await exhibit.litScreens()) === "1");
}

/** A television that is switched off pulls its cable, as the computer sees it. Chromium ends when it comes back. */
async function switchScreenOff(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  const [server] = (await exhibit.invocations()).split("\n");
  await exhibit.patiently(async () => {
    await machine.unplugScreen(0);
    await exhibit.untilTrue("no screen is lit", async () => (await exhibit.litScreens()) === "", SCREENS_SET_MS);
    await sleep(REST_MS);
    await machine.plugScreen(0);
    const page = (await exhibit.beat())?.results ?? 0;
    const back = await exhibit.until("face", (beat) => seesFace(beat) && beat.results !== page);
    await exhibit.untilTrue("exhibit on the screen", () => exhibit.shows(0), SCREENS_SET_MS);
    exhibit.held("screen switched off and on: until a face is seen", back);
  });
  check("a screen that goes off and on does not restart the server", (await exhibit.invocations()).startsWith(server!));
  await exhibit.picture("screen-on-again");
  await startWithoutScreen(exhibit);
}

/** The browser waits for a screen, and nothing is busy meanwhile. */
async function startWithoutScreen(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  await exhibit.patiently(async () => {
    await machine.unplugScreen(0);
    await machine.run(`systemctl restart ${BROWSER}`);
    await sleep(REST_MS);
    const usage = `awk '/^usage_usec/ { print $2 }' /sys/fs/cgroup$(systemctl show -P ControlGroup ${BROWSER})/cpu.stat`;
    const { output } = await machine.run(`${usage}; sleep 20; ${usage}; pgrep -c chromium`);
    const [before, after, browsers] = output.split("\n").map(Number);
    const share = (after! - before!) / 20e6;
    check(
      "without a screen the browser waits",
      browsers === 0 && share < 0.5,
      `${(share * 100).toFixed(0)} % of a core`,
    );
    const page = (await exhibit.beat())?.page;
    await machine.plugScreen(0);
    const seen = await exhibit.until("face", (beat) => beat.page !== page && seesFace(beat));
    exhibit.held("a screen is plugged in: until a face is seen", seen);
  });
}

/** `install.sh --check` finds nothing, and then each thing that is broken. */
async function findBroken(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  const whole = await machine.run(CHECK);
  const wrong = (output: string) => output.split("\n").filter((line) => line.startsWith("WRONG"));
  check("install.sh --check: everything is in order", whole.code === 0, wrong(whole.output).join(" / "));
  await exhibit.pullCamera();
  const broken = await machine.run(`${BREAK}; ${CHECK}`);
  for (const what of BROKEN) {
    check(
      `install.sh --check finds: ${what}`,
      wrong(broken.output).some((line) => line.includes(what)),
    );
  }
  const others = wrong(broken.output).filter((line) => !BROKEN.some((what) => line.includes(what)));
  check("install.sh --check finds nothing else", broken.code !== 0 && others.length === 0, others.join(" / "));
  await machine.run(MEND);
  await exhibit.plugIn();
}

const RULE = "/etc/udev/rules.d/70-emotion-kiosk.rules";
const POLICY = "/etc/chromium/policies/managed/emotion-kiosk.json";
const PAGE = `${TARGET}/site/sign.html`;
const BREAK = [
  `mkdir /run/whole && cp -a ${PAGE} ${SETTINGS} ${RULE} ${POLICY} /run/whole`,
  `echo >>${PAGE}; echo 'rotation = up' >>${SETTINGS}; rm ${RULE}; echo >>${POLICY}; gpasswd -a kiosk disk`,
].join("; ");
const MEND = [PAGE, SETTINGS, RULE, POLICY]
  .map((file) => `cp -a /run/whole/${file.replace(/.*\//, "")} ${file}`)
  .concat("gpasswd -d kiosk disk; rm -r /run/whole")
  .join("; ");

/** Words of the lines that name what {@link BREAK} breaks. */
const BROKEN = [
  "site/sign.html: FAILED",
  "rotation wants 0, 90, 180 or 270",
  `${RULE} is missing`,
  "more groups than video and render: disk",
  "does not match the settings",
  "There is no camera",
];

/** Two screens that show the same, turned by half, with hours in which they are on. */
async function mirror(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  await exhibit.plugInStill();
  const upright = await machine.look();
  await machine.plugScreen(1);
  await machine.run("date -s 10:00");
  await exhibit.set("screens = mirror\nrotation = 180\nhours = 09:00-18:00\noff_hours = off\n");
  await exhibit.untilTrue("both screens show something", () => showBoth(exhibit), SCREENS_SET_MS);
  const [first, second] = [await machine.look(0), await machine.look(1)];
  check("mirror: both screens show the same", difference(first, second) < ALIKE, `${difference(first, second)}`);
  await checkTurned(exhibit, "by half", turned(upright, 2), upright);
  await exhibit.picture("mirror-1", 0);
  await exhibit.picture("mirror-2", 1);
  await keepHours(exhibit);
}

/**
 * Wait until the first screen shows a picture, not that picture turned otherwise: the drawing follows the heartbeat.
 *
 * @param other What the screen shows if it is turned wrongly.
 */
async function checkTurned(exhibit: Exhibit, how: string, wanted: Picture, other: Picture): Promise<void> {
  let [right, wrong] = [Infinity, 0];
  const isTurned = async () => {
    const seen = await exhibit.machine.look();
    [right, wrong] = [difference(seen, wanted), difference(seen, other)];
    return right < wrong / 2;
  };
  await exhibit.untilTrue("turned picture", isTurned, SCREENS_SET_MS).catch(() => {});
  const detail = `difference ${right.toFixed(1)}; turned otherwise ${wrong.toFixed(1)}`;
  check(`rotation: the picture is turned ${how}`, right < wrong / 2, detail);
}

const showBoth = async (exhibit: Exhibit) => (await exhibit.shows(0)) && (await exhibit.shows(1));

async function keepHours(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  const [server] = (await exhibit.invocations()).split("\n");
  await machine.run("date -s 18:00");
  const off = await exhibit.untilTrue("screens off", async () => (await exhibit.litScreens()) === "", SCREENS_SET_MS);
  exhibit.held("off hours: until both screens are without a signal", off);
  await exhibit.until("the page rests", ({ state }) => state === "idle");
  await sleep(REST_MS);
  await exhibit.patiently(async () => {
    await machine.run("date -s 09:00");
    exhibit.held("hours begin: until a face is seen", await exhibit.until("face", seesFace));
  });
  await exhibit.untilTrue("both screens show something", () => showBoth(exhibit), SCREENS_SET_MS);
  const [first, second] = [await machine.look(0), await machine.look(1)];
  check("after the night both screens show the same", difference(first, second) < ALIKE);
  // Chromium ends when a screen comes back after there was none, and its unit starts again.
  check("a night does not restart the server", (await exhibit.invocations()).startsWith(server!));
  await exhibit.picture("after-the-night", 0);
}

/** One picture across two screens. */
async function allScreens(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  await exhibit.set("screens = all\n");
  await exhibit.untilTrue("both screens show something", () => showBoth(exhibit), SCREENS_SET_MS);
  const [first, second] = [await machine.look(0), await machine.look(1)];
  check("all: the screens show different parts", difference(first, second) > ALIKE);
  await exhibit.picture("all-1", 0);
  await exhibit.picture("all-2", 1);
  await machine.unplugScreen(1);
}

/** A picture of less than the screen's own size, turned; a second screen that stands upright shows how it must look. */
async function turnByQuarter(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  await exhibit.set("");
  await exhibit.plugInStill();
  await machine.plugScreen(1, LOW_HEIGHT, LOW_WIDTH);
  await exhibit.untilTrue("exhibit on the upright screen", () => exhibit.shows(1), SCREENS_SET_MS);
  await sleep(DRAWN_MS);
  const upright = await machine.look(1);
  await machine.unplugScreen(1);
  for (const [rotation, quarters] of [
    [90, 1],
    [270, 3],
  ] as const) {
    await exhibit.set(`resolution = ${LOW_WIDTH}x${LOW_HEIGHT}\nrotation = ${rotation}\n`);
    await exhibit.untilTrue("exhibit on the first screen", () => exhibit.shows(0), SCREENS_SET_MS);
    const { width, height } = await machine.look();
    const size = `${width}x${height}`;
    check(`resolution: the screen gets ${LOW_WIDTH}x${LOW_HEIGHT}`, size === `${LOW_WIDTH}x${LOW_HEIGHT}`, size);
    const [wanted, other] = [turned(upright, quarters), turned(upright, 4 - quarters)];
    await checkTurned(exhibit, `clockwise by ${rotation}`, wanted, other);
    await exhibit.picture(`rotation-${rotation}`);
  }
}

/** Chromium's network process dies whenever it is there, so no page is loaded, until the exhibit's watchdog acts. */
async function whitenPage(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  const timeouts = async () => Number((await machine.run(TIMEOUTS)).output);
  const before = await timeouts();
  await machine.run(KILL_NETWORK);
  await machine.run(`systemctl restart ${SERVER}`);
  let beat: DeviceBeat | null = null;
  const acts = await exhibit.untilTrue("the watchdog acts", async () => {
    beat ??= await exhibit.beat();
    return (await timeouts()) > before;
  });
  await machine.run("systemctl stop network-fault");
  check("white page: no heartbeat comes from it", beat === null);
  exhibit.held("white page: until the exhibit's watchdog restarts server and browser", acts);
  exhibit.held("white page: from then until a face is seen", await exhibit.until("face", seesFace));
}

const TIMEOUTS = `journalctl -b --no-pager -u ${SERVER} | grep -c "Watchdog timeout"`;
const KILL_NETWORK = `cat >/run/kill-network.sh <<'END'
  while sleep 0.5; do pgrep -f utility-sub-type=networ[k] | xargs -r kill -9; done
END
systemd-run --quiet --unit=network-fault bash /run/kill-network.sh`;

/** A process of the browser's unit takes what memory it gets, as a leak in a page does. */
async function fillMemory(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  const [server, browser] = (await exhibit.invocations()).split("\n");
  const page = (await exhibit.beat())?.page;
  const group = `/sys/fs/cgroup$(systemctl show -P ControlGroup ${BROWSER})`;
  const startedAt = performance.now();
  await machine.run(`(echo $BASHPID >${group}/cgroup.procs; exec tail /dev/zero) >/dev/null 2>&1 </dev/null &`);
  const isNew = async () => (await exhibit.invocations()).split("\n")[1] !== browser;
  await exhibit.untilTrue("the browser's unit starts anew", isNew);
  const { output } = await machine.run(`journalctl -b --no-pager -u ${BROWSER} | grep -c "oom-kill"`);
  check("memory: systemd ends the browser's unit for its memory", Number(output) > 0, output.trim());
  await exhibit.until("face", (beat) => beat.page !== page && seesFace(beat));
  exhibit.held("memory: from the leak's beginning until a face is seen", performance.now() - startedAt);
  check("memory: the server is not restarted", (await exhibit.invocations()).split("\n")[0] === server);
}

/** The first process stands still, so nothing feeds the watchdog card. */
async function freezeSystemd(exhibit: Exhibit): Promise<void> {
  const { machine } = exhibit;
  await machine.order("watchdog-set-action", { action: "reset" });
  const startedAt = performance.now();
  const reset = machine.event("RESET", SECONDS_TO_RESET_MS);
  await machine.run("echo 1 >/sys/fs/cgroup/init.scope/cgroup.freeze");
  await reset;
  exhibit.held("systemd frozen: until the watchdog card resets the machine", performance.now() - startedAt);
  await machine.order("watchdog-set-action", { action: "none" });
  machine.forgetShell();
  await exhibit.seeFaceAfterStart();
  exhibit.held("systemd frozen: until a face is seen", performance.now() - startedAt);
}
