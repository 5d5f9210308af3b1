import { describe, expect, test } from "vitest";
import { EmotionCamError, type EmotionCamErrorCode, ERRORS, factsOf, isOfSource } from "../../src/errors.ts";
import { ENGLISH } from "../../src/view/words.ts";

/** The public codes and their `recoverable`. To change a row is a breaking change. */
const PUBLIC: Readonly<Record<string, boolean>> = {
  "insecure-context": false,
  "unsupported-browser": false,
  "camera-denied": false,
  "camera-missing": true,
  "camera-busy": true,
  "camera-lost": true,
  "camera-stalled": true,
  "source-load": true,
  "wasm-load": true,
  "model-load": true,
  "model-corrupt": true,
  "worker-crash": true,
};

const CODES = Object.keys(ERRORS) as EmotionCamErrorCode[];

test("the codes and their recoverable are the public ones", () => {
  const said = Object.fromEntries(CODES.map((code) => [code, new EmotionCamError(code, "").recoverable]));
  expect(said).toEqual(PUBLIC);
});

describe("the table", () => {
  test.each(CODES)("%s has a title and help", (code) => {
    const { words } = ERRORS[code];
    expect(ENGLISH[`${words}Title`].length).toBeGreaterThan(5);
    expect(ENGLISH[`${words}Help`].length).toBeGreaterThan(5);
  });

  test("only the page's address and the browser have neither a wait nor a cure", () => {
    const hopeless = CODES.filter((code) => ERRORS[code].waits === null && ERRORS[code].cures === undefined);
    expect(hopeless).toEqual(["insecure-context", "unsupported-browser"]);
  });

  test("the demo and the kiosk's patience are for camera errors", () => {
    for (const code of CODES) {
      const { about, demoAfter, kioskWaits } = ERRORS[code];
      if (demoAfter !== undefined || kioskWaits) expect(about, code).toBe("camera");
    }
  });

  test("the source's errors are those of the page, the camera and the file", () => {
    expect(CODES.filter(isOfSource)).toEqual(
      CODES.filter((code) => /^(camera-|source-)|^insecure-context$/.test(code)),
    );
  });
});

test("facts are found by a code from outside, and by nothing else", () => {
  expect(factsOf("camera-denied")).toBe(ERRORS["camera-denied"]);
  for (const word of ["", "camera-", "constructor", "toString", "__proto__", null]) expect(factsOf(word)).toBe(null);
});

test("an error keeps its cause", () => {
  const cause = new Error("beneath");
  expect(new EmotionCamError("source-load", "above", { cause })).toMatchObject({
    ...{ name: "EmotionCamError", code: "source-load", message: "above", cause },
  });
});
