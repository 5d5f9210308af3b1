/** The exhibit in an emulated computer: its settings, its heartbeat, its screen. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Beat } from "../kiosk/exhibit.ts";
import { check, load } from "../kiosk/report.ts";
import { type Camera, readCamera } from "./cameras.ts";
import { type Arch, type Images, Machine, type Options } from "./machine.ts";
import { contrast } from "./screens.ts";
import type { Format } from "./webcam.ts";

/** An emulated processor is ten times slower than a real one, and other work may wait for the real one, ms. */
export const LIMIT_MS = 15 * 60_000;

const POLL_MS = 1000;

/** The contrast of a picture, of 255; a black screen has none. */
const SHOWN = 10;

/** Long enough for the picture on the screen to follow the heartbeat, ms. */
export const DRAWN_MS = 10_000;

/** An emulated computer has no graphics chip; the page is in English for the pictures. */
const SETTINGS = "gpu = off\nlanguage = en\n";

/**
 * The exhibit's watchdog expects the first sign of life after 130 s, many times what a device needs. An emulated computer
 * that shares its processor may need longer: it counts from the first answer on.
 */
const BE_PATIENT = "systemctl service-watchdogs no";
const WATCH = "systemctl service-watchdogs yes";

/** After this time the test does what the watchdog does: a browser that hangs is not slow, ms. */
const PATIENCE_MS = 5 * 60_000;
const RESTART = "systemctl restart --no-block emotion-kiosk-server";

export interface DeviceBeat extends Beat {
  readonly faces: number;
}

export const seesFace = (beat: DeviceBeat) => beat.source === "camera" && beat.results > 0 && beat.faces > 0;

export const playsDemo = ({ source, state }: DeviceBeat) => source === "clip" && state === "running";

export class Exhibit {
  readonly timesMs: Record<string, number> = {};
  readonly #arch: Arch;
  readonly #images: Images;
  readonly #pictures: string | undefined;
  readonly #owner: Pick<Options, "card" | "hasNetwork">;
  #machine: Machine | null = null;
  #settings = "";
  /** A usual webcam that shows the demo clip. */
  readonly webcam: Format;

  /** @param owner What the owner adds to the image before its first start. */
  constructor(
    arch: Arch,
    images: Images,
    pictures: string | undefined,
    owner: Pick<Options, "card" | "hasNetwork"> = { card: {} },
  ) {
    this.#owner = owner;
    this.#arch = arch;
    this.#images = images;
    this.#pictures = pictures;
    this.webcam = this.camera("usual");
  }

