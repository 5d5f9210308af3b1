/**
 * BlazeFace in integers: weights of 11 bits after training, activations of 15. Eight bits after training are too coarse
 * for its boxes (models/blazeface/CARD.md has the figures).
 */
import type { TfliteConstant, TfliteGraph, TfliteOperator, TfliteTensor } from "../blazeface/tflite.ts";
import type { Layer, Network } from "../../src/runtime/int8/network.ts";

/** The largest activation seen at each ReLU, in the network's order. */
export interface Calibration {
  readonly largest: readonly number[];
}

export interface Precision {
  /** Bits of a weight, but of a depthwise one, which has 16. */
  readonly bits: number;
  /** What a depthwise convolution's outputs may reach: what it leaves of 31 bits is the pointwise weights'. */
  readonly tapsCeiling: number;
}

/**
 * Measured over 100 scenes of enlarged faces against the float network, mean IoU: 16 bits 0.997, 12 0.997, 11 0.995,
 * 10 0.988, 9 0.990, 8 0.972; a file of 156 KB at 11 bits.
 */
export const PRECISION: Precision = { bits: 11, tapsCeiling: 2 ** 15 - 1 };

/** Activations may grow by this much beyond what calibration saw before they saturate. */
const HEADROOM = 1.5;
const INT16 = 32767;
const INT32 = 2 ** 31 - 1;
/** What the reader allows before rounding, less what scales lose in float32. */
const ROUNDABLE = 2 ** 22 - 2 ** 10;
/** Pixels are 2 * byte - 255: -255..255 for the network's -1..1. */
const INPUT_SCALE = 1 / 255;

type Convolution = Extract<TfliteOperator, { kind: "conv2d" }>;
type Depthwise = Extract<TfliteOperator, { kind: "depthwiseConv2d" }>;

/** What a plane of the integer network stands for: one scale a channel. */
interface Made {
  readonly plane: number;
  readonly scales: readonly number[];
  /** The largest number that it may hold. */
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
    this.#made.set(graph.inputs[0]!.index, { plane: 0, scales: [INPUT_SCALE, INPUT_SCALE, INPUT_SCALE], most: 255 });
  }

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

  /** A ReLU and what it stands on: the first convolution, or a block with its shortcut. */
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

  head(operator: Convolution): void {
    this.#convolution(operator, this.of(operator.input), operator.output, undefined, undefined);
  }

  /** The plane behind a shortcut's pooling and channel padding, which the kernels do on the way. */
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

  /** Each channel has a scale of its own, so that its sums reach what they may and no more. */
  #depthwise({ filter, bias, input, strideX }: Depthwise): Made {
    const source = this.of(input);
    const [, windowSize = 0, , channels = 0] = filter.shape;
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
      ...{ kind: "depthwise", input: source.plane, windowSize, stride: strideX, channels, numbers: "word", bits: 16 },
      ...{ floor: -tapsCeiling, ceiling: tapsCeiling },
      weights: Int16Array.from(filter.values, (weight, i) => Math.round(weight * factor(i % channels))),
      bias: Int32Array.from(bias.values, (value, channel) => Math.round(value / scales[channel]!)),
      scale: new Float32Array(),
    });
    return { plane: this.layers.length, scales, most: tapsCeiling };
  }

  /** @param wanted What one unit of the outputs stands for; undefined makes floats. */
  #convolution(
    { filter, bias, strideX }: Convolution,
    source: Made,
    output: TfliteTensor,
    wanted: number | undefined,
    shortcut: Made | undefined,
  ): void {
    const [channels = 0, windowSize = 0] = filter.shape;
    const { weights, biases, units, bounds } = quantizeRows(filter, bias, source, this.#precision.bits);
    const floats = wanted === undefined;
    // Coarser where the sums could otherwise leave what the kernels round exactly.
    const added = shortcut ? shortcut.most * shortcut.scales[0]! : 0;
    const scale = floats ? undefined : Math.max(wanted, (Math.max(...bounds) + added) / ROUNDABLE);
    this.layers.push({
      ...{ kind: "convolution", input: source.plane, windowSize, stride: strideX, channels },
      ...{ numbers: floats ? "float" : "word", floor: floats ? -INT16 : 0, ceiling: INT16 },
      residual: shortcut?.plane ?? -1,
      residualScale: shortcut && scale ? Math.fround(shortcut.scales[0]! / scale) : 0,
      bits: this.#precision.bits,
      weights,
      bias: biases,
      scale: Float32Array.from(units, (unit) => unit / (scale ?? 1)),
    });
    if (!floats) {
      const scales = Array.from({ length: channels }, () => scale!);
      this.#made.set(output.index, { plane: this.layers.length, scales, most: INT16 });
    }
  }
}

/** Weights and biases of each output in whole units, as fine as their bits and the sum's 31 bits allow. */
function quantizeRows(filter: TfliteConstant, bias: TfliteConstant, source: Made, bits: number) {
  const [channels = 0] = filter.shape;
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
    // Half a unit more for each weight that is rounded up.
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
 * Makes the integer network of a BlazeFace graph whose heads `layOutHeads` has laid out.
 *
 * @param calibration The largest activations, from `models/blazeface/calibration.json`.
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
