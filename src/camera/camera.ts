import { EmotionCamError } from "../errors.ts";

/** At 30 Hz, a camera that offers 60 Hz does not double the work. */
const FRAME_RATE = 30;

/** The size that is wished of a camera. It gives the nearest size that it has. */
export interface CameraSize {
  /** Pixels. */
  readonly width: number;
  /** Pixels. */
  readonly height: number;
}

/**
 * A camera that is muted for this long counts as lost. Chromium mutes a camera whose frames pause for 25 intervals, as
 * on a busy machine, and unmutes it with the next frame. A camera that was switched off stays muted.
 */
const MUTE_MS = 3000;

/** The direction in which a camera looks, where the device tells it: `user` is at the person who holds the device. */
export type Facing = "user" | "environment" | "unknown";

/** A camera that the browser knows. */
export interface CameraDevice {
  /** A value for the `camera` attribute; empty until the permission is granted. */
  readonly deviceId: string;
  /** The device's own name; empty until the permission is granted. */
  readonly label: string;
}

/** A camera that is on. */
export interface Camera {
  readonly stream: MediaStream;
  readonly facing: Facing;
  /** Aborts with an {@link EmotionCamError} `camera-lost` when the device or the permission is gone. */
  readonly lost: AbortSignal;
  /** Turn the device off. */
  close(): void;
}

/**
 * List the cameras that the browser knows.
 *
 * @throws EmotionCamError `insecure-context`, `unsupported-browser`.
 */
export async function listCameras(): Promise<readonly CameraDevice[]> {
  const devices = await mediaDevices().enumerateDevices();
  return devices.filter((device) => device.kind === "videoinput").map(({ deviceId, label }) => ({ deviceId, label }));
}

/**
 * Turn a camera on. Ask for the permission where it was not given yet.
 *
 * @param choice A device's id, its label or a part of it, `user` or `environment`; empty for the browser's choice.
 * @param size The nearest size that the camera has is taken.
 * @param signal A camera that is granted after the abort is turned off again.
 * @throws EmotionCamError `insecure-context`, `unsupported-browser`, `camera-denied`, `camera-missing`, `camera-busy`. The
 * signal's reason.
 */
export async function openCamera(choice: string, size: CameraSize, signal: AbortSignal): Promise<Camera> {
  const devices = mediaDevices();
  const stream = await capture(devices, { ...ideal(size), ...(await constraintsFor(choice)) }, choice, signal);
  const wanted = await deviceNamed(choice);
  if (wanted === undefined || wanted.deviceId === settingsOf(stream).deviceId) return toCamera(stream);
  // Labels are known only after the permission. Now that they are known, change to the camera that was meant.
  stop(stream);
  return toCamera(await capture(devices, { ...ideal(size), deviceId: { exact: wanted.deviceId } }, choice, signal));
}

function mediaDevices(): MediaDevices {
  // The type says that it always exists, but it is missing outside secure contexts and in some in-app browsers.
  const devices = navigator.mediaDevices as MediaDevices | undefined;
  if (typeof devices?.getUserMedia === "function") return devices;
  if (!isSecureContext)
    throw new EmotionCamError(
      "insecure-context",
      `Browsers give the camera only to pages from https:// and http://localhost, and this page is ${location.origin}. ` +
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

/** @returns The camera that the choice names; `undefined` where it names no particular device. */
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

function ideal({ width, height }: CameraSize): MediaTrackConstraints {
  return { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: FRAME_RATE } };
}

/** Get a stream. The browser's prompt cannot be withdrawn, so a stream that comes after the abort is stopped. */
function capture(
  devices: MediaDevices,
  video: MediaTrackConstraints,
  choice: string,
  signal: AbortSignal,
): Promise<MediaStream> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort);
    devices
      .getUserMedia({ video, audio: false })
      .then(
        (stream) => (signal.aborted ? stop(stream) : resolve(stream)),
        (cause) => reject(toError(cause, choice)),
      )
      .finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Source of the names: https://www.w3.org/TR/mediacapture-streams/#dom-mediadevices-getusermedia. */
function toError(cause: unknown, choice: string): EmotionCamError {
  const name = cause instanceof Error ? cause.name : "";
  switch (name) {
    case "NotAllowedError":
    case "SecurityError":
      return isAllowedByPage() ? deniedByPerson(cause) : deniedByPage(cause);
    case "NotFoundError":
    case "OverconstrainedError":
      return missing(choice, [], cause);
    default:
      return new EmotionCamError(
        "camera-busy",
        `The camera cannot be started (${name === "" ? String(cause) : name}). Another program may be using it. ` +
          "Close that program, or plug the camera in again.",
        { cause },
      );
  }
}

function deniedByPerson(cause: unknown): EmotionCamError {
  const message =
    `The camera is not allowed for ${location.origin}. Allow it beside the page's address (and in the system's ` +
    "privacy settings). It then starts by itself.";
  const inFrame = ' This page is in an iframe, which also needs allow="camera".';
  // Firefox does not tell whether the iframe allows it.
  return new EmotionCamError("camera-denied", isFramed() && policy() === undefined ? message + inFrame : message, {
    cause,
  });
}

function deniedByPage(cause: unknown): EmotionCamError {
  const header = `the header "Permissions-Policy: camera=()" or one like it, which is to allow ${location.origin}`;
  const message = isFramed()
    ? `The iframe of ${location.href} does not allow the camera. Add allow="camera" to the <iframe>. If it is there, a ` +
      `page around it is sent with ${header}.`
    : `${location.href} is sent with ${header}. Send "Permissions-Policy: camera=(self)".`;
  return new EmotionCamError("camera-denied", message, { cause, words: "policy" });
}

function isFramed(): boolean {
  return window.parent !== window;
}

/** Chromium has it under its former name, Firefox under none. https://www.w3.org/TR/permissions-policy/#introspection */
interface PermissionsPolicy {
  allowsFeature(feature: string): boolean;
}

function policy(): PermissionsPolicy | undefined {
  const { permissionsPolicy, featurePolicy } = document as Document & {
    readonly permissionsPolicy?: PermissionsPolicy;
    readonly featurePolicy?: PermissionsPolicy;
  };
  return permissionsPolicy ?? featurePolicy;
}

function isAllowedByPage(): boolean {
  return policy()?.allowsFeature("camera") ?? true;
}

function missing(choice: string, cameras: readonly CameraDevice[], cause?: unknown): EmotionCamError {
  const there = cameras.map((camera) => `“${camera.label}”`).join(", ");
  return new EmotionCamError(
    "camera-missing",
    choice === ""
      ? "No camera was found. Plug one in. It then starts by itself."
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
      // Some browsers mute the cameras of hidden pages. Such a camera is not lost.
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
    `The camera “${label}” ${how}: it was unplugged, turned off or is no longer allowed. Plug it in again. It then ` +
      "starts by itself.",
  );
}

function settingsOf(stream: MediaStream): MediaTrackSettings {
  return stream.getVideoTracks()[0]?.getSettings() ?? {};
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop();
}
