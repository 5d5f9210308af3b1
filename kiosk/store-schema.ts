/** The tables of the kiosk's statistics, and their rows. kiosk/store.ts says what each table is for. */
import { randomUUID } from "node:crypto";
import type sqlite from "node-sqlite3-wasm";
import { LABELS } from "../src/types.ts";
import { type Amounts, type Clock, eachExpression, type Span } from "./statistics-span.ts";

export const SCHEMA = 1;

export const AMOUNTS = [
  "visits",
  "most_faces",
  "present_ms",
  "unsure_ms",
  "watched_ms",
  ...LABELS.map((l) => `${l}_ms`),
];
export const COLUMNS = AMOUNTS.join(", ");
export const MARKS = AMOUNTS.map(() => "?").join(", ");

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

export const ADD_TO_QUARTER = `
  INSERT INTO quarters (from_ms, ${COLUMNS}) VALUES (?, ${MARKS})
  ON CONFLICT (from_ms) DO UPDATE SET ${AMOUNTS.map((name) =>
    name === "most_faces" ? `${name} = max(${name}, excluded.${name})` : `${name} = ${name} + excluded.${name}`,
  ).join(", ")}
`;

/** A sum with its number. */
export interface Sum extends Span {
  readonly seq: number;
  readonly clock: Clock;
}

export interface OpenSpan extends Span {
  readonly id: number;
  readonly clock: Clock;
  readonly boot: string | null;
  readonly upMs: number | null;
}

export type Row = Record<string, number | string | null>;

export function create(db: sqlite.Database): void {
  db.exec(`BEGIN; ${TABLES}; PRAGMA user_version = ${SCHEMA}`);
  for (const [key, value] of Object.entries({ epoch: randomUUID(), base: 0, acked: 0, loads: 0, opened_at: 0 }))
    db.run("INSERT INTO meta (key, value) VALUES (?, ?)", [key, value]);
  db.exec("COMMIT");
}

export function valuesOf(amounts: Amounts): number[] {
  const { visits, mostFaces, presentMs, unsureMs, watchedMs, expressionMs } = amounts;
  return [visits, mostFaces, presentMs, unsureMs, watchedMs, ...LABELS.map((label) => expressionMs[label])];
}

export function amountsOf(row: Row): Amounts {
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

export function sumOf(row: Row): Sum {
  const times = { fromMs: Number(row["from_ms"]), toMs: Number(row["to_ms"]), clock: row["clock"] as Clock };
  return { ...amountsOf(row), ...times, seq: Number(row["seq"]) };
}

export function openSpanOf(row: Row): OpenSpan {
  const { seq: _, ...span } = sumOf(row);
  const upMs = row["up_ms"] === null ? null : Number(row["up_ms"]);
  return { ...span, id: Number(row["id"]), boot: row["boot"] as string | null, upMs };
}
