/**
 * Take pictures of the built site for people to look at: each state, overlay and theme, on screens from 200 px to 4K.
 *
 *   npm run look -- --out DIR [--only PART_OF_A_NAME]
 *
 * `--readme` takes only the README's picture.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type Browser, type BrowserContextOptions, type Page, chromium } from "playwright";
import { createServer } from "../../../kiosk/server.ts";
import { CHROMIUM_ARGS, chromiumPath } from "../../chromium.ts";
import demoClip from "../../fixtures/demo-clip.json" with { type: "json" };
import { writeCameraClip } from "../../pages/camera-clip.ts";
import { InputError, runCommand } from "../shared/input-error.ts";

const FAKE_CAMERA = "--use-fake-device-for-media-stream";
const ALLOW_CAMERA = "--use-fake-ui-for-media-stream";
const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const PORTRAIT = readFileSync(`${ROOT}/tests/fixtures/astronaut.jpg`);
const README_PICTURE = `${ROOT}/static/screenshot.jpg`;

/** By then the bars have grown and the ribbon has started. */
const SETTLE_MS = 2500;
/** Limit for loading and warming up the networks on a busy machine. */
const PATIENCE_MS = 120_000;
/** Seconds into the demo clip: the camera rests on its first figure. */
const REST_S = demoClip.stops[0]!.fromS + 0.5;
/** The clip plays slowly, so that the camera still rests on the figure when the picture is taken. */
const SLOWLY = 0.2;

const SCREENS = {
  phone: { width: 390, height: 844 },
  lying: { width: 844, height: 390 },
  tablet: { width: 1024, height: 768 },
  hd: { width: 1920, height: 1080 },
  upright: { width: 1080, height: 1920 },
  "4k": { width: 3840, height: 2160 },
} as const;

/** The fake camera: a clip of a person, a moving shape, none, or one without permission. */
type Camera = "clip" | "shape" | "none" | "denied";

/** One picture to take. */
interface Scene {
  readonly name: string;
  readonly screen: { readonly width: number; readonly height: number };
  readonly camera: Camera;
  /** Below the site's root. `look.html` is a page with the tag only, made from `tag` and `css`. */
  readonly path: string;
  readonly tag?: string;
  readonly css?: string;
  readonly media?: BrowserContextOptions;
  /** Take the whole page, not only the part on the screen. */
  readonly whole?: boolean;
  /** A selector to wait for. */
  readonly until: string;
  readonly afterwards?: (page: Page) => Promise<unknown>;
}

/** Show the same place of the clip in each picture. */
const seek = (page: Page) =>
  page
    .locator("emotion-cam video")
    .evaluate(
      (video: HTMLVideoElement, [at, rate]) => void Object.assign(video, { currentTime: at, playbackRate: rate }),
      [REST_S, SLOWLY] as const,
    );

const running = "emotion-cam[state=running]";
const kiosk = (name: string, flags: string, rest: Partial<Scene> = {}): Scene => ({
  ...{ name, screen: SCREENS.hd, camera: "clip", path: flags, until: running },
  ...rest,
});
const tag = (name: string, attributes: string, rest: Partial<Scene> = {}): Scene => ({
  ...{ name, screen: { width: 720, height: 560 }, camera: "clip", path: "look.html", until: running },
  tag: `<emotion-cam ${attributes}></emotion-cam>`,
  ...rest,
});
const box = (px: number) => `body { margin: 0 } emotion-cam { width: ${px}px; margin: 10px }`;

/** The documentation, from top to bottom. */
const DOCS = { camera: "none", until: "#tables .table:last-child", whole: true } as const;

