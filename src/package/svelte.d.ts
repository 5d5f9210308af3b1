/**
 * The tag in Svelte's markup, for Svelte 5 and later. `import "emotion-cam/svelte"` once, anywhere in the program: it
 * registers the element as `emotion-cam/define` does, and markup knows the tag.
 *
 * Listeners are written with `on` before the event's whole name (`onemotion-change={({ label }) => …}`).
 */
import type { HTMLAttributes } from "svelte/elements";
import type { TagAttributes } from "./attributes.js";
import type { EmotionCam, EmotionCamEventMap } from "./index.js";

export * from "./index.js";

type Listeners = {
  [Type in keyof EmotionCamEventMap as `on${Type}`]?: ((event: EmotionCamEventMap[Type]) => void) | undefined;
};

/** Attributes and events of `<emotion-cam>` in markup. */
export type EmotionCamProps = Omit<HTMLAttributes<EmotionCam>, keyof TagAttributes> & TagAttributes & Listeners;

declare module "svelte/elements" {
  interface SvelteHTMLElements {
    "emotion-cam": EmotionCamProps;
  }
}
