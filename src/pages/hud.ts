import type { EmotionFrameEvent } from "../events.ts";

/** Figures that change more often cannot be read. */
const SHOW_EVERY_MS = 500;

/** Shows what the element's frames cost, on the screen: frames a second and the milliseconds of each stage. */
export function showHud(camera: HTMLElement): void {
  const sheet = document.createElement("output");
  sheet.className = "hud";
  document.body.append(sheet);
  let frames: EmotionFrameEvent[] = [];
  let shownAtMs = performance.now();
  camera.addEventListener("emotion-frame", (event) => {
    frames.push(event as EmotionFrameEvent);
    const nowMs = performance.now();
    if (nowMs - shownAtMs < SHOW_EVERY_MS) return;
    sheet.textContent = describe(frames, nowMs - shownAtMs);
    frames = [];
    shownAtMs = nowMs;
  });
}

function describe(frames: readonly EmotionFrameEvent[], duringMs: number): string {
  const stages = ["grab", "detect", "crop", "classify", "post", "total"] as const;
  const mean = (stage: (typeof stages)[number]) =>
    frames.reduce((sum, { timings }) => sum + timings[stage], 0) / frames.length;
  const lines = stages.map((stage) => `${stage.padEnd(8)} ${mean(stage).toFixed(1).padStart(6)} ms`);
  return [`${((frames.length * 1000) / duringMs).toFixed(1)} frames/s`, ...lines].join("\n");
}
