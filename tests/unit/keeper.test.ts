import { expect, test } from "vitest";
import { Keeper } from "../../kiosk/keeper.ts";
import type { Heartbeat } from "../../kiosk/pulse.ts";

const MINUTE_MS = 60_000;

/** A keeper whose clocks the test turns, from 00:00 on. */
function keep(nightlyRestart = "", screenRests = false) {
  const told: string[] = [];
  const logged: string[] = [];
  let nowMs = 0;
  let renewals = 0;
  let hasScreen = true;
  const keeper = new Keeper({
    nightlyRestart,
    screenRests,
    renew: () => renewals++,
    notify: (state) => told.push(state),
    log: (line) => logged.push(line),
    hasScreen: () => hasScreen,
    now: () => nowMs,
    clock: () => new Date(2026, 0, 1, 0, 0, 0, nowMs),
  });
  let beats = 0;
  return {
    keeper,
    told,
    logged,
    plugScreen: (isThere: boolean) => (hasScreen = isThere),
    pass: (ms: number) => (nowMs += ms),
    renewals: () => renewals,
    beat: (change: Partial<Heartbeat> = {}) => {
      beats++;
      nowMs += 5000;
      const counts = { frames: beats, results: beats, pictures: beats, faces: 0, heapBytes: 0 };
      keeper.beat({ page: "a", state: "running", source: "camera", error: null, ...counts, ...change });
    },
  };
}

const fed = (told: readonly string[]) => told.filter((state) => /^WATCHDOG=1$/m.test(state)).length;

test("only progress feeds the watchdog", () => {
  const { told, beat, keeper } = keep();
  beat();
  expect(fed(told)).toBe(0);
  beat();
  expect(fed(told)).toBe(1);
  beat({ results: 2 });
  expect(fed(told)).toBe(1);
  expect(told.at(-1)).toBe("STATUS=Not alive: the networks give no more results");
  expect(keeper.health()).toMatchObject({ alive: false, why: "the networks give no more results" });
  beat();
  expect(fed(told)).toBe(2);
  expect(told.at(-1)).toBe("WATCHDOG=1\nSTATUS=running from camera: 4 results, 0 in view");
});

test("the log names each reason once while it lasts, and no page that loads", () => {
  const { logged, beat } = keep();
  beat();
  beat();
  expect(logged).toEqual([]);
  for (let times = 0; times < 3; times++) beat({ results: 2 });
  expect(logged).toEqual(["Not alive: the networks give no more results"]);
  beat({ page: "b" });
  beat({ page: "b" });
  beat({ page: "b", pictures: 2 });
  expect(logged.slice(1)).toEqual(["Not alive: no picture reaches the screen"]);
});

test("a page that rests before a screen that is switched off for the night is alive, and no other", () => {
  for (const screenRests of [true, false]) {
    const { told, beat, keeper } = keep("", screenRests);
    beat();
    beat();
    beat({ state: "idle", pictures: 2 });
    expect(fed(told)).toBe(screenRests ? 2 : 1);
    beat({ state: "running", pictures: 2 });
    expect(keeper.health()).toMatchObject({ alive: false, why: "no picture reaches the screen" });
  }
});

test("a page that loads again gets time to start; a page that loads again and again does not", () => {
  const { told, beat } = keep();
  beat();
  beat();
  expect(fed(told)).toBe(1);
  beat({ page: "b" });
  expect(fed(told)).toBe(2);
  for (const page of ["c", "d", "e"]) beat({ page });
  expect(fed(told)).toBe(2);
});

test("two heartbeats in the same moment do not count as a standstill", () => {
  const { keeper, told, beat } = keep();
  beat();
  beat();
  const again = (keeper.health() as { heartbeat: Heartbeat }).heartbeat;
  keeper.beat(again);
  expect(keeper.health()).toMatchObject({ alive: true });
  expect(told).toHaveLength(2);
});

test("an invalid heartbeat does not feed the watchdog", () => {
  const { told, keeper } = keep();
  for (const posted of [{}, { page: "a" }, { frames: 1 }]) keeper.beat(posted);
  expect(told).toEqual([]);
});

test("a browser gets a limited time to start", () => {
  const { told, pass, keeper } = keep();
  for (let tick = 0; tick < 20; tick++) {
    keeper.tick();
    pass(10_000);
  }
  expect(fed(told)).toBe(9);
});

test("without a screen the browser need not live, and has time to start once there is one", () => {
  const { told, beat, keeper, pass, plugScreen } = keep();
  beat();
  beat();
  plugScreen(false);
  for (let ticks = 0; ticks < 100; ticks++) {
    pass(10_000);
    keeper.tick();
  }
  expect(fed(told)).toBe(101);
  beat();
  plugScreen(true);
  const before = fed(told);
  for (let ticks = 0; ticks < 100; ticks++) {
    pass(10_000);
    keeper.tick();
  }
  expect(fed(told)).toBe(before + 8);
});

test("the grace period ends with the first sign of life", () => {
  const { told, beat, keeper } = keep();
  beat();
  beat();
  keeper.tick();
  expect(fed(told)).toBe(1);
});

test("the exhibit restarts at night, in the first quiet minute", () => {
  const { pass, beat, keeper, renewals } = keep("04:00");
  pass(4 * 60 * MINUTE_MS - 1);
  keeper.tick();
  expect(renewals()).toBe(0);
  beat({ faces: 1 });
  pass(1);
  keeper.tick();
  expect(renewals()).toBe(0);
  pass(MINUTE_MS);
  keeper.tick();
  expect(renewals()).toBe(1);
});

test("the exhibit does not restart in a night in which somebody is always in view", () => {
  const { pass, beat, keeper, renewals } = keep("04:00");
  pass(4 * 60 * MINUTE_MS);
  for (let minute = 0; minute < 300; minute++) {
    beat({ faces: minute < 60 ? 1 : 0 });
    keeper.tick();
    pass(MINUTE_MS);
  }
  expect(renewals()).toBe(0);
});

test("an exhibit that has just started does not restart, nor does one whose settings say never", () => {
  const young = keep("00:30");
  young.pass(31 * MINUTE_MS);
  young.keeper.tick();
  expect(young.renewals()).toBe(0);
  const never = keep("");
  for (let hour = 0; hour < 48; hour++) {
    never.pass(60 * MINUTE_MS);
    never.keeper.tick();
  }
  expect(never.renewals()).toBe(0);
});
