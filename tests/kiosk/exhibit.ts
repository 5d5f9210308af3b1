/** The exhibit in the machine, seen from outside: its settings, its heartbeat and its screen. */
import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Machine } from "./machine.ts";
import { options } from "./options.ts";
import { check } from "./report.ts";

/** A recovery that takes longer has failed, ms. */
const LIMIT_MS = 180_000;

const POLL_MS = 250;

export const FAKE_CAMERA = "browser_flags = --use-fake-device-for-media-stream";

/**
 * Turned by half, because cage 0.1.4 hands an unturned browser's picture to the screen untouched, and the last picture
 * that it drew itself is all that a screenshot would show. The screenshot is turned back.
 */
export const DRAWN = "gpu = off\nrotation = 180\n";

/** The setting that plays the demo clip to the camera. */
export const FROM_CLIP = `${FAKE_CAMERA} --use-file-for-fake-video-capture=/var/lib/test-camera.mjpeg`;

export interface Beat {
  readonly page: string;
  readonly state: string;
  readonly source: string;
  readonly error: string | null;
  readonly results: number;
}

export async function until(what: string, holds: () => Promise<boolean>): Promise<number> {
  const startedAt = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedAt > LIMIT_MS) throw new Error(`${what}: not within ${LIMIT_MS / 1000} s`);
    await sleep(POLL_MS);
  }
  return performance.now() - startedAt;
}

export const lastBeat = async (machine: Machine) =>
  ((await machine.get("/health"))?.["heartbeat"] ?? null) as Beat | null;

export const isAlive = async (machine: Machine) => (await machine.get("/health"))?.["alive"] === true;

/** @returns True if a page other than the one named has answered a frame of the camera. */
export async function hasResult(machine: Machine, notOf?: string): Promise<boolean> {
  const beat = await lastBeat(machine);
  return beat !== null && beat.page !== notOf && beat.results > 0 && beat.source === "camera";
}

export async function picture(machine: Machine, name: string): Promise<void> {
  const command = "XDG_RUNTIME_DIR=/run/emotion-kiosk WAYLAND_DISPLAY=wayland-0 grim /root/screen.png";
  const { code, output } = await machine.run(command);
  check(`picture of the screen: ${name}`, code === 0, output.trim());
  if (code !== 0 || options.pictures === undefined) return;
  mkdirSync(options.pictures, { recursive: true });
  copyFileSync(join(machine.root, "root/screen.png"), join(options.pictures, `${name}.png`));
}

/** Print the exhibit's state after a failure. */
export async function printState(machine: Machine): Promise<void> {
  console.log(JSON.stringify(await machine.get("/health")));
  console.log((await machine.run("systemctl status --no-pager -n 0 'emotion-kiosk-*' | cut -c1-150")).output);
  console.log((await machine.run("journalctl -b --no-pager -n 40 -u 'emotion-kiosk-*' | cut -c1-250")).output);
}
