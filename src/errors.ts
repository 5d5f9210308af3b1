/** The error codes, and everything that the rest of the project knows about each of them. */

/** The wait before the next try. It doubles with each failure in a row, from `firstMs` to `longestMs`; milliseconds. */
export interface Waits {
  readonly firstMs: number;
  readonly longestMs: number;
}

/** A change in the browser that makes another try worthwhile before the wait is over. */
export type Cure = "permission" | "devices";

/** The facts about one error code. */
export interface ErrorFacts {
  /** The part that failed: the source (`page`, `camera`, `file`), or what the demo needs too (`browser`, `engine`). */
  readonly about: "page" | "camera" | "file" | "browser" | "engine";
  /** When the element tries again by itself; `null` where only a person can help. */
  readonly waits: Waits | null;
  readonly cures?: readonly Cure[];
  /** The demo starts after this many failures in a row. Default: never. */
  readonly demoAfter?: number;
  /** True if the kiosk waits while this error lasts; it restarts the browser after the others. Default: false. */
  readonly kioskWaits?: boolean;
  /** The prefix of its words in `view/words.ts`: `denied` stands for `deniedTitle` and `deniedHelp`. */
  readonly words: string;
}

/** A worker loads and compiles its networks. A machine can bear that twice a minute for any length of time. */
const WORKER: Waits = { firstMs: 250, longestMs: 30_000 };
/** A person has to replace a file on the server. */
const FILES: Waits = { firstMs: 5000, longestMs: 60_000 };

/** A try without a camera costs little, and a newly connected camera is on before anyone wonders. */
const CAMERA = {
  about: "camera",
  waits: { firstMs: 1000, longestMs: 5000 },
  cures: ["permission", "devices"],
  demoAfter: 2,
} as const;

/**
 * One row for each code. A new code needs a row here, its words in `view/words.ts` and `static/lang`, and a line in
 * the README.
 *
 * After a refusal, new devices are no cure: another prompt would pester. A missing camera starts the demo at once; the
 * other camera failures may be over in a second or two. A stalled camera is the only camera failure that a new browser
 * can end, because it opens the device anew.
 */
const ROWS = {
  "insecure-context": { about: "page", waits: null, words: "insecure" },
  "unsupported-browser": { about: "browser", waits: null, words: "unsupported" },
  "camera-denied": { about: "camera", waits: null, cures: ["permission"], kioskWaits: true, words: "denied" },
  "camera-missing": { ...CAMERA, demoAfter: 1, kioskWaits: true, words: "missing" },
  "camera-busy": { ...CAMERA, kioskWaits: true, words: "busy" },
  "camera-lost": { ...CAMERA, kioskWaits: true, words: "lost" },
  "camera-stalled": { ...CAMERA, words: "stalled" },
  "source-load": { about: "file", waits: FILES, words: "source" },
  "wasm-load": { about: "engine", waits: WORKER, words: "load" },
  "model-load": { about: "engine", waits: WORKER, words: "load" },
  "model-corrupt": { about: "engine", waits: FILES, words: "corrupt" },
  "worker-crash": { about: "engine", waits: WORKER, words: "crash" },
} as const satisfies Readonly<Record<string, ErrorFacts>>;

/** Code of a failure: a word that programs may rely on. */
export type EmotionCamErrorCode = keyof typeof ROWS;

/** The prefixes of the words for errors. */
export type ErrorWords = (typeof ROWS)[EmotionCamErrorCode]["words"] | "policy";

/** The facts about each code. */
export const ERRORS: Readonly<Record<EmotionCamErrorCode, ErrorFacts & { readonly words: ErrorWords }>> = ROWS;

/**
 * Find the facts about a code that comes from outside, such as a posted heartbeat.
 *
 * @returns `null` where it is not one of the codes.
 */
export function factsOf(code: string | null): ErrorFacts | null {
  return code !== null && Object.hasOwn(ERRORS, code) ? ERRORS[code as EmotionCamErrorCode] : null;
}

/** Say whether an error is the source's: the page's address, the camera or a file. The networks are not concerned. */
export function isOfSource(code: EmotionCamErrorCode): boolean {
  return !["browser", "engine"].includes(ERRORS[code].about);
}

/**
 * The project's only error class. Its message says what failed, names the value or the URL, and says what to do. The
 * failure beneath it is kept as `cause`.
 */
export class EmotionCamError extends Error {
  readonly code: EmotionCamErrorCode;
  /** True if the element tries again by itself. */
  readonly recoverable: boolean;
  /** The prefix of the words that people see: `policy` where the page's own rules refuse the camera, else the code's. */
  readonly words: ErrorWords;

  constructor(
    code: EmotionCamErrorCode,
    message: string,
    options: ErrorOptions & { readonly words?: ErrorWords } = {},
  ) {
    super(message, options);
    this.name = "EmotionCamError";
    this.code = code;
    this.recoverable = ERRORS[code].waits !== null;
    this.words = options.words ?? ERRORS[code].words;
  }
}
