/** A way in which an exhibit breaks, as a command run inside the machine. */
export interface Fault {
  readonly name: string;
  readonly command: string;
  /** The command is this machine's, run in the other's network, for as long as the fault lasts. */
  readonly isOutside?: boolean;
  /** From the fault to the first result of a new page, ms. */
  readonly targetMs: number;
  /** Run a few seconds after the fault, where its cause would hit the healed exhibit again. */
  readonly heal?: string;
  /** The fault is to do no harm: the same page is alive after this time, ms. */
  readonly staysAlive?: number;
  /** Also in the short run. */
  readonly inShort?: boolean;
}

/** A killed process is seen at once; a frozen one only by the watchdog, which waits 40 s. */
const KILL_TARGET_MS = 10_000;
const FREEZE_TARGET_MS = 75_000;
/** The defaults draw with a graphics chip, for which a machine without one has to find a substitute first. */
const DEFAULTS_TARGET_MS = 30_000;

const SITE = "/opt/emotion-kiosk/site";
const SETTINGS = "/etc/emotion-kiosk.conf";

/** The browser's first process. */
const browserPid = "pgrep -o -u kiosk chromium";
const ofType = (type: string) => `pkill --signal %s -u kiosk -f -- '--type=${type}'`;

const signal = (name: string, type: string) => ofType(type).replace("%s", name);

export const FAULTS: readonly Fault[] = [
  {
    name: "browser killed",
    command: `kill -KILL $(${browserPid})`,
    targetMs: KILL_TARGET_MS,
    inShort: true,
  },
  { name: "compositor killed", command: "pkill -KILL -u kiosk cage", targetMs: KILL_TARGET_MS },
  { name: "server killed", command: "pkill -KILL -f server.mjs", targetMs: KILL_TARGET_MS },
  { name: "renderer killed", command: signal("KILL", "renderer"), targetMs: FREEZE_TARGET_MS },
  { name: "renderer frozen", command: signal("STOP", "renderer"), targetMs: FREEZE_TARGET_MS, inShort: true },
  { name: "browser frozen", command: `kill -STOP $(${browserPid})`, targetMs: FREEZE_TARGET_MS },
  { name: "drawing process frozen", command: signal("STOP", "gpu-process"), targetMs: FREEZE_TARGET_MS },
  { name: "compositor frozen", command: "pkill -STOP -u kiosk cage", targetMs: FREEZE_TARGET_MS },
  { name: "server frozen", command: "pkill -STOP -f server.mjs", targetMs: FREEZE_TARGET_MS },
  {
    name: "page's script in an endless loop",
    command: `printf 'spin ' >${SITE}/fault.txt`,
    heal: `printf 'none ' >${SITE}/fault.txt`,
    targetMs: FREEZE_TARGET_MS,
  },
  {
    name: "no more results, the page runs",
    command: `printf 'hush ' >${SITE}/fault.txt`,
    heal: `printf 'none ' >${SITE}/fault.txt`,
    targetMs: FREEZE_TARGET_MS,
  },
  {
    name: "camera's frames stopped",
    command: signal("STOP", "utility --utility-sub-type=video_capture"),
    targetMs: FREEZE_TARGET_MS,
  },
  {
    name: "tmpfs full",
    command: `nsenter -t $(${browserPid}) -m dd if=/dev/zero of=/tmp/full bs=1M; nsenter -t $(${browserPid}) -m df /tmp | tail -1`,
    targetMs: FREEZE_TARGET_MS,
    staysAlive: 60_000,
  },
  {
    name: "server flooded",
    command: "wrk -t1 -c1000 -d70 http://localhost:8080/",
    isOutside: true,
    targetMs: FREEZE_TARGET_MS,
    staysAlive: 60_000,
  },
  {
    name: "settings full of nonsense",
    command:
      `cp ${SETTINGS} /root/settings; head -c 20000 /dev/urandom >${SETTINGS}; ` +
      `printf '\\nport = yes\\nrotation = 45\\nhours = always\\nmax_faces = -1\\n' >>${SETTINGS}; ` +
      `grep browser_flags /root/settings >>${SETTINGS}; systemctl restart emotion-kiosk-server`,
    targetMs: DEFAULTS_TARGET_MS,
  },
  {
    name: "settings missing, then back",
    command: `rm ${SETTINGS}; systemctl restart emotion-kiosk-server; cp /root/settings ${SETTINGS}; systemctl restart emotion-kiosk-server`,
    targetMs: KILL_TARGET_MS,
  },
  {
    name: "50 kills in a row",
    command: `for kill in $(seq 50); do until pid=$(${browserPid}); do sleep 0.1; done; kill -KILL $pid; sleep 0.2; done`,
    targetMs: KILL_TARGET_MS,
  },
];
