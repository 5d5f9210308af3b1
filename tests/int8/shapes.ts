/**
 * Small networks with names: each runs one kernel at one shape whose edges matter, after XNNPACK's
 * `gemm-microkernel-tester.h`. A whole network that differs from the reference says little about where; these do.
 */
import { type FeatureMap, type Layer, type Network, mapsOf } from "../../src/runtime/int8/network.ts";
import type { Operation } from "../../src/runtime/int8/steps.ts";
import { EMPTY, type Random, copy, randomNumbers } from "./networks.ts";

/** A named network, and the step that it must have. */
export interface Shape {
  readonly name: string;
  readonly operation: Operation;
  readonly network: Network;
}

type Range = Pick<Layer, "numbers" | "floor" | "ceiling">;
const BYTES: Range = { numbers: "byte", floor: 0, ceiling: 127 };
const WORDS: Range = { numbers: "word", floor: -32768, ceiling: 32767 };
const POSITIVE_WORDS: Range = { numbers: "word", floor: 0, ceiling: 32767 };

/** A layer as a shape states it; weights, biases and scales are made for it. */
type Wanted = Partial<Layer> & Pick<Layer, "kind">;

/** Weights of both signs, and scales such that most outputs lie within their range and some are clamped. */
function filled(random: Random, layer: Wanted & Pick<Layer, "input">, source: FeatureMap): Layer {
  const full = { ...EMPTY, channels: 1, ...layer };
  if (full.kind === "maximum") return { ...full, channels: source.channels };
  if (full.kind === "average") {
    const scale = Float32Array.of(1.1 / (source.height * source.width));
    return { ...full, windowSize: 0, channels: source.channels, scale };
  }
  const bias = (most: number) => Int32Array.from({ length: full.channels }, () => random(2 * most + 1) - most);
  const weights = (count: number, most: number) =>
    Int16Array.from({ length: count }, () => random(2 * most + 1) - most);
  if (full.kind === "depthwise") {
    const taps = full.windowSize ** 2;
    const most = Math.floor((WORDS.ceiling - taps - 100) / taps);
    return { ...full, bits: 16, weights: weights(taps * full.channels, most), bias: bias(100) };
  }
  const row = (full.kind === "dense" ? source.height * source.width : full.windowSize ** 2) * source.channels;
  const bits = source.numbers === "byte" ? 8 : 11;
  const most = 2 ** (bits - 1) - 1;
  const typical = most * Math.max(source.ceiling, 127) * Math.sqrt(row) * 0.4;
  return {
    ...full,
    bits,
    weights: weights(full.channels * row, most),
    bias: bias(Math.round(typical / 4)),
    scale: Float32Array.from({ length: full.channels }, () => (full.ceiling * (0.5 + random(100) / 100)) / typical),
  };
}

/**
 * Make a network whose map `side` x `side` x `channels` the wanted layers read; the last map is copied to the output.
 * Inputs are multiples of four pixels wide: an odd side takes layers that halve.
 */
function networkOn(side: number, channels: number, range: Range, wanted: readonly Wanted[]): Network {
  const random = randomNumbers(side * 1000 + channels);
  const halvings = side % 4 === 0 ? 0 : side % 2 === 0 ? 1 : 2;
  const input = { kind: "gray", size: side * 2 ** halvings, zero: 9 } as const;
  const stem: Wanted = { ...range, kind: "convolution", windowSize: 3, channels };
  const stems =
    halvings === 2
      ? [
          { ...stem, stride: 2, channels: 5 },
          { ...stem, stride: 2 },
        ]
      : [{ ...stem, stride: halvings + 1 }];
  const layers: Layer[] = [];
  for (const layer of [...stems, ...wanted]) {
    const maps = mapsOf({ input, layers });
    const residual = layer.residual === undefined || layer.residual < 0 ? -1 : stems.length + layer.residual;
    layers.push(filled(random, { ...layer, residual, input: layers.length }, maps.at(-1)!));
  }
  if (layers.at(-1)!.numbers !== "float") layers.push(copy(layers.length, mapsOf({ input, layers }).at(-1)!));
  return { input, layers };
}

function shape(operation: Operation, name: string, network: Network): Shape {
  return { name: `${operation}: ${name}`, operation, network };
}

