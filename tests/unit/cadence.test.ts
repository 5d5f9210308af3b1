import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Cadence, FRAME_BUDGET_MS, LADDER } from "../../src/pipeline/cadence.ts";
import type { Pace } from "../../src/types.ts";

const FRAME_MS = 1000 / 15;

interface Machine {
  readonly detectMs: number;
  readonly classifyMs: number;
  readonly faces: number;
}

/** Run frames on a machine of the given speed, and list the rungs that were taken. */
function run(cadence: Cadence, machine: Machine, seconds: number, startMs = 0, pace: Pace = "adaptive") {
  const rungs: string[] = [];
  let spentMs = 0;
  for (let frame = 0; frame < seconds * 15; frame++) {
    if (cadence.looks(startMs + frame * FRAME_MS, machine.faces, pace) > 0) {
      cadence.lookTook(machine.detectMs);
      spentMs += machine.detectMs;
    }
    let classified = 0;
    for (let id = 1; id <= machine.faces; id++) if (cadence.wantsClassification(id)) classified += 1;
    cadence.classificationTook(classified * machine.classifyMs, classified);
    spentMs += classified * machine.classifyMs;
    rungs.push(cadence.rung.name);
  }
  return { rungs, meanMs: spentMs / (seconds * 15) };
}

const machines = fc.record({
  detectMs: fc.double({ min: 0.2, max: 120, noNaN: true }),
  classifyMs: fc.double({ min: 0.2, max: 80, noNaN: true }),
  faces: fc.integer({ min: 0, max: 6 }),
});

describe("Cadence", () => {
  test("a fast machine skips nothing", () => {
    expect(new Set(run(new Cadence(), { detectMs: 1, classifyMs: 1, faces: 4 }, 10).rungs)).toEqual(new Set(["full"]));
  });

  test("a slow machine stays within the budget, or takes the last rung", () => {
    fc.assert(
      fc.property(machines, (machine) => {
        const cadence = new Cadence();
        run(cadence, machine, 5);
        const { meanMs } = run(cadence, machine, 8, 5000);
        const last = LADDER.at(-1);
        expect(meanMs <= 1.05 * FRAME_BUDGET_MS || cadence.rung.name === last?.name).toBe(true);
      }),
    );
  });

  test("a machine of constant speed settles on one rung", () => {
    fc.assert(
      fc.property(machines, (machine) => {
        const cadence = new Cadence();
        run(cadence, machine, 5);
        expect(new Set(run(cadence, machine, 10, 5000).rungs).size).toBe(1);
      }),
    );
  });

  test("returns to the best rung when the machine is free again", () => {
    const cadence = new Cadence();
    run(cadence, { detectMs: 60, classifyMs: 30, faces: 2 }, 5);
    expect(cadence.rung.name).toBe("quarter");
    run(cadence, { detectMs: 5, classifyMs: 2, faces: 2 }, 10, 5000);
    expect(cadence.rung.name).toBe("full");
  });

  test("the pace measure skips nothing on a slow machine", () => {
    const cadence = new Cadence();
    const { meanMs } = run(cadence, { detectMs: 90, classifyMs: 40, faces: 3 }, 5, 0, "measure");
    expect(meanMs).toBeCloseTo(210, 6);
  });

  test("faces take turns: each is classified in one of four frames", () => {
    const cadence = new Cadence();
    run(cadence, { detectMs: 80, classifyMs: 40, faces: 4 }, 5);
    const turns = new Map<number, number>();
    for (let frame = 0; frame < 40; frame++) {
      cadence.looks(5000 + frame * FRAME_MS, 4, "adaptive");
      for (let id = 1; id <= 4; id++) if (cadence.wantsClassification(id)) turns.set(id, (turns.get(id) ?? 0) + 1);
    }
    expect([...turns.values()]).toEqual([10, 10, 10, 10]);
  });

  test("invalid times change nothing", () => {
    const cadence = new Cadence();
    for (const ms of [Number.NaN, -5, Number.POSITIVE_INFINITY]) {
      for (let count = 0; count < 9; count++) cadence.lookTook(ms);
    }
    expect(new Set(run(cadence, { detectMs: 1, classifyMs: 1, faces: 1 }, 3).rungs)).toEqual(new Set(["full"]));
  });
});
