/**
 * The kiosk's statistics in one SQLite file. Three tables of the same amounts:
 *
 * - `spans`: what the page posted, about a minute each. They stay on this machine.
 * - `sums`: spans added up until enough visits stand behind them. They alone are exported and sent; each span belongs to
 *   one sum, so that no difference of exports tells of fewer visits. `seq` is a sum's number and is never used twice.
 * - `quarters`: the sums spread over quarters of an hour, for charts.
 *
 * A span is durable when `add` returns, at the cost of one fsync (write-ahead log, `synchronous = FULL`).
 */
import { randomUUID } from "node:crypto";
import { add, type Amounts, type Clock, NOTHING, type Posted, type Span, split } from "./statistics-span.ts";
import { bootId, clockSource, uptimeMs } from "./store-clock.ts";
import { Database } from "./store-database.ts";
import { Outbox, type Unsent } from "./store-outbox.ts";
import {
  ADD_TO_QUARTER,
  AMOUNTS,
  amountsOf,
  COLUMNS,
  MARKS,
  type OpenSpan,
  openSpanOf,
  valuesOf,
} from "./store-schema.ts";

/** Where the unit hides it, this process stands for its boot. */
const BOOT = bootId() || randomUUID();

/** The time that spans and sums are kept, ms. */
const KEEP_MS = 400 * 86_400_000;

/** The chart's finest step, which fits every time zone's hours, ms. */
export const QUARTER_MS = 15 * 60_000;

/** Spans whose time is unknown wait this long for a clock, ms of the machine's uptime. */
const CLOCK_PATIENCE_MS = 86_400_000;

/** The write-ahead log goes into the database when nothing was added for this long, ms, and it has this size, bytes; … */
const QUIET_MS = 90_000;
const LOG_BYTES = 2 << 20;
/** … or without a quiet minute at this size. */
const LOG_MOST_BYTES = 24 << 20;

/** Loads of the page by which a span that is sent twice is known. */
const LOADS = 16;

export interface StoreOptions {
  /** Visits that stand behind each sum at least. */
  readonly least: number;
  readonly clock?: () => Clock;
  /** Unix time, ms. */
  readonly now?: () => number;
  /** Time since the boot, ms. */
  readonly uptime?: () => number;
  readonly boot?: string;
  /** Pages of 4 KB that the database has at most. */
  readonly maxPages?: number;
}

export class Store {
  readonly #options: Required<Omit<StoreOptions, "maxPages">>;
  readonly #db: Database;
  readonly #outbox: Outbox;
  /** Spans that belong to no sum yet. */
  #open: OpenSpan[] = [];
  #addedAt: number;
  #prunedAt = 0;