const conv = (windowSize: number, channels: number, more: Partial<Layer> = {}): Wanted => ({
  ...{ ...BYTES, kind: "convolution", windowSize, channels },
  ...more,
});
const depthwise = (windowSize: number, channels: number, stride: number): Wanted => ({
  ...{ ...WORDS, kind: "depthwise", windowSize, channels, stride },
});
/** A depthwise convolution whose outputs are bytes. */
const narrow = (windowSize: number, channels: number, stride: number, shift: number): Wanted => ({
  ...{ ...depthwise(windowSize, channels, stride), ...BYTES, shift },
});
const point = (channels: number, more: Partial<Layer> = {}): Wanted => conv(1, channels, { ...WORDS, ...more });

const product = (name: string, side: number, channels: number, range: Range, layer: Wanted): Shape =>
  shape("convolution", name, networkOn(side, channels, range, [layer]));

/** A residual of map `n` after the stem: 0 is the map that the shape's layers read. */
const adding = (residual: number, residualScale = 1): Partial<Layer> => ({ residual, residualScale });

export const SHAPES: readonly Shape[] = [
  product("one pixel, one input, one output", 1, 1, WORDS, conv(1, 1, WORDS)),
  product("one pixel, eight outputs", 1, 8, BYTES, conv(1, 8)),
  product("four pixels in rows of two, all in one tile", 2, 8, BYTES, conv(1, 8)),
  product("nine pixels in rows of three: the last tile stores some again", 3, 8, BYTES, conv(1, 8)),
  product("25 pixels in rows of five: a tile spans two rows", 5, 8, BYTES, conv(1, 8)),
  product("nine outputs: a second tile of one", 4, 8, BYTES, conv(1, 9)),
  product("seven inputs: a quad is filled up with padding channels", 4, 7, BYTES, conv(1, 8)),
  product("seven inputs, 3x3: weights go on over the padding channels", 4, 7, BYTES, conv(3, 8, { stride: 2 })),
  product("2x2 window, padding only after", 5, 8, BYTES, conv(2, 8)),
  product("3x3 window larger than the map", 1, 16, BYTES, conv(3, 8)),
  product("5x5 window at stride 2, odd side", 7, 3, BYTES, conv(5, 10, { stride: 2 })),
  product("7x7 window", 8, 4, BYTES, conv(7, 8)),
  product("ceiling below a byte's", 4, 8, BYTES, conv(1, 8, { ceiling: 100 })),
  product("residual", 5, 8, BYTES, conv(1, 8, adding(0))),
  product("residual of one tile where there are three", 5, 8, BYTES, conv(1, 20, adding(0, 0.5))),
  product("residual, one pixel", 1, 8, BYTES, conv(1, 8, adding(0, 2.5))),
  product("bytes to words", 4, 8, BYTES, conv(1, 8, WORDS)),
  product("words to bytes", 4, 8, WORDS, conv(1, 8)),
  product("words, nine pixels, nine outputs", 3, 9, WORDS, conv(3, 9, WORDS)),
  product("words with a residual below zero", 5, 16, WORDS, conv(1, 16, { ...WORDS, ...adding(0) })),
  product("floats, one pixel, one output", 1, 8, BYTES, conv(1, 1, { numbers: "float" })),
  product("floats, nine pixels, nine outputs", 3, 8, WORDS, conv(1, 9, { numbers: "float" })),
  product("dense, bytes", 3, 8, BYTES, { ...BYTES, kind: "dense", windowSize: 0, channels: 9 }),
  product("dense, words to floats", 4, 5, WORDS, { kind: "dense", windowSize: 0, channels: 7, numbers: "float" }),

  ...[
    ["whole tiles", 6, 16, 8],
    ["one row and column over", 4, 16, 8],
    ["two rows and columns over", 5, 16, 8],
    ["17 inputs: padding channels", 6, 17, 8],
    ["32 outputs: one block", 4, 24, 32],
    ["33 outputs: a second block of one tile", 4, 24, 33],
    ["72 outputs: three blocks", 5, 16, 72],
    ["49 tiles in chunks of 16: the last has one", 20, 128, 8],
  ].map(([name, side, inputs, outputs]) =>
    shape("winograd", name as string, networkOn(side as number, inputs as number, BYTES, [conv(3, outputs as number)])),
  ),
  shape("winograd", "residual", networkOn(5, 16, BYTES, [conv(3, 16, adding(0))])),
  shape("winograd", "residual of two tiles of five", networkOn(7, 16, BYTES, [conv(3, 40, adding(0, 0.7))])),
  shape("winograd", "to words", networkOn(5, 16, BYTES, [conv(3, 12, WORDS)])),

  ...[3, 5].flatMap((windowSize) =>
    [1, 2].flatMap((stride) =>
      (
        [
          [1, 1],
          [5, 8],
          [6, 9],
          [4, 24],
        ] as const
      ).map(([side, channels]) =>
        shape(
          "depthwise",
          `${windowSize}x${windowSize} at stride ${stride}, side ${side}, ${channels} channels`,
          // A second reader keeps it from running as a block.
          networkOn(side, channels, WORDS, [
            depthwise(windowSize, channels, stride),
            { ...WORDS, kind: "depthwise", windowSize: 1, channels },
            point(channels, adding(1)),
          ]),
        ),
      ),
    ),
  ),

  shape("block", "no shortcut", networkOn(4, 8, POSITIVE_WORDS, [depthwise(3, 8, 1), point(8)])),
  shape("block", "shortcut", networkOn(5, 8, POSITIVE_WORDS, [depthwise(3, 8, 1), point(8, adding(0))])),
  shape(
    "block",
    "more outputs than inputs",
    networkOn(5, 9, POSITIVE_WORDS, [depthwise(3, 9, 1), point(20, adding(0))]),
  ),
  shape(
    "block",
    "rows in chunks of three: the last has one",
    networkOn(10, 8, WORDS, [depthwise(5, 8, 1), point(8, adding(0))]),
  ),
  shape("block", "rows wider than a chunk", networkOn(36, 8, WORDS, [depthwise(3, 8, 1), point(8, adding(0))])),
  shape("block", "bytes within, no shortcut", networkOn(4, 8, WORDS, [narrow(3, 8, 1, 3), point(8)])),
  shape("block", "bytes within, all bits kept", networkOn(4, 8, WORDS, [narrow(3, 8, 1, 0), point(8)])),
  shape("block", "bytes within, seven channels", networkOn(5, 7, WORDS, [narrow(3, 7, 1, 8), point(9, adding(0))])),
  shape("block", "bytes within, 5x5", networkOn(10, 9, WORDS, [narrow(5, 9, 1, 4), point(16, adding(0))])),
  shape("block", "bytes within, halves", networkOn(7, 8, WORDS, [narrow(3, 8, 2, 2), point(8)])),
  shape("block", "bytes within, maxima", networkOn(20, 20, WORDS, [narrow(3, 20, 2, 2), point(24, adding(0, 0.6))])),
  shape("block", "halves, no shortcut, odd side", networkOn(7, 8, WORDS, [depthwise(3, 8, 2), point(8)])),
  shape("block", "halves, shortcut of maxima", networkOn(4, 8, WORDS, [depthwise(3, 8, 2), point(16, adding(0))])),
  shape(
    "block",
    "halves in chunks of three rows",
    networkOn(20, 17, WORDS, [depthwise(5, 17, 2), point(24, adding(0, 0.6))]),
  ),

  ...([BYTES, POSITIVE_WORDS] as const).flatMap((range) =>
    (
      [
        [1, 1, 4, 8],
        [2, 2, 4, 9],
        [2, 2, 5, 8],
        [3, 1, 5, 16],
        [3, 2, 1, 3],
      ] as const
    ).map(([windowSize, stride, side, channels]) =>
      shape(
        "maximum",
        `${windowSize}x${windowSize} at stride ${stride}, side ${side}, ${channels} channels of ${range.numbers}s`,
        networkOn(side, channels, range, [{ ...range, kind: "maximum", windowSize, stride }]),
      ),
    ),
  ),

  ...([BYTES, WORDS] as const).flatMap((range) =>
    [1, 5, 12].map((side) =>
      shape(
        "average",
        `side ${side}, 9 channels of ${range.numbers}s`,
        networkOn(side, 9, range, [{ ...range, kind: "average", windowSize: 0 }]),
      ),
    ),
  ),
];
