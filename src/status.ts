/**
 * The state of an element, and the only function that changes it. Pure.
 *
 * The parts of a session (source, demo, engine) report events. {@link Status} keeps what they have reported, so that a
 * failure of one part does not hide that of another. {@link phaseOf} says what the element shows of it.
 */
import { type EmotionCamError, isOfSource } from "./errors.ts";

/** A failure that is not over. */
export interface Failure {
  readonly error: EmotionCamError;
  /** Milliseconds until the next try; `null` while it is under way, `Infinity` where only a person can help. */
  readonly retryInMs: number | null;
}

/** The sum of all parts' reports. */
export type Status =
  | { readonly name: "idle" | "paused" }
  | {
      readonly name: "active";
      /** The part whose frames are answered. */
      readonly shows: "nothing" | "source" | "demo";
      /** The failure of the camera, the clip or the picture. */
      readonly source: Failure | null;
      /** The failure of the worker, the networks or the browser. */
      readonly engine: Failure | null;
    };

/** The state that the element shows: the one name for a status. */
export type Phase =
  | { readonly name: "idle" | "starting" | "running" | "paused" }
  | { readonly name: "demo"; readonly failure: Failure | null }
  | { readonly name: "failed"; readonly failure: Failure };

/** An event that changes the status. */
export type StatusEvent =
  /** A session begins, ends, or rests while the element is not rendered. */
  | { readonly type: "begin" | "end" | "rest" }
  /** The source is open, and the demo is over; or the demo is open. */
  | { readonly type: "open" | "open-demo" }
  /** A frame was answered. */
  | { readonly type: "answer"; readonly by: "source" | "demo" }
  /** The engine loads, or has loaded. */
  | { readonly type: "load" | "ready" }
  | {
      readonly type: "fail";
      /** The part that reports the failure; the code tells which part failed. */
      readonly by: "source" | "demo" | "engine";
      readonly failure: Failure;
    };

export const IDLE: Status = { name: "idle" };
const PAUSED: Status = { name: "paused" };
const STARTING: Status = { name: "active", shows: "nothing", source: null, engine: null };

/** @returns The next status; the same object where nothing changes. */
export function after(status: Status, event: StatusEvent): Status {
  if (event.type === "begin") return STARTING;
  if (event.type === "rest") return PAUSED;
  if (event.type === "end") return IDLE;
  if (status.name !== "active") return status;
  const { shows, source, engine } = status;
  switch (event.type) {
    case "open-demo":
      return status;
    case "open":
      // The picture goes on where the camera takes the demo's place.
      return changed(status, shows === "demo" ? "source" : shows, null, engine);
    case "answer":
      return changed(status, event.by, event.by === "source" ? null : source, null);
    case "load":
      return engine === null ? status : changed(status, shows, source, { ...engine, retryInMs: null });
    case "ready":
      return changed(status, shows, source, null);
    case "fail":
      if (!isOfSource(event.failure.error.code)) return changed(status, "nothing", source, event.failure);
      // The camera's failure is the reason for the demo, so it is kept when the demo fails too.
      if (event.by === "demo") return changed(status, "nothing", source ?? event.failure, engine);
      return changed(status, shows === "demo" ? "demo" : "nothing", event.failure, engine);
  }
}

/** @returns What the element shows of a status. A failure of the engine comes first: it stops the demo too. */
export function phaseOf(status: Status): Phase {
  if (status.name !== "active") return status;
  const { shows, source, engine } = status;
  if (engine !== null) return { name: "failed", failure: engine };
  if (shows === "demo") return { name: "demo", failure: source };
  if (shows === "source") return { name: "running" };
  return source === null ? { name: "starting" } : { name: "failed", failure: source };
}

function changed(
  before: Status & { readonly name: "active" },
  shows: "nothing" | "source" | "demo",
  source: Failure | null,
  engine: Failure | null,
): Status {
  if (before.shows === shows && before.source === source && before.engine === engine) return before;
  return { name: "active", shows, source, engine };
}
