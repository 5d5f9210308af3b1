/**
 * Counts the time that the page's thread spends in this project's code. A page has one thread, so there is one count for
 * all its elements.
 */
let countedMs = 0;

/**
 * Count the time from `startMs` until now. Do not call it from within a time that is counted.
 *
 * @param startMs Milliseconds of `performance.now()`.
 */
export function countPageTime(startMs: number): void {
  countedMs += performance.now() - startMs;
}

/** @returns All the time that was counted, milliseconds. */
export function pageTimeMs(): number {
  return countedMs;
}
