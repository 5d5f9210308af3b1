import { describe, expect, test } from "vitest";
import { pointInSquare } from "../../src/pipeline/geometry.ts";
import { MotionMap } from "../../src/pipeline/motion-map.ts";
import type { Picture } from "../../src/pipeline/stages.ts";
import type { Box } from "../../src/types.ts";
import { normal, seeded } from "./made-world.ts";

const EVERYWHERE: Box = { x: 0, y: 0, width: 640, height: 480 };

/** A gray picture with noise and a bright disc. */
function picture(discX: number, discY: number, noise: () => number = () => 0): Picture {
  return {
    width: 640,
    height: 480,
    cut(square, size) {
      const rgba = new Uint8ClampedArray(size * size * 4);
      const disc = pointInSquare({ x: discX, y: discY }, square);
      for (let at = 0; at < size * size; at++) {
        const [x, y] = [((at % size) + 0.5) / size, (Math.floor(at / size) + 0.5) / size];
        const inside = Math.hypot(x - disc.x, y - disc.y) < 25 / square.side;
        rgba.fill((inside ? 180 : 90) + noise(), at * 4, at * 4 + 4);
      }
      return rgba;
    },
  };
}

describe("MotionMap", () => {
  test("everything counts as moved at first, then only cells that change", () => {
    const motion = new MotionMap();
    motion.watch(picture(100, 100), 10);
    expect(motion.since({ x: 300, y: 300, width: 20, height: 20 }, 0)).toBe(true);
    motion.watch(picture(100, 100), 20);
    expect(motion.since(EVERYWHERE, 10)).toBe(false);
    motion.watch(picture(160, 100), 30);
    expect(motion.since({ x: 60, y: 60, width: 80, height: 80 }, 10)).toBe(true);
    expect(motion.since({ x: 140, y: 80, width: 40, height: 40 }, 20)).toBe(true);
    expect(motion.since({ x: 300, y: 200, width: 300, height: 200 }, 10)).toBe(false);
    expect(motion.since(EVERYWHERE, 30)).toBe(false);
  });

  test("tells which share of a box changed", () => {
    const motion = new MotionMap();
    motion.watch(picture(100, 100), 10);
    expect(motion.shareSince(EVERYWHERE, 0)).toBe(1);
    motion.watch(picture(160, 100), 20);
    const share = motion.shareSince({ x: 0, y: 0, width: 320, height: 240 }, 10);
    expect(share).toBeGreaterThan(0);
    expect(share).toBeLessThan(0.25);
    expect(motion.shareSince({ x: 330, y: 250, width: 200, height: 200 }, 10)).toBe(0);
    // One cell, in the place that the disc has reached.
    expect(motion.shareSince({ x: 165, y: 105, width: 5, height: 5 }, 10)).toBe(1);
  });

  test("camera noise is not motion", () => {
    const random = seeded(11);
    const motion = new MotionMap();
    for (let frame = 0; frame < 30; frame++) {
      motion.watch(
        picture(100, 100, () => 2 * normal(random)),
        frame,
      );
    }
    expect(motion.since(EVERYWHERE, 1)).toBe(false);
  });

  test("a slow change is noticed", () => {
    const motion = new MotionMap();
    for (let frame = 0; frame < 40; frame++) motion.watch(picture(100 + frame, 100), frame);
    expect(motion.since(EVERYWHERE, 20)).toBe(true);
  });

  test("tells when anything changed last", () => {
    const motion = new MotionMap();
    motion.watch(picture(100, 100), 10);
    motion.watch(picture(160, 100), 20);
    motion.watch(picture(160, 100), 30);
    expect(motion.movedMs).toBe(20);
  });

  test("a box beyond the frame asks the cells at the frame's edge", () => {
    const motion = new MotionMap();
    motion.watch(picture(20, 240), 1);
    motion.watch(picture(20, 300), 2);
    expect(motion.since({ x: -500, y: 200, width: 520, height: 200 }, 1)).toBe(true);
    expect(motion.since({ x: 700, y: 200, width: 100, height: 200 }, 1)).toBe(false);
  });

  test("motion within explained boxes does not count", () => {
    const motion = new MotionMap();
    motion.watch(picture(300, 200), 1);
    motion.watch(picture(320, 200), 2);
    expect(motion.since(EVERYWHERE, 1)).toBe(true);
    expect(motion.since(EVERYWHERE, 1, [{ x: 250, y: 150, width: 150, height: 100 }])).toBe(false);
    expect(motion.since(EVERYWHERE, 1, [{ x: 400, y: 150, width: 150, height: 100 }])).toBe(true);
  });

  test("after a reset everything counts as moved again", () => {
    const motion = new MotionMap();
    motion.watch(picture(100, 100), 1);
    motion.watch(picture(100, 100), 2);
    motion.reset();
    motion.watch(picture(100, 100), 3);
    expect(motion.since(EVERYWHERE, 2)).toBe(true);
  });
});
