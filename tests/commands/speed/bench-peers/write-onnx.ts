/** Write networks as ONNX files. Field numbers are those of `onnx/onnx.proto`; maps are NCHW there. */
import { PbfWriter } from "pbf";
import type { TfliteConstant, TfliteGraph, TfliteOperator, TfliteTensor } from "../../../../models/blazeface/tflite.ts";
import { samePadding } from "../../../../src/runtime/int8/network.ts";
import { type QuantizedLayer, type QuantizedNetwork, type Scale, sumScale, widen } from "./quantized.ts";
import type { Precision } from "./write-tflite.ts";

const IR_VERSION = 8;
/** The operators' versions, by their domain. */
const OPERATOR_SETS = { "": 13, "com.microsoft": 1 } as const;
type Domain = keyof typeof OPERATOR_SETS;

/** TensorProto.DataType. */
const TYPES = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7 } as const;
/** AttributeProto.AttributeType. */
const INT = 2;
const INTS = 7;

type Attributes = Readonly<Record<string, number | readonly number[]>>;
type Values = Float32Array | Uint8Array | Int8Array | Int32Array | BigInt64Array;

class Writer {
  readonly #nodes: ((to: PbfWriter) => void)[] = [];
  readonly #constants = new Map<string, (to: PbfWriter) => void>();

