/**
 * The tag in React's JSX, for React 19 and later. `import "emotion-cam/react"` once, anywhere in the program: it registers
 * the element as `emotion-cam/define` does, and JSX knows the tag.
 *
 * Attributes are written as in HTML (`max-faces={2}`), listeners with `on` before the event's whole name
 * (`onemotion-change={({ label }) => …}`).
 */
import type { DetailedHTMLProps, HTMLAttributes } from "react";
import type { TagAttributes } from "./attributes.js";
import type { EmotionCam, EmotionCamEventMap } from "./index.js";

export * from "./index.js";

type Listeners = {
  [Type in keyof EmotionCamEventMap as `on${Type}`]?: ((event: EmotionCamEventMap[Type]) => void) | undefined;
};

/** Props of `<emotion-cam>` in JSX; `ref` is an {@link EmotionCam}. */
export type EmotionCamProps = Omit<DetailedHTMLProps<HTMLAttributes<EmotionCam>, EmotionCam>, keyof TagAttributes> &
  TagAttributes &
  Listeners;

declare module "react" {
  namespace JSX {
    interface IntrinsicElements {
      "emotion-cam": EmotionCamProps;
    }
  }
}
