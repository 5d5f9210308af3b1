/**
 * An integer network as data: what the model file holds, what the memory plan reads, and what the tests' reference
 * computes.
 *
 * A convolution's answer for output channel c is, in float32 arithmetic step by step,
 *
 *     real = float32(bias[c] + sum of weights * inputs) * scale[c]
 *     real = real + float32(residual) * residualScale        where there is a residual
 *     out  = min(max(saturate16(roundTiesToEven(real)), floor), ceiling)
 *
 * where the sum is an exact int32, or `real` itself where the layer makes floats. A depthwise convolution's is
 * max(bias + sum of ((weight * input + 2^14) >> 15), floor), exact in 16 bits; its ceiling is a bound that its weights
 * prove.
 */

/** `byte`: 0..127. `word`: int16. `float`: float32, an output of the network. */
export type Numbers = "byte" | "word" | "float";

export type LayerKind = "convolution" | "dense" | "depthwise" | "maximum" | "average";

export interface Layer {
  readonly kind: LayerKind;
  /** Which plane it reads: 0 the network's input, n what layer n - 1 made. */
  readonly input: number;
  /** Side of the window; 0 where the window is the whole plane (`dense`, `average`). */
  readonly windowSize: number;
  readonly stride: number;
  /** Output channels. */
  readonly channels: number;
  readonly numbers: Numbers;
  /** What is stored lies in floor..ceiling, and zero too. */
  readonly floor: number;
  readonly ceiling: number;
  /**
   * A plane whose numbers are added, its channels to the first ones, or -1. Where it is twice as large each way, the
   * maximum of each 2x2 pixels: the shortcut of a block whose depthwise convolution halves the plane.
   */
  readonly residual: number;
  readonly residualScale: number;
  /** Bits of a weight in the file; over 8 they are multiplied as 16. */
  readonly bits: number;
  /** [channels, rows, columns, inputs]; a depthwise convolution's [rows, columns, channels]; else empty. */
  readonly weights: Int16Array;
  /** One a channel, or empty. */
  readonly bias: Int32Array;
  /** One a channel; a mean's only one; or empty. */
  readonly scale: Float32Array;
}

/** The network's input, made from RGBA bytes. */
export interface Input {
  /** `gray`: luma 0..127, one channel, stored as bytes. `color`: -255..255, three channels, stored as words. */
  readonly kind: "gray" | "color";
  /** Side of the square, pixels. */
  readonly size: number;
  /** What stands for zero, around the plane too; the bias takes it back. */
  readonly zero: number;
}

export interface Network {
  readonly input: Input;
  readonly layers: readonly Layer[];
}

/** The shape and range of what lies between layers. */
export interface FeatureMap {
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly numbers: Numbers;
  readonly floor: number;
  readonly ceiling: number;
}

/** How SAME padding divides, as TensorFlow does it: the odd row or column comes after. */
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

export function inputMap({ kind, size }: Input): FeatureMap {
  const shape = { height: size, width: size };
  return kind === "gray"
    ? { ...shape, channels: 1, numbers: "byte", floor: 0, ceiling: 127 }
    : { ...shape, channels: 3, numbers: "word", floor: -255, ceiling: 255 };
}

/** What a layer makes of a plane. */
export function outputMap(layer: Layer, input: FeatureMap): FeatureMap {
  const { channels, numbers, floor, ceiling } = layer;
  const whole = layer.windowSize === 0;
  return {
    height: whole ? 1 : samePadding(input.height, layer.windowSize, layer.stride).out,
    width: whole ? 1 : samePadding(input.width, layer.windowSize, layer.stride).out,
    ...{ channels, numbers, floor, ceiling },
  };
}

/** Every plane: the input's, then each layer's. */
export function mapsOf(network: Network): FeatureMap[] {
  const planes = [inputMap(network.input)];
  for (const layer of network.layers) planes.push(outputMap(layer, planes[layer.input]!));
  return planes;
}

/** How many weights a layer has. */
export function weightCount(layer: Pick<Layer, "kind" | "windowSize" | "channels">, input: FeatureMap): number {
  if (layer.kind === "convolution") return layer.channels * layer.windowSize ** 2 * input.channels;
  if (layer.kind === "dense") return layer.channels * input.height * input.width * input.channels;
  return layer.kind === "depthwise" ? layer.windowSize ** 2 * layer.channels : 0;
}

/** Whether layer `index` is a depthwise convolution that runs together with the pointwise one behind it. */
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
