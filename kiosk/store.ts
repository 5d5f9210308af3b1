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
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import sqlite from "node-sqlite3-wasm";
import { LABELS } from "../src/types.ts";
import { bootId, clockSource, uptimeMs } from "./store-clock.ts";
import {
  add,
  type Amounts,
  type Clock,
  eachExpression,
  type Posted,
  NOTHING,
  type Span,
  split,
} from "./statistics-span.ts";

/** Where the unit hides it, this process stands for its boot. */
const BOOT = bootId() || randomUUID();

const FILE = "statistics.db";
const SCHEMA = 1;

/** How long spans and sums are kept, ms. */
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

/** 400 days around the clock take 80 MB; more than this is no use of it. Pages of 4 KB. */
const MAX_PAGES = 65_536;

/** Loads of the page by which a span that is sent twice is known. */
const LOADS = 16;

/** Databases set aside that are kept. */
const ASIDE = 2;

const AMOUNTS = ["visits", "most_faces", "present_ms", "unsure_ms", "watched_ms", ...LABELS.map((l) => `${l}_ms`)];
const COLUMNS = AMOUNTS.join(", ");
const MARKS = AMOUNTS.map(() => "?").join(", ");

const TABLES = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
  CREATE TABLE loads (page TEXT PRIMARY KEY, latest INTEGER NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE spans (
    id INTEGER PRIMARY KEY AUTOINCREMENT, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, clock TEXT NOT NULL,
    boot TEXT, up_ms INTEGER, ${AMOUNTS.map((name) => `${name} INTEGER NOT NULL`).join(", ")}
  );
  CREATE TABLE sums (
    seq INTEGER PRIMARY KEY AUTOINCREMENT, from_ms INTEGER NOT NULL, to_ms INTEGER NOT NULL, clock TEXT NOT NULL,
    last_span INTEGER NOT NULL, ${AMOUNTS.map((name) => `${name} INTEGER NOT NULL`).join(", ")}
  );
  CREATE TABLE quarters (
    from_ms INTEGER PRIMARY KEY, ${AMOUNTS.map((name) => `${name} INTEGER NOT NULL DEFAULT 0`).join(", ")}
  );
`;

const ADD_TO_QUARTER = `
  INSERT INTO quarters (from_ms, ${COLUMNS}) VALUES (?, ${MARKS})
  ON CONFLICT (from_ms) DO UPDATE SET ${AMOUNTS.map((name) =>
    name === "most_faces" ? `${name} = max(${name}, excluded.${name})` : `${name} = ${name} + excluded.${name}`,
  ).join(", ")}
`;

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

/** A sum with its number. */
export interface Sum extends Span {
  readonly seq: number;
  readonly clock: Clock;
}

interface OpenSpan extends Span {
  readonly id: number;
  readonly clock: Clock;
  readonly boot: string | null;
  readonly upMs: number | null;
}

type Row = Record<string, number | string | null>;

export class Store {
  readonly #folder: string;
  readonly #options: Required<StoreOptions>;
  // Set by the constructor through #openOrReplace().
  #db!: sqlite.Database;
  readonly #statements = new Map<string, sqlite.Statement>();
  /** Spans that belong to no sum yet. */
  #open: OpenSpan[] = [];
  #addedAt: number;
  #prunedAt = 0;
  /** The last database that was set aside since the start, and why. */
  #setAside: string | null = null;

  /**
   * Open the database in a folder, or begin one there. One that cannot be read is set aside under another name.
   *
   * The caller makes sure that no other process has it open: the lock that a killed process left is taken away.
   */
  constructor(folder: string, options: StoreOptions) {
    this.#folder = folder;
    this.#options = {
      clock: clockSource,
      now: Date.now,
      uptime: uptimeMs,
      boot: BOOT,
      maxPages: MAX_PAGES,
      ...options,
    };
    this.#addedAt = this.#options.uptime();
    mkdirSync(folder, { recursive: true });
    this.#db = this.#openOrReplace();
  }

  get path(): string {
    return join(this.#folder, FILE);
  }

  /** A sentence about a database that was set aside since the start, or null. */
  get setAside(): string | null {
    return this.#setAside;
  }

  /** Names this database among all that the kiosk ever had: its sums' numbers begin anew with it. */
  get epoch(): string {
    return this.#meta("epoch") as string;
  }

  /**
   * Keep a span. It is on the disk when this returns.
   *
   * @returns False where the page sent it before.
   * @throws Error where it could not be written (the disk is full, say); it may be posted again.
   */
  add({ page, index, span }: Posted): boolean {
    return this.#guarded(() => {
      const known = this.#get("SELECT latest FROM loads WHERE page = ?", [page]);
      if (known !== null && (known["latest"] as number) >= index) return false;
      const clock = this.#options.clock();
      if (clock !== "none") this.#setRight(clock);
      const added = this.#transaction(() => this.#insert(page, index, span, clock, known === null));
      this.#open = added;
      this.#addedAt = this.#options.uptime();
      return true;
    });
  }

  /** Keep many spans in one transaction: a demo's year. */
  addAll(posted: Iterable<Posted>): void {
    this.#transaction(() => {
      for (const { page, index, span } of posted)
        this.#open = this.#insert(page, index, span, this.#options.clock(), false);
    });
  }

  /**
   * The oldest sums that the fleet has not acknowledged. Numbers count from 1 in each epoch.
   *
   * @param limit Sums at most.
   */
  unsent(limit: number): { readonly epoch: string; readonly waiting: number; readonly sums: readonly Sum[] } {
    return this.#guarded(() => this.#unsent(limit));
  }

  #unsent(limit: number): ReturnType<Store["unsent"]> {
    const [base, acked] = [this.#meta("base") as number, this.#meta("acked") as number];
    const sums = this.#all("SELECT * FROM sums WHERE seq > ? ORDER BY seq LIMIT ?", [acked, limit]);
    const waiting = this.#get("SELECT count(*) AS n FROM sums WHERE seq > ?", [acked])!["n"] as number;
    return {
      epoch: this.epoch,
      waiting,
      sums: sums.map((row) => ({ ...sumOf(row), seq: (row["seq"] as number) - base })),
    };
  }

  /**
   * Take the fleet's word on how far it has got. A lower number than before means that the fleet went back to a backup:
   * the sums after it are sent again. A higher one than this database ever gave means that this database is an old copy:
   * a new epoch begins with the sums since this start.
   *
   * Not made durable by itself: a word that is lost with the power is said again.
   */
  acknowledge(epoch: string, upto: number): void {
    if (epoch !== this.epoch) return;
    this.#guarded(() => {
      const base = this.#meta("base") as number;
      const newest = this.#newest();
      if (base + upto > newest) return this.#beginEpoch(this.#meta("opened_at") as number);
      const acked = base + Math.max(upto, 0);
      if (acked === this.#meta("acked")) return;
      // Written with the next minute's span, whose fsync it shares.
      this.#db.exec("PRAGMA synchronous = OFF");
      this.#setMeta("acked", acked);
      this.#db.exec("PRAGMA synchronous = FULL");
    });
  }

  /** @returns The quarters of an hour that begin in [fromMs, toMs), in order. */
  quarters(fromMs: number, toMs: number): Span[] {
    const sql = "SELECT * FROM quarters WHERE from_ms >= ? AND from_ms < ? ORDER BY from_ms";
    return this.#guarded(() => this.#all(sql, [fromMs, toMs])).map((row) => {
      const from = row["from_ms"] as number;
      return { ...amountsOf(row), fromMs: from, toMs: from + QUARTER_MS };
    });
  }

  /** @returns All sums together; they never go down while the epoch lasts but for what is older than 400 days. */
  totals(): Amounts {
    const terms = AMOUNTS.map((name) =>
      name === "most_faces" ? `max(${name}) AS ${name}` : `sum(${name}) AS ${name}`,
    );
    const row = this.#get(`SELECT ${terms.join(", ")} FROM sums`)!;
    return row["visits"] === null ? NOTHING : amountsOf(row);
  }

  /** @returns Loads of the exhibit's page since the database began. */
  get loads(): number {
    return this.#meta("loads") as number;
  }

  /** @returns Spans that were posted, and the sums made of them. */
  counts(): { readonly spans: number; readonly sums: number } {
    const count = (table: string) => this.#get(`SELECT count(*) AS n FROM ${table}`)!["n"] as number;
    return { spans: count("spans"), sums: count("sums") };
  }

  /** Do what wants doing now and then, in a quiet minute where there is one. Call it about once a minute. */
  maintain(): void {
    this.#guarded(() => {
      const quiet = this.#options.uptime() - this.#addedAt >= QUIET_MS;
      const bytes = statSync(`${this.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
      if (bytes > LOG_MOST_BYTES || (quiet && bytes > LOG_BYTES)) this.#db.all("PRAGMA wal_checkpoint(TRUNCATE)");
    });
  }

  close(): void {
    // SQLite keeps a file open as long as one of its statements lives.
    for (const statement of this.#statements.values()) {
      try {
        statement.finalize();
      } catch {
        // It says again what failed when it last ran.
      }
    }
    this.#statements.clear();
    if (this.#db.isOpen) this.#db.close();
  }

  #insert(page: string, index: number, span: Span, clock: Clock, isNew: boolean): OpenSpan[] {
    const now = this.#options.now();
    if (isNew) {
      this.#setMeta("loads", this.loads + 1);
      this.#run("DELETE FROM loads WHERE page NOT IN (SELECT page FROM loads ORDER BY at DESC LIMIT ?)", [LOADS - 1]);
    }
    this.#run("INSERT OR REPLACE INTO loads (page, latest, at) VALUES (?, ?, ?)", [page, index, now]);
    const [boot, upMs] = clock === "none" ? [this.#options.boot, this.#options.uptime()] : [null, null];
    const times = [span.fromMs, span.toMs, clock, boot, upMs];
    const id = this.#run(
      `INSERT INTO spans (from_ms, to_ms, clock, boot, up_ms, ${COLUMNS}) VALUES (?, ?, ?, ?, ?, ${MARKS})`,
      [...times, ...valuesOf(span)],
    );
    // Whether the exhibit ran tells nothing of visitors and is shown at once.
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
    this.#run(`INSERT INTO sums (from_ms, to_ms, clock, last_span, ${COLUMNS}) VALUES (?, ?, ?, ?, ${MARKS})`, [
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
    this.#run(ADD_TO_QUARTER, [quarterOf(ms), ...valuesOf(amounts)]);
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
    this.#transaction(() => {
      for (const [index, span] of right.entries()) {
        const moved = { ...NOTHING, watchedMs: span.watchedMs };
        this.#addToQuarter(wrong[index]!.toMs - 1, { ...moved, watchedMs: -span.watchedMs });
        this.#addToQuarter(span.toMs - 1, moved);
        const times = [span.fromMs, span.toMs, clock, span.id];
        this.#run("UPDATE spans SET from_ms = ?, to_ms = ?, clock = ?, boot = NULL, up_ms = NULL WHERE id = ?", times);
      }
    });
    this.#open = this.#open.map((span) => right.find(({ id }) => id === span.id) ?? span);
  }

  /** Once a day, what is too old goes. */
  #prune(now: number): void {
    if (now - this.#prunedAt < 86_400_000) return;
    this.#prunedAt = now;
    const before = now - KEEP_MS;
    this.#run("DELETE FROM spans WHERE to_ms < ? AND id <= (SELECT max(last_span) FROM sums)", [before]);
    this.#run("DELETE FROM sums WHERE to_ms < ? AND seq <= (SELECT value FROM meta WHERE key = 'acked')", [before]);
    // Sums that no fleet asks for are not kept longer for it.
    this.#run("DELETE FROM sums WHERE to_ms < ?", [before - 30 * 86_400_000]);
    this.#run("DELETE FROM quarters WHERE from_ms < ?", [before]);
  }

  #newest(): number {
    // Counts deleted ones too, which max(seq) does not.
    const row = this.#get("SELECT seq FROM sqlite_sequence WHERE name = 'sums'");
    return (row?.["seq"] as number | undefined) ?? 0;
  }

  #beginEpoch(base: number): void {
    this.#transaction(() => {
      this.#setMeta("epoch", randomUUID());
      this.#setMeta("base", base);
      this.#setMeta("acked", base);
    });
  }

  #openOrReplace(): sqlite.Database {
    try {
      return this.#openDatabase();
    } catch (error) {
      if (!isDamage(error)) throw error;
      this.#moveAside(error);
      return this.#openDatabase();
    }
  }

  #openDatabase(): sqlite.Database {
    rmSync(`${this.path}.lock`, { recursive: true, force: true });
    const db = new sqlite.Database(this.path);
    try {
      // node-sqlite3-wasm has a write-ahead log only where one connection has the file for itself.
      db.exec("PRAGMA locking_mode = EXCLUSIVE");
      db.all("PRAGMA journal_mode = WAL");
      db.exec(
        `PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA max_page_count = ${this.#options.maxPages}`,
      );
      const { user_version: version } = db.get("PRAGMA user_version") as { user_version: number };
      if (version === 0) create(db);
      else if (version !== SCHEMA) throw new Error(`file is not a database of version ${SCHEMA}, but ${version}`);
      const check = db.get("PRAGMA quick_check(1)") as Record<string, string>;
      if (Object.values(check)[0] !== "ok") throw new Error(`database is malformed: ${Object.values(check)[0]}`);
      this.#statements.clear();
      this.#db = db;
      this.#open = this.#all(
        "SELECT * FROM spans WHERE id > (SELECT coalesce(max(last_span), 0) FROM sums) ORDER BY id",
      ).map(openSpanOf);
      this.#setMeta("opened_at", this.#newest());
      return db;
    } catch (error) {
      this.#db = db;
      this.close();
      throw error;
    }
  }

  /** A database that cannot be used any more is kept under another name, and the next one begins. */
  #guarded<T>(work: () => T): T {
    // A new one could not be begun before: the disk was full, say.
    if (!this.#db.isOpen) this.#db = this.#openOrReplace();
    try {
      return work();
    } catch (error) {
      if (this.#db.isOpen && this.#db.inTransaction) this.#db.exec("ROLLBACK");
      if (!isDamage(error) && !this.#isFull()) throw error;
      this.#moveAside(error);
      this.#db = this.#openDatabase();
      return work();
    }
  }

  /** SQLite has one message for a full database and a full disk. */
  #isFull(): boolean {
    const pages = this.#get("PRAGMA page_count")!["page_count"] as number;
    return pages > this.#options.maxPages - 8;
  }

  #moveAside(error: unknown): void {
    try {
      if (this.#db !== undefined) this.close();
    } catch {
      // A damaged database may refuse even that.
    }
    const reason = error instanceof Error ? error.message : String(error);
    const stamp = new Date(this.#options.now()).toISOString().replaceAll(":", "-");
    const name = `${FILE}.aside-${stamp}`;
    for (const suffix of ["-wal", ""])
      if (existsSync(`${this.path}${suffix}`)) renameSync(`${this.path}${suffix}`, join(this.#folder, name + suffix));
    this.#setAside = `The database was set aside as ${join(this.#folder, name)} (${reason}); a new one was begun.`;
    const older = readdirSync(this.#folder).filter((entry) => /\.aside-.*Z$/.test(entry));
    for (const entry of older.sort().slice(0, -ASIDE))
      for (const suffix of ["-wal", ""]) rmSync(join(this.#folder, entry + suffix), { force: true });
  }

  #transaction<T>(work: () => T): T {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  #meta(key: string): string | number {
    return this.#get("SELECT value FROM meta WHERE key = ?", [key])!["value"]!;
  }

  #setMeta(key: string, value: string | number): void {
    this.#run("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", [key, value]);
  }

  #get(sql: string, values: (string | number | null)[] = []): Row | null {
    // Run to its end: a statement that still has rows holds the log, which then never goes into the database.
    return (this.#prepared(sql).all(values)[0] as Row | undefined) ?? null;
  }

  #all(sql: string, values: (string | number | null)[] = []): Row[] {
    return this.#prepared(sql).all(values) as Row[];
  }

  /** Statements are few and come again each minute; to prepare one takes ten times as long as to run it. */
  #prepared(sql: string): sqlite.Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }

  /** @returns The inserted row's number. */
  #run(sql: string, values: (string | number | null)[]): number {
    return Number(this.#prepared(sql).run(values).lastInsertRowid);
  }
}

function create(db: sqlite.Database): void {
  db.exec(`BEGIN; ${TABLES}; PRAGMA user_version = ${SCHEMA}`);
  for (const [key, value] of Object.entries({ epoch: randomUUID(), base: 0, acked: 0, loads: 0, opened_at: 0 }))
    db.run("INSERT INTO meta (key, value) VALUES (?, ?)", [key, value]);
  db.exec("COMMIT");
}

/** The file is damaged, or full to its own limit. A disk that is full or gone is not the database's fault. */
function isDamage(error: unknown): boolean {
  const message = error instanceof Error ? error.message : "";
  return /malformed|not a database|no such table|no such column|corrupt/i.test(message);
}

function quarterOf(ms: number): number {
  return Math.floor(ms / QUARTER_MS) * QUARTER_MS;
}

function valuesOf(amounts: Amounts): number[] {
  const { visits, mostFaces, presentMs, unsureMs, watchedMs, expressionMs } = amounts;
  return [visits, mostFaces, presentMs, unsureMs, watchedMs, ...LABELS.map((label) => expressionMs[label])];
}

function amountsOf(row: Row): Amounts {
  const number = (name: string) => Number(row[name]);
  return {
    visits: number("visits"),
    mostFaces: number("most_faces"),
    presentMs: number("present_ms"),
    unsureMs: number("unsure_ms"),
    watchedMs: number("watched_ms"),
    expressionMs: eachExpression((label) => number(`${label}_ms`)),
  };
}

function sumOf(row: Row): Sum {
  const times = { fromMs: Number(row["from_ms"]), toMs: Number(row["to_ms"]), clock: row["clock"] as Clock };
  return { ...amountsOf(row), ...times, seq: Number(row["seq"]) };
}

function openSpanOf(row: Row): OpenSpan {
  const { seq: _, ...span } = sumOf(row);
  const upMs = row["up_ms"] === null ? null : Number(row["up_ms"]);
  return { ...span, id: Number(row["id"]), boot: row["boot"] as string | null, upMs };
}
