/**
 * BlazeFace in integers, quantized after training: weights of 11 bits, activations of 15. Eight bits are too coarse for its
 * boxes; `PRECISION` has the figures.
 */
import type { TfliteConstant, TfliteGraph, TfliteOperator, TfliteTensor } from "../blazeface/tflite.ts";
import type { Layer, Network } from "../../src/runtime/int8/network.ts";

/** The largest activation that calibration saw at each ReLU, in the network's order. */
export interface Calibration {
  readonly largest: readonly number[];
}

export interface Precision {
  /** Bits of a weight; depthwise weights always have 16. */
  readonly bits: number;
  /** The largest output of a depthwise convolution. The larger it is, the fewer of the sum's 31 bits are left for weights. */
  readonly tapsCeiling: number;
}

/**
 * Measured over 100 scenes of enlarged faces against the float network, mean IoU: 16 bits 0.997, 12 0.997, 11 0.995,
 * 10 0.988, 9 0.990, 8 0.972; a file of 156 KB at 11 bits.
 */
export const PRECISION: Precision = { bits: 11, tapsCeiling: 2 ** 15 - 1 };

/** Activations saturate at this many times the largest one that calibration saw. */
const HEADROOM = 1.5;
const INT16 = 32767;
const INT32 = 2 ** 31 - 1;
/** The largest number that the reader lets be rounded, less what scales lose in float32. */
const ROUNDABLE = 2 ** 22 - 2 ** 10;
/** Pixels are 2 * byte - 255, so -255..255 stands for the network's -1..1. */
const INPUT_SCALE = 1 / 255;

type Convolution = Extract<TfliteOperator, { kind: "conv2d" }>;
type Depthwise = Extract<TfliteOperator, { kind: "depthwiseConv2d" }>;

/** A feature map of the integer network, and the real number that one unit of each channel stands for. */
interface Made {
  /** Its index in the network: 0 is the input. */
  readonly map: number;
  readonly scales: readonly number[];
  /** Its largest number. */
  readonly most: number;
}

const NOTHING = { residual: -1, residualScale: 0, stride: 1 } as const;

class Packer {
  readonly #graph: TfliteGraph;
  readonly #precision: Precision;
  readonly layers: Layer[] = [];
  readonly #made = new Map<number, Made>();

  constructor(graph: TfliteGraph, precision: Precision) {
    this.#graph = graph;
    this.#precision = precision;
    this.#made.set(graph.inputs[0]!.index, { map: 0, scales: [INPUT_SCALE, INPUT_SCALE, INPUT_SCALE], most: 255 });
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

  /** Add a depthwise convolution. Each channel has its own scale, such that its sums just fit `tapsCeiling`. */
  #depthwise({ filter, bias, input, strideX }: Depthwise): Made {
    const source = this.of(input);
    const [, windowSize, , channels] = filter.shape as [number, number, number, number];
    const taps = windowSize ** 2;
    const { tapsCeiling } = this.#precision;
    const scales = Array.from({ length: channels }, (_, channel) => {
      let sum = Math.abs(bias.values[channel]!) / source.scales[channel]! / 2 ** 15;
      for (let tap = 0; tap < taps; tap++) sum += Math.abs(filter.values[tap * channels + channel]!);
      // Rounding may add half a unit to each tap's weight and to the bias.
      return (sum * source.scales[channel]! * 2 ** 15) / (tapsCeiling - 2 * taps);
    });
    const factor = (channel: number) => (source.scales[channel]! * 2 ** 15) / scales[channel]!;
    this.layers.push({
      ...NOTHING,
      ...{ kind: "depthwise", input: source.map, windowSize, stride: strideX, channels, numbers: "word", bits: 16 },
      ...{ floor: -tapsCeiling, ceiling: tapsCeiling },
      weights: Int16Array.from(filter.values, (weight, i) => Math.round(weight * factor(i % channels))),
      bias: Int32Array.from(bias.values, (value, channel) => Math.round(value / scales[channel]!)),
      scale: new Float32Array(),
    });
    return { map: this.layers.length, scales, most: tapsCeiling };
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
    const { weights, biases, units, bounds } = quantizeRows(filter, bias, source, this.#precision.bits);
    const floats = wanted === undefined;
    // Take a coarser unit where the sums could leave the range that the kernels round exactly.
    const added = shortcut ? shortcut.most * shortcut.scales[0]! : 0;
    const scale = floats ? undefined : Math.max(wanted, (Math.max(...bounds) + added) / ROUNDABLE);
    this.layers.push({
      ...{ kind: "convolution", input: source.map, windowSize, stride: strideX, channels },
      ...{ numbers: floats ? "float" : "word", floor: floats ? -INT16 : 0, ceiling: INT16 },
      residual: shortcut?.map ?? -1,
      residualScale: shortcut && scale ? Math.fround(shortcut.scales[0]! / scale) : 0,
      bits: this.#precision.bits,
      weights,
      bias: biases,
      scale: Float32Array.from(units, (unit) => unit / (scale ?? 1)),
    });
    if (!floats) {
      const scales = Array.from({ length: channels }, () => scale!);
      this.#made.set(output.index, { map: this.layers.length, scales, most: INT16 });
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
  const weights = new Int16Array(filter.values.length);
  const biases = new Int32Array(channels);
  const bounds: number[] = [];
  const units = Array.from({ length: channels }, (_, channel) => {
    let largest = 0;
    let sum = 0;
    for (let i = 0; i < row; i++) {
      const weight = Math.abs(filter.values[channel * row + i]!) * source.scales[i % source.scales.length]!;
      largest = Math.max(largest, weight);
      sum += weight;
    }
    const value = bias.values[channel]!;
    // Rounding adds up to half a unit to each weight.
    const room = INT32 - (row * source.most) / 2 - 1;
    const unit = Math.max(
      largest / (2 ** (bits - 1) - 1),
      (sum * source.most + Math.abs(value)) / room,
      Number.MIN_VALUE,
    );
    let total = 0;
    for (let i = 0; i < row; i++) {
      const at = channel * row + i;
      weights[at] = Math.round((filter.values[at]! * source.scales[i % source.scales.length]!) / unit);
      total += Math.abs(weights[at]!);
    }
    biases[channel] = Math.round(value / unit);
    bounds.push((total * source.most + Math.abs(biases[channel]!)) * unit);
    return unit;
  });
  return { weights, biases, units, bounds };
}

/**
 * Make the integer network of a BlazeFace graph whose heads `layOutHeads` has laid out.
 *
 * @param graph One input and, at the ends of the network, convolutions that `layOutHeads` merged.
 * @param calibration The largest activations, from `models/blazeface/calibration.json`.
 * @throws Error where the graph is no BlazeFace network, or the calibration is another's.
 */
export function packBlazeface(graph: TfliteGraph, calibration: Calibration, precision = PRECISION): Network {
  const packer = new Packer(graph, precision);
  const relus = graph.operators.filter((operator) => operator.kind === "relu");
  if (relus.length !== calibration.largest.length) {
    throw new Error(`The calibration is of ${calibration.largest.length} ReLUs, the network has ${relus.length}.`);
  }
  relus.forEach((operator, i) => packer.relu(operator, calibration.largest[i]!));
  for (const operator of graph.operators) {
    if (operator.kind !== "reshape") continue;
    const head = packer.maker(operator.input);
    if (head.kind === "conv2d") packer.head(head);
  }
  const size = graph.inputs[0]!.shape[1]!;
  return { input: { kind: "color", size, zero: 0 }, layers: packer.layers };
}
