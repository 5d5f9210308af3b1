/**
 * BlazeFace in integers: products of bytes. Pixels have 7 bits; the first and the pointwise convolutions have weights of 8
 * bits, and the depthwise outputs that those multiply have 7, in a range of each channel's own, but in four blocks. What is
 * added up from block to block, and what the heads read, keeps 15 bits.
 */
import type { TfliteConstant, TfliteGraph, TfliteOperator, TfliteTensor } from "../blazeface/tflite.ts";
import type { Layer, Network } from "../../src/runtime/int8/network.ts";

/** The numbers that the float network reached on faces; `models/blazeface/calibration.json` has them. */
export interface Calibration {
  /** The largest activation at each ReLU, in the network's order. */
  readonly largest: readonly number[];
  /** The least and the largest output of each depthwise convolution's channels, in the network's order. */
  readonly ranges: readonly { readonly low: readonly number[]; readonly high: readonly number[] }[];
}

/** Activations saturate at this many times the largest one that calibration saw. */
const HEADROOM = 1.5;
const INT7 = 127;
const INT16 = 32767;
const INT32 = 2 ** 31 - 1;
/** The largest number that the reader lets be rounded, less what scales lose in float32. */
const ROUNDABLE = 2 ** 22 - 2 ** 10;
/** Pixels are 0..127, with 64 for the network's 0: see `Input` in network.ts. */
const INPUT = { zero: 64, unit: 2 / 127.5 };
/**
 * Bits that are dropped of a depthwise sum. A channel's unit is chosen for two at least, so that nine roundings stay small
 * beside a byte's; the room that rounding itself wants leaves one in two of the blocks.
 */
const WANTED_SHIFT = 2;
const MOST_SHIFT = 8;

/**
 * The blocks whose depthwise outputs keep 16 bits, from 0. In 7 bits the first one loses most, and 8 to 10, before the head
 * of the small faces, most for the time that they take. Over cuts of photographs the mean IoU with the float network is
 * 0.986 so, 0.980 with block 0 alone and 0.993 with all (`measure-blazeface.ts`, which takes any other choice).
 */
export const WIDE_BLOCKS: readonly number[] = [0, 8, 9, 10];

type Convolution = Extract<TfliteOperator, { kind: "conv2d" }>;
type Depthwise = Extract<TfliteOperator, { kind: "depthwiseConv2d" }>;

/** A feature map of the integer network, and the real number q * units[channel] + lows[channel] that its q stands for. */
interface Made {
  /** Its index in the network: 0 is the input. */
  readonly map: number;
  readonly units: readonly number[];
  readonly lows: readonly number[];
  readonly numbers: "byte" | "word";
}

/** The largest number of a map. */
const MOST = { byte: INT7, word: INT16 } as const;
/** Bits of a weight that multiplies the numbers of a map; depthwise weights have 16. */
const WEIGHT_BITS = { byte: 8, word: 11 } as const;

const NOTHING = { residual: -1, residualScale: 0, shift: 0, stride: 1 } as const;

class Packer {
  readonly #graph: TfliteGraph;
  readonly #ranges: Calibration["ranges"];
  readonly layers: Layer[] = [];
  readonly #made = new Map<number, Made>();
  readonly #wide: ReadonlySet<number>;
  #blocks = 0;

  constructor(graph: TfliteGraph, ranges: Calibration["ranges"], wide: readonly number[]) {
    this.#graph = graph;
    this.#wide = new Set(wide);
    this.#ranges = ranges;
    const each = (value: number) => [value, value, value];
    const units = each(INPUT.unit);
    this.#made.set(graph.inputs[0]!.index, { map: 0, units, lows: each(-INPUT.zero * INPUT.unit), numbers: "byte" });
  }

  /** Find the operator that makes a tensor. */
  maker(tensor: TfliteTensor): TfliteOperator {
    const found = this.#graph.operators.find((operator) => operator.output.index === tensor.index);
    if (!found) throw new Error(`Nothing makes the tensor ${tensor.name}.`);
    return found;
  }

  of(tensor: TfliteTensor): Made {
    const made = this.#made.get(tensor.index);
    if (!made) throw new Error(`The tensor ${tensor.name} is not made by a ReLU: this is no BlazeFace network.`);
    return made;
  }

  /** Add the layers of a ReLU and of what is before it: the first convolution, or a block with its shortcut. */
  relu(operator: Extract<TfliteOperator, { kind: "relu" }>, largest: number): void {
    const under = this.maker(operator.input);
    const scale = (largest * HEADROOM) / INT16;
    if (under.kind === "conv2d") {
      this.#convolution(under, this.of(under.input), operator.output, scale, undefined);
      return;
    }
    if (under.kind !== "add") throw new Error(`A ReLU stands on ${under.kind}: this is no BlazeFace network.`);
    const parts = under.inputs.map((input) => this.maker(input));
    const point = parts.find((part) => part.kind === "conv2d");
    const shortcut = under.inputs.find((_, i) => parts[i] !== point);
    if (point?.kind !== "conv2d" || !shortcut) throw new Error(`${under.output.name} is no block's sum.`);
    const taps = this.maker(point.input);
    if (taps.kind !== "depthwiseConv2d") throw new Error(`${point.output.name} does not follow a depthwise one.`);
    this.#convolution(point, this.#depthwise(taps), operator.output, scale, this.of(this.#shortcut(shortcut)));
  }