  /** @returns The output's name. */
  node(
    operator: string,
    inputs: readonly string[],
    output: string,
    attributes: Attributes = {},
    domain: Domain = "",
  ): string {
    this.#nodes.push((node) => {
      for (const input of inputs) node.writeStringField(1, input);
      node.writeStringField(2, output);
      node.writeStringField(3, output);
      node.writeStringField(4, operator);
      for (const [name, value] of Object.entries(attributes)) node.writeMessage(5, writeAttribute, { name, value });
      node.writeStringField(7, domain);
    });
    return output;
  }

  /** @returns The constant's name. */
  constant(name: string, type: keyof typeof TYPES, shape: readonly number[], values: Values): string {
    this.#constants.set(name, (tensor) => {
      for (const size of shape) tensor.writeVarintField(1, size);
      tensor.writeVarintField(2, TYPES[type]);
      tensor.writeStringField(8, name);
      tensor.writeBytesField(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    });
    return name;
  }

  finish(input: Port, outputs: readonly Port[]): Uint8Array {
    const model = new PbfWriter();
    const write = (fill: (to: PbfWriter) => void, to: PbfWriter) => fill(to);
    model.writeVarintField(1, IR_VERSION);
    model.writeMessage(
      7,
      (_, graph: PbfWriter) => {
        for (const node of this.#nodes) graph.writeMessage(1, write, node);
        graph.writeStringField(2, "network");
        for (const constant of this.#constants.values()) graph.writeMessage(5, write, constant);
        graph.writeMessage(11, writePort, input);
        for (const output of outputs) graph.writeMessage(12, writePort, output);
      },
      undefined,
    );
    for (const [domain, version] of Object.entries(OPERATOR_SETS)) {
      model.writeMessage(
        8,
        (_, set: PbfWriter) => {
          set.writeStringField(1, domain);
          set.writeVarintField(2, version);
        },
        undefined,
      );
    }
    return model.finish();
  }
}

function writeAttribute({ name, value }: { name: string; value: number | readonly number[] }, to: PbfWriter): void {
  to.writeStringField(1, name);
  if (typeof value === "number") to.writeVarintField(3, value);
  else for (const item of value) to.writeVarintField(8, item);
  to.writeVarintField(20, typeof value === "number" ? INT : INTS);
}

/** An input or an output of the network, float32. */
interface Port {
  readonly name: string;
  readonly shape: readonly number[];
}

function writePort({ name, shape }: Port, to: PbfWriter): void {
  to.writeStringField(1, name);
  to.writeMessage(2, (_, type: PbfWriter) => type.writeMessage(1, writeTensorType, shape), undefined);
}

function writeTensorType(shape: readonly number[], to: PbfWriter): void {
  to.writeVarintField(1, TYPES.float32);
  to.writeMessage(
    2,
    (_, all: PbfWriter) => {
      for (const size of shape) all.writeMessage(1, (one: number, to: PbfWriter) => to.writeVarintField(1, one), size);
    },
    undefined,
  );
}

/** @param from The input's side, pixels. */
function windowOf(from: number, kernel: number, stride: number): Attributes {
  const { before, after } = samePadding(from, kernel, stride);
  return { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: [before, before, after, after] };
}

/** @returns [outputs, height, width, inputs] as [outputs, inputs, height, width]. */
function toOihw<T extends Float32Array | Int8Array>(values: T, [outputs, height, width, inputs]: readonly number[]): T {
  const moved = values.slice() as T;
  const area = height! * width!;
  for (let output = 0; output < outputs!; output++)
    for (let at = 0; at < area; at++)
      for (let input = 0; input < inputs!; input++)
        moved[(output * inputs! + input) * area + at] = values[(output * area + at) * inputs! + input]!;
  return moved;
}

/**
 * Write a classifier as an `.onnx` file.
 *
 * @returns The file. Its input is the standardised picture, float32 [1, 1, size, size]; its output the logits, float32
 *   [1, 7]. In `int8` all layers between are quantized operators on bytes; sums that a residual is added to are rounded
 *   to bytes once more than in this project's kernels.
 */
export function writeOnnx(network: QuantizedNetwork, precision: Precision): Uint8Array {
  const writer = new Writer();
  const { input, layers } = network;
  const sizes = new Map([["input", input.size]]);
  if (precision === "int8") quantized(writer, network, sizes);
  else floating(writer, layers, sizes);
  return writer.finish({ name: "picture", shape: [1, 1, input.size, input.size] }, [{ name: "logits", shape: [1, 7] }]);
}

function floating(writer: Writer, layers: QuantizedNetwork["layers"], sizes: Map<string, number>): void {
  for (const layer of layers) {
    const from = layer.input === "input" ? "picture" : layer.input;
    const size = sizes.get(layer.input)!;
    sizes.set(layer.name, layer.size);
    if (layer.op === "maxpool") writer.node("MaxPool", [from], layer.name, windowOf(size, layer.kernel, layer.stride));
    else if (layer.op === "avgpool") {
      writer.node("Flatten", [writer.node("GlobalAveragePool", [from], `${layer.name}-map`)], layer.name);
    } else {
      const { values, bias } = widen(layer);
      const { shape } = layer.weights!;
      const weights = [
        writer.constant(`${layer.name}-w`, "float32", oihw(layer), toOihw(values, shape)),
        writer.constant(`${layer.name}-b`, "float32", [bias.length], bias),
      ];
      if (layer.op === "dense") writer.node("Gemm", [from, ...weights], layer.name, { transB: 1 });
      else {
        const sums = `${layer.name}-sums`;
        writer.node("Conv", [from, ...weights], sums, windowOf(size, layer.kernel, layer.stride));
        const added =
          layer.residual === undefined ? sums : writer.node("Add", [sums, layer.residual], `${layer.name}-added`);
        writer.node("Relu", [added], layer.name);
      }
    }
  }
}

/** @returns The shape of a layer's weights, in ONNX's order. */
function oihw({ op, weights }: QuantizedLayer): number[] {
  const [outputs, height, width, inputs] = weights!.shape;
  return op === "dense" ? [outputs, inputs] : [outputs, inputs, height, width];
}

const MICROSOFT = "com.microsoft";

function quantized(writer: Writer, { input, layers }: QuantizedNetwork, sizes: Map<string, number>): void {
  const scales = new Map<string, readonly [string, string]>();
  const scaleOf = (name: string, { scale, zero }: Scale) => {
    const constants = [
      writer.constant(`${name}-scale`, "float32", [], Float32Array.of(scale)),
      writer.constant(`${name}-zero`, "uint8", [], Uint8Array.of(zero)),
    ] as const;
    scales.set(name, constants);
    return constants;
  };
  writer.node("QuantizeLinear", ["picture", ...scaleOf("input", input)], "input");
  for (const layer of layers) {
    const { name, input: from, kernel, stride } = layer;
    const size = sizes.get(from)!;
    sizes.set(name, layer.size);
    const scaled = [from, ...scales.get(from)!];
    if (layer.op === "maxpool") {
      writer.node("MaxPool", [from], name, windowOf(size, kernel, stride));
      scaleOf(name, layer.out!);
    } else if (layer.op === "avgpool") {
      const map = writer.node(
        "QLinearGlobalAveragePool",
        [...scaled, ...scaleOf(name, layer.out!)],
        `${name}-map`,
        {},
        MICROSOFT,
      );
      writer.node("Flatten", [map], name);
    } else {
      const { values, scales: units, bias, shape } = layer.weights!;
      const weights = [
        writer.constant(`${name}-w`, "int8", oihw(layer), toOihw(values, shape)),
        writer.constant(`${name}-w-scale`, "float32", [units.length], units),
        writer.constant(`${name}-w-zero`, "int8", [units.length], new Int8Array(units.length)),
      ];
      const biases = writer.constant(`${name}-b`, "int32", [bias.length], bias);
      if (layer.op === "dense") {
        // Without a scale of its own the output is float32.
        writer.node("QGemm", [...scaled, ...weights, biases], name, { transB: 1 }, MICROSOFT);
      } else if (layer.residual === undefined) {
        const to = scaleOf(name, layer.out!);
        writer.node("QLinearConv", [...scaled, ...weights, ...to, biases], name, windowOf(size, kernel, stride));
      } else {
        const sums = `${name}-sums`;
        const to = scaleOf(sums, { scale: sumScale(layer), zero: 128 });
        writer.node("QLinearConv", [...scaled, ...weights, ...to, biases], sums, windowOf(size, kernel, stride));
        const added = [sums, ...to, layer.residual, ...scales.get(layer.residual)!];
        writer.node("QLinearAdd", [...added, ...scaleOf(name, layer.out!)], name, {}, MICROSOFT);
      }
    }
  }
}

/**
 * Write BlazeFace as an `.onnx` file, in float32.
 *
 * @returns The file. Its input is `picture`, float32 [1, 3, 128, 128]; its outputs are those of the graph.
 */
export function writeOnnxGraph(graph: TfliteGraph): Uint8Array {
  const writer = new Writer();
  const picture = graph.inputs[0]!;
  const names = new Map([[picture.index, "picture"]]);
  for (const operator of graph.operators) names.set(operator.output.index, writeOperator(writer, operator, names));
  const port = ({ index, shape }: TfliteTensor) => ({ name: names.get(index)!, shape });
  const [, height, width, channels] = picture.shape as [number, number, number, number];
  return writer.finish({ name: "picture", shape: [1, channels, height, width] }, graph.outputs.map(port));
}

/** @returns The output's name. Maps are NCHW, all else keeps its shape. */
function writeOperator(writer: Writer, operator: TfliteOperator, names: ReadonlyMap<number, string>): string {
  const of = ({ index }: TfliteTensor) => names.get(index)!;
  const { output } = operator;
  const name = `t${output.index}`;
  const activated = (activation: string, operation: string, inputs: readonly string[], attributes?: Attributes) => {
    if (activation === "none") return writer.node(operation, inputs, name, attributes);
    return writer.node("Relu", [writer.node(operation, inputs, `${name}-sums`, attributes)], name);
  };
  switch (operator.kind) {
    case "conv2d":
    case "depthwiseConv2d": {
      const { input, filter, bias, strideX, activation } = operator;
      const depthwise = operator.kind === "depthwiseConv2d";
      const kernel = filter.shape[1]!;
      const weights = [
        depthwise ? depthwiseFilter(writer, name, filter) : pointwiseFilter(writer, name, filter),
        writer.constant(`${name}-b`, "float32", bias.shape, bias.values),
      ];
      const attributes = { ...windowOf(input.shape[1]!, kernel, strideX), group: depthwise ? filter.shape[3]! : 1 };
      return activated(activation, "Conv", [of(input), ...weights], attributes);
    }
    case "maxPool2d": {
      const { input, filterWidth, strideX, activation } = operator;
      return activated(activation, "MaxPool", [of(input)], windowOf(input.shape[1]!, filterWidth, strideX));
    }
    case "add":
      return activated(operator.activation, "Add", operator.inputs.map(of));
    case "relu":
      return writer.node("Relu", [of(operator.input)], name);
    case "pad": {
      const [batch, rows, columns, channels] = operator.paddings;
      const pads = [batch!, channels!, rows!, columns!];
      const counts = [0, 1].flatMap((end) => pads.map((pair) => BigInt(pair[end]!)));
      const amounts = writer.constant(`${name}-pads`, "int64", [8], BigInt64Array.from(counts));
      return writer.node("Pad", [of(operator.input), amounts], name);
    }
    case "reshape": {
      const { input } = operator;
      const map = input.shape.length === 4;
      const from = map ? writer.node("Transpose", [of(input)], `${name}-nhwc`, { perm: [0, 2, 3, 1] }) : of(input);
      const shape = BigInt64Array.from(output.shape, BigInt);
      return writer.node("Reshape", [from, writer.constant(`${name}-shape`, "int64", [shape.length], shape)], name);
    }
    case "concatenation":
      return writer.node("Concat", operator.inputs.map(of), name, { axis: operator.axis });
    default:
      throw new Error(`${operator.kind} is not needed for BlazeFace.`);
  }
}

function pointwiseFilter(writer: Writer, name: string, { values, shape }: TfliteConstant): string {
  const [outputs, height, width, inputs] = shape;
  return writer.constant(`${name}-w`, "float32", [outputs!, inputs!, height!, width!], toOihw(values, shape));
}

function depthwiseFilter(writer: Writer, name: string, { values, shape }: TfliteConstant): string {
  const [, height, width, channels] = shape as [number, number, number, number];
  // [1, height, width, channels] to [channels, 1, height, width].
  return writer.constant(
    `${name}-w`,
    "float32",
    [channels, 1, height, width],
    toOihw(values, [1, height, width, channels]),
  );
}
