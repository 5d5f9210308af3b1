import type { EmotionFrameEvent } from "../events.ts";

/** People cannot read figures that change more often. */
const SHOW_EVERY_MS = 500;

/** Show the frames per second and the milliseconds of each stage on the screen. */
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
