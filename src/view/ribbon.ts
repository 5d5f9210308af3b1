import type { Label } from "../types.ts";
import { UNSURE_COLOUR, colourOf } from "./palette.ts";

/** Time span of the ribbon. */
export const RIBBON_MS = 60_000;

/** The expression of the largest face from a time on, until the next sample. */
export interface Sample {
  readonly timeMs: number;
  readonly label: Label | "unsure" | "nobody";
}

/**
 * Describe the last minute as a CSS gradient with hard edges, with the present at its right end. The gradient names the
 * theme's custom properties, so it follows the theme.
 *
 * @param samples Oldest first; each lasts until the next one, the last until `nowMs`.
 * @param nowMs The present, milliseconds on the samples' clock.
 * @returns A CSS `background`; `none` without samples.
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
    // Before the first person the ribbon is empty, and a ribbon that stays empty need not be painted again.
    if (first === undefined && sample.label === "nobody") continue;
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
