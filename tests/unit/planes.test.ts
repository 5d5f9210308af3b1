import fc from "fast-check";
import { expect, test } from "vitest";
import { type Affine, SAME, chain, turned, undoTurn } from "../../src/runtime/affine.ts";
import { Planes } from "../../src/runtime/planes.ts";
import type { Rotation } from "../../src/types.ts";

const TURNS: readonly Rotation[] = [0, 90, 180, 270];

/** Make a gray RGBX frame, as browsers give it, whose pixels have the lights of `rows`. */
function grayFrame(
  rows: readonly (readonly number[])[],
  shown: Partial<VideoFrame> & { rotation?: number; flip?: boolean },
) {
  const [width, height] = [rows[0]!.length, rows.length];
  const bytes = Uint8Array.from(rows.flat().flatMap((light) => [light, light, light, 255]));
  const frame = {
    format: "RGBX",
    codedWidth: width,
    codedHeight: height,
    visibleRect: { x: 0, y: 0, width, height },
    displayWidth: width,
    displayHeight: height,
    allocationSize: () => bytes.length,
    copyTo: async (to: Uint8Array) => void to.set(bytes),
    ...shown,
  };
  return frame as unknown as VideoFrame;
}

/** Cut the whole of a square picture, pixel by pixel. */
async function lightsOf(frame: VideoFrame, turn: Rotation): Promise<number[][]> {
  const { width, height, cut } = (await new Planes().read(frame, turn))!;
  const lights = Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => cut({ centerX: x + 0.5, centerY: y + 0.5, side: 1, roll: 0 }, 1)[0]!),
  );
  return lights;
}

const WIDE = [
  [10, 20, 30, 40],
  [50, 60, 70, 80],
];

test.each([
  [0, WIDE],
  [
    90,
    [
      [50, 10],
      [60, 20],
      [70, 30],
      [80, 40],
    ],
  ],
  [
    180,
    [
      [80, 70, 60, 50],
      [40, 30, 20, 10],
    ],
  ],
  [
    270,
    [
      [40, 80],
      [30, 70],
      [20, 60],
      [10, 50],
    ],
  ],
] as const)("a turn by %i degrees is clockwise", async (turn, expected) => {
  expect(await lightsOf(grayFrame(WIDE, {}), turn)).toEqual(expected);
});

test("a turn comes after the frame's own rotation and its mirror", async () => {
  for (const rotation of TURNS) {
    const size = rotation % 180 === 0 ? {} : { displayWidth: 2, displayHeight: 4 };
    for (const turn of TURNS) {
      const both = ((rotation + turn) % 360) as Rotation;
      expect(await lightsOf(grayFrame(WIDE, { rotation, ...size }), turn)).toEqual(
        await lightsOf(grayFrame(WIDE, {}), both),
      );
      const mirrored = await lightsOf(grayFrame(WIDE, { rotation, flip: true, ...size }), 0);
      const asShown = grayFrame(mirrored, {});
      expect(await lightsOf(grayFrame(WIDE, { rotation, flip: true, ...size }), turn)).toEqual(
        await lightsOf(asShown, turn),
      );
    }
  }
});

test("a frame with oblong pixels is turned as it is shown", async () => {
  const picture = await new Planes().read(grayFrame(WIDE, { displayWidth: 8, displayHeight: 2 }), 90);
  expect([picture?.width, picture?.height]).toEqual([2, 8]);
  const lightAt = (centerX: number, centerY: number) => picture!.cut({ centerX, centerY, side: 0.5, roll: 0 }, 1)[0];
  expect([lightAt(0.5, 1), lightAt(1.5, 1), lightAt(0.5, 7), lightAt(1.5, 7)]).toEqual([50, 10, 80, 40]);
});

/** Make +0 of -0, which the matcher tells apart. */
function positive(map: Affine): Affine {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, value + 0])) as unknown as Affine;
}

test("undoing a turn leads back to each point, and four quarter turns change nothing", () => {
  const size = fc.integer({ min: 1, max: 2000 });
  fc.assert(
    fc.property(fc.constantFrom(...TURNS), size, size, (turn, width, height) => {
      expect(positive(chain(turned(turn, width, height), undoTurn(turn, width, height)))).toEqual(SAME);
      const quarters = [turned(90, width, height), turned(90, height, width)];
      expect(positive([...quarters, ...quarters].reduce(chain))).toEqual(SAME);
    }),
  );
});
