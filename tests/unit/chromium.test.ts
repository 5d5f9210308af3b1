import { expect, test } from "vitest";
import { chromiumArguments, kioskUrl, managedPolicy } from "../../kiosk/chromium.ts";
import { parseSettings } from "../../kiosk/settings.ts";

const settings = (text = "") => parseSettings(text).settings;

test("the page is told what the settings ask for", () => {
  expect(kioskUrl(settings())).toBe("http://localhost:8080/?kiosk&max-faces=4");
  const url = new URL(
    kioskUrl(
      settings(
        "port=9000\nlanguage=de\ntheme=light\ncamera_name=C920 & co\nhours=09:00-18:00\nmax_faces=2\ncamera_rotation=180",
      ),
    ),
  );
  expect(url.port).toBe("9000");
  expect(Object.fromEntries(url.searchParams)).toEqual({
    kiosk: "",
    lang: "de",
    theme: "light",
    camera: "C920 & co",
    hours: "09:00-18:00",
    rotate: "180",
    "max-faces": "2",
  });
});

test("a webcam is read directly and a ribbon-cable camera through PipeWire, never both", () => {
  const features = (text: string, kind: string) =>
    chromiumArguments(settings(text)).find((flag) => flag.startsWith(`--${kind}-features=`)) ?? "";
  expect(features("camera=usb", "disable")).toContain("WebRtcPipeWireCamera");
  expect(features("camera=usb", "enable")).toBe("");
  expect(features("camera=csi", "disable")).not.toContain("WebRtcPipeWireCamera");
  expect(features("camera=csi", "enable")).toContain("WebRtcPipeWireCamera");
});

test("the page is an app, so that it is asked before the browser at each key; Chromium bears that without --kiosk", () => {
  expect(chromiumArguments(settings())).not.toContain("--kiosk");
  expect(chromiumArguments(settings()).at(-1)).toBe(`--app=${kioskUrl(settings())}`);
});

test("the sandbox and the camera's prompt stay as they are", () => {
  const flags = chromiumArguments(settings("gpu=off\nbrowser_flags=--no-sandbox")).join(" ");
  expect(flags).not.toMatch(/sandbox|fake-ui|single-process|disable-web-security/);
  expect(flags).toContain("--disable-gpu ");
});

test("the policy lets one origin have the camera, and reaches no other", () => {
  const policy = managedPolicy(settings("port=9000"));
  expect(policy).toMatchObject({
    VideoCaptureAllowed: false,
    VideoCaptureAllowedUrls: ["http://localhost:9000"],
    AudioCaptureAllowed: false,
    // Visitors do not reach the counts: of a blocked and an allowed pattern the longer one counts.
    URLBlocklist: ["*", "statistics.html", "statistics.json", "statistics.csv", "metrics"].map((path) =>
      path === "*" ? path : `http://localhost:9000/${path}`,
    ),
    URLAllowlist: ["http://localhost:9000"],
    DeveloperToolsAvailability: 2,
    SyncDisabled: true,
  });
});
