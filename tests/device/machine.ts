/**
 * A whole computer in QEMU, without hardware virtualization: the exhibit's disk image starts in it by UEFI with its own
 * kernel, a screen, a webcam, a watchdog card and a network. The image has no door for a test: the emulated firmware adds
 * words to the kernel's command line, which open systemd's emergency shell on the serial port.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Picture, hasCursor, plugScreen, readPicture } from "./screens.ts";
import { connect } from "./socket.ts";
import type { Camera } from "./cameras.ts";
import { type Format, Webcam } from "./webcam.ts";

/** The files that a computer starts from. */
export interface Images {
  readonly disk: string;
  /** The frames of each camera, one after the other. */
  readonly cameras: Readonly<Record<Camera, string>>;
}

export type Arch = "amd64" | "arm64";

/** The partition of the owner's files begins behind the first MiB; `kiosk/image/build.sh` and `plain-debian.sh` put it there. */
const CARD_OFFSET = "@@1M";

const MEMORY_MB = 3072;

/** A command inside that takes longer hangs, ms. */
const COMMAND_TIMEOUT_MS = 300_000;

/** Answers each line "id command" with "id code output". A second one ends, because the port is taken. */
const SHELL = `
until test -e /dev/virtio-ports/test; do sleep 0.2; done
exec 3<>/dev/virtio-ports/test || exit
while read -r -u 3 id command; do
  output=$(set -o pipefail; bash -c "$(base64 -d <<<"$command")" 2>&1 </dev/null | base64 -w0)
  printf '%s %s %s\\n' "$id" "$?" "$output" >&3
done`;

const PROMPT = "# ";

/** After this time the prompt is there again, ms. */
const PROMPT_MS = 3000;

/** For the emergency shell that systemd opens on the serial port. */
const START_SHELL = `HOME=/root setsid bash -c "$(echo ${Buffer.from(SHELL).toString("base64")} | base64 -d)" &\n`;

/** Where webcams are plugged in. */
const USB_PORTS = ["usb-1", "usb-2"] as const;

/** The graphics card's ports. A screen is at the first one; the others are free. */
const SCREEN_PORTS = ["screen-1", "screen-2"];

/** The first screen has this size when the computer is switched on, px. */
const SCREEN_WIDTH = 1280;
const SCREEN_HEIGHT = 800;

/** The computer inside takes notice of a screen's plug within this time, ms. */
const SEEN_MS = 3000;

interface Platform {
  readonly emulator: string;
  readonly words: readonly string[];
  readonly firmware: string;
  readonly variables: string;
  readonly console: string;
}

/** QEMU 7.2's `vpgatherdd`, of AVX2, ends Mesa's software renderer. */
const PLATFORMS: Readonly<Record<Arch, Platform>> = {
  amd64: {
    emulator: "qemu-system-x86_64",
    words: ["-machine", "q35", "-cpu", "max,la57=off,avx2=off"],
    firmware: "/usr/share/OVMF/OVMF_CODE_4M.fd",
    variables: "/usr/share/OVMF/OVMF_VARS_4M.fd",
    console: "ttyS0",
  },
  arm64: {
    emulator: "qemu-system-aarch64",
    words: ["-machine", "virt", "-cpu", "cortex-a76"],
    firmware: "/usr/share/AAVMF/AAVMF_CODE.fd",
    variables: "/usr/share/AAVMF/AAVMF_VARS.fd",
    console: "ttyAMA0",
  },
};

/** The Debian packages that an emulated computer of an architecture needs. */
export const EMULATOR_PACKAGES: Readonly<Record<Arch, readonly string[]>> = {
  amd64: ["qemu-system-x86", "ovmf"],
  arm64: ["qemu-system-arm", "qemu-efi-aarch64"],
};

/** @returns Whether the emulator and its firmware are installed. */
export function hasEmulator(arch: Arch): boolean {
  const { emulator, firmware } = PLATFORMS[arch];
  const isOnPath = (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, emulator)));
  return isOnPath && existsSync(firmware);
}

export interface Options {
  readonly arch: Arch;
  readonly images: Images;
  /** The owner's files on the settings' partition, by name. */
  readonly card: Files;
  /** Its network leads to the host and beyond, in place of nowhere. */
  readonly hasNetwork?: boolean;
}

type Files = Readonly<Record<string, string | Uint8Array>>;

