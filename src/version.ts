/** Replaced by the build. */
declare const EMOTION_CAM_VERSION: string | undefined;

/** The package's version; `unknown` where it was not built. */
export const VERSION: string = typeof EMOTION_CAM_VERSION === "string" ? EMOTION_CAM_VERSION : "unknown";
