import "emotion-cam/svelte";
import type { SvelteHTMLElements } from "svelte/elements";

type Props = SvelteHTMLElements["emotion-cam"];

export const right: Props = { class: "wide", "max-faces": "3", "onemotion-presence": ({ count }) => count.toFixed() };
// @ts-expect-error There is no such overlay.
export const overlay: Props = { overlay: "everything" };
// @ts-expect-error Frames carry no label.
export const frames: Props = { "onemotion-frame": ({ label }) => label };
