/** The classifier's integer network, as training wrote it, for the files that other libraries read. */
import type { Quantized } from "../../../../models/int8/classifier.ts";

/** A byte q stands for (q - zero) * scale. */
export interface Scale {
  readonly scale: number;
  readonly zero: number;
}

/** Weights of a convolution or a dense layer. */
export interface Weights {
  /** [outputs, height, width, inputs]. */
  readonly shape: readonly [number, number, number, number];
  /** -127..127; a weight q stands for q * scales[output]. */
  readonly values: Int8Array;
  readonly scales: Float32Array;
  /** In units of `in.scale * scales[output]`, for inputs less their zero. */
  readonly bias: Int32Array;
}

/** One layer. Sizes are pixels of its output. */
export interface QuantizedLayer {
  readonly name: string;
  readonly op: "conv" | "dense" | "maxpool" | "avgpool";
  readonly input: string;
  readonly in: Scale;
  /** Absent in the last layer, whose output is float32. */
  readonly out: Scale | undefined;
  readonly kernel: number;
  readonly stride: number;
  readonly relu: boolean;
  readonly size: number;
  readonly channels: number;
  readonly weights: Weights | undefined;
  /** The layer whose output is added before the ReLU. */
  readonly residual: string | undefined;
}

/** The whole network; its input is [1, size, size, 1]. */
export interface QuantizedNetwork {
  readonly input: Scale & { readonly size: number };
  readonly layers: readonly QuantizedLayer[];
}

/**
 * Read a classifier's integer network.
 *
 * @param quantized `quant.json`; models/training/README.md describes it.
 * @param data The bytes of `quant.bin`.
 */
export function readQuantized({ input, layers }: Quantized, data: Uint8Array): QuantizedNetwork {
  const bytes = new Uint8Array(data).buffer;
  const maps = new Map([["input", { size: input.width, channels: 1 }]]);
  return {
    input: { scale: input.scale, zero: input.zero, size: input.width },
    layers: layers.map((layer) => {
      const source = maps.get(layer.inputs[0]!)!;
      const weights = layer.weightShape && readWeights(layer, bytes);
      const channels = weights?.shape[0] ?? source.channels;
      const stride = layer.stride ?? 1;
      const size = layer.op === "avgpool" || layer.op === "dense" ? 1 : Math.ceil(source.size / stride);
      maps.set(layer.name, { size, channels });
      return {
        ...{ name: layer.name, op: layer.op, input: layer.inputs[0]!, in: layer.in, out: layer.out, stride, size },
        ...{ kernel: layer.kernel ?? source.size, relu: layer.relu ?? false, channels, weights },
        residual: layer.residual,
      };
    }),
  };
}

/** @returns Whether the writers for other libraries know the network: they know one dense layer, the last. */
export function isWritable({ layers }: QuantizedNetwork): boolean {
  return layers.every(({ op }, index) => (op === "dense") === (index === layers.length - 1));
}

function readWeights(layer: Quantized["layers"][number], bytes: ArrayBuffer): Weights {
  const shape = layer.weightShape as Weights["shape"];
  const count = shape.reduce((product, size) => product * size, 1);
  const values = new Int8Array(bytes, layer.weightOffset, count);
  const row = count / shape[0];
  const bias = new Int32Array(bytes, layer.biasOffset, shape[0]).map((value, output) => {
    let sum = 0;
    for (let i = output * row; i < (output + 1) * row; i++) sum += values[i]!;
    // The file's biases hold the input's zero already; the other libraries take it from the input's scale.
    return value + layer.in.zero * sum;
  });
  return { shape, values, scales: new Float32Array(bytes, layer.scaleOffset, shape[0]), bias };
}

/** @returns The weights and biases as real numbers. */
export function widen({ weights, in: { scale } }: QuantizedLayer): { values: Float32Array; bias: Float32Array } {
  const { values, scales, bias, shape } = weights!;
  const row = values.length / shape[0];
  return {
    values: Float32Array.from(values, (value, index) => value * scales[Math.floor(index / row)]!),
    bias: Float32Array.from(bias, (value, output) => value * scale * scales[output]!),
  };
}

/**
 * The scale of a convolution's sums before a residual is added, for libraries that add in a layer of its own. They have a
 * sign, and the range of the layer's output on both sides.
 */
export function sumScale({ out }: QuantizedLayer): number {
  return out!.scale;
}

/** The step of the logits' bytes, for libraries whose last layer is bytes too. Logits lie within ±16. */
export const LOGIT_SCALE = 0.125;
