/**
 * Write the classifier as a TensorFlow Lite file. Field numbers and codes are those of TensorFlow's
 * `tensorflow/compiler/mlir/lite/schema/schema.fbs`.
 */
import { Builder } from "flatbuffers";
import { LOGIT_SCALE, type QuantizedLayer, type QuantizedNetwork, type Scale, sumScale, widen } from "./quantized.ts";

/** Numbers that the network computes with. Both take and give float32. */
export type Precision = "float32" | "int8";

const SCHEMA_VERSION = 3;

/** BuiltinOperator, its BuiltinOptions, and the version that has int8. */
const OPERATORS = {
  add: { code: 0, options: 11, version: 2 },
  conv2d: { code: 3, options: 1, version: 3 },
  dequantize: { code: 6, options: 0, version: 2 },
  fullyConnected: { code: 9, options: 8, version: 4 },
  maxPool2d: { code: 17, options: 5, version: 2 },
  mean: { code: 40, options: 27, version: 2 },
  quantize: { code: 114, options: 0, version: 1 },
} as const;
type Operator = keyof typeof OPERATORS;

/** TensorType. */
const TYPES = { float32: 0, int32: 2, int8: 9 } as const;

const SAME = 0;
const NO_ACTIVATION = 0;
const RELU = 1;

interface Quantization {
  readonly scales: ArrayLike<number>;
  readonly zero: number;
  readonly dimension?: number;
}

type Constant = Float32Array | Int8Array | Int32Array;

/** An option of an operator: its field, its value, and whether it is a byte in the file. */
type Option = readonly [field: number, value: number, kind: "byte" | "int"];

class Writer {
  readonly #builder = new Builder(1 << 20);
  /** The first buffer is empty: that of all tensors without values. */
  readonly #buffers: number[];
  readonly #tensors: number[] = [];
  readonly #operators: number[] = [];

  constructor() {
    this.#buffers = [this.#table(1, () => {})];
  }

  /** @returns The tensor's index. */
  tensor(
    name: string,
    type: keyof typeof TYPES,
    shape: readonly number[],
    values?: Constant,
    scale?: Quantization,
  ): number {
    const builder = this.#builder;
    const [label, dimensions] = [builder.createString(name), this.#ints(shape)];
    const quantization = scale && this.#quantization(scale);
    this.#tensors.push(
      this.#table(5, () => {
        builder.addFieldOffset(0, dimensions, 0);
        builder.addFieldInt8(1, TYPES[type], 0);
        builder.addFieldInt32(2, values ? this.#buffers.length : 0, 0);
        builder.addFieldOffset(3, label, 0);
        if (quantization !== undefined) builder.addFieldOffset(4, quantization, 0);
      }),
    );
    if (values) {
      // XNNPACK reads the weights in place, so they are aligned.
      builder.prep(16, values.byteLength);
      const bytes = builder.createByteVector(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      this.#buffers.push(this.#table(1, () => builder.addFieldOffset(0, bytes, 0)));
    }
    return this.#tensors.length - 1;
  }

  operator(operator: Operator, inputs: readonly number[], output: number, options: readonly Option[] = []): void {
    const builder = this.#builder;
    const [from, to] = [this.#ints(inputs), this.#ints([output])];
    const fields = Math.max(0, ...options.map(([field]) => field + 1));
    const settings = this.#table(fields, () => {
      for (const [field, value, kind] of options) {
        if (kind === "byte") builder.addFieldInt8(field, value, 0);
        else builder.addFieldInt32(field, value, 0);
      }
    });
    this.#operators.push(
      this.#table(5, () => {
        builder.addFieldInt32(0, Object.keys(OPERATORS).indexOf(operator), 0);
        builder.addFieldOffset(1, from, 0);
        builder.addFieldOffset(2, to, 0);
        builder.addFieldInt8(3, OPERATORS[operator].options, 0);
        if (OPERATORS[operator].options !== 0) builder.addFieldOffset(4, settings, 0);
      }),
    );
  }

  finish(input: number, output: number): Uint8Array {
    const builder = this.#builder;
    const codes = Object.values(OPERATORS).map(({ code, version }) =>
      this.#table(4, () => {
        builder.addFieldInt8(0, code, 0);
        builder.addFieldInt32(2, version, 1);
        builder.addFieldInt32(3, code, 0);
      }),
    );
    const [tensors, operators] = [this.#tables(this.#tensors), this.#tables(this.#operators)];
    const [inputs, outputs] = [this.#ints([input]), this.#ints([output])];
    const subgraph = this.#table(5, () => {
      builder.addFieldOffset(0, tensors, 0);
      builder.addFieldOffset(1, inputs, 0);
      builder.addFieldOffset(2, outputs, 0);
      builder.addFieldOffset(3, operators, 0);
    });
    const lists = [this.#tables(codes), this.#tables([subgraph]), this.#tables(this.#buffers)] as const;
    const model = this.#table(5, () => {
      builder.addFieldInt32(0, SCHEMA_VERSION, 0);
      builder.addFieldOffset(1, lists[0], 0);
      builder.addFieldOffset(2, lists[1], 0);
      builder.addFieldOffset(4, lists[2], 0);
    });
    builder.finish(model, "TFL3");
    return builder.asUint8Array();
  }

  #quantization({ scales, zero, dimension = 0 }: Quantization): number {
    const builder = this.#builder;
    builder.startVector(4, scales.length, 4);
    for (let i = scales.length - 1; i >= 0; i--) builder.addFloat32(scales[i]!);
    const scale = builder.endVector();
    builder.startVector(8, scales.length, 8);
    for (let i = 0; i < scales.length; i++) builder.addInt64(BigInt(zero));
    const zeros = builder.endVector();
    return this.#table(7, () => {
      builder.addFieldOffset(2, scale, 0);
      builder.addFieldOffset(3, zeros, 0);
      builder.addFieldInt32(6, dimension, 0);
    });
  }

  #ints(values: readonly number[]): number {
    this.#builder.startVector(4, values.length, 4);
    for (const value of [...values].reverse()) this.#builder.addInt32(value);
    return this.#builder.endVector();
  }

  #tables(offsets: readonly number[]): number {
    this.#builder.startVector(4, offsets.length, 4);
    for (const offset of [...offsets].reverse()) this.#builder.addOffset(offset);
    return this.#builder.endVector();
  }

  #table(fields: number, fill: () => void): number {
    this.#builder.startObject(fields);
    fill();
    return this.#builder.endObject();
  }
}

