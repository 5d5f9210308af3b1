/** Replaced by the build. */
declare const EMOTION_CAM_COMMIT: string | undefined;

/** The commit that was built, with `-dirty` if files had changed; `unknown` outside a checkout. */
export const COMMIT: string = typeof EMOTION_CAM_COMMIT === "string" ? EMOTION_CAM_COMMIT : "unknown";
