import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { assign } from "../../src/pipeline/assign.ts";

const ALONE = 1;

/** Find the least total cost by exhaustive search. */
function leastCost(costs: readonly (readonly number[])[], row = 0, taken: readonly number[] = []): number {
  const line = costs[row];
  if (!line) return 0;
  let least = ALONE + leastCost(costs, row + 1, taken);
  line.forEach((cost, column) => {
    if (taken.includes(column) || !(cost < ALONE)) return;
    least = Math.min(least, cost + leastCost(costs, row + 1, [...taken, column]));
  });
  return least;
}

const table = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 5 })).chain(([rows, columns]) =>
  fc.array(
    fc.array(fc.oneof(fc.double({ min: 0, max: 1.5, noNaN: true }), fc.constant(Number.NaN)), {
      minLength: columns,
      maxLength: columns,
    }),
    { minLength: rows, maxLength: rows },
  ),
);

describe("assign", () => {
  test("finds the least total cost, uses each column once and makes no forbidden pair", () => {
    fc.assert(
      fc.property(table, (costs) => {
        const columns = costs[0]?.length ?? 0;
        const columnOf = assign(costs.length, columns, (row, column) => costs[row]?.[column] ?? Number.NaN, ALONE);
        const used = [...columnOf].filter((column) => column >= 0);
        expect(new Set(used).size).toBe(used.length);
        let sum = 0;
        columnOf.forEach((column, row) => {
          const cost = column < 0 ? ALONE : (costs[row]?.[column] ?? Number.NaN);
          expect(cost).toBeLessThanOrEqual(ALONE);
          sum += cost;
        });
        expect(sum).toBeCloseTo(leastCost(costs), 9);
      }),
      { numRuns: 500 },
    );
  });

  test("finds the optimum where a greedy choice would not", () => {
    const costs = [
      [0.1, 0.3],
      [0.2, 0.9],
    ];
    expect([...assign(2, 2, (row, column) => costs[row]?.[column] ?? Number.NaN, ALONE)]).toEqual([1, 0]);
  });
});
