import { type Cure, type EmotionCamError, ERRORS } from "../errors.ts";

/** Each resolves when the cure happens, or when the signal aborts. */
const CURES: Readonly<Record<Cure, (signal: AbortSignal) => Promise<void>>> = {
  permission: permissionGranted,
  devices: devicesChanged,
};

/**
 * Wait until another try is worthwhile: until the time is over or one of the error's cures happens.
 *
 * @param delayMs Milliseconds; `Infinity` where only a cure can help.
 * @throws The signal's reason.
 */
export async function untilWorthRetrying(error: EmotionCamError, delayMs: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const over = new AbortController();
  const end = () => over.abort();
  signal.addEventListener("abort", end);
  try {
    const { cures = [] } = ERRORS[error.code];
    await Promise.race([elapsed(delayMs, over.signal), ...cures.map((cure) => CURES[cure](over.signal))]);
  } finally {
    signal.removeEventListener("abort", end);
    over.abort();
  }
  signal.throwIfAborted();
}

function devicesChanged(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    navigator.mediaDevices.addEventListener("devicechange", () => resolve(), { once: true, signal });
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

/** Each status is requested once, because Chromium keeps every answer and its connection while the page lives. */
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
    // Firefox before 132 cannot answer. The timed tries and the start button remain.
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
