/**
 * The tag in Vue's templates, for Vue 3.3 and later. `import "emotion-cam/vue"` once, anywhere in the program: it registers
 * the element as `emotion-cam/define` does, and templates know the tag.
 *
 * Vue wants to be told that the tag is no component of its own: `isCustomElement: (tag) => tag === "emotion-cam"` among
 * the template compiler's options.
 */
import type { EmitFn, HTMLAttributes, PublicProps } from "vue";
import type { TagAttributes } from "./attributes.js";
import type { EmotionCam, EmotionCamEventMap } from "./index.js";

export * from "./index.js";

type Emits = { [Type in keyof EmotionCamEventMap]: (event: EmotionCamEventMap[Type]) => void };

type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name;

/** Vue compares names in this form, however a template writes them. */
type Attributes = { [Name in keyof TagAttributes as CamelCase<Name>]: TagAttributes[Name] };

/** Attributes and events of `<emotion-cam>` in a template. */
export type EmotionCamProps = Omit<HTMLAttributes, keyof Attributes> & Attributes & PublicProps;

/** The element as templates see it. */
export type EmotionCamInTemplates = new () => EmotionCam & {
  /** For templates alone: no element has it. */
  $props: EmotionCamProps;
  /** For templates alone: no element has it. */
  $emit: EmitFn<Emits>;
};

declare module "vue" {
  interface GlobalComponents {
    "emotion-cam": EmotionCamInTemplates;
  }
}