/** Writes the layers of one network in one precision. */
class NetworkWriter {
  readonly #writer = new Writer();
  readonly #maps = new Map<string, number>();
  readonly #precision: Precision;

  constructor(precision: Precision) {
    this.#precision = precision;
  }

  write({ input, layers }: QuantizedNetwork): Uint8Array {
    const shape = [1, input.size, input.size, 1];
    const picture = this.#writer.tensor("picture", "float32", shape);
    if (this.#precision === "float32") this.#maps.set("input", picture);
    else {
      const bytes = this.#map("input", shape, input);
      this.#writer.operator("quantize", [picture], bytes);
      this.#maps.set("input", bytes);
    }
    for (const layer of layers) this.#layer(layer);
    return this.#writer.finish(picture, this.#maps.get(layers.at(-1)!.name)!);
  }

  #layer(layer: QuantizedLayer): void {
    const source = this.#maps.get(layer.input)!;
    const shape = [1, layer.size, layer.size, layer.channels];
    if (layer.op === "dense") return this.#dense(layer, source);
    const to = this.#map(layer.name, shape, layer.out!);
    this.#maps.set(layer.name, to);
    if (layer.op === "conv") this.#convolution(layer, source, to, shape);
    else if (layer.op === "maxpool") this.#writer.operator("maxPool2d", [source], to, poolOptions(layer));
    else {
      const axes = this.#writer.tensor("axes", "int32", [2], Int32Array.of(1, 2));
      this.#writer.operator("mean", [source, axes], to, [[0, 1, "byte"]]);
    }
  }

  #convolution(layer: QuantizedLayer, source: number, to: number, shape: readonly number[]): void {
    const added = layer.residual === undefined ? undefined : this.#maps.get(layer.residual)!;
    const sums = added === undefined ? to : this.#map(`${layer.name}-sums`, shape, { scale: sumScale(layer), zero: 0 });
    const activation = added === undefined && layer.relu ? RELU : NO_ACTIVATION;
    this.#writer.operator("conv2d", [source, ...this.#weights(layer, layer.weights!.shape)], sums, [
      [0, SAME, "byte"],
      [1, layer.stride, "int"],
      [2, layer.stride, "int"],
      [3, activation, "byte"],
      [4, 1, "int"],
      [5, 1, "int"],
    ]);
    if (added !== undefined) this.#writer.operator("add", [sums, added], to, [[0, layer.relu ? RELU : 0, "byte"]]);
  }

  #dense(layer: QuantizedLayer, source: number): void {
    const [outputs, , , inputs] = layer.weights!.shape;
    const from = [source, ...this.#weights(layer, [outputs, inputs])];
    const logits = this.#writer.tensor("logits", "float32", [1, outputs]);
    this.#maps.set(layer.name, logits);
    if (this.#precision === "float32") return this.#writer.operator("fullyConnected", from, logits);
    const bytes = this.#map("logits-bytes", [1, outputs], { scale: LOGIT_SCALE, zero: 0 });
    this.#writer.operator("fullyConnected", from, bytes);
    this.#writer.operator("dequantize", [bytes], logits);
  }

  #map(name: string, shape: readonly number[], { scale, zero }: Scale): number {
    if (this.#precision === "float32") return this.#writer.tensor(name, "float32", shape);
    return this.#writer.tensor(name, "int8", shape, undefined, { scales: [scale], zero });
  }

  #weights(layer: QuantizedLayer, shape: readonly number[]): [filter: number, bias: number] {
    const { name, in: from, weights } = layer;
    if (this.#precision === "float32") {
      const { values, bias } = widen(layer);
      return [
        this.#writer.tensor(`${name}-filter`, "float32", shape, values),
        this.#writer.tensor(`${name}-bias`, "float32", [bias.length], bias),
      ];
    }
    const { values, scales, bias } = weights!;
    const units = scales.map((scale) => scale * from.scale);
    return [
      this.#writer.tensor(`${name}-filter`, "int8", shape, values, { scales, zero: 0 }),
      this.#writer.tensor(`${name}-bias`, "int32", [bias.length], bias, { scales: units, zero: 0 }),
    ];
  }
}

function poolOptions({ stride, kernel }: QuantizedLayer): Option[] {
  return [
    [0, SAME, "byte"],
    [1, stride, "int"],
    [2, stride, "int"],
    [3, kernel, "int"],
    [4, kernel, "int"],
  ];
}

/**
 * Write a classifier as a `.tflite` file.
 *
 * @returns The file. Its input is the standardised picture, float32 [1, size, size, 1]; its output the logits, float32
 *   [1, 7]. In `int8` all layers between compute with bytes; sums that a residual is added to are rounded to bytes once
 *   more than in this project's kernels.
 */
export function writeTflite(network: QuantizedNetwork, precision: Precision): Uint8Array {
  return new NetworkWriter(precision).write(network);
}