const SCENES: readonly Scene[] = [
  ...Object.entries(SCREENS).flatMap(([name, screen]) => [
    kiosk(`kiosk-${name}`, "", { screen }),
    kiosk(`demo-${name}`, "", { screen, camera: "none", until: `${running}[demo]`, afterwards: seek }),
    kiosk(`nobody-${name}`, "", { screen, camera: "shape" }),
    kiosk(`many-${name}`, "?src=many.jpg", { screen }),
    kiosk(`denied-${name}`, "", { screen, camera: "denied", until: "emotion-cam[state=failed]" }),
  ]),
  ...["light", "contrast"].flatMap((theme) => [
    kiosk(`kiosk-${theme}`, `?theme=${theme}`),
    kiosk(`kiosk-${theme}-phone`, `?theme=${theme}`, { screen: SCREENS.phone }),
    kiosk(`many-${theme}`, `?theme=${theme}&src=many.jpg`),
  ]),
  ...["de", "es", "fr", "it", "pt", "ja", "zh-Hans"].flatMap((lang) => [
    kiosk(`kiosk-${lang}`, `?lang=${lang}`),
    kiosk(`demo-phone-${lang}`, `?lang=${lang}`, {
      ...{ screen: SCREENS.phone, camera: "none", until: `${running}[demo]`, afterwards: seek },
    }),
  ]),
  ...(["dark", "light"] as const).flatMap((colorScheme) => [
    kiosk(`docs-${colorScheme}`, "docs.html", { ...DOCS, media: { colorScheme } }),
    kiosk(`docs-${colorScheme}-phone`, "docs.html", { ...DOCS, screen: SCREENS.phone, media: { colorScheme } }),
  ]),
  kiosk("kiosk-blur", "?privacy=blur"),
  kiosk("kiosk-hide", "?privacy=hide"),
  ...["full", "boxes", "minimal", "emoji", "none"].flatMap((overlay) =>
    ["dark", "light", "contrast"].map((theme) =>
      tag(`overlay-${overlay}-${theme}`, `autostart overlay="${overlay}" theme="${theme}"`),
    ),
  ),
  tag("overlay-boxes-many", `autostart overlay="boxes" src="many.jpg"`),
  tag("overlay-emoji-many", `autostart overlay="emoji" src="many.jpg"`),
  ...["full", "boxes", "minimal", "emoji", "none"].map((overlay) =>
    tag(`stamp-${overlay}`, `autostart overlay="${overlay}"`, { css: box(200), screen: { width: 220, height: 180 } }),
  ),
  tag("stamp-many", `autostart src="many.jpg"`, { css: box(200), screen: { width: 220, height: 180 } }),
  tag("stamp-idle", "", { css: box(200), screen: { width: 220, height: 180 }, until: "emotion-cam[state=idle]" }),
  tag("stamp-denied", "autostart", {
    ...{ css: box(200), screen: { width: 220, height: 180 }, camera: "denied", until: "emotion-cam[state=failed]" },
  }),
  tag("stamp-demo", `autostart demo-src="demo.webm"`, {
    ...{ css: box(200), screen: { width: 220, height: 180 }, camera: "none", until: `${running}[demo]` },
  }),
  ...["dark", "light", "contrast"].flatMap((theme) => [
    tag(`idle-${theme}`, `theme="${theme}"`, { until: "emotion-cam[state=idle]" }),
    tag(`missing-${theme}`, `autostart theme="${theme}"`, { camera: "none", until: "emotion-cam[state=failed]" }),
    tag(`denied-${theme}`, `autostart theme="${theme}"`, { camera: "denied", until: "emotion-cam[state=failed]" }),
    tag(`pressed-${theme}`, `theme="${theme}"`, {
      until: "emotion-cam[state=idle]",
      afterwards: async (page) => {
        await page.locator("emotion-cam button").click();
        await page.locator(running).waitFor({ timeout: PATIENCE_MS });
      },
    }),
  ]),
  tag("starting", "autostart", { until: "emotion-cam[state=starting]" }),
  tag("forced-idle", "", { until: "emotion-cam[state=idle]", media: { forcedColors: "active" } }),
  tag("forced-running", "autostart", { media: { forcedColors: "active" } }),
  tag("forced-boxes", `autostart overlay="boxes"`, { media: { forcedColors: "active" } }),
  tag("forced-emoji", `autostart overlay="emoji"`, { media: { forcedColors: "active" } }),
  tag("forced-dark", `autostart`, { media: { forcedColors: "active", colorScheme: "dark" } }),
  tag("rtl", `autostart lang="ar" dir="rtl"`),
  tag("rtl-idle", `lang="ar" dir="rtl"`, { until: "emotion-cam[state=idle]" }),
  tag("rtl-demo", `autostart lang="ar" dir="rtl" demo-src="demo.webm"`, {
    ...{ camera: "none", until: `${running}[demo]`, afterwards: seek },
  }),
  tag("auto-light", `autostart theme="auto"`, { media: { colorScheme: "light" } }),
  tag("no-camera-wide", `autostart demo-src="demo.webm"`, {
    ...{ camera: "none", until: `${running}[demo]`, afterwards: seek, css: box(620) },
  }),
];

