/** The kiosk: one element that fills the screen. This page alone reads the flags; the element knows none. */
import "../define.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { isOpen } from "./hours.ts";
import { showHud } from "./hud.ts";

const DEMO = "demo.webm";

/** Flags of the page that are attributes of the element. */
const PASSED_ON = ["engine", "model", "camera", "max-faces", "max-fps", "range", "lang", "theme", "privacy", "overlay"];

/** The cursor goes when it has not moved for this long. */
const CURSOR_MS = 3000;

/** How often the hours are looked at. */
const HOURS_EVERY_MS = 10_000;

/** What stands still burns in: everything wanders by up to so many pixels, a step each minute or so. */
const DRIFT_PX = 6;
const DRIFT_EVERY_MS = 70_000;

/** Keys that reach and press buttons. */
const KEYS_OF_THE_PAGE: ReadonlySet<string> = new Set(["Tab", "Enter", " "]);

type Kiosk = HTMLElementTagNameMap["emotion-cam"];

const flags = new URLSearchParams(location.search);
document.documentElement.lang = flags.get("lang") ?? navigator.language;
document.documentElement.dataset["theme"] = flags.get("theme") ?? "dark";

const camera = document.createElement("emotion-cam");
camera.setAttribute("overlay", "full");
camera.setAttribute("demo-src", DEMO);
for (const flag of PASSED_ON) if (flags.has(flag)) camera.setAttribute(flag, flags.get(flag)!);
const src = ownAddress(flags.get("src"));
if (src !== null) camera.setAttribute("src", src);
document.body.append(camera);

if (flags.has("hud")) showHud(camera);
hideRestingCursor();
drift(camera);
if (flags.has("bench")) void bench();
else {
  keepHours(camera, flags.get("hours") ?? "");
  startHeartbeat(camera);
  keepAwake();
  if (flags.has("kiosk")) keepVisitorsHere();
}

/** @returns The address, where it is one of this origin; else `null`. */
function ownAddress(address: string | null): string | null {
  if (address === null || !URL.canParse(address, location.href)) return null;
  const url = new URL(address, location.href);
  return url.origin === location.origin ? url.href : null;
}

async function bench(): Promise<void> {
  const { runBench } = await import("../bench/bench.ts");
  const seconds = Number(flags.get("bench"));
  const engine = flags.get("engine");
  const pace = flags.get("pace");
  await runBench(camera, {
    src: flags.get("src") === "camera" ? "camera" : (src ?? DEMO),
    ...(seconds > 0 ? { seconds } : {}),
    ...(engine === "int8" || engine === "float" ? { engine } : {}),
    ...(pace === "adaptive" || pace === "measure" ? { pace } : {}),
  }).catch(() => {}); // The sheet says it.
}

/** Out of hours the screen is black and the camera off. */
function keepHours(kiosk: Kiosk, hours: string): void {
  const look = () => {
    const open = isOpen(hours, new Date());
    if (open === kiosk.hasAttribute("autostart")) return;
    document.body.toggleAttribute("data-closed", !open);
    kiosk.toggleAttribute("autostart", open);
    if (!open) void kiosk.stop();
  };
  document.body.toggleAttribute("data-closed", !isOpen(hours, new Date()));
  look();
  if (hours !== "") setInterval(look, HOURS_EVERY_MS);
}

/** Browsers give the lock back whenever the page is hidden. */
function keepAwake(): void {
  const lock = () => {
    // Without one (no such feature, a battery nearly empty) the system's own settings decide.
    if (!document.hidden) navigator.wakeLock?.request("screen").catch(() => {});
  };
  document.addEventListener("visibilitychange", lock);
  lock();
}

/**
 * Whoever finds a keyboard, a mouse or the touch screen's long press gets no window over the exhibit, no menu, and no
 * other page. Keys that press what is on the page go on working.
 */
function keepVisitorsHere(): void {
  const refuse = (event: Event) => event.preventDefault();
  const options = { capture: true, passive: false };
  for (const type of ["contextmenu", "dragstart", "dragover", "drop", "auxclick"])
    addEventListener(type, refuse, options);
  addEventListener("wheel", (event) => event.ctrlKey && refuse(event), options);
  addEventListener(
    "keydown",
    (event) => {
      const isPlain = !event.ctrlKey && !event.altKey && !event.metaKey;
      if (!isPlain || !KEYS_OF_THE_PAGE.has(event.key)) refuse(event);
    },
    options,
  );
}

function hideRestingCursor(): void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const rest = () => document.documentElement.toggleAttribute("data-resting", true);
  const move = () => {
    document.documentElement.toggleAttribute("data-resting", false);
    clearTimeout(timer);
    timer = setTimeout(rest, CURSOR_MS);
  };
  addEventListener("pointermove", move, { passive: true });
  move();
}

/** A slow figure that comes back to its beginning after many steps and never rests on a line. */
function drift(kiosk: HTMLElement): void {
  let step = 0;
  setInterval(() => {
    step += 1;
    const x = Math.round(DRIFT_PX * Math.sin(step * 0.9));
    const y = Math.round(DRIFT_PX * Math.sin(step * 0.61));
    kiosk.style.translate = `${x}px ${y}px`;
  }, DRIFT_EVERY_MS);
}