  /** Add a convolution that makes the network's outputs. */
  head(operator: Convolution): void {
    this.#convolution(operator, this.of(operator.input), operator.output, undefined, undefined);
  }

  /** Find the tensor before a shortcut's pooling and channel padding, which the kernels do themselves. */
  #shortcut(tensor: TfliteTensor): TfliteTensor {
    const operator = this.#made.has(tensor.index) ? undefined : this.maker(tensor);
    if (operator?.kind === "pad") {
      const onlyChannels = operator.paddings.every(
        ([before], i) => before === 0 && (i === 3 || operator.paddings[i]![1] === 0),
      );
      if (onlyChannels) return this.#shortcut(operator.input);
    }
    if (operator?.kind === "maxPool2d" && operator.filterWidth === 2 && operator.strideX === 2) return operator.input;
    if (operator) throw new Error(`A shortcut of ${operator.kind} is not supported.`);
    return tensor;
  }

  /**
   * Add a depthwise convolution, whose outputs are bytes. A channel's byte has the unit that makes 0..127 of its range,
   * or a coarser one where its largest possible sum wants it; sums have a finer one, by as many bits as 16 leave.
   */
  #depthwise({ filter, bias, input, strideX }: Depthwise): Made {
    const source = this.of(input);
    const unit = source.units[0]!;
    const [, windowSize, , channels] = filter.shape as [number, number, number, number];
    const taps = windowSize ** 2;
    const { low, high } = this.#ranges[this.#blocks]!;
    if (this.#wide.has(this.#blocks++)) return this.#wideDepthwise({ filter, bias, strideX }, source);
    // The largest possible sum of each channel; rounding may add half a unit to each tap's weight, and one to each product.
    const bounds = Array.from({ length: channels }, (_, channel) => {
      let sum = Math.abs(bias.values[channel]! - low[channel]!);
      for (let tap = 0; tap < taps; tap++) sum += Math.abs(filter.values[tap * channels + channel]!) * unit * 2 ** 15;
      return sum;
    });
    const most = INT16 - 2 * taps - 2 ** WANTED_SHIFT;
    const units = bounds.map((bound, channel) =>
      Math.max((high[channel]! - low[channel]!) / INT7, (bound * 2 ** WANTED_SHIFT) / most),
    );
    const steps = Math.max(...bounds.map((bound, channel) => bound / units[channel]!));
    const shift = Math.min(MOST_SHIFT, Math.floor(Math.log2((INT16 - 2 * taps) / (steps + 1))));
    const finer = (channel: number) => units[channel]! / 2 ** shift;
    const half = 2 ** (shift - 1);
    this.layers.push({
      ...NOTHING,
      ...{ kind: "depthwise", input: source.map, windowSize, stride: strideX, channels, numbers: "byte", bits: 16 },
      ...{ floor: 0, ceiling: INT7, shift },
      weights: Int16Array.from(filter.values, (weight, i) =>
        Math.round((weight * unit * 2 ** 15) / finer(i % channels)),
      ),
      bias: Int32Array.from(
        bias.values,
        (value, channel) => Math.round((value - low[channel]!) / finer(channel)) + half,
      ),
      scale: new Float32Array(),
    });
    return { map: this.layers.length, units, lows: low, numbers: "byte" };
  }

  /** Add a depthwise convolution whose outputs are words. Each channel's unit is such that its sums just fit 16 bits. */
  #wideDepthwise({ filter, bias, strideX }: Pick<Depthwise, "filter" | "bias" | "strideX">, source: Made): Made {
    const [, windowSize, , channels] = filter.shape as [number, number, number, number];
    const taps = windowSize ** 2;
    const unit = source.units[0]! * 2 ** 15;
    const units = Array.from({ length: channels }, (_, channel) => {
      let sum = Math.abs(bias.values[channel]!);
      for (let tap = 0; tap < taps; tap++) sum += Math.abs(filter.values[tap * channels + channel]!) * unit;
      return sum / (INT16 - 2 * taps);
    });
    this.layers.push({
      ...NOTHING,
      ...{ kind: "depthwise", input: source.map, windowSize, stride: strideX, channels, numbers: "word", bits: 16 },
      ...{ floor: -INT16, ceiling: INT16 },
      weights: Int16Array.from(filter.values, (weight, i) => Math.round((weight * unit) / units[i % channels]!)),
      bias: Int32Array.from(bias.values, (value, channel) => Math.round(value / units[channel]!)),
      scale: new Float32Array(),
    });
    return { map: this.layers.length, units, lows: units.map(() => 0), numbers: "word" };
  }

  /**
   * Add a convolution.
   *
   * @param wanted The real number that one unit of the outputs stands for; undefined makes floats.
   * @param shortcut What is added to the outputs, or undefined.
   */
  #convolution(
    { filter, bias, strideX }: Convolution,
    source: Made,
    output: TfliteTensor,
    wanted: number | undefined,
    shortcut: Made | undefined,
  ): void {
    const [channels, windowSize] = filter.shape as [number, number];
    const bits = WEIGHT_BITS[source.numbers];
    const { weights, biases, units, bounds } = quantizeRows(filter, bias, source, bits);
    const floats = wanted === undefined;
    // Take a coarser unit where the sums could leave the range that the kernels round exactly.
    const added = shortcut ? MOST[shortcut.numbers] * shortcut.units[0]! : 0;
    const scale = floats ? undefined : Math.max(wanted, (Math.max(...bounds) + added) / ROUNDABLE);
    this.layers.push({
      ...{ kind: "convolution", input: source.map, windowSize, stride: strideX, channels },
      ...{ numbers: floats ? "float" : "word", floor: floats ? -INT16 : 0, ceiling: INT16 },
      residual: shortcut?.map ?? -1,
      residualScale: shortcut && scale ? Math.fround(shortcut.units[0]! / scale) : 0,
      ...{ shift: 0, bits, weights, bias: biases },
      scale: Float32Array.from(units, (unit) => unit / (scale ?? 1)),
    });
    if (!floats) {
      const each = (value: number) => Array.from({ length: channels }, () => value);
      this.#made.set(output.index, { map: this.layers.length, units: each(scale!), lows: each(0), numbers: "word" });
    }
  }
}

