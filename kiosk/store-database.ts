/**
 * One SQLite file with the tables of `store-schema.ts`: opens it, checks it, and sets it aside where it cannot be used any
 * more.
 */
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import sqlite from "node-sqlite3-wasm";
import { create, type Row, SCHEMA } from "./store-schema.ts";

const FILE = "statistics.db";
/** 400 days around the clock take 80 MB; more than this is no use of it. Pages of 4 KB. */
const MAX_PAGES = 65_536;

/** Databases set aside that are kept. */
const ASIDE = 2;

export interface DatabaseOptions {
  /** Pages of 4 KB that the database has at most. */
  readonly maxPages?: number;
  /** Unix time, ms. */
  readonly now: () => number;
  /** Called with the database open: at the start, and with each one that is begun in place of one set aside. */
  readonly onOpen: () => void;
}

export class Database {
  readonly #folder: string;
  readonly #options: Required<DatabaseOptions>;
  // Set by open().
  #db!: sqlite.Database;
  readonly #statements = new Map<string, sqlite.Statement>();
  /** The last database that was set aside since the start, and why. */
  #setAside: string | null = null;

  constructor(folder: string, options: DatabaseOptions) {
    this.#folder = folder;
    this.#options = { maxPages: MAX_PAGES, ...options };
  }

  get path(): string {
    return join(this.#folder, FILE);
  }

  /** A sentence about a database that was set aside since the start, or null. */
  get setAside(): string | null {
    return this.#setAside;
  }

  /** Size of the write-ahead log, bytes. */
  get logBytes(): number {
    return statSync(`${this.path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
  }

  /**
   * Open the database, or begin one. One that cannot be read is set aside under another name.
   *
   * The caller makes sure that no other process has it open: the lock that a killed process left is taken away.
   */
  open(): void {
    mkdirSync(this.#folder, { recursive: true });
    this.#db = this.#openOrReplace();
  }

  /** A database that cannot be used any more is kept under another name, and the next one begins. */
  guarded<T>(work: () => T): T {
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

  transaction<T>(work: () => T): T {
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

  meta(key: string): string | number {
    return this.get("SELECT value FROM meta WHERE key = ?", [key])!["value"]!;
  }

  setMeta(key: string, value: string | number): void {
    this.run("INSERT OR REPLACE INTO meta (key, value) VALUES (?, ?)", [key, value]);
  }

  get(sql: string, values: (string | number | null)[] = []): Row | null {
    // Run to its end: a statement that still has rows holds the log, which then never goes into the database.
    return (this.#prepared(sql).all(values)[0] as Row | undefined) ?? null;
  }

  all(sql: string, values: (string | number | null)[] = []): Row[] {
    return this.#prepared(sql).all(values) as Row[];
  }

  /** @returns The inserted row's number. */
  run(sql: string, values: (string | number | null)[]): number {
    return Number(this.#prepared(sql).run(values).lastInsertRowid);
  }

  exec(sql: string): void {
    this.#db.exec(sql);
  }

  /** Move the write-ahead log into the database. */
  checkpoint(): void {
    this.#db.all("PRAGMA wal_checkpoint(TRUNCATE)");
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
      this.#options.onOpen();
      return db;
    } catch (error) {
      this.#db = db;
      this.close();
      throw error;
    }
  }

  /** SQLite has one message for a full database and a full disk. */
  #isFull(): boolean {
    const pages = this.get("PRAGMA page_count")!["page_count"] as number;
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

  /** Statements are few and come again each minute; to prepare one takes ten times as long as to run it. */
  #prepared(sql: string): sqlite.Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#db.prepare(sql);
    this.#statements.set(sql, statement);
    return statement;
  }
}

/** The file is damaged, or full to its own limit. A disk that is full or gone is not the database's fault. */
function isDamage(error: unknown): boolean {
  const message = error instanceof Error ? error.message : "";
  return /malformed|not a database|no such table|no such column|corrupt/i.test(message);
}
