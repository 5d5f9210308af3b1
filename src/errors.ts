/** What can go wrong, as a word that programs may rely on. */
export type EmotionCamErrorCode =
  | "insecure-context"
  | "unsupported-browser"
  | "camera-denied"
  | "camera-missing"
  | "camera-busy"
  | "camera-lost"
  | "camera-stalled"
  | "source-load"
  | "wasm-load"
  | "model-load"
  | "model-corrupt"
  | "worker-crash";

/** The codes after which trying again by itself can help; the others want a person. */
const RECOVERABLE: ReadonlySet<EmotionCamErrorCode> = new Set([
  "camera-missing",
  "camera-busy",
  "camera-lost",
  "camera-stalled",
  "source-load",
  "wasm-load",
  "model-load",
  "model-corrupt",
  "worker-crash",
]);

/**
 * The project's one error. Its message says what failed, names the value or URL, and says what to do; the failure
 * beneath it is kept as `cause`.
 */
export class EmotionCamError extends Error {
  readonly code: EmotionCamErrorCode;
  /** Whether the element goes on trying by itself. */
  readonly recoverable: boolean;

  constructor(code: EmotionCamErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EmotionCamError";
    this.code = code;
    this.recoverable = RECOVERABLE.has(code);
  }
}
