/**
 * An integer network as data: the reader makes it from a model file, the plan lowers it, and the tests' reference computes
 * it.
 *
 * A convolution's output for channel c is, in float32 arithmetic, each operation rounded,
 *
 *     real = float32(bias[c] + sum of weights * inputs) * scale[c]
 *     real = real + float32(residual) * residualScale        where there is a residual
 *     out  = min(max(saturate16(roundTiesToEven(real)), floor), ceiling)
 *
 * where the sum is an exact int32. Where the layer makes floats, `real` itself is the output. A depthwise convolution
 * reads words, and its sum = bias + sum of ((weight * input + 2^14) >> 15) is exact in 16 bits, which the reader proves
 * from its weights. Its output is max(sum, floor) where it makes words, and min(max(sum >> shift, 0), 127) where it makes
 * bytes.
 */

/** `byte`: 0..127. `word`: int16. `float`: float32, an output of the network. */
export type Numbers = "byte" | "word" | "float";

export type LayerKind = "convolution" | "dense" | "depthwise" | "maximum" | "average";

export interface Layer {
  readonly kind: LayerKind;
  /** The feature map that it reads: 0 is the network's input, n is what layer n - 1 makes. */
  readonly input: number;
  /** Side of the window, 1 to 7; 0 where the window is the whole map (`dense`, `average`). */
  readonly windowSize: number;
  /** Pixels from window to window, 1 or 2. */
  readonly stride: number;
  /** Output channels. */
  readonly channels: number;
  readonly numbers: Numbers;
  /** The stored numbers lie in floor..ceiling, which contains zero. */
  readonly floor: number;
  readonly ceiling: number;
  /**
   * The feature map that is added to the outputs, or -1. It may have fewer channels, which are added to the first ones.
   * Where it is twice as large each way, the maximum of each 2x2 pixels is added: that is the shortcut of a block whose
   * depthwise convolution halves the map.
   */
  readonly residual: number;
  /** Multiplies what is added; 0 without a residual. */
  readonly residualScale: number;
  /** Bits that a depthwise convolution drops of its sums where it makes bytes, 0 to 8; 0 elsewhere. */
  readonly shift: number;
  /** Bits of a weight in the file; weights of more than 8 bits are multiplied as 16. */
  readonly bits: number;
  /** [channels, rows, columns, inputs]; [rows, columns, channels] for a depthwise convolution; empty without weights. */
  readonly weights: Int16Array;
  /** One for each channel, or empty. */
  readonly bias: Int32Array;
  /** One for each channel; one alone for a mean; or empty. */
  readonly scale: Float32Array;
}

/** The network's input, made from RGBA bytes. */
export interface Input {
  /** `gray`: luma 0..127, one channel. `color`: red, green and blue, min((byte + 1) >> 1, 127). Both are stored as bytes. */
  readonly kind: "gray" | "color";
  /** Side of the square, pixels. */
  readonly size: number;
  /** The number that means zero; it fills the padding too. The first layer's biases take it back. */
  readonly zero: number;
}

export interface Network {
  readonly input: Input;
  readonly layers: readonly Layer[];
}

/** A feature map, the numbers between two layers: its shape and its numbers' range. */
export interface FeatureMap {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly numbers: Numbers;
  readonly floor: number;
  readonly ceiling: number;
}

/**
 * Divide SAME padding as TensorFlow does: an odd row or column comes after the map.
 *
 * @param size Rows or columns of the map.
 * @returns How many outputs there are, and the padding before and after, in rows or columns.
 */
export function samePadding(
  size: number,
  windowSize: number,
  stride: number,
): { out: number; before: number; after: number } {
  const out = Math.ceil(size / stride);
  const total = Math.max((out - 1) * stride + windowSize - size, 0);
  const before = Math.floor(total / 2);
  return { out, before, after: total - before };
}

/** Describe the map that the network's input makes. */
export function inputMap({ kind, size }: Input): FeatureMap {
  return { height: size, width: size, channels: kind === "gray" ? 1 : 3, numbers: "byte", floor: 0, ceiling: 127 };
}

/** Describe the map that a layer makes from the map that it reads. */
export function outputMap(layer: Layer, input: FeatureMap): FeatureMap {
  const { channels, numbers, floor, ceiling } = layer;
  const whole = layer.windowSize === 0;
  return {
    height: whole ? 1 : samePadding(input.height, layer.windowSize, layer.stride).out,
    width: whole ? 1 : samePadding(input.width, layer.windowSize, layer.stride).out,
    ...{ channels, numbers, floor, ceiling },
  };
}

/** List all feature maps: the input's, then each layer's. */
export function mapsOf(network: Network): FeatureMap[] {
  const maps = [inputMap(network.input)];
  for (const layer of network.layers) maps.push(outputMap(layer, maps[layer.input]!));
  return maps;
}

/** Count the weights of a layer that reads a map. */
export function weightCount(layer: Pick<Layer, "kind" | "windowSize" | "channels">, input: FeatureMap): number {
  if (layer.kind === "convolution") return layer.channels * layer.windowSize ** 2 * input.channels;
  if (layer.kind === "dense") return layer.channels * input.height * input.width * input.channels;
  return layer.kind === "depthwise" ? layer.windowSize ** 2 * layer.channels : 0;
}

/**
 * Tell if layer `index` is a depthwise convolution that runs together with the pointwise one behind it, as one block:
 * nothing else reads what it makes.
 */
export function isBlock(layers: readonly Layer[], index: number): boolean {
  const [taps, point] = [layers[index], layers[index + 1]];
  return (
    taps?.kind === "depthwise" &&
    point?.kind === "convolution" &&
    point.input === index + 1 &&
    point.windowSize === 1 &&
    point.stride === 1 &&
    point.numbers === "word" &&
    layers.every((layer) => layer === point || (layer.input !== index + 1 && layer.residual !== index + 1))
  );
}
