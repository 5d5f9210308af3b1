import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openCamera } from "../../src/camera/camera.ts";
import type { EmotionCamError } from "../../src/errors.ts";

const NEVER = new AbortController().signal;
const VGA = { width: 640, height: 480 };

/** A page whose camera is refused. */
function page(asked: object, isFramed: boolean): void {
  const refusal = Promise.reject(new DOMException("made by the test", "NotAllowedError"));
  refusal.catch(() => {});
  vi.stubGlobal("navigator", { mediaDevices: { getUserMedia: () => refusal, enumerateDevices: async () => [] } });
  vi.stubGlobal("location", { origin: "https://site.test", href: "https://site.test/page" });
  vi.stubGlobal("document", asked);
  const window = { parent: {} };
  if (!isFramed) window.parent = window;
  vi.stubGlobal("window", window);
}

async function refused(): Promise<EmotionCamError> {
  const error = await openCamera("", VGA, NEVER).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "camera-denied", recoverable: false });
  return error as EmotionCamError;
}

const REFUSES = { allowsFeature: (feature: string) => feature !== "camera" };
const ALLOWS = { allowsFeature: () => true };

beforeEach(() => void vi.stubGlobal("isSecureContext", true));
afterEach(() => void vi.unstubAllGlobals());

test.each(["permissionsPolicy", "featurePolicy"])(
  "an iframe without permission names the attribute (%s)",
  async (key) => {
    page({ [key]: REFUSES }, true);
    const { message, words } = await refused();
    expect(message).toContain('allow="camera"');
    expect(message).not.toContain("beside the page");
    expect(words).toBe("policy");
  },
);

test("a page that is sent without permission names the header", async () => {
  page({ featurePolicy: REFUSES }, false);
  const { message, words } = await refused();
  expect(message).toContain("Permissions-Policy: camera=(self)");
  expect(message).not.toContain("iframe");
  expect(words).toBe("policy");
});

test("a person's refusal names the place where it is taken back", async () => {
  page({ featurePolicy: ALLOWS }, true);
  const { message, words } = await refused();
  expect(message).toContain("beside the page's address");
  expect(message).not.toContain("iframe");
  expect(words).toBe("denied");
});

test("a browser that tells neither names both in an iframe", async () => {
  page({}, true);
  expect((await refused()).message).toMatch(/beside the page's address.*allow="camera"/);
  page({}, false);
  expect((await refused()).message).not.toContain("iframe");
});