  /**
   * Open the database in a folder, or begin one there. One that cannot be read is set aside under another name.
   *
   * The caller makes sure that no other process has it open: the lock that a killed process left is taken away.
   */
  constructor(folder: string, { maxPages, ...options }: StoreOptions) {
    this.#options = { clock: clockSource, now: Date.now, uptime: uptimeMs, boot: BOOT, ...options };
    this.#addedAt = this.#options.uptime();
    const { now } = this.#options;
    this.#db = new Database(folder, {
      now,
      onOpen: () => this.#begin(),
      ...(maxPages === undefined ? {} : { maxPages }),
    });
    this.#outbox = new Outbox(this.#db);
    this.#db.open();
  }

  get path(): string {
    return this.#db.path;
  }

  /** A sentence about a database that was set aside since the start, or null. */
  get setAside(): string | null {
    return this.#db.setAside;
  }

  /** Names this database among all that the kiosk ever had: its sums' numbers begin anew with it. */
  get epoch(): string {
    return this.#outbox.epoch;
  }

  /**
   * Keep a span. It is on the disk when this returns.
   *
   * @returns False where the page sent it before.
   * @throws Error where it could not be written (the disk is full, say); it may be posted again.
   */
  add({ page, index, span }: Posted): boolean {
    return this.#db.guarded(() => {
      const known = this.#db.get("SELECT latest FROM loads WHERE page = ?", [page]);
      if (known !== null && (known["latest"] as number) >= index) return false;
      const clock = this.#options.clock();
      if (clock !== "none") this.#setRight(clock);
      const added = this.#db.transaction(() => this.#insert(page, index, span, clock, known === null));
      this.#open = added;
      this.#addedAt = this.#options.uptime();
      return true;
    });
  }

  /** Keep many spans in one transaction: a demo's year. */
  addAll(posted: Iterable<Posted>): void {
    this.#db.transaction(() => {
      for (const { page, index, span } of posted)
        this.#open = this.#insert(page, index, span, this.#options.clock(), false);
    });
  }

  /** See {@link Outbox.unsent}. */
  unsent(limit: number): Unsent {
    return this.#db.guarded(() => this.#outbox.unsent(limit));
  }

  /** See {@link Outbox.acknowledge}. */
  acknowledge(epoch: string, upto: number): void {
    if (epoch !== this.epoch) return;
    this.#db.guarded(() => this.#outbox.acknowledge(upto));
  }

  /** @returns The quarters of an hour that begin in [fromMs, toMs), in order. */
  quarters(fromMs: number, toMs: number): Span[] {
    const sql = "SELECT * FROM quarters WHERE from_ms >= ? AND from_ms < ? ORDER BY from_ms";
    return this.#db
      .guarded(() => this.#db.all(sql, [fromMs, toMs]))
      .map((row) => {
        const from = row["from_ms"] as number;
        return { ...amountsOf(row), fromMs: from, toMs: from + QUARTER_MS };
      });
  }

  /** @returns All sums together; they never go down while the epoch lasts but for what is older than 400 days. */
  totals(): Amounts {
    const terms = AMOUNTS.map((name) =>
      name === "most_faces" ? `max(${name}) AS ${name}` : `sum(${name}) AS ${name}`,
    );
    const row = this.#db.get(`SELECT ${terms.join(", ")} FROM sums`)!;
    return row["visits"] === null ? NOTHING : amountsOf(row);
  }

  /** @returns Loads of the exhibit's page since the database began. */
  get loads(): number {
    return this.#db.meta("loads") as number;
  }

  /** @returns Spans that were posted, and the sums made of them. */
  counts(): { readonly spans: number; readonly sums: number } {
    const count = (table: string) => this.#db.get(`SELECT count(*) AS n FROM ${table}`)!["n"] as number;
    return { spans: count("spans"), sums: count("sums") };
  }

  /** Do what wants doing now and then, in a quiet minute where there is one. Call it about once a minute. */
  maintain(): void {
    this.#db.guarded(() => {
      const quiet = this.#options.uptime() - this.#addedAt >= QUIET_MS;
      const bytes = this.#db.logBytes;
      if (bytes > LOG_MOST_BYTES || (quiet && bytes > LOG_BYTES)) this.#db.checkpoint();
    });
  }

  close(): void {
    this.#db.close();
  }

  /** Take up the database that was opened. */
  #begin(): void {
    this.#open = this.#db
      .all("SELECT * FROM spans WHERE id > (SELECT coalesce(max(last_span), 0) FROM sums) ORDER BY id")
      .map(openSpanOf);
    this.#outbox.begin();
  }

  #insert(page: string, index: number, span: Span, clock: Clock, isNew: boolean): OpenSpan[] {
    const now = this.#options.now();
    if (isNew) {
      this.#db.setMeta("loads", this.loads + 1);
      this.#db.run("DELETE FROM loads WHERE page NOT IN (SELECT page FROM loads ORDER BY at DESC LIMIT ?)", [
        LOADS - 1,
      ]);
    }
    this.#db.run("INSERT OR REPLACE INTO loads (page, latest, at) VALUES (?, ?, ?)", [page, index, now]);
    const [boot, upMs] = clock === "none" ? [this.#options.boot, this.#options.uptime()] : [null, null];
    const times = [span.fromMs, span.toMs, clock, boot, upMs];
    const id = this.#db.run(
      `INSERT INTO spans (from_ms, to_ms, clock, boot, up_ms, ${COLUMNS}) VALUES (?, ?, ?, ?, ?, ${MARKS})`,
      [...times, ...valuesOf(span)],
    );
    // The time that the exhibit ran tells nothing of visitors, so it is shown at once.
    this.#addToQuarter(span.toMs - 1, { ...NOTHING, watchedMs: span.watchedMs });
    const open = [...this.#open, { ...span, id, clock, boot, upMs }];
    this.#prune(now);
    return this.#isSum(open) ? this.#close(open) : open;
  }

  #isSum(open: readonly OpenSpan[]): boolean {
    const visits = open.reduce((sum, span) => sum + span.visits, 0);
    if (visits < this.#options.least) return false;
    const { boot, uptime } = this.#options;
    return open.every(
      ({ clock, boot: at, upMs }) => clock !== "none" || at !== boot || uptime() - upMs! > CLOCK_PATIENCE_MS,
    );
  }

  /** Make a sum of the open spans, and spread it over the time in which the exhibit watched. */
  #close(open: readonly OpenSpan[]): OpenSpan[] {
    const amounts = open.reduce<Amounts>(add, NOTHING);
    const clock = open.some((span) => span.clock === "none") ? "none" : open.at(-1)!.clock;
    const fromMs = Math.min(...open.map((span) => span.fromMs));
    const toMs = Math.max(...open.map((span) => span.toMs));
    this.#db.run(`INSERT INTO sums (from_ms, to_ms, clock, last_span, ${COLUMNS}) VALUES (?, ?, ?, ?, ${MARKS})`, [
      fromMs,
      toMs,
      clock,
      open.at(-1)!.id,
      ...valuesOf(amounts),
    ]);
    const watched = new Map<number, number>();
    for (const { toMs: end, watchedMs } of open) {
      const quarter = quarterOf(end - 1);
      watched.set(quarter, (watched.get(quarter) ?? 0) + Math.max(watchedMs, 1));
    }
    const parts = split({ ...amounts, watchedMs: 0 }, [...watched.values()]);
    for (const [index, quarter] of [...watched.keys()].entries()) this.#addToQuarter(quarter, parts[index]!);
    return [];
  }

  #addToQuarter(ms: number, amounts: Amounts): void {
    this.#db.run(ADD_TO_QUARTER, [quarterOf(ms), ...valuesOf(amounts)]);
  }

  /** Give the spans of this boot the times that they had, once the clock is known. */
  #setRight(clock: Clock): void {
    const { boot, now, uptime } = this.#options;
    const wrong = this.#open.filter((span) => span.clock === "none" && span.boot === boot);
    if (wrong.length === 0) return;
    const right = wrong.map((span) => {
      const toMs = now() - (uptime() - span.upMs!);
      return { ...span, clock, boot: null, upMs: null, fromMs: toMs - (span.toMs - span.fromMs), toMs };
    });
    this.#db.transaction(() => {
      for (const [index, span] of right.entries()) {
        const moved = { ...NOTHING, watchedMs: span.watchedMs };
        this.#addToQuarter(wrong[index]!.toMs - 1, { ...moved, watchedMs: -span.watchedMs });
        this.#addToQuarter(span.toMs - 1, moved);
        const times = [span.fromMs, span.toMs, clock, span.id];
        this.#db.run(
          "UPDATE spans SET from_ms = ?, to_ms = ?, clock = ?, boot = NULL, up_ms = NULL WHERE id = ?",
          times,
        );
      }
    });
    this.#open = this.#open.map((span) => right.find(({ id }) => id === span.id) ?? span);
  }

  /** Once a day, what is too old goes. */
  #prune(now: number): void {
    if (now - this.#prunedAt < 86_400_000) return;
    this.#prunedAt = now;
    const before = now - KEEP_MS;
    this.#db.run("DELETE FROM spans WHERE to_ms < ? AND id <= (SELECT max(last_span) FROM sums)", [before]);
    this.#db.run("DELETE FROM sums WHERE to_ms < ? AND seq <= (SELECT value FROM meta WHERE key = 'acked')", [before]);
    // Sums that no fleet asks for are not kept longer for it.
    this.#db.run("DELETE FROM sums WHERE to_ms < ?", [before - 30 * 86_400_000]);
    this.#db.run("DELETE FROM quarters WHERE from_ms < ?", [before]);
  }
}

function quarterOf(ms: number): number {
  return Math.floor(ms / QUARTER_MS) * QUARTER_MS;
}
