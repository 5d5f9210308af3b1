import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Rect, type ShownFrame, placeBox, placeChip, placeMarks, turned } from "../../src/view/layout.ts";

const VGA: ShownFrame = { frameWidth: 640, frameHeight: 480, mirror: false, fit: "cover" };
const WHOLE = { x: 0, y: 0, width: 1, height: 1 };

describe("placing a box", () => {
  test("cover fills the layer and crops equally on both sides", () => {
    expect(placeBox(WHOLE, VGA, { width: 1920, height: 1080 })).toEqual({ x: 0, y: -180, width: 1920, height: 1440 });
    expect(placeBox(WHOLE, VGA, { width: 390, height: 844 })).toMatchObject({ y: 0, height: 844 });
  });

  test("contain shows the whole frame", () => {
    const place = placeBox(WHOLE, { ...VGA, fit: "contain" }, { width: 1920, height: 1080 });
    expect(place).toEqual({ x: 240, y: 0, width: 1440, height: 1080 });
  });

  test("mirrors the box", () => {
    const box = { x: 0.1, y: 0.2, width: 0.3, height: 0.4 };
    const layer = { width: 640, height: 480 };
    expect(placeBox(box, VGA, layer)).toEqual({ x: 64, y: 96, width: 192, height: 192 });
    const { x, ...rest } = placeBox(box, { ...VGA, mirror: true }, layer);
    expect(x).toBeCloseTo(640 - 64 - 192);
    expect(rest).toEqual({ y: 96, width: 192, height: 192 });
  });

  test("gives an empty box while the frame has no size", () => {
    expect(placeBox(WHOLE, { ...VGA, frameWidth: 0 }, { width: 10, height: 10 }).width).toBe(0);
  });

  test("undoes mirroring by mirroring again, and keeps the centre of the frame at the centre of the layer", () => {
    const share = fc.double({ min: 0.01, max: 0.5, noNaN: true });
    const length = fc.integer({ min: 100, max: 4000 });
    fc.assert(
      fc.property(share, share, length, length, fc.constantFrom("cover", "contain"), (width, x, w, h, fit) => {
        const layer = { width: w, height: h };
        const box = { x, y: x, width, height: width };
        const plain = placeBox(box, { ...VGA, fit }, layer);
        const other = placeBox({ ...box, x: 1 - x - width }, { ...VGA, fit, mirror: true }, layer);
        expect(other.x).toBeCloseTo(plain.x, 6);
        const middle = placeBox({ x: 0.5, y: 0.5, width: 0, height: 0 }, { ...VGA, fit }, layer);
        expect([middle.x, middle.y]).toEqual([w / 2, h / 2]);
      }),
    );
  });
});

describe("placing marks and chip", () => {
  const layer = { width: 1920, height: 1080 };
  const chip = { width: 300, height: 80 };

  test("the marks contain the face, and stay within the layer on each side where the face does", () => {
    const place = fc.integer({ min: -300, max: 2000 });
    const size = fc.integer({ min: 40, max: 900 });
    fc.assert(
      fc.property(place, place, size, (x, y, side) => {
        const marks = placeMarks({ x, y, width: side, height: side }, layer);
        expect(marks.x).toBeLessThanOrEqual(x);
        expect(marks.y).toBeLessThanOrEqual(y);
        expect(marks.x + marks.width).toBeGreaterThanOrEqual(x + side);
        expect(marks.y + marks.height).toBeGreaterThanOrEqual(y + side);
        if (x >= 0) expect(marks.x).toBeGreaterThanOrEqual(0);
        if (y >= 0) expect(marks.y).toBeGreaterThanOrEqual(0);
        if (x + side <= layer.width) expect(marks.x + marks.width).toBeLessThanOrEqual(layer.width);
        if (y + side <= layer.height) expect(marks.y + marks.height).toBeLessThanOrEqual(layer.height);
      }),
    );
  });

  const place = (marks: Rect, obstacles: readonly Rect[] = []) => placeChip(chip, marks, layer, obstacles)!;

  test("the chip is centred above the marks", () => {
    const { x, y } = place({ x: 800, y: 400, width: 300, height: 400 });
    expect(x).toBe(800);
    expect(y + chip.height).toBeLessThan(400);
  });

  test("the chip is below the marks without room above, and over the face without room below either", () => {
    expect(place({ x: 800, y: 20, width: 300, height: 400 }).y).toBeGreaterThan(420);
    const { y } = place({ x: 0, y: 10, width: 1000, height: 1060 });
    expect(y).toBeGreaterThan(0);
    expect(y).toBeLessThan(400);
  });

  test("the chip covers no obstacle", () => {
    const marks = { x: 800, y: 20, width: 300, height: 800 };
    expect(place(marks).y).toBeGreaterThan(820);
    const strip = { x: 0, y: 860, width: 1920, height: 220 };
    expect(place(marks, [strip]).y).toBeLessThan(200);
    const notice = { x: 800, y: 10, width: 600, height: 90 };
    expect(place(marks, [strip, notice]).y).toBeGreaterThan(100);
    const farAway = { x: 1500, y: 10, width: 300, height: 90 };
    expect(place(marks, [strip, farAway])).toEqual(place(marks, [strip]));
  });

  test("where texts take the room above, the chip lies below them over the forehead, if it leaves the brows free", () => {
    const texts = { x: 0, y: 10, width: 1920, height: 190 };
    const placeOn = (browsY: number) => {
      const marks = placeMarks({ x: 800, y: browsY, width: 400, height: 400 }, layer);
      return { marks, chip: place(marks, [texts]), chipWithoutTexts: place(marks) };
    };
    const low = placeOn(300);
    expect(low.chip.y).toBeGreaterThan(200);
    expect(low.chip.y + chip.height).toBeLessThanOrEqual(300);
    expect(low.chipWithoutTexts.y + chip.height).toBeLessThan(low.marks.y);
    const high = placeOn(260);
    expect(high.chip.y).toBeGreaterThan(high.marks.y + high.marks.height);
    expect(high.chipWithoutTexts.y + chip.height).toBeLessThan(high.marks.y);
  });

  test("a face out of view has no chip", () => {
    expect(placeChip(chip, { x: -500, y: 20, width: 300, height: 800 }, layer)).toBe(null);
  });

  test("the chip is always within the layer", () => {
    const place = fc.integer({ min: -500, max: 2500 });
    fc.assert(
      fc.property(place, place, fc.integer({ min: 10, max: 1500 }), (x, y, side) => {
        const at = placeChip(chip, { x, y, width: side, height: side }, layer);
        if (at === null) return;
        expect(at.x).toBeGreaterThan(0);
        expect(at.y).toBeGreaterThan(0);
        expect(at.x + chip.width).toBeLessThan(layer.width);
        expect(at.y + chip.height).toBeLessThan(layer.height);
      }),
    );
  });
});

test("a quarter of a turn swaps width and height, half a turn does not", () => {
  const sizes = ([0, 90, 180, 270] as const).map((turn) => turned({ width: 640, height: 480 }, turn).width);
  expect(sizes).toEqual([640, 480, 640, 480]);
});
