import { expect, test } from "vitest";
import { checkReading } from "../../src/runtime/pixels.ts";
import { seeded } from "../seeded.ts";

/** Make a canvas of one colour whose reads pass through `change`. */
function canvasThat(change: (level: number) => number): Parameters<typeof checkReading>[0] {
  let colour = [0, 0, 0];
  return {
    set fillStyle(style: string) {
      colour = style.match(/\d+/g)!.map(Number);
    },
    fillRect: () => {},
    getImageData: (_x: number, _y: number, width: number, height: number) => ({
      data: new Uint8ClampedArray(width * height * 4).map((_, at) => change([...colour, 255][at % 4]!)),
    }),
  } as unknown as Parameters<typeof checkReading>[0];
}

test("a canvas that gives what was drawn is trusted, also where single levels differ by one", () => {
  expect(() => checkReading(canvasThat((level) => level))).not.toThrow();
  expect(() => checkReading(canvasThat((level) => level ^ 1))).not.toThrow();
});

const random = seeded(7);

const CHANGES: readonly (readonly [name: string, change: () => number])[] = [
  ["noise", () => random() * 256],
  ["white", () => 255],
  ["black", () => 0],
];

test.each(CHANGES)("a canvas that gives %s is refused with a remedy", (_name, change) => {
  expect(() => checkReading(canvasThat(change))).toThrow(
    expect.objectContaining({ code: "unsupported-browser", message: expect.stringMatching(/resistFingerprinting/) }),
  );
});
