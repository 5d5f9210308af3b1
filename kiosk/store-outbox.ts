import { randomUUID } from "node:crypto";
import type { Database } from "./store-database.ts";
import { type Sum, sumOf } from "./store-schema.ts";

/** Sums that are to be sent, the oldest first. Numbers count from 1 in each epoch. */
export interface Unsent {
  readonly epoch: string;
  /** The number of sums that wait, these among them. */
  readonly waiting: number;
  readonly sums: readonly Sum[];
}

/** Knows which sums the fleet has. */
export class Outbox {
  readonly #db: Database;

  constructor(db: Database) {
    this.#db = db;
  }

  /** Names this database among all that the kiosk ever had: its sums' numbers begin anew with it. */
  get epoch(): string {
    return this.#db.meta("epoch") as string;
  }

  /** Note the sums that a database has when it is opened. */
  begin(): void {
    this.#db.setMeta("opened_at", this.#newest());
  }

  /** @param limit Sums at most. */
  unsent(limit: number): Unsent {
    const [base, acked] = [this.#db.meta("base") as number, this.#db.meta("acked") as number];
    const sums = this.#db.all("SELECT * FROM sums WHERE seq > ? ORDER BY seq LIMIT ?", [acked, limit]);
    const waiting = this.#db.get("SELECT count(*) AS n FROM sums WHERE seq > ?", [acked])!["n"] as number;
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
  acknowledge(upto: number): void {
    const base = this.#db.meta("base") as number;
    const newest = this.#newest();
    if (base + upto > newest) return this.#beginEpoch(this.#db.meta("opened_at") as number);
    const acked = base + Math.max(upto, 0);
    if (acked === this.#db.meta("acked")) return;
    // Written with the next minute's span, whose fsync it shares.
    this.#db.exec("PRAGMA synchronous = OFF");
    this.#db.setMeta("acked", acked);
    this.#db.exec("PRAGMA synchronous = FULL");
  }

  #newest(): number {
    // Counts deleted ones too, which max(seq) does not.
    const row = this.#db.get("SELECT seq FROM sqlite_sequence WHERE name = 'sums'");
    return (row?.["seq"] as number | undefined) ?? 0;
  }

  #beginEpoch(base: number): void {
    this.#db.transaction(() => {
      this.#db.setMeta("epoch", randomUUID());
      this.#db.setMeta("base", base);
      this.#db.setMeta("acked", base);
    });
  }
}