/**
 * Quantize the weights and biases of each output, symmetrically and with one unit for each output: the finest unit for
 * which the weights fit their bits and the largest possible sum fits int32. (Per-channel weights: Krishnamoorthi,
 * "Quantizing deep convolutional networks for efficient inference", 2018, arXiv:1806.08342.)
 *
 * @param filter [channels, rows, columns, inputs], real numbers.
 * @param source The map that is read: its units are multiplied into the weights.
 * @param bits Bits of a weight, 2 to 16.
 * @returns Whole weights and biases, the real number that one unit of each output's sum stands for, and the largest
 *   magnitude of each sum, as a real number.
 */
function quantizeRows(filter: TfliteConstant, bias: TfliteConstant, source: Made, bits: number) {
  const channels = filter.shape[0]!;
  const row = filter.values.length / channels;
  const most = MOST[source.numbers];
  const weights = new Int16Array(filter.values.length);
  const biases = new Int32Array(channels);
  const bounds: number[] = [];
  const unitAt = (i: number) => source.units[i % source.units.length]!;
  const lowAt = (i: number) => source.lows[i % source.lows.length]!;
  const units = Array.from({ length: channels }, (_, channel) => {
    const real = filter.values.subarray(channel * row, (channel + 1) * row).map((weight, i) => weight * unitAt(i));
    const sum = real.reduce((total, weight) => total + Math.abs(weight), 0);
    const value = bias.values[channel]!;
    // Rounding adds up to half a unit to each weight.
    const room = INT32 - (row * most) / 2 - 1;
    const unit = Math.max(
      real.reduce((largest, weight) => Math.max(largest, Math.abs(weight)), 0) / (2 ** (bits - 1) - 1),
      (sum * most + Math.abs(value)) / room,
      Number.MIN_VALUE,
    );
    let total = 0;
    let lows = 0;
    for (let i = 0; i < row; i++) {
      const weight = Math.round(real[i]! / unit);
      weights[channel * row + i] = weight;
      total += Math.abs(weight);
      lows += (weight * lowAt(i)) / unitAt(i);
    }
    biases[channel] = Math.round(value / unit + lows);
    bounds.push((total * most + Math.abs(biases[channel]!)) * unit);
    return unit;
  });
  return { weights, biases, units, bounds };
}

/**
 * Make the integer network of a BlazeFace graph whose heads `layOutHeads` has laid out.
 *
 * @param graph One input and, at the ends of the network, convolutions that `layOutHeads` merged.
 * @param calibration From `models/blazeface/calibration.json`.
 * @param wide The blocks whose depthwise outputs keep 16 bits.
 * @throws Error where the graph is no BlazeFace network, or the calibration is another's.
 */
export function packBlazeface(graph: TfliteGraph, { largest, ranges }: Calibration, wide = WIDE_BLOCKS): Network {
  const packer = new Packer(graph, ranges, wide);
  const relus = graph.operators.filter((operator) => operator.kind === "relu");
  if (relus.length !== largest.length || relus.length !== ranges.length + 1) {
    throw new Error(
      `The calibration is of ${largest.length} ReLUs and ${ranges.length} blocks, the network has ${relus.length} ReLUs.`,
    );
  }
  relus.forEach((operator, i) => packer.relu(operator, largest[i]!));
  for (const operator of graph.operators) {
    if (operator.kind !== "reshape") continue;
    const head = packer.maker(operator.input);
    if (head.kind === "conv2d") packer.head(head);
  }
  const size = graph.inputs[0]!.shape[1]!;
  return { input: { kind: "color", size, zero: INPUT.zero }, layers: packer.layers };
}