  /** @returns A camera that shows the demo clip. */
  camera(camera: Camera): Format {
    return readCamera(camera, this.#images.cameras[camera]);
  }

  get machine(): Machine {
    this.#machine ??= Machine.create({ arch: this.#arch, images: this.#images, ...this.#owner });
    return this.#machine;
  }

  get isRunning(): boolean {
    return this.#machine?.isOn ?? false;
  }

  /** Write the settings, and more of them, on the card of a computer that is off. */
  writeCard(settings = ""): void {
    this.machine.writeCard({ "emotion-kiosk.conf": `${SETTINGS}${settings}` });
  }

  /**
   * Switch on.
   *
   * @returns The time from power on until the exhibit sees a face, ms.
   */
  async start(): Promise<number> {
    this.writeCard();
    const startedAt = performance.now();
    this.machine.powerOn();
    await this.plugIn();
    await this.seeFaceAfterStart();
    return performance.now() - startedAt;
  }

  /** Wait until the exhibit of a computer that starts sees a face. */
  async seeFaceAfterStart(): Promise<void> {
    if (!(await this.machine.answers(LIMIT_MS))) throw new Error(`no shell: ${this.machine.log("console.log")}`);
    await this.patiently(() => this.until("face", seesFace));
  }

  /** Do something in which the browser starts. */
  async patiently(something: () => Promise<unknown>): Promise<void> {
    await this.machine.run(BE_PATIENT);
    const restart = setInterval(() => {
      console.log(
        `       no face within ${PATIENCE_MS / 1000} s: the exhibit is restarted, as its watchdog would have done`,
      );
      void this.picture("no-face").finally(() => this.machine.run(RESTART));
    }, PATIENCE_MS);
    try {
      await something();
    } finally {
      clearInterval(restart);
      await this.machine.run(WATCH);
    }
  }

  /** Give a computer that was not switched off since {@link start} these settings, and wait until its exhibit sees a face. */
  async set(settings: string): Promise<void> {
    if (settings === this.#settings) return;
    this.#settings = settings;
    const page = (await this.beat())?.page;
    const write = `cat >/etc/emotion-kiosk.conf <<'END'\n${SETTINGS}${settings}END\n`;
    await this.patiently(async () => {
      await this.machine.run(`${write}systemctl restart emotion-kiosk-server`);
      await this.until("face", (beat) => beat.page !== page && seesFace(beat));
    });
  }

  /** @returns What changes whenever systemd starts the server or the browser: a line for each. */
  async invocations(): Promise<string> {
    const units = ["emotion-kiosk-server", "emotion-kiosk-browser"];
    const commands = units.map((unit) => `systemctl show -P InvocationID ${unit}`);
    return (await this.machine.run(commands.join("; "))).output;
  }

  /** @returns Whether a screen shows a picture. */
  async shows(screen: number): Promise<boolean> {
    return (await this.litScreens()).includes(String(screen + 1)) && contrast(await this.machine.look(screen)) > SHOWN;
  }

  /** @returns The numbers of the screens that get a signal, such as "12". */
  async litScreens(): Promise<string> {
    const isLit = `[ "$(cat $s/status $s/dpms | xargs)" = "connected On" ]`;
    const command = `for s in /sys/class/drm/card*-*; do ${isLit} && printf %s "\${s##*-}"; done`;
    return (await this.machine.run(command)).output;
  }

  async plugIn(camera = this.webcam): Promise<void> {
    await this.machine.plugIn(camera);
  }

  /** Pull the camera's plug, and wait until the demo plays. */
  async pullCamera(): Promise<number> {
    this.machine.unplug();
    return this.until("demo", playsDemo);
  }

  /** Plug a webcam in that shows a face that does not move, so that pictures of the screen can be compared, and wait for it. */
  async plugInStill(): Promise<void> {
    await this.pullCamera();
    await this.plugIn({ ...this.webcam, frames: this.webcam.frames.slice(0, 1) });
    await this.until("face", seesFace);
    await sleep(DRAWN_MS);
  }

  /** Plug the webcam in whose faces change. */
  async plugInMoving(): Promise<void> {
    this.machine.unplug();
    await this.plugIn();
  }

  async beat(): Promise<DeviceBeat | null> {
    return ((await this.machine.get("/health"))?.["heartbeat"] ?? null) as DeviceBeat | null;
  }

  /** @returns The time until the last heartbeat fulfils a condition, ms. */
  async until(what: string, holds: (beat: DeviceBeat) => boolean): Promise<number> {
    return this.untilTrue(what, async () => {
      const beat = await this.beat();
      return beat !== null && holds(beat);
    });
  }

  async untilTrue(what: string, holds: () => Promise<boolean>, limitMs = LIMIT_MS): Promise<number> {
    const startedAt = performance.now();
    while (!(await holds())) {
      if (performance.now() - startedAt > limitMs) {
        throw new Error(
          `${what}: not within ${limitMs / 1000} s; ${JSON.stringify(await this.machine.get("/health"))}`,
        );
      }
      await sleep(POLL_MS);
    }
    return performance.now() - startedAt;
  }

  /** Report a time that nothing demands. */
  held(what: string, ms: number, detail = ""): void {
    this.timesMs[what] = ms;
    check(what, true, `${(ms / 1000).toFixed(0)} s, ${load()}${detail}`);
  }

  /** @returns The picture's file: what the screen shows. */
  async picture(name: string, screen = 0): Promise<string> {
    const file = join(this.#pictures ?? this.machine.folder, `${this.#arch}-${name}.png`);
    await this.machine.picture(file, screen);
    return file;
  }

  /** Print the exhibit's state after a failure. */
  async printState(name: string): Promise<void> {
    if (!this.isRunning) return;
    await this.picture(`failed-${name.replaceAll(/[^a-z]+/g, "-")}`).catch(() => {});
    for (const command of [
      "findmnt /boot/exhibit /var/lib/private; systemctl --failed --no-pager; systemctl list-jobs --no-pager",
      "ls -l /dev/disk/by-partuuid; journalctl -b --no-pager -p warning | head -n 40 | cut -c1-200",
      "systemctl status --no-pager -n 0 'emotion-kiosk-*' seatd | cut -c1-150",
      "journalctl -b --no-pager -n 60 -u 'emotion-kiosk-*' -u seatd | cut -c1-250",
      "journalctl -b --no-pager -n 15 -k | cut -c1-200",
    ]) {
      console.log((await this.machine.run(command, 30_000)).output);
    }
  }

  async destroy(): Promise<void> {
    await this.#machine?.destroy();
  }
}
