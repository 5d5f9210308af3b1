import type { EmotionCamError } from "../errors.ts";

/**
 * Waits until another try is worth making: until the time is over, the cameras change, or the permission is granted,
 * whichever comes first.
 *
 * @param delayMs `Infinity` where only a change of the circumstances can help.
 * @throws The signal's reason.
 */
export async function untilWorthRetrying(error: EmotionCamError, delayMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const over = new AbortController();
  const end = () => over.abort();
  signal.addEventListener("abort", end);
  try {
    const waits = [elapsed(delayMs, over.signal)];
    if (error.code.startsWith("camera-")) waits.push(circumstances(error, over.signal));
    await Promise.race(waits);
  } finally {
    signal.removeEventListener("abort", end);
    over.abort();
  }
  signal.throwIfAborted();
}

/** After a refusal only the permission counts: asking again at each new device would pester. */
async function circumstances(error: EmotionCamError, signal: AbortSignal): Promise<void> {
  const changes = [permissionGranted(signal)];
  if (error.code !== "camera-denied") changes.push(camerasChanged(signal));
  await Promise.race(changes);
}

function camerasChanged(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    navigator.mediaDevices.addEventListener("devicechange", () => resolve(), { once: true, signal });
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Asked for once: Chromium keeps each answer, and its line to the browser, for as long as the page lives. */
const statuses = new WeakMap<Permissions, Promise<PermissionStatus>>();

function cameraPermission({ permissions }: Navigator): Promise<PermissionStatus> {
  const status = statuses.get(permissions) ?? permissions.query({ name: "camera" });
  statuses.set(permissions, status);
  return status;
}

async function permissionGranted(signal: AbortSignal): Promise<void> {
  let status: PermissionStatus;
  try {
    status = await cameraPermission(navigator);
  } catch {
    // Firefox before 132 does not tell; the timed tries and the start button remain.
    return forever(signal);
  }
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    status.addEventListener("change", () => status.state === "granted" && resolve(), { signal });
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function elapsed(delayMs: number, signal: AbortSignal): Promise<void> {
  if (delayMs === Infinity) return forever(signal);
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, delayMs);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

function forever(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
