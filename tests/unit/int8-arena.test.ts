import { expect, test } from "vitest";
import { type Room, place } from "../../src/runtime/int8/arena.ts";
import { randomNumbers } from "../int8/networks.ts";

function room(bytes: number, born: number, dies: number): Room {
  return { bytes, born, dies, at: -1 };
}

test("rooms that are never alive together share their bytes", () => {
  const rooms = [room(128, 0, 1), room(64, 1, 2), room(128, 2, 3)];
  expect(place(rooms)).toBe(192);
  expect(rooms.map(({ at }) => at)).toEqual([0, 128, 0]);
});

test("rooms that are alive together never overlap, and the arena ends with the last", () => {
  const random = randomNumbers(1);
  for (let round = 0; round < 100; round++) {
    const rooms = Array.from({ length: 1 + random(20) }, () => {
      const born = random(10);
      return room(64 * (1 + random(8)), born, born + random(4));
    });
    const end = place(rooms);
    expect(end).toBe(Math.max(...rooms.map(({ at, bytes }) => at + bytes)));
    const overlapping = rooms.filter((a) =>
      rooms.some(
        (b) => a !== b && a.born <= b.dies && b.born <= a.dies && a.at < b.at + b.bytes && b.at < a.at + a.bytes,
      ),
    );
    expect(overlapping).toEqual([]);
    expect(Math.min(...rooms.map(({ at }) => at))).toBe(0);
  }
});
