/** Run every query of the Grafana files against a PostgreSQL whose answers are known. Grafana itself is not needed. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { LABELS } from "../../src/types.ts";
import type { Postgres } from "./services.ts";

const FOLDER = fileURLToPath(new URL("../../kiosk/fleet/grafana/dashboards", import.meta.url));

/** Two hours of a Thursday. */
const FROM = "2026-11-26T09:00:00.000Z";
const MIDDLE = "2026-11-26T10:00:00.000Z";
const TO = "2026-11-26T11:00:00.000Z";

interface Query {
  readonly title: string;
  readonly sql: string;
}

/** Macros and variables as Grafana's PostgreSQL data source fills them in. */
function filled(sql: string): string {
  return sql
    .replace(/\$__timeFilter\((\w+)\)/g, `$1 BETWEEN '${FROM}' AND '${TO}'`)
    .replaceAll("${site:sqlstring}", "'berlin','tokyo'")
    .replaceAll("$kiosk", "lobby");
}

function queriesOf(file: string): readonly Query[] {
  const { panels, templating } = JSON.parse(readFileSync(`${FOLDER}/${file}.json`, "utf8"));
  return [
    ...panels.flatMap(({ title, targets }: { title: string; targets: { rawSql: string }[] }) =>
      targets.map(({ rawSql }) => ({ title, sql: rawSql })),
    ),
    ...templating.list.map(({ label, query }: { label: string; query: string }) => ({
      title: `variable ${label}`,
      sql: query,
    })),
  ];
}

function row(seq: number, from: string, to: string, visits: number, happy: number): object {
  const seconds = Object.fromEntries(LABELS.map((label) => [label, label === "happy" ? happy : 1]));
  return { seq, from, to, clock: "ntp", visits, mostFaces: 2, presentS: 900, unsureS: 4.5, watchedS: 3600, seconds };
}

/** @returns How many queries ran. */
export async function checkDashboards(postgres: Postgres): Promise<number> {
  await seed(postgres);
  const answers = new Map<string, readonly Record<string, unknown>[]>();
  for (const file of ["fleet", "kiosk"])
    for (const { title, sql } of queriesOf(file)) answers.set(`${file}: ${title}`, await postgres.query(filled(sql)));
  for (const [title, rows] of answers) assert.ok(rows.length > 0, `${title} has no answer`);
  const answer = (title: string) => JSON.parse(JSON.stringify(answers.get(title))) as Record<string, unknown>[];

  assert.deepEqual(answer("fleet: Kiosks online"), [{ online: "1", offline: "1" }]);
  assert.deepEqual(answer("fleet: Kiosks with a problem"), [{ problems: "1" }]);
  assert.deepEqual(answer("fleet: Visits in this range"), [{ visits: "70" }]);
  assert.equal(Number(answer("fleet: Somebody was there, share of the time watched")[0]!["share"]), 0.25);
  assert.deepEqual(
    answer("fleet: What is wrong").map(({ kiosk, problem }) => [kiosk, problem]),
    [["shop", "offline"]],
  );
  const hours = answer("fleet: Apparent expressions of all kiosks, seconds an hour");
  // A sum of two hours is spread evenly over both.
  assert.deepEqual(
    hours.map(({ time, happy }) => [time, Number(happy)]),
    [
      [FROM, 30],
      [MIDDLE, 10],
    ],
  );
  const sites = answer("fleet: Apparent expressions by site, seconds");
  assert.deepEqual(
    sites.map(({ site, happy }) => [site, Number(happy)]),
    [
      ["berlin", 20],
      ["tokyo", 20],
    ],
  );
  assert.deepEqual(
    answer("fleet: Visits by site").map(({ metric, visits }) => [metric, Number(visits)]),
    [
      ["berlin", 30],
      ["tokyo", 40],
    ],
  );
  assert.deepEqual(
    answer("fleet: Busiest hours of the day, visits").map(({ hour, visits }) => [hour, Number(visits)]),
    [
      ["09:00", 50],
      ["10:00", 20],
    ],
  );
  assert.deepEqual(
    answer("fleet: All kiosks").map(({ kiosk, site }) => [kiosk, site]),
    [
      ["lobby", "berlin"],
      ["shop", "tokyo"],
    ],
  );
  const [state] = answer("kiosk: State");
  assert.deepEqual([state!["online"], state!["problem"], state!["camera"]], [true, null, "running"]);
  assert.deepEqual(answer("kiosk: Results a second"), [{ "results/s": "24.5" }]);
  assert.deepEqual(answer("kiosk: Temperature"), [{ "°C": "61.2" }]);
  assert.deepEqual(answer("kiosk: Visits in this range"), [{ visits: "30" }]);
  assert.deepEqual(
    answer("kiosk: Visits an hour").map(({ time, visits }) => [time, Number(visits)]),
    [
      [FROM, 10],
      [MIDDLE, 20],
    ],
  );
  assert.deepEqual(answer("kiosk: Settings from afar"), [{ setting: "hours", value: "09:00-18:00" }]);
  return answers.size;
}

async function seed(postgres: Postgres): Promise<void> {
  const take = (kiosk: string, ...rows: object[]) =>
    postgres.query(
      `SELECT emotion.take('${kiosk}', '00000000-0000-4000-8000-000000000001', '${JSON.stringify(rows)}') AS upto`,
    );
  assert.deepEqual(await take("lobby", row(1, FROM, MIDDLE, 10, 10), row(2, MIDDLE, TO, 20, 10)), [{ upto: "2" }]);
  // Said again, a part of it anew, and with a gap.
  assert.deepEqual(await take("lobby", row(1, FROM, MIDDLE, 10, 10), row(2, MIDDLE, TO, 20, 10)), [{ upto: "2" }]);
  assert.deepEqual(await take("lobby", row(4, FROM, MIDDLE, 10, 10)), [{ upto: "2" }]);
  assert.deepEqual(await take("lobby"), [{ upto: "2" }]);
  assert.deepEqual(await take("shop", row(1, FROM, MIDDLE, 40, 20)), [{ upto: "1" }]);
  await postgres.query("UPDATE emotion.kiosks SET site = CASE name WHEN 'lobby' THEN 'berlin' ELSE 'tokyo' END");
  const health = {
    v: 1,
    camera: "running",
    resultsPerS: 24.5,
    temperatureC: 61.2,
    waiting: 0,
    certificateDays: 900,
    problem: null,
  };
  await postgres.query(
    `SELECT emotion.take_health('lobby', '${JSON.stringify(health)}'), emotion.take_status('lobby', true)`,
  );
  await postgres.query(`SELECT emotion.take_settings('lobby', '{"hours":"09:00-18:00"}')`);
  await postgres.query("SELECT emotion.take_status('shop', false)");
  // Nonsense of a stolen kiosk does not break what others read.
  await postgres.query(
    `SELECT emotion.take_health('shop', '{"resultsPerS":"many","temperatureC":[],"certificateDays":{}}')`,
  );
}
