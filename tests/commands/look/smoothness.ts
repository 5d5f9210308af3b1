/** Judges how smoothly the marks follow a face, from their place in each animation frame. */

/** Two answers less than this apart are no movement: marks lie on whole pixels. CSS pixels of the screen. */
const MOVED_PX = 6;
/** One animation frame of the page. */
export interface ShownFrame {
  readonly timeMs: number;
  /** Left edge of the marks, CSS pixels. */
  readonly x: number;
  /** The place that the newest answer gives, CSS pixels, and its number. */
  readonly goal: number;
  readonly answer: number;
}

/** The findings in the frames of a run. */
export interface Smoothness {
  /** Frames in which the marks had to move, and those of them in which they did. */
  readonly moving: number;
  readonly moved: number;
  /** The farthest step back, CSS pixels. */
  readonly backPx: number;
  /** Animation frames and answers a second. */
  readonly framesPerSecond: number;
  readonly answersPerSecond: number;
}

/** Judge the frames of a run. Only stretches count in which two answers in a row moved to the same side. */
export function judge(frames: readonly ShownFrame[]): Smoothness {
  const goals = new Map(frames.map(({ answer, goal }) => [answer, goal]));
  const heading = (answer: number): number => {
    const [now, before, earlier] = [0, 1, 2].map((back) => goals.get(answer - back) ?? NaN) as [number, number, number];
    const [step, stepBefore] = [now - before, before - earlier];
    return Math.abs(step) >= MOVED_PX && step * stepBefore > 0 ? Math.sign(step) : 0;
  };
  let [moving, moved, backPx] = [0, 0, 0];
  for (const [index, frame] of frames.entries()) {
    const before = frames[index - 1];
    const side = heading(frame.answer);
    // Marks that come from the other side have to turn first.
    if (before === undefined || side === 0 || (frame.goal - before.x) * side <= 0) continue;
    const step = (frame.x - before.x) * side;
    moving += 1;
    if (step > 0) moved += 1;
    backPx = Math.max(backPx, -step);
  }
  const seconds = (frames.at(-1)!.timeMs - frames[0]!.timeMs) / 1000;
  return {
    ...{ moving, moved, backPx },
    framesPerSecond: (frames.length - 1) / seconds,
    answersPerSecond: (frames.at(-1)!.answer - frames[0]!.answer) / seconds,
  };
}
