import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Store, type StoreOptions } from "../../kiosk/store.ts";
import {
  add,
  type Amounts,
  type Clock,
  eachExpression,
  NOTHING,
  type Posted,
  split,
} from "../../kiosk/statistics-span.ts";

const NOON = Date.UTC(2026, 10, 26, 12);
const MINUTE_MS = 60_000;
const PAGE = "00000000-0000-4000-8000-000000000001";

let folder: string;
let store: Store | undefined;
let clock: Clock;
let nowMs: number;
let upMs: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "store-"));
  [clock, nowMs, upMs] = ["ntp", NOON, 1_000_000];
});

afterEach(() => {
  store?.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Open the store anew, as after a restart. */
function open(options: Partial<StoreOptions> = {}): Store {
  store?.close();
  const seams = { clock: () => clock, now: () => nowMs, uptime: () => upMs, boot: "boot-1" };
  store = new Store(folder, { least: 10, ...seams, ...options });
  return store;
}

function minute(index: number, amounts: Partial<Amounts> = {}, page = PAGE): Posted {
  const toMs = NOON + index * MINUTE_MS;
  return {
    ...{ page, index },
    span: { ...NOTHING, watchedMs: 59_900, ...amounts, fromMs: toMs - MINUTE_MS, toMs },
  };
}

const amounts = fc.record({
  visits: fc.nat(20),
  mostFaces: fc.nat(8),
  presentMs: fc.nat(60_000),
  unsureMs: fc.nat(60_000),
  watchedMs: fc.nat(60_000),
  happy: fc.nat(60_000),
});

describe("amounts", () => {
  test("split into parts that sum to the whole, exactly", () => {
    fc.assert(
      fc.property(amounts, fc.array(fc.nat(1000), { minLength: 1, maxLength: 9 }), ({ happy, ...rest }, weights) => {
        if (Math.max(...weights) === 0) weights[0] = 1;
        const whole = { ...rest, expressionMs: eachExpression((label) => (label === "happy" ? happy : 0)) };
        const parts = split(whole, weights);
        expect(parts.reduce<Amounts>(add, NOTHING)).toEqual(whole);
        for (const part of parts) expect(part.visits).toBeGreaterThanOrEqual(0);
      }),
    );
  });
});

describe("small numbers", () => {
  test("no sum has fewer visits than the setting says, and no span is in two", () => {
    fc.assert(
      fc.property(
        fc.array(amounts, { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 30 }),
        (spans, least) => {
          rmSync(folder, { recursive: true, force: true });
          const opened = open({ least });
          spans.forEach((span, index) => opened.add(minute(index + 1, span)));
          const { sums } = opened.unsent(500);
          for (const sum of sums) expect(sum.visits).toBeGreaterThanOrEqual(least);
          expect(sums.map(({ seq }) => seq)).toEqual(sums.map((_, index) => index + 1));
          const all = spans.reduce((total, { visits }) => total + visits, 0);
          const told = sums.reduce((total, { visits }) => total + visits, 0);
          expect(all - told).toBeLessThan(least);
          expect(opened.totals().visits).toBe(told);
          const charted = opened.quarters(0, NOON * 2).reduce<Amounts>(add, NOTHING);
          expect(charted.visits).toBe(told);
          expect(charted.presentMs).toBe(sums.reduce((total, { presentMs }) => total + presentMs, 0));
        },
      ),
      { numRuns: 25 },
    );
  });

  test("minutes with too few visits wait for the next ones, over a restart too", () => {
    open().add(minute(1, { visits: 4 }));
    open().add(minute(2, { visits: 5 }));
    expect(open().unsent(10).sums).toEqual([]);
    open().add(minute(3, { visits: 1, mostFaces: 3 }));
    expect(open().unsent(10).sums).toMatchObject([
      { seq: 1, visits: 10, mostFaces: 3, fromMs: NOON, toMs: NOON + 3 * MINUTE_MS, clock: "ntp" },
    ]);
  });

  test("a chart does not show when within a sum the visits were", () => {
    const opened = open();
    for (let index = 1; index <= 30; index++)
      opened.add(minute(index, { visits: index === 2 || index === 30 ? 5 : 0 }));
    expect(opened.quarters(0, NOON * 2).map(({ visits }) => visits)).toEqual([5, 5]);
  });

  test("that the exhibit watched is charted at once: it tells nothing of visitors", () => {
    open().add(minute(1, { visits: 1 }));
    expect(open().quarters(0, NOON * 2)).toMatchObject([{ fromMs: NOON, visits: 0, watchedMs: 59_900 }]);
  });
});

describe("a span", () => {
  test("that is posted twice is kept once, after a restart too", () => {
    expect(open().add(minute(1))).toBe(true);
    expect(open().add(minute(1))).toBe(false);
    expect(open().add(minute(2))).toBe(true);
    expect(open().add(minute(1, {}, PAGE.replace("1", "2")))).toBe(true);
    expect(open().counts().spans).toBe(3);
  });

  test("waits for a clock, and then has the time that it had", () => {
    clock = "none";
    nowMs = 5000;
    open().add({ page: PAGE, index: 1, span: { ...NOTHING, visits: 30, fromMs: nowMs - MINUTE_MS, toMs: nowMs } });
    expect(open().unsent(10).sums).toEqual([]);
    clock = "ntp";
    nowMs = NOON;
    upMs += MINUTE_MS;
    open().add(minute(2, { visits: 1 }));
    expect(open().unsent(10).sums).toMatchObject([
      { clock: "ntp", fromMs: NOON - 2 * MINUTE_MS, toMs: NOON + 2 * MINUTE_MS, visits: 31 },
    ]);
  });

  test("whose time stayed unknown until the next boot, or for a day, is summed up as such", () => {
    clock = "none";
    open().add(minute(1, { visits: 30 }));
    upMs = 500;
    open({ boot: "boot-2" }).add(minute(2, { visits: 30 }));
    expect(open({ boot: "boot-2" }).unsent(10).sums).toEqual([]);
    upMs += 86_400_001;
    open({ boot: "boot-2" }).add(minute(3, { visits: 0 }));
    expect(open({ boot: "boot-2" }).unsent(10).sums).toEqual([]);
    clock = "ntp";
    open({ boot: "boot-3" }).add(minute(4, { visits: 0 }));
    expect(open({ boot: "boot-3" }).unsent(10).sums).toMatchObject([{ clock: "none", visits: 60 }]);
  });
});

describe("the fleet's word", () => {
  test("moves on what is sent, and back again where the fleet went back to a backup", () => {
    const opened = open({ least: 1 });
    for (let index = 1; index <= 5; index++) opened.add(minute(index, { visits: 1 }));
    const seqs = () =>
      open({ least: 1 })
        .unsent(2)
        .sums.map(({ seq }) => seq);
    expect(seqs()).toEqual([1, 2]);
    store!.acknowledge(store!.epoch, 2);
    expect(seqs()).toEqual([3, 4]);
    store!.acknowledge(store!.epoch, 1);
    expect(seqs()).toEqual([2, 3]);
    store!.acknowledge("another", 5);
    expect(seqs()).toEqual([2, 3]);
    store!.acknowledge(store!.epoch, 5);
    expect(store!.unsent(2)).toMatchObject({ waiting: 0, sums: [] });
  });

  test("of a number that was never given here begins an epoch: this database is an old copy", () => {
    open({ least: 1 }).add(minute(1, { visits: 1 }));
    const opened = open({ least: 1 });
    const { epoch } = opened;
    opened.add(minute(2, { visits: 7 }));
    opened.acknowledge(epoch, 40);
    expect(opened.epoch).not.toBe(epoch);
    expect(opened.unsent(5).sums).toMatchObject([{ seq: 1, visits: 7 }]);
    opened.acknowledge(opened.epoch, 1);
    expect(opened.unsent(5).sums).toEqual([]);
  });

  test("numbers are not used again after what is too old went", () => {
    open({ least: 1 }).add(minute(1, { visits: 1 }));
    store!.acknowledge(store!.epoch, 1);
    nowMs += 500 * 86_400_000;
    open({ least: 1 }).add({ ...minute(2), span: { ...minute(2).span, fromMs: nowMs - 1, toMs: nowMs, visits: 1 } });
    expect(store!.counts()).toEqual({ spans: 1, sums: 1 });
    expect(store!.unsent(5).sums.map(({ seq }) => seq)).toEqual([2]);
  });
});

test("the log goes into the database in a quiet minute, and only then", () => {
  const opened = open({ least: 1 });
  const log = () => statSync(`${opened.path}-wal`).size;
  for (let index = 1; log() < 3 << 20; index++) opened.add(minute(index, { visits: 1 }));
  opened.maintain();
  expect(log()).toBeGreaterThan(3 << 20);
  upMs += 10 * MINUTE_MS;
  opened.maintain();
  expect(log()).toBe(0);
});

describe("damage", () => {
  const aside = () => readdirSync(folder).filter((name) => name.includes(".aside-"));

  test.each([
    ["is no database", () => writeFileSync(join(folder, "statistics.db"), "x".repeat(9000))],
    ["was cut off", () => truncateSync(join(folder, "statistics.db"), 5000)],
    ["was overwritten", () => writeFileSync(join(folder, "statistics.db"), Buffer.alloc(40_000, 7))],
  ])("a file that %s is set aside, and a new one begun", (_, damage) => {
    const first = open({ least: 1 });
    for (let index = 1; index <= 50; index++) first.add(minute(index, { visits: 1 }));
    const { epoch } = first;
    first.close();
    damage();
    const second = open({ least: 1 });
    expect(second.setAside).toContain(aside()[0]);
    expect(second.epoch).not.toBe(epoch);
    expect(second.add(minute(51, { visits: 1 }))).toBe(true);
    expect(second.unsent(9).sums.map(({ seq }) => seq)).toEqual([1]);
  });

  test("two databases set aside are kept, not more", () => {
    for (let round = 0; round < 4; round++) {
      nowMs += 1000;
      open().close();
      writeFileSync(join(folder, "statistics.db"), "nonsense".repeat(1000));
    }
    open();
    expect(aside().length).toBe(2);
  });

  test("a database that is full to its limit is set aside while it runs", () => {
    const opened = open({ least: 1, maxPages: 24 });
    for (let index = 1; index <= 900; index++) expect(opened.add(minute(index, { visits: 1 }))).toBe(true);
    expect(opened.setAside).toMatch(/set aside .*full/);
    expect(aside().length).toBeGreaterThan(0);
    expect(statSync(opened.path).size).toBeLessThanOrEqual(24 * 4096);
  });

  test("the lock that a killed process left does not hinder", () => {
    open().add(minute(1, { visits: 12 }));
    store!.close();
    appendFileSync(join(folder, "other"), "");
    rmSync(join(folder, "other"));
    writeFileSync(join(folder, "statistics.db.lock"), "");
    expect(open().unsent(3).sums.length).toBe(1);
  });
});

test("a year of minutes takes less than 100 MB", { timeout: 120_000 }, () => {
  // A busy kiosk: a sum each minute, every column filled. A day stands for the year.
  const opened = open({ least: 10 });
  const busy = { visits: 23, mostFaces: 5, presentMs: 41_234, unsureMs: 3210, watchedMs: 59_987 };
  const minutes = 1500;
  for (let index = 1; index <= minutes; index++)
    opened.add(minute(index, { ...busy, expressionMs: eachExpression(() => 12_345) }));
  opened.close();
  const bytes = statSync(join(folder, "statistics.db")).size;
  expect((bytes / minutes) * 365 * 1440).toBeLessThan(100e6);
});
