import type { Label } from "../types.ts";
import { UNSURE_COLOUR, colourOf } from "./palette.ts";

/** How far back the ribbon reaches. */
export const RIBBON_MS = 60_000;

/** What was seen from a time on. */
export interface Sample {
  readonly timeMs: number;
  readonly label: Label | "unsure" | "nobody";
}

/**
 * The last minute as a CSS gradient with hard edges, now at its right end: colours stay the theme's own, and the
 * browser draws it.
 *
 * @param samples In order; each holds until the next, the last until now.
 */
export function ribbon(samples: readonly Sample[], nowMs: number): string {
  const stops: string[] = [];
  let first: Sample | undefined;
  const close = (endMs: number) => {
    if (first === undefined) return;
    stops.push(`${colour(first.label)} ${percent(first.timeMs, nowMs)} ${percent(endMs, nowMs)}`);
  };
  for (const sample of samples) {
    if (sample.label === first?.label) continue;
    close(sample.timeMs);
    // What came before the first sample is nobody's.
    if (first === undefined) stops.push(`transparent 0% ${percent(sample.timeMs, nowMs)}`);
    first = sample;
  }
  close(nowMs);
  return stops.length === 0 ? "none" : `linear-gradient(to right, ${stops.join(", ")})`;
}

function colour(label: Sample["label"]): string {
  if (label === "nobody") return "transparent";
  return label === "unsure" ? `color-mix(in srgb, ${UNSURE_COLOUR} 45%, transparent)` : colourOf(label);
}

function percent(timeMs: number, nowMs: number): string {
  return `${(Math.max(0, 1 - (nowMs - timeMs) / RIBBON_MS) * 100).toFixed(2)}%`;
}
