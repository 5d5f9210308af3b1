import fc from "fast-check";
import { expect, test } from "vitest";
import { coarseOf } from "../../src/pipeline/coarse.ts";
import type { Picture, Square } from "../../src/pipeline/stages.ts";

/** A picture whose red rises from left to right and whose green rises from top to bottom; black beyond the frame. */
function ramp(width: number, height: number): Picture {
  const cut = ({ centerX, centerY, side }: Square, size: number) => {
    const rgba = new Uint8ClampedArray(size * size * 4);
    for (let row = 0, at = 0; row < size; row++) {
      for (let column = 0; column < size; column++, at += 4) {
        const x = centerX + ((column + 0.5) / size - 0.5) * side;
        const y = centerY + ((row + 0.5) / size - 0.5) * side;
        if (x < width && y < height) rgba.set([(255 * x) / width, (255 * y) / height, 9], at);
        rgba[at + 3] = 255;
      }
    }
    return rgba;
  };
  return { width, height, cut };
}

const length = fc.integer({ min: 1, max: 8000 });

test("a frame of any size gives 28 points at most along each side, all from the frame and in order", () => {
  fc.assert(
    fc.property(length, length, (width, height) => {
      const { rgba, ...size } = coarseOf(ramp(width, height));
      expect(Math.max(size.width, size.height)).toBe(28);
      expect(Math.min(size.width, size.height)).toBeGreaterThanOrEqual(1);
      expect(rgba).toHaveLength(size.width * size.height * 4);
      // A frame thinner than a point is the one exception.
      if (Math.max(width, height) / Math.min(width, height) > 28) return;
      for (let at = 0; at < rgba.length; at += 4) expect(rgba[at + 2]).toBe(9);
      const end = rgba.length - 4;
      expect([rgba[0]! < 255 / size.width + 1, rgba[1]! < 255 / size.height + 1]).toEqual([true, true]);
      expect(rgba[end]! > 255 - 2 * (255 / size.width) - 1).toBe(true);
      expect(rgba[end + 1]! > 255 - 2 * (255 / size.height) - 1).toBe(true);
    }),
  );
});
