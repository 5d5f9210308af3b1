/** A year that never was: for looking at the charts, and for tests that want many rows. The same seed, the same year. */
import { type Posted, type Span, eachExpression } from "./statistics-span.ts";

const STEP_MS = 30 * 60_000;
const OPENS = 9;
const CLOSES = 18;

/** Visits in half an hour at each hour from 9 on: a museum's day. */
const DAY = [9, 21, 33, 39, 27, 24, 36, 42, 24];
/** From Sunday: closed on Mondays, full at the weekend. */
const WEEK = [1.7, 0, 0.7, 0.8, 0.8, 1, 1.9];

/** The share of a visit in which a visitor shows each expression. */
const SHARES = { angry: 0.03, disgusted: 0.02, fearful: 0.02, happy: 0.38, neutral: 0.34, sad: 0.06, surprised: 0.15 };

/** @returns Numbers in 0..1 that depend on the seed alone (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/**
 * @param endMs Where the last day is, Unix time; nothing lies after it.
 * @param alwaysOn Whether the exhibit watches by night too.
 */
export function* demoYear(endMs: number, days = 365, alwaysOn = false, seed = 1872): Generator<Posted> {
  const chance = random(seed);
  let index = 0;
  const start = new Date(endMs);
  start.setHours(0, 0, 0, 0);
  start.setDate(start.getDate() - days + 1);
  for (let fromMs = start.getTime(); fromMs + STEP_MS <= endMs; fromMs += STEP_MS) {
    const date = new Date(fromMs);
    const hour = date.getHours();
    const open = hour >= OPENS && hour < CLOSES && WEEK[date.getDay()]! > 0;
    if (!open && !alwaysOn) continue;
    const season = 1 + 0.4 * Math.sin((date.getMonth() / 12) * 2 * Math.PI - 1);
    const expected = open ? DAY[hour - OPENS]! * WEEK[date.getDay()]! * season : 0;
    index += 1;
    yield { page: "00001872-0000-4000-8000-000000000000", index, span: spanOf(fromMs, expected, chance) };
  }
}

function spanOf(fromMs: number, expected: number, chance: () => number): Span {
  const visits = Math.round(expected * (0.5 + chance()));
  const faceMs = Math.round(visits * (9000 + 14_000 * chance()));
  const unsureMs = Math.round(faceMs * (0.06 + 0.06 * chance()));
  return {
    ...{ fromMs, toMs: fromMs + STEP_MS, visits, unsureMs },
    mostFaces: visits === 0 ? 0 : 1 + Math.floor(chance() * Math.min(visits, 4)),
    presentMs: Math.min(Math.round(faceMs * 0.7), STEP_MS),
    watchedMs: STEP_MS - Math.round(300 * chance()),
    expressionMs: eachExpression((label) => Math.round((faceMs - unsureMs) * SHARES[label] * (0.7 + 0.6 * chance()))),
  };
}
