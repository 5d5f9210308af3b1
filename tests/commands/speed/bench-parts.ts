/** `npm run bench -- --cpu --parts`: what each thread of the browser does for a frame, read from a trace. */
import type { Browser, Page } from "playwright";

/** The tasks of all threads, and what they are made of. */
const CATEGORIES = ["toplevel", "cc", "viz", "devtools.timeline", "v8", "blink", "media"];

/** Threads and parts that take less of a frame are not printed. */
const LEAST_MS = 0.02;
/** So many parts of a thread are printed at most. */
const MOST_PARTS = 12;

/** One kind of work of a thread, without the work that lies inside it. */
export interface Part {
  /** The kind of process, and the thread's name. */
  readonly thread: string;
  readonly name: string;
  count: number;
  selfMs: number;
}

/** An event of Chromium's trace: work from `ts` on for `dur` microseconds where `ph` is X, a name where it is M. */
interface TraceEvent {
  readonly ph: string;
  readonly name: string;
  readonly pid: number;
  readonly tid: number;
  readonly ts: number;
  readonly dur?: number;
  readonly args?: { readonly name?: string; readonly data?: { readonly type?: string } };
}

/** Trace the browser for some time. Tracing itself costs about as much again, so only the shares tell something. */
export async function traceParts(browser: Browser, page: Page, seconds: number): Promise<readonly Part[]> {
  await browser.startTracing(page, { categories: CATEGORIES });
  await page.waitForTimeout(1000 * seconds);
  const trace = JSON.parse((await browser.stopTracing()).toString()) as { readonly traceEvents: readonly TraceEvent[] };
  return partsOf(trace.traceEvents);
}

/** Sum up the work of each thread by its kind. */
export function partsOf(events: readonly TraceEvent[]): readonly Part[] {
  const names = new Map<string, string>();
  for (const { ph, name, pid, tid, args } of events) {
    if (ph !== "M" || args?.name === undefined) continue;
    if (name === "process_name") names.set(String(pid), args.name);
    if (name === "thread_name") names.set(`${pid}/${tid}`, args.name);
  }
  const parts = new Map<string, Part>();
  for (const [thread, own] of groupBy(events.filter(isWork), ({ pid, tid }) => `${pid}/${tid}`)) {
    const title = `${names.get(thread.split("/")[0]!) ?? "?"}: ${names.get(thread) ?? "?"}`;
    for (const [event, selfUs] of selfTimes(own)) {
      const type = event.args?.data?.type;
      const name = type === undefined ? event.name : `${event.name} (${type})`;
      const key = `${title} ${name}`;
      const part = parts.get(key) ?? { thread: title, name, count: 0, selfMs: 0 };
      part.count += 1;
      part.selfMs += selfUs / 1000;
      parts.set(key, part);
    }
  }
  return [...parts.values()];
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): ReadonlyMap<string, readonly T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group === undefined) groups.set(keyOf(item), [item]);
    else group.push(item);
  }
  return groups;
}

type Work = TraceEvent & { readonly dur: number };

function isWork(event: TraceEvent): event is Work {
  return event.ph === "X" && event.dur !== undefined;
}

/** @returns For each event of one thread its time without that of the events inside it, microseconds. */
function selfTimes(events: readonly Work[]): ReadonlyMap<Work, number> {
  const selfUs = new Map<Work, number>();
  const open: Work[] = [];
  for (const event of events.toSorted((a, b) => a.ts - b.ts || b.dur - a.dur)) {
    while (open.length > 0 && open.at(-1)!.ts + open.at(-1)!.dur <= event.ts) open.pop();
    const outer = open.at(-1);
    if (outer !== undefined) selfUs.set(outer, selfUs.get(outer)! - event.dur);
    selfUs.set(event, event.dur);
    open.push(event);
  }
  return selfUs;
}

/**
 * Print the largest parts of the busiest threads.
 *
 * @param frames The frames that were shown meanwhile.
 */
export function printParts(title: string, parts: readonly Part[], frames: number): void {
  console.log(`\n${title}, traced: microseconds for each shown frame, and how often in it`);
  const threads = [...groupBy(parts, ({ thread }) => thread)]
    .map(([thread, own]) => ({ thread, own, ms: own.reduce((sum, { selfMs }) => sum + selfMs, 0) / frames }))
    .filter(({ ms }) => ms >= LEAST_MS);
  for (const { thread, own, ms } of threads.sort((a, b) => b.ms - a.ms)) {
    console.log(`${(1000 * ms).toFixed(0).padStart(6)}           ${thread}`);
    const large = own.toSorted((a, b) => b.selfMs - a.selfMs).filter(({ selfMs }) => selfMs / frames >= LEAST_MS);
    for (const { name, count, selfMs } of large.slice(0, MOST_PARTS))
      console.log(
        `${((1000 * selfMs) / frames).toFixed(0).padStart(6)} ${(count / frames).toFixed(2).padStart(7)}     ${name}`,
      );
  }
}
