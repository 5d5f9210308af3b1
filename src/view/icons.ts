import { type TemplateResult, html } from "lit";
import type { Label } from "../types.ts";

export type IconName = Label | "camera" | "no-camera" | "lock" | "warning" | "pause" | "stop" | "come";

const HEAD = "M12 2.8a9.2 9.2 0 1 0 .01 0Z";

/**
 * A set of line icons, drawn for this project. Each icon is one path in a box of 24 by 24, with a stroke of 2 and round
 * ends; a short line makes a dot.
 */
const PATHS: Readonly<Record<IconName, string>> = {
  happy: `${HEAD}M8.7 9.6v.6M15.3 9.6v.6M7.4 13.8c1.3 4.3 7.9 4.3 9.2 0Z`,
  surprised: `${HEAD}M8.6 9.9v.7M15.4 9.9v.7M7.3 7c.7-.7 1.7-.8 2.5-.4M16.7 7c-.7-.7-1.7-.8-2.5-.4M12 13.6a2 2.3 0 1 0 .01 0Z`,
  neutral: `${HEAD}M8.6 9.8v.5M15.4 9.8v.5M8.3 15.3h7.4`,
  sad: `${HEAD}M8.8 11v.5M15.2 11v.5M7.2 8.9 9.7 7.7M16.8 8.9 14.3 7.7M8.2 16.9c1.6-2.6 6-2.6 7.6 0`,
  fearful: `${HEAD}M8.5 10.4v.9M15.5 10.4v.9M6.9 8.2c1-.2 2-.8 2.6-1.7M17.1 8.2c-1-.2-2-.8-2.6-1.7M7.8 16.4l1.4-1.5 1.4 1.5 1.4-1.5 1.4 1.5 1.4-1.5 1.4 1.5`,
  disgusted: `${HEAD}M7.2 8.6l2.6 1.5-2.6 1.3M16.8 8.6l-2.6 1.5 2.6 1.3M7.9 15.4c1.4-1.3 2.7-1.3 4.1 0s2.7 1.3 4.1 0M13.4 16.2c0 2.9 2.8 2.9 2.8 0`,
  angry: `${HEAD}M8.7 11v.5M15.3 11v.5M6.9 7.6 10.1 9.4M17.1 7.6 13.9 9.4M8.2 16.4c1.6-1.8 6-1.8 7.6 0`,
  camera: "M3 8.5c0-1.1.9-2 2-2h8.5c1.1 0 2 .9 2 2v7c0 1.1-.9 2-2 2H5c-1.1 0-2-.9-2-2ZM15.5 11l5.5-3v8l-5.5-3",
  "no-camera":
    "M9 6.5h4.5c1.1 0 2 .9 2 2v3M15.5 15.5c0 1.1-.9 2-2 2H5c-1.1 0-2-.9-2-2v-7c0-.9.5-1.6 1.3-1.9M15.5 11l5.5-3v8l-2-1.1M3.5 3.5l17 17",
  lock: "M6 11h12v9H6ZM8.5 11V8c0-4.7 7-4.7 7 0v3M12 14.8v1.5",
  warning: "M12 4 21.3 20H2.7ZM12 10v4.5M12 17.2v.1",
  pause: "M9 6v12M15 6v12",
  stop: "M7.5 7.5h9v9h-9Z",
  come: "M12 4.2a3.6 3.6 0 1 0 .01 0ZM5 20.5c.5-8.5 13.5-8.5 14 0",
};

/** @returns The icon's SVG path, for a box of 24 by 24. */
export function iconPath(name: IconName): string {
  return PATHS[name];
}

/** @returns The icon, in the colour and at the size of the text around it. */
export function icon(name: IconName): TemplateResult {
  return html`<svg class="icon" part="icon" viewBox="0 0 24 24" aria-hidden="true"><path d=${PATHS[name]} /></svg>`;
}
