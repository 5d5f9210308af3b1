/** The kiosk: one element that fills the screen. This page alone reads the flags; the element knows none. */
import "../define.ts";
import { type BenchFlags, readFlags } from "./flags.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { isOpen } from "./hours.ts";
import { showHud } from "./hud.ts";

const DEMO = "demo.webm";

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

const flags = readFlags(location.href);
document.documentElement.lang = flags.lang ?? navigator.language;
document.documentElement.dataset["theme"] = flags.theme ?? "dark";

const camera = document.createElement("emotion-cam");
camera.setAttribute("overlay", "full");
camera.setAttribute("demo-src", DEMO);
for (const [name, value] of flags.attributes) camera.setAttribute(name, value);
document.body.append(camera);

if (flags.hud) showHud(camera);
hideRestingCursor();
drift(camera);
if (flags.bench !== null) void bench(flags.bench);
else {
  keepHours(camera, flags.hours);
  startHeartbeat(camera);
  keepAwake();
  if (flags.kiosk) keepVisitorsHere();
}

async function bench({ src, ...wishes }: BenchFlags): Promise<void> {
  const { runBench } = await import("../bench/bench.ts");
  await runBench(camera, { src: src ?? DEMO, ...wishes }).catch(() => {}); // The sheet says it.
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