export class Machine {
  readonly arch: Arch;
  readonly folder: string;
  readonly #hasNetwork: boolean;
  #qemu: ChildProcess | null = null;
  #monitor: Lines | null = null;
  #shell: Lines | null = null;
  #serial: Socket | null = null;
  /** By the index of their ports. */
  readonly #webcams = new Map<number, Webcam>();
  /** Screens that QEMU has heard of since it was started. */
  readonly #plugged = new Set<number>();
  #lastId = 0;
  /** Length of the part of the console's log that has been read. */
  #logRead = 0;

  private constructor(options: Options) {
    this.arch = options.arch;
    this.#hasNetwork = options.hasNetwork ?? false;
    this.folder = mkdtempSync(join(tmpdir(), "emotion-cam-device-"));
  }

  /** Make a computer with a fresh copy of the image, edited as its owner would; it is off. */
  static create(options: Options): Machine {
    const machine = new Machine(options);
    execFileSync("cp", ["--sparse=always", options.images.disk, machine.#file("disk.img")]);
    copyFileSync(PLATFORMS[options.arch].variables, machine.#file("variables.fd"));
    machine.writeCard(options.card);
    return machine;
  }

  #file(name: string): string {
    return join(this.folder, name);
  }

  /** Write files on the settings' partition, while the computer is off. */
  writeCard(files: Files): void {
    for (const [name, content] of Object.entries(files)) {
      writeFileSync(this.#file(name), content);
      execFileSync("mcopy", ["-o", "-i", `${this.#file("disk.img")}${CARD_OFFSET}`, this.#file(name), `::${name}`]);
    }
  }

  /**
   * Switch on.
   *
   * @param options.clock What the clock says; the present where it is missing.
   */
  powerOn(options: { clock?: string } = {}): void {
    const { emulator, words, firmware, console } = PLATFORMS[this.arch];
    const port = (id: string) => ["-chardev", `socket,id=${id},path=${this.#file(id)},server=on,wait=off`];
    const args = [
      ...words,
      ...["-nodefaults", "-no-user-config", "-display", "none"],
      ...["-accel", "tcg,thread=multi,tb-size=1024", "-smp", "2", "-m", String(MEMORY_MB)],
      ...["-drive", `if=pflash,format=raw,readonly=on,file=${firmware}`],
      ...["-drive", `if=pflash,format=raw,file=${this.#file("variables.fd")}`],
      // QEMU hands all that the computer writes to the host's cache, so it outlives QEMU's end, flushed or not.
      ...["-drive", `if=none,id=disk,format=raw,cache=unsafe,file=${this.#file("disk.img")}`],
      ...["-device", "virtio-blk-pci,drive=disk"],
      ...["-device", "qemu-xhci,id=usb"],
      ...USB_PORTS.flatMap((id) => [...port(id), "-device", `usb-redir,chardev=${id},bus=usb.0`]),
      ...["-device", `virtio-gpu-pci,id=gpu,max_outputs=${SCREEN_PORTS.length}`],
      ...SCREEN_PORTS.flatMap((id, head) => ["-vnc", `unix:${this.#file(id)},display=gpu,head=${head}`]),
      ...["-rtc", `base=${options.clock ?? "utc"}`],
      ...[
        "-netdev",
        `user,id=net,restrict=${this.#hasNetwork ? "off" : "on"}`,
        "-device",
        "virtio-net-pci,id=nic,netdev=net",
      ],
      // An emulated computer may stand still for longer than the card waits: only its own check lets it reset.
      ...["-device", "i6300esb", "-action", "watchdog=none"],
      ...["-device", "virtio-tablet-pci", "-device", "virtio-rng-pci", "-device", "virtio-serial-pci"],
      ...[...port("shell"), "-device", "virtserialport,chardev=shell,name=test"],
      ...["-qmp", `unix:${this.#file("monitor")},server=on,wait=off`],
      ...[
        "-chardev",
        `socket,id=serial,path=${this.#file("serial")},server=on,wait=off,logfile=${this.#file("console.log")}`,
      ],
      ...["-serial", "chardev:serial"],
      ...["-smbios", firmwareString(console)],
    ];
    this.#logRead = 0;
    this.#plugged.clear();
    this.#qemu = spawn(emulator, args, { stdio: ["ignore", "ignore", "pipe"] });
    this.#qemu.stderr!.on("data", (chunk: Buffer) => writeFileSync(this.#file("qemu.log"), chunk, { flag: "a" }));
  }

  /** Plug a webcam in, at port 0 or 1. */
  async plugIn(format: Format, port = 0): Promise<void> {
    this.#webcams.set(port, await Webcam.plugIn(this.#file(USB_PORTS[port]!), format));
  }

  /** Pull a webcam's plug. */
  unplug(port = 0): void {
    this.#webcams.get(port)?.unplug();
    this.#webcams.delete(port);
  }

  /** Plug a screen in, 0 or 1. */
  async plugScreen(screen: number, width = SCREEN_WIDTH, height = SCREEN_HEIGHT): Promise<void> {
    this.#plugged.add(screen);
    await plugScreen(this.#file(SCREEN_PORTS[screen]!), width, height);
  }

  /** QEMU passes on what changes, so it must have heard of the screen before. Of two changes at once Linux misses one. */
  async unplugScreen(screen: number): Promise<void> {
    if (!this.#plugged.has(screen)) {
      await this.plugScreen(screen);
      await sleep(SEEN_MS);
    }
    await plugScreen(this.#file(SCREEN_PORTS[screen]!), 0, 0);
  }

  /** @returns Whether a cursor is seen on the first screen. */
  async showsCursor(): Promise<boolean> {
    // The second plane is the cursor's. A cursor that is switched off has no picture there.
    const { output } = await this.run("sed -n '/^plane.*plane-1/,/fb=/p' /sys/kernel/debug/dri/0/state");
    return !output.includes("fb=0") && (await hasCursor(this.#file(SCREEN_PORTS[0]!)));
  }

  get isOn(): boolean {
    return this.#qemu !== null && this.#qemu.exitCode === null && this.#qemu.signalCode === null;
  }

  /** Wait until the shell inside answers. */
  async answers(limitMs: number): Promise<boolean> {
    const ends = Date.now() + limitMs;
    while (Date.now() < ends) {
      if (!this.isOn) throw new Error(`QEMU ended: ${this.log("qemu.log")}`);
      await this.#startShell();
      if ((await this.run("true", 5000)).code === 0) return true;
    }
    return false;
  }

  /** Start the shell once for each prompt: after a reset the firmware would take the words as keys. */
  async #startShell(): Promise<void> {
    // A serial line that nobody reads holds up the computer that writes to it.
    this.#serial ??= (await connect(this.#file("serial"))).resume();
    const consoleLog = () => readFileSync(this.#file("console.log"), "latin1");
    if (!consoleLog().slice(this.#logRead).includes(PROMPT)) return;
    this.#serial.write(START_SHELL);
    await sleep(PROMPT_MS);
    this.#logRead = consoleLog().length;
  }

  /** Run a shell command inside, as root. A code of -1 means that no answer came. */
  async run(command: string, timeoutMs = COMMAND_TIMEOUT_MS): Promise<{ code: number; output: string }> {
    const id = String(++this.#lastId);
    try {
      this.#shell ??= await Lines.connect(this.#file("shell"));
      this.#shell.send(`${id} ${Buffer.from(command).toString("base64")}`);
      const line = await this.#shell.find((text) => text.startsWith(`${id} `), timeoutMs);
      const [, code, output = ""] = line.split(" ");
      return { code: Number(code), output: Buffer.from(output, "base64").toString() };
    } catch (error) {
      await sleep(500);
      return { code: -1, output: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Ask the kiosk's server inside; null where it does not answer. */
  async get(path: string): Promise<Record<string, unknown> | null> {
    const request = `printf 'GET ${path} HTTP/1.0\\r\\nHost: localhost:8080\\r\\n\\r\\n' >&4; timeout 5 cat <&4`;
    const { output } = await this.run(`exec 4<>/dev/tcp/127.0.0.1/8080 && { ${request}; }`, 10_000);
    try {
      return JSON.parse(output.slice(output.indexOf("\r\n\r\n"))) as Record<string, unknown>;
    } catch {
      return null;
    }
  }

  /** Give QEMU's monitor an order. https://qemu-project.gitlab.io/qemu/interop/qemu-qmp-ref.html */
  async order(execute: string, words: Record<string, unknown> = {}): Promise<unknown> {
    if (this.#monitor === null) {
      this.#monitor = await Lines.connect(this.#file("monitor"));
      this.#monitor.send(JSON.stringify({ execute: "qmp_capabilities" }));
    }
    const id = String(++this.#lastId);
    this.#monitor.send(JSON.stringify({ execute, arguments: words, id }));
    const line = await this.#monitor.find((text) => text.includes(`"id": "${id}"`), 60_000);
    const answer = JSON.parse(line) as { return?: unknown; error?: { desc: string } };
    if (answer.error !== undefined) throw new Error(`QEMU refuses ${execute}: ${answer.error.desc}`);
    return answer.return;
  }

  /** Take a picture of a screen, as the screen shows it. */
  async picture(file: string, screen = 0): Promise<void> {
    mkdirSync(join(file, ".."), { recursive: true });
    await this.order("screendump", { filename: file, device: "gpu", head: screen, format: "png" });
  }

  /** @returns What a screen shows. */
  async look(screen = 0): Promise<Picture> {
    const file = this.#file("screen.ppm");
    await this.order("screendump", { filename: file, device: "gpu", head: screen, format: "ppm" });
    return readPicture(readFileSync(file));
  }

  /** Move the pointer to a place, in fractions of the screen. */
  async movePointer(x: number, y: number): Promise<void> {
    const RANGE = 0x7fff;
    const events = Object.entries({ x, y }).map(([axis, at]) => ({
      type: "abs",
      data: { axis, value: Math.round(at * RANGE) },
    }));
    await this.order("input-send-event", { events });
  }

  /** Wait until QEMU tells of an event. */
  async event(name: string, timeoutMs: number): Promise<void> {
    await this.order("query-status");
    await this.#monitor!.find((text) => text.includes(`"event": "${name}"`), timeoutMs);
  }

  /** Take up the start that a reset has begun: another shell. */
  forgetShell(): void {
    this.#shell?.close();
    this.#shell = null;
    this.#logRead = readFileSync(this.#file("console.log"), "latin1").length;
  }

  /** Pull the power plug. */
  async cutPower(): Promise<void> {
    const qemu = this.#qemu;
    for (const port of this.#webcams.keys()) this.unplug(port);
    this.#monitor?.close();
    this.#shell?.close();
    this.#serial?.destroy();
    this.#monitor = this.#shell = this.#serial = null;
    if (qemu === null || !this.isOn) return;
    const gone = new Promise<void>((resolve) => qemu.once("exit", () => resolve()));
    qemu.kill("SIGKILL");
    await gone;
  }

  log(name: "console.log" | "qemu.log"): string {
    return existsSync(this.#file(name)) ? readFileSync(this.#file(name), "utf8").slice(-6000) : "";
  }

  /** Throw the computer away. */
  async destroy(): Promise<void> {
    await this.cutPower();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** systemd-boot takes words for the kernel's command line from the firmware's tables (SMBIOS). */
function firmwareString(console: string): string {
  const words = [
    `console=${console}`,
    `systemd.debug_shell=${console}`,
    `systemd.mask=serial-getty@${console}.service`,
  ];
  return `type=11,value=io.systemd.boot.kernel-cmdline-extra=${words.join(" ")}`;
}

/** Lines over a Unix socket. */
class Lines {
  readonly #socket: Socket;
  readonly #waiting = new Set<{ matches: (line: string) => boolean; resolve: (line: string) => void }>();
  #rest = "";

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding("utf8");
    socket.on("data", (text: string) => {
      const lines = (this.#rest + text).split("\n");
      this.#rest = lines.pop()!;
      for (const line of lines) {
        for (const waiter of this.#waiting) if (waiter.matches(line)) waiter.resolve(line);
      }
    });
  }

  static async connect(path: string): Promise<Lines> {
    return new Lines(await connect(path));
  }

  send(line: string): void {
    this.#socket.write(`${line}\n`);
  }

  async find(matches: (line: string) => boolean, timeoutMs: number): Promise<string> {
    let late: NodeJS.Timeout | undefined;
    const waiter = { matches, resolve: (_line: string) => {} };
    try {
      return await new Promise<string>((resolve, reject) => {
        waiter.resolve = resolve;
        this.#waiting.add(waiter);
        late = setTimeout(() => reject(new Error(`no answer within ${timeoutMs / 1000} s`)), timeoutMs);
      });
    } finally {
      clearTimeout(late);
      this.#waiting.delete(waiter);
    }
  }

  close(): void {
    this.#socket.destroy();
  }
}
