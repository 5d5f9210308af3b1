import { EmotionCamError } from "../errors.ts";

/**
 * Above 640x480 Chromium's V4L2 code prefers MJPEG and pays for decoding it; the networks look at less than this
 * anyway. 30 Hz keeps cameras that offer 60 from doubling the work.
 */
const PICTURE: MediaTrackConstraints = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };

/**
 * Chromium calls a camera muted as soon as its frames hesitate for 25 intervals, as on a busy machine, and unmuted with
 * the next one; one that was switched off stays muted.
 */
const MUTE_MS = 3000;

/** Which way a camera looks, where the device says so: `user` at whoever holds it. */
export type Facing = "user" | "environment" | "unknown";

/** A camera that the browser knows of. */
export interface CameraDevice {
  /** For the `camera` attribute; empty until the permission is granted. */
  readonly deviceId: string;
  /** The device's own name; empty until the permission is granted. */
  readonly label: string;
}

/** A camera that is on. */
export interface Camera {
  readonly stream: MediaStream;
  readonly facing: Facing;
  /** Aborts with an {@link EmotionCamError} `camera-lost` when the device goes or is taken away. */
  readonly lost: AbortSignal;
  /** Turns the device off. */
  close(): void;
}

/**
 * The cameras that the browser knows of.
 *
 * @throws EmotionCamError `insecure-context`, `unsupported-browser`.
 */
export async function listCameras(): Promise<readonly CameraDevice[]> {
  const devices = await mediaDevices().enumerateDevices();
  return devices.filter((device) => device.kind === "videoinput").map(({ deviceId, label }) => ({ deviceId, label }));
}

/**
 * Turns a camera on, asking for permission where there is none yet.
 *
 * @param choice A device's id, its label or a part of it, `user` or `environment`; empty for the browser's choice.
 * @throws EmotionCamError `insecure-context`, `unsupported-browser`, `camera-denied`, `camera-missing`, `camera-busy`.
 */
export async function openCamera(choice: string, signal: AbortSignal): Promise<Camera> {
  const devices = mediaDevices();
  const stream = await capture(devices, await constraintsFor(choice), choice, signal);
  const wanted = await deviceNamed(choice);
  if (wanted === undefined || wanted.deviceId === settingsOf(stream).deviceId) return toCamera(stream);
  // Labels are told only once the permission is granted: now that they are, change to the one that was meant.
  stop(stream);
  return toCamera(await capture(devices, { deviceId: { exact: wanted.deviceId } }, choice, signal));
}

function mediaDevices(): MediaDevices {
  // Typed as always there; absent outside secure contexts, and in some in-app browsers.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (typeof devices?.getUserMedia === "function") return devices;
  if (!isSecureContext)
    throw new EmotionCamError(
      "insecure-context",
      `Browsers offer the camera to https:// and http://localhost alone, and this page is ${location.origin}. ` +
        "Serve it over https, or from the device itself.",
    );
  throw new EmotionCamError(
    "unsupported-browser",
    "This browser offers no camera to pages (navigator.mediaDevices is missing). Open the page in Chrome, Edge, " +
      "Firefox or Safari.",
  );
}

async function constraintsFor(choice: string): Promise<MediaTrackConstraints> {
  if (choice === "") return { facingMode: { ideal: "user" } };
  if (choice === "user" || choice === "environment") return { facingMode: { ideal: choice } };
  const cameras = await listCameras();
  const wanted = find(cameras, choice);
  if (wanted !== undefined) return { deviceId: { exact: wanted.deviceId } };
  if (cameras.some((camera) => camera.label === "")) return {};
  throw missing(choice, cameras);
}

/** @returns The camera that a label means, or nothing where the choice is none of a particular device. */
async function deviceNamed(choice: string): Promise<CameraDevice | undefined> {
  if (choice === "" || choice === "user" || choice === "environment") return undefined;
  return find(await listCameras(), choice);
}

function find(cameras: readonly CameraDevice[], choice: string): CameraDevice | undefined {
  const sought = choice.toLowerCase();
  return (
    cameras.find((camera) => camera.deviceId === choice) ??
    cameras.find((camera) => camera.label.toLowerCase() === sought) ??
    cameras.find((camera) => camera.label.toLowerCase().includes(sought))
  );
}

/** The prompt cannot be taken back; whoever answers it after the abort gets the light turned off again. */
function capture(
  devices: MediaDevices,
  device: MediaTrackConstraints,
  choice: string,
  signal: AbortSignal,
): Promise<MediaStream> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    devices
      .getUserMedia({ video: { ...PICTURE, ...device }, audio: false })
      .then(
        (stream) => (signal.aborted ? stop(stream) : resolve(stream)),
        (cause) => reject(toError(cause, choice)),
      )
      .finally(() => signal.removeEventListener("abort", abort));
  });
}

/** https://www.w3.org/TR/mediacapture-streams/#dom-mediadevices-getusermedia names the failures. */
function toError(cause: unknown, choice: string): EmotionCamError {
  const name = cause instanceof Error ? cause.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return new EmotionCamError(
        "camera-denied",
        `The camera was not allowed for ${location.origin}. Allow it beside the page's address (and in the system's ` +
          "privacy settings); it starts by itself then.",
        { cause },
      );
    case "NotFoundError":
    case "OverconstrainedError":
      return missing(choice, [], cause);
    default:
      return new EmotionCamError(
        "camera-busy",
        `The camera cannot be started (${name === "" ? String(cause) : name}). Another program may be using it: ` +
          "close that one, or plug the camera in again.",
        { cause },
      );
  }
}

function missing(choice: string, cameras: readonly CameraDevice[], cause?: unknown): EmotionCamError {
  const there = cameras.map((camera) => `“${camera.label}”`).join(", ");
  return new EmotionCamError(
    "camera-missing",
    choice === ""
      ? "No camera was found. Plug one in; it starts by itself."
      : `No camera “${choice}” was found${there === "" ? "" : `, only ${there}`}. Plug it in, or choose another.`,
    cause === undefined ? {} : { cause },
  );
}

function toCamera(stream: MediaStream): Camera {
  const loss = new AbortController();
  const track = stream.getVideoTracks()[0];
  track?.addEventListener("ended", () => loss.abort(lostError(track.label, "ended")));
  let muted: ReturnType<typeof setTimeout> | undefined;
  track?.addEventListener("unmute", () => clearTimeout(muted));
  track?.addEventListener("mute", () => {
    clearTimeout(muted);
    muted = setTimeout(() => {
      // Some browsers mute the cameras of hidden pages; that is no loss.
      if (!document.hidden) loss.abort(lostError(track.label, "was muted"));
    }, MUTE_MS);
  });
  const { facingMode } = settingsOf(stream);
  return {
    stream,
    facing: facingMode === "user" || facingMode === "environment" ? facingMode : "unknown",
    lost: loss.signal,
    close: () => {
      clearTimeout(muted);
      stop(stream);
    },
  };
}

function lostError(label: string, how: string): EmotionCamError {
  return new EmotionCamError(
    "camera-lost",
    `The camera “${label}” ${how}: it was unplugged, turned off or no longer allowed. Plug it in again; it starts by ` +
      "itself.",
  );
}

function settingsOf(stream: MediaStream): MediaTrackSettings {
  return stream.getVideoTracks()[0]?.getSettings() ?? {};
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
