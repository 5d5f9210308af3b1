/** Random integer networks for tests, all of which the reader accepts. */
import { type Layer, type Network, type FeatureMap, outputMap, mapsOf } from "../../src/runtime/int8/network.ts";

/** Make a small random generator with a seed, so that a failure can be repeated (mulberry32). */
export function randomNumbers(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

export type Random = ReturnType<typeof randomNumbers>;

export const EMPTY: Omit<Layer, "kind" | "input" | "channels"> = {
  windowSize: 1,
  stride: 1,
  numbers: "byte",
  floor: 0,
  ceiling: 127,
  residual: -1,
  residualScale: 0,
  shift: 0,
  bits: 0,
  weights: new Int16Array(),
  bias: new Int32Array(),
  scale: new Float32Array(),
};

/** Make weights that are often extreme: the largest, the smallest, or any number between. */
function weightsOf(random: Random, count: number, most: number): Int16Array {
  const style = random(4);
  return Int16Array.from({ length: count }, () => {
    if (style === 0) return most;
    if (style === 1) return -most;
    return random(8) === 0 ? (random(2) ? most : -most) : random(2 * most + 1) - most;
  });
}

/** Make scales such that the outputs fill their range and sometimes exceed it. */
function scalesOf(random: Random, channels: number, sum: number, range: number): Float32Array {
  const least = 1 / sum;
  return Float32Array.from(
    { length: channels },
    () => Math.min((range * 4 ** (random(5) - 1)) / sum, 2 ** 21 / sum) + least,
  );
}

function weighted(random: Random, layer: Partial<Layer> & Pick<Layer, "kind" | "input">, source: FeatureMap): Layer {
  const full = { ...EMPTY, channels: 1, ...layer };
  const window = full.kind === "dense" ? source.height * source.width : full.windowSize ** 2;
  const row = window * source.channels;
  const most = Math.max(-source.floor, source.ceiling);
  const wide = full.bits > 8;
  const fits = 2 ** (full.bits - 1) - 1;
  const largest = wide ? Math.min(fits, Math.floor((2 ** 31 - 2 ** 20) / (row * most))) : fits;
  const sum = row * largest * most;
  return {
    ...full,
    weights: weightsOf(random, full.channels * row, largest),
    bias: Int32Array.from({ length: full.channels }, () => random(2 ** 16) - 2 ** 15),
    scale: scalesOf(random, full.channels, sum + 2 ** 15, full.ceiling),
  };
}

/** Make a layer that copies a map to the network's output, as floats. */
export function copy(input: number, plane: FeatureMap): Layer {
  const { channels } = plane;
  const weights = new Int16Array(channels * channels);
  for (let i = 0; i < channels; i++) weights[i * channels + i] = 1;
  return {
    ...EMPTY,
    ...{ kind: "convolution", input, channels, numbers: "float", bits: plane.numbers === "word" ? 16 : 8, weights },
    bias: new Int32Array(channels),
    scale: new Float32Array(channels).fill(1),
  };
}

const SIZES = [4, 8, 12, 16, 20, 24] as const;

/** Make a network of one to four layers, whose last maps are its outputs. */
export function randomNetwork(seed: number): Network {
  const random = randomNumbers(seed);
  const pick = <T>(values: readonly T[]): T => values[random(values.length)]!;
  const kind = pick(["gray", "color"] as const);
  const input = { kind, size: pick(SIZES), zero: random(128) };
  const layers: Layer[] = [];
  const planes = () => mapsOf({ input, layers });
  const range = (numbers: "byte" | "word") =>
    numbers === "byte" ? { numbers, floor: 0, ceiling: 127 } : { numbers, floor: pick([0, -32768]), ceiling: 32767 };

  const stem = pick(["byte", "word"] as const);
  const first = { kind: "convolution", input: 0, windowSize: pick([1, 2, 3, 4, 5]), stride: pick([1, 2]) } as const;
  layers.push(
    weighted(random, { ...first, ...range(stem), channels: 1 + random(40), bits: pick([7, 8]) }, planes()[0]!),
  );
  const more = random(4);
  for (let i = 0; i < more; i++) {
    const source = planes().length - 1;
    const plane = planes()[source]!;
    const what =
      plane.numbers === "byte"
        ? pick(["convolution", "convolution", "maximum", "average", "dense"])
        : pick(["convolution", "depthwise", "block", "block", "maximum"]);
    if (what === "average" || what === "dense") {
      if (what === "average") {
        const scale = Float32Array.of((0.5 + random(4)) / (plane.height * plane.width));
        layers.push({ ...EMPTY, kind: "average", input: source, windowSize: 0, channels: plane.channels, scale });
      } else {
        const numbers = range(pick(["byte", "word"]));
        layers.push(
          weighted(
            random,
            { kind: "dense", input: source, windowSize: 0, bits: 8, channels: 1 + random(20), ...numbers },
            plane,
          ),
        );
      }
    } else if (what === "maximum" && plane.floor === 0) {
      const { numbers, floor, ceiling, channels } = plane;
      const window = { windowSize: pick([1, 2, 3]), stride: pick([1, 2]) };
      layers.push({ ...EMPTY, kind: "maximum", input: source, channels, ...window, numbers, floor, ceiling });
    } else if (what === "depthwise" || what === "block") {
      pushBlock(source, plane, what === "block");
    } else {
      const numbers = range(plane.numbers === "float" ? "byte" : pick([plane.numbers, "byte", "word"]));
      const channels = 1 + random(40);
      const window = { windowSize: pick([1, 3, 3, 3, 4, 5]), stride: pick([1, 1, 2]) };
      const bits = plane.numbers === "byte" ? pick([7, 8]) : pick([8, 11, 16]);
      const layer = { kind: "convolution", input: source, channels, ...window, ...numbers, bits } as const;
      const made = weighted(random, layer, plane);
      layers.push(withShortcut(made, plane));
    }
  }
  const last = planes();
  layers.push(copy(last.length - 1, last.at(-1)!));
  // A second output; not between the halves of a block, whose shortcut needs them together.
  const before = last.at(-2)!;
  if (random(3) === 0 && last.length > 2 && layers[last.length - 3]!.kind !== "depthwise") {
    layers.push(copy(last.length - 2, before));
  }
  return { input, layers };

  function withShortcut(layer: Layer, source: FeatureMap): Layer {
    const out = outputMap(layer, source);
    const fits = planes()
      .map((plane, index) => ({ plane, index }))
      .filter(
        ({ plane, index }) =>
          index > 0 &&
          plane.height === out.height &&
          plane.width === out.width &&
          plane.channels <= out.channels &&
          plane.numbers === out.numbers,
      );
    if (fits.length === 0 || random(2) === 0) return layer;
    return { ...layer, residual: pick(fits).index, residualScale: Math.fround(pick([1, 0.37, 2.9])) };
  }

  function pushBlock(source: number, plane: FeatureMap, point: boolean): void {
    const windowSize = pick([3, 3, 5]);
    const taps = windowSize ** 2;
    const { channels } = plane;
    const largest = Math.floor((32767 - taps - 1000) / taps);
    const stride = pick([1, 2]);
    const stored = pick([
      { ...range("byte"), shift: random(9) },
      { ...range("word"), shift: 0 },
    ]);
    layers.push({
      ...EMPTY,
      ...{ kind: "depthwise", input: source, windowSize, stride, channels, bits: 16, ...stored },
      weights: weightsOf(random, taps * channels, largest),
      bias: Int32Array.from({ length: channels }, () => random(2000) - 1000),
    });
    if (!point) return;
    const under = planes().at(-1)!;
    const out = {
      kind: "convolution",
      input: source + 1,
      bits: under.numbers === "byte" ? pick([7, 8]) : pick([8, 13, 16]),
      ...range("word"),
    } as const;
    const made = weighted(random, { ...out, channels: channels + random(20) }, under);
    const halves = stride === 2 && plane.width % 2 === 0 && plane.height % 2 === 0;
    const shortcut = random(4) > 0 && (stride === 1 || halves);
    layers.push(shortcut ? { ...made, residual: source, residualScale: Math.fround(pick([1, 0.6])) } : made);
  }
}