async function take(scene: Scene, browser: Browser, origin: string, path: string): Promise<void> {
  const context = await browser.newContext({ viewport: scene.screen, ...scene.media });
  const page = await context.newPage();
  try {
    await page.route(`${origin}/many.jpg`, async (route) => {
      await route.fulfill({ contentType: "image/jpeg", body: await crowd(browser) });
    });
    await page.route(`${origin}/look.html`, (route) =>
      route.fulfill({ contentType: "text/html", body: tagPage(scene) }),
    );
    if (scene.until.includes("starting"))
      await page.route(/model\.|\.bin$/, () => {
        // No answer, so that it goes on starting.
      });
    await page.goto(`${origin}/${scene.path}`, { timeout: PATIENCE_MS });
    await page.locator(scene.until).waitFor({ timeout: PATIENCE_MS });
    await scene.afterwards?.(page);
    await page.waitForTimeout(SETTLE_MS);
    await page.screenshot({ path, fullPage: scene.whole ?? false, ...(path.endsWith(".jpg") ? { quality: 80 } : {}) });
  } finally {
    await context.close();
  }
}

function tagPage({ tag = "", css = box(700) }: Scene): string {
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><link rel="stylesheet" href="fonts.css">
    <style>:root { background: #8a8f96 } emotion-cam { --emotion-cam-font: "Atkinson Hyperlegible" } ${css}</style>
    <script type="module" src="define.js"></script></head><body>${tag}</body></html>`;
}

let crowdPicture: Promise<Buffer> | undefined;

/** @returns A picture of four people of different sizes in front of a plain wall. */
function crowd(browser: Browser): Promise<Buffer> {
  crowdPicture ??= (async () => {
    const page = await browser.newPage();
    const url = `data:image/jpeg;base64,${PORTRAIT.toString("base64")}`;
    const made = await page.evaluate(async (from) => {
      const portrait = new Image();
      portrait.src = from;
      await portrait.decode();
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width: 1280, height: 720 });
      const context = canvas.getContext("2d")!;
      context.fillStyle = "#6d7780";
      context.fillRect(0, 0, 1280, 720);
      for (const [x, y, side] of [
        [10, 330, 390],
        [330, 210, 510],
        [720, 300, 420],
        [1010, 390, 330],
      ] as const)
        context.drawImage(portrait, 90, 0, 330, 420, x, y, side * 0.786, side);
      return canvas.toDataURL("image/jpeg", 0.92).split(",")[1]!;
    }, url);
    await page.close();
    return Buffer.from(made, "base64");
  })();
  return crowdPicture;
}

async function look(): Promise<void> {
  const { values } = parseArgs({
    options: { out: { type: "string" }, only: { type: "string" }, readme: { type: "boolean" } },
  });
  if (values.out === undefined && !values.readme)
    throw new InputError("--out DIR is missing: a folder for the pictures");
  const folder = mkdtempSync(join(tmpdir(), "emotion-cam-look-"));
  const server = await createServer({ port: 0 });
  const browsers = new Map<Camera, Browser>();
  const open = async (camera: Camera) => {
    const clip = join(folder, "camera.mjpeg");
    const flags = {
      clip: [FAKE_CAMERA, ALLOW_CAMERA, `--use-file-for-fake-video-capture=${clip}`],
      shape: [FAKE_CAMERA, ALLOW_CAMERA],
      none: [ALLOW_CAMERA],
      denied: [FAKE_CAMERA],
    }[camera];
    const browser = await chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_ARGS, ...flags] });
    browsers.set(camera, browser);
    if (camera === "clip") await writeCameraClip(browser, clip);
    return browser;
  };
  try {
    const { origin } = new URL(server.url);
    const scenes = SCENES.filter(({ name }) => name.includes(values.only ?? ""));
    if (values.out !== undefined) mkdirSync(values.out, { recursive: true });
    for (const scene of values.readme ? [README] : scenes) {
      const path = values.readme ? README_PICTURE : join(values.out!, `${scene.name}.png`);
      await take(scene, browsers.get(scene.camera) ?? (await open(scene.camera)), origin, path);
      console.log(path);
    }
  } finally {
    for (const browser of browsers.values()) await browser.close();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const README: Scene = tag("readme", `autostart src="demo.webm"`, {
  ...{
    camera: "none",
    screen: { width: 720, height: 540 },
    afterwards: seek,
    css: `${box(720)} emotion-cam { margin: 0 }`,
  },
});

await runCommand(look);
