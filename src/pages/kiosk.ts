/** The kiosk page: one element that fills the screen. The page reads the flags of its address; the element never does. */
import "../define.ts";
import { type AskedBench, readFlags } from "./flags.ts";
import { startHeartbeat } from "./heartbeat.ts";
import { isOpen } from "./hours.ts";
import { showHud } from "./hud.ts";
import { sayCountsAreKept } from "./statistics-notice.ts";
import { sendStatistics } from "./statistics-sender.ts";

const DEMO = "demo.webm";

/** The cursor hides after it has not moved for this long. */
const CURSOR_MS = 3000;

/** Interval at which the opening hours are checked. */
const HOURS_EVERY_MS = 10_000;

/** A still picture burns into the screen, so the whole picture moves by up to this many pixels. */
const DRIFT_PX = 6;
const DRIFT_EVERY_MS = 70_000;

/** Keys that focus and press buttons. */
const KEYS_OF_THE_PAGE: ReadonlySet<string> = new Set(["Tab", "Enter", " "]);

type Kiosk = HTMLElementTagNameMap["emotion-cam"];

const flags = readFlags(location.href);
document.documentElement.lang = flags.lang ?? navigator.language;
document.documentElement.dataset["theme"] = flags.theme ?? "dark";

if (flags.statistics !== "off") sayCountsAreKept(flags.statistics === "sent");

const camera = document.createElement("emotion-cam");
camera.setAttribute("overlay", "full");
camera.setAttribute("demo-src", DEMO);
for (const [name, value] of flags.attributes) camera.setAttribute(name, value);
document.documentElement.toggleAttribute("data-kiosk", flags.kiosk);
if (flags.kiosk)
  camera.snapshot = () => Promise.reject(new DOMException("A kiosk takes no snapshots.", "NotAllowedError"));
document.body.append(camera);

if (flags.hud) showHud(camera);
hideRestingCursor();
drift(camera);
if (flags.bench !== null) void bench(flags.bench);
else {
  keepHours(camera, flags.hours);
  startHeartbeat(camera);
  if (flags.statistics !== "off") sendStatistics(camera);
  keepAwake();
  if (flags.kiosk) keepVisitorsHere();
}

async function bench({ src, ...wishes }: AskedBench): Promise<void> {
  const { runBench } = await import("../bench/bench.ts");
  await runBench(camera, { src: src ?? DEMO, ...wishes }).catch(() => {}); // The bench's sheet shows the message.
}

/** Follow the opening hours: outside them the screen is black and the camera is off. */
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

/** Keep the screen on. Browsers release the lock whenever the page is hidden, so request it again afterwards. */
function keepAwake(): void {
  const lock = () => {
    // Without a lock (no such feature, or a low battery), the system's settings apply.
    if (!document.hidden) navigator.wakeLock?.request("screen").catch(() => {});
  };
  document.addEventListener("visibilitychange", lock);
  lock();
}

/**
 * Block the keys, clicks and gestures by which a visitor could open a menu, a window or another page. The keys that press
 * the page's buttons still work.
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

/** Move the element slowly along a closed curve, against burn-in. */
function drift(kiosk: HTMLElement): void {
  let step = 0;
  setInterval(() => {
    step += 1;
    const x = Math.round(DRIFT_PX * Math.sin(step * 0.9));
    const y = Math.round(DRIFT_PX * Math.sin(step * 0.61));
    kiosk.style.translate = `${x}px ${y}px`;
  }, DRIFT_EVERY_MS);
}
