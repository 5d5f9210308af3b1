/**
 * Integer networks in plain TypeScript, number by number as `src/runtime/int8/network.ts` states them. The kernels are
 * tested against it.
 */
import { type Layer, type Network, type FeatureMap, mapsOf, samePadding } from "../../src/runtime/int8/network.ts";

/** Adding this to a number below 2^22 rounds it, ties to even. */
const ROUNDER = 1.5 * 2 ** 23;

function roundTiesToEven(real: number): number {
  return Math.fround(Math.fround(real) + ROUNDER) - ROUNDER;
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

function stored(real: number, { floor, ceiling }: Layer): number {
  return clamp(clamp(roundTiesToEven(real), -32768, 32767), floor, ceiling);
}

/** Convert pixels to the network's first numbers: [size * size * channels]. */
export function inputNumbers({ kind, size }: Network["input"], rgba: Uint8ClampedArray): Int32Array {
  const numbers: number[] = [];
  for (let pixel = 0; pixel < size * size; pixel++) {
    const [red, green, blue] = [rgba[pixel * 4]!, rgba[pixel * 4 + 1]!, rgba[pixel * 4 + 2]!];
    if (kind === "gray") numbers.push((77 * red + 150 * green + 29 * blue + 128) >> 9);
    else numbers.push(...[red, green, blue].map((byte) => Math.min((byte + 1) >> 1, 127)));
  }
  return Int32Array.from(numbers);
}

/** Visit each tap of a window, with the index of its first number, or -1 where it lies in the padding. */
function eachOfWindow(
  plane: FeatureMap,
  { windowSize, stride }: Layer,
  y: number,
  x: number,
  visit: (at: number, tap: number) => void,
): void {
  const top = y * stride - samePadding(plane.height, windowSize, stride).before;
  const left = x * stride - samePadding(plane.width, windowSize, stride).before;
  for (let j = 0; j < windowSize; j++) {
    for (let i = 0; i < windowSize; i++) {
      const inside = top + j >= 0 && top + j < plane.height && left + i >= 0 && left + i < plane.width;
      visit(inside ? ((top + j) * plane.width + left + i) * plane.channels : -1, j * windowSize + i);
    }
  }
}

/** Compute the exact sum of one output; `zero` fills the padding. */
function sumOf(
  layer: Layer,
  source: FeatureMap,
  values: ArrayLike<number>,
  zero: number,
  at: readonly [number, number, number],
): number {
  const [y, x, channel] = at;
  let sum = layer.bias[channel]!;
  if (layer.kind === "dense") {
    const row = source.height * source.width * source.channels;
    for (let i = 0; i < row; i++) sum += layer.weights[channel * row + i]! * values[i]!;
    return sum;
  }
  const { channels } = source;
  eachOfWindow(source, layer, y, x, (from, tap) => {
    const weights = (channel * layer.windowSize ** 2 + tap) * channels;
    for (let c = 0; c < channels; c++) sum += layer.weights[weights + c]! * (from < 0 ? zero : values[from + c]!);
  });
  return sum;
}

function convolve(
  layer: Layer,
  source: FeatureMap,
  out: FeatureMap,
  values: ArrayLike<number>,
  zero: number,
  shortcut: { plane: FeatureMap; values: ArrayLike<number> } | undefined,
): Float64Array {
  const result = new Float64Array(out.height * out.width * out.channels);
  let to = 0;
  for (let y = 0; y < out.height; y++) {
    for (let x = 0; x < out.width; x++) {
      for (let channel = 0; channel < out.channels; channel++) {
        const sum = sumOf(layer, source, values, zero, [y, x, channel]);
        let real = Math.fround(Math.fround(sum) * layer.scale[channel]!);
        if (shortcut) {
          const added = channel < shortcut.plane.channels ? shortcutAt(shortcut, out, y, x, channel) : 0;
          real = Math.fround(real + Math.fround(added * layer.residualScale));
        }
        result[to++] = layer.numbers === "float" ? real : stored(real, layer);
      }
    }
  }
  return result;
}

function shortcutAt(
  { plane, values }: { plane: FeatureMap; values: ArrayLike<number> },
  out: FeatureMap,
  y: number,
  x: number,
  channel: number,
): number {
  const at = (row: number, column: number) => values[(row * plane.width + column) * plane.channels + channel]!;
  if (plane.height === out.height && plane.width === out.width) return at(y, x);
  return Math.max(at(2 * y, 2 * x), at(2 * y, 2 * x + 1), at(2 * y + 1, 2 * x), at(2 * y + 1, 2 * x + 1));
}

function depthwise(layer: Layer, source: FeatureMap, out: FeatureMap, values: ArrayLike<number>): Float64Array {
  const { channels } = out;
  const result = new Float64Array(out.height * out.width * channels);
  let to = 0;
  for (let y = 0; y < out.height; y++) {
    for (let x = 0; x < out.width; x++) {
      for (let channel = 0; channel < channels; channel++) {
        let sum = layer.bias[channel]!;
        eachOfWindow(source, layer, y, x, (from, tap) => {
          const value = from < 0 ? 0 : values[from + channel]!;
          sum += (layer.weights[tap * channels + channel]! * value + 2 ** 14) >> 15;
        });
        const isByte = layer.numbers === "byte";
        result[to++] = isByte ? clamp(sum >> layer.shift, 0, 127) : Math.max(sum, layer.floor);
      }
    }
  }
  return result;
}

function maximum(layer: Layer, source: FeatureMap, out: FeatureMap, values: ArrayLike<number>): Float64Array {
  const result = new Float64Array(out.height * out.width * out.channels);
  let to = 0;
  for (let y = 0; y < out.height; y++) {
    for (let x = 0; x < out.width; x++) {
      for (let channel = 0; channel < out.channels; channel++) {
        let best = 0;
        eachOfWindow(source, layer, y, x, (from) => {
          if (from >= 0) best = Math.max(best, values[from + channel]!);
        });
        result[to++] = best;
      }
    }
  }
  return result;
}

function average(layer: Layer, source: FeatureMap, values: ArrayLike<number>): Float64Array {
  const { channels } = source;
  return Float64Array.from({ length: channels }, (_, channel) => {
    let sum = 0;
    for (let i = channel; i < values.length; i += channels) sum += values[i]!;
    return stored(Math.fround(Math.fround(sum) * layer.scale[0]!), layer);
  });
}

/** Compute the numbers of every feature map, [height, width, channels]: the input's first, then each layer's. */
export function referenceMaps(network: Network, rgba: Uint8ClampedArray): ArrayLike<number>[] {
  const planes = mapsOf(network);
  const values: ArrayLike<number>[] = [inputNumbers(network.input, rgba)];
  network.layers.forEach((layer, index) => {
    const source = planes[layer.input]!;
    const out = planes[index + 1]!;
    const given = values[layer.input]!;
    const zero = layer.input === 0 ? network.input.zero : 0;
    if (layer.kind === "depthwise") values.push(depthwise(layer, source, out, given));
    else if (layer.kind === "maximum") values.push(maximum(layer, source, out, given));
    else if (layer.kind === "average") values.push(average(layer, source, given));
    else {
      const shortcut =
        layer.residual < 0 ? undefined : { plane: planes[layer.residual]!, values: values[layer.residual]! };
      values.push(convolve(layer, source, out, given, zero, shortcut));
    }
  });
  return values;
}

/** Compute the network's outputs, one after the other, without the padding of their channels. */
export function reference(network: Network, rgba: Uint8ClampedArray): Float32Array {
  const values = referenceMaps(network, rgba);
  return Float32Array.from(
    network.layers.flatMap((layer, index) => (layer.numbers === "float" ? Array.from(values[index + 1]!) : [])),
  );
}
