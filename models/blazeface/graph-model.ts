/**
 * Write a network as a tfjs graph model: `model.json`, a TensorFlow graph in JSON, and one file of weights in tfjs's
 * own format. Weights are kept as float16, as in Google's files; tfjs widens them when it loads.
 */
import type {
  TfliteActivation,
  TfliteConstant,
  TfliteGraph,
  TfliteOperator,
  TflitePadding,
  TfliteTensor,
} from "./tflite.ts";

interface Weight {
  readonly entry: {
    readonly name: string;
    readonly shape: readonly number[];
    readonly dtype: "float32" | "int32";
    readonly quantization?: { readonly dtype: "float16" };
  };
  readonly bytes: Uint8Array;
}

interface Shape {
  readonly dim: readonly { readonly size: string }[];
}

type Attribute =
  | { readonly s: string }
  | { readonly i: string }
  | { readonly b: boolean }
  | { readonly type: string }
  | { readonly list: { readonly s?: readonly string[]; readonly i?: readonly string[] } }
  | { readonly shape: Shape }
  | { readonly tensor: { readonly dtype: string; readonly tensorShape: Shape } };

interface Node {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr: Readonly<Record<string, Attribute>>;
}

/** The two files of a graph model. */
export interface GraphModelFiles {
  /** The text of `model.json`. */
  readonly model: string;
  /** The bytes of `weights.bin`. */
  readonly weights: Uint8Array;
}

const WEIGHTS_FILE = "weights.bin";
const FLOAT = { type: "DT_FLOAT" };
const INT = { type: "DT_INT32" };
const NHWC = text("NHWC");

/** TensorFlow's JSON holds strings as base64. */
function base64(value: string): string {
  return Buffer.from(value).toString("base64");
}

function text(value: string): Attribute {
  return { s: base64(value) };
}

function ints(values: readonly number[]): Attribute {
  return { list: { i: values.map(String) } };
}

function shapeOf(sizes: readonly number[]): Shape {
  return { dim: sizes.map((size) => ({ size: String(size) })) };
}

/** Round to IEEE 754 half precision, ties to even; exact for what was a half before. */
export function narrowFloat16(values: Float32Array): Uint16Array {
  return Uint16Array.from(values, (value) => {
    const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
    const magnitude = Math.abs(value);
    if (Number.isNaN(magnitude)) return 0x7e00;
    if (magnitude >= 65520) return sign | 0x7c00;
    // The distance between neighbours is 2^-24 for subnormal numbers, else 2^-10 of the leading bit.
    const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
    const steps = roundToEven(magnitude / 2 ** (exponent - 10));
    // The steps of a subnormal carry into the exponent by themselves; subtract the hidden bit of a normal.
    return sign | (steps < 1024 ? steps : ((exponent + 15) << 10) + (steps - 1024));
  });
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}

/** Transpose TensorFlow Lite's [outputs, height, width, inputs] to TensorFlow's [height, width, inputs, outputs]. */
function transposeFilter({ shape, values }: TfliteConstant): { shape: number[]; values: Float32Array } {
  const [outputs, height, width, inputs] = shape as [number, number, number, number];
  const rows = height * width * inputs;
  const transposed = Float32Array.from(values, (_, i) => values[(i % outputs) * rows + Math.floor(i / outputs)]!);
  return { shape: [height, width, inputs, outputs], values: transposed };
}

/** Collects the nodes and weights of one network. */
class GraphWriter {
  readonly nodes: Node[] = [];
  readonly weights: Weight[] = [];

  placeholder({ name, shape }: TfliteTensor): void {
    this.nodes.push({ name, op: "Placeholder", attr: { dtype: FLOAT, shape: { shape: shapeOf(shape) } } });
  }

  write(operator: TfliteOperator, activation: TfliteActivation, output: TfliteTensor): void {
    const { name } = output;
    const add = (op: string, input: readonly string[], attr: Node["attr"]) =>
      this.nodes.push({ name, op, input, attr: { T: FLOAT, ...attr } });
    switch (operator.kind) {
      case "conv2d":
      case "depthwiseConv2d": {
        const depthwise = operator.kind === "depthwiseConv2d";
        const filter = depthwise
          ? { shape: [...operator.filter.shape.slice(1), 1], values: operator.filter.values }
          : transposeFilter(operator.filter);
        add(
          depthwise ? "FusedDepthwiseConv2dNative" : "_FusedConv2D",
          [
            operator.input.name,
            this.#floats(`${name}/filter`, filter.shape, filter.values),
            this.#floats(`${name}/bias`, operator.bias.shape, operator.bias.values),
          ],
          {
            ...windowAttributes(operator),
            dilations: ints([1, 1, 1, 1]),
            num_args: { i: "1" },
            fused_ops: { list: { s: ["BiasAdd", ...activationNodes(activation)].map(base64) } },
          },
        );
        return;
      }
      case "maxPool2d":
        add("MaxPool", [operator.input.name], {
          ...windowAttributes(operator),
          ksize: ints([1, operator.filterHeight, operator.filterWidth, 1]),
        });
        return;
      case "add":
        add(
          "AddV2",
          operator.inputs.map((input) => input.name),
          {},
        );
        return;
      case "relu":
        add("Relu", [operator.input.name], {});
        return;
      case "pad": {
        const paddings = this.#ints(`${name}/paddings`, [operator.paddings.length, 2], operator.paddings.flat());
        add("Pad", [operator.input.name, paddings], { Tpaddings: INT });
        return;
      }
      case "reshape":
        add("Reshape", [operator.input.name, this.#ints(`${name}/shape`, [output.shape.length], output.shape)], {
          Tshape: INT,
        });
        return;
      case "concatenation": {
        const axis = this.#ints(`${name}/axis`, [], [operator.axis]);
        const inputs = operator.inputs.map((input) => input.name);
        add("ConcatV2", [...inputs, axis], { N: { i: String(inputs.length) }, Tidx: INT });
        return;
      }
      case "resizeBilinear":
        add("ResizeBilinear", [operator.input.name, this.#ints(`${name}/size`, [2], output.shape.slice(1, 3))], {
          align_corners: { b: operator.alignCorners },
          half_pixel_centers: { b: operator.halfPixelCenters },
        });
    }
  }

  #floats(name: string, shape: readonly number[], values: Float32Array): string {
    const bytes = new Uint8Array(narrowFloat16(values).buffer);
    this.#constant({ entry: { name, shape, dtype: "float32", quantization: { dtype: "float16" } }, bytes });
    return name;
  }

  #ints(name: string, shape: readonly number[], values: readonly number[]): string {
    this.#constant({ entry: { name, shape, dtype: "int32" }, bytes: new Uint8Array(Int32Array.from(values).buffer) });
    return name;
  }

  #constant(weight: Weight): void {
    const { name, shape } = weight.entry;
    const dtype = weight.entry.dtype === "int32" ? INT : FLOAT;
    const value = { tensor: { dtype: dtype.type, tensorShape: shapeOf(shape) } };
    this.weights.push(weight);
    this.nodes.push({ name, op: "Const", attr: { dtype, value } });
  }
}

function windowAttributes(window: { padding: TflitePadding; strideX: number; strideY: number }): Node["attr"] {
  return {
    strides: ints([1, window.strideY, window.strideX, 1]),
    padding: text(window.padding),
    data_format: NHWC,
  };
}

function activationNodes(activation: TfliteActivation): string[] {
  return { none: [], relu: ["Relu"], relu6: ["Relu6"] }[activation];
}

/** Find the ReLU that alone reads a convolution's output, and so can run inside it. */
function soleRectifier(graph: TfliteGraph, { output }: TfliteOperator): TfliteOperator | undefined {
  const readers = graph.operators.filter((other) =>
    ("inputs" in other ? other.inputs : [other.input]).some((input) => input.index === output.index),
  );
  return readers.length === 1 && readers[0]?.kind === "relu" ? readers[0] : undefined;
}

/**
 * Convert a network to a tfjs graph model with the same tensor names; a ReLU after a convolution becomes part of it.
 *
 * @throws Error where an operator other than a convolution has a fused activation.
 */
export function convertToGraphModel(graph: TfliteGraph): GraphModelFiles {
  const writer = new GraphWriter();
  const fused = new Set<TfliteOperator>();
  for (const input of graph.inputs) writer.placeholder(input);
  for (const operator of graph.operators) {
    if (fused.has(operator)) continue;
    const convolution = operator.kind === "conv2d" || operator.kind === "depthwiseConv2d";
    const activation = "activation" in operator ? operator.activation : "none";
    if (!convolution && activation !== "none") {
      throw new Error(`The ${activation} fused into ${operator.kind} ${operator.output.name} is not supported here.`);
    }
    const rectifier = convolution && activation === "none" ? soleRectifier(graph, operator) : undefined;
    if (rectifier) fused.add(rectifier);
    writer.write(operator, rectifier ? "relu" : activation, rectifier?.output ?? operator.output);
  }
  const signature = (tensors: readonly TfliteTensor[]) =>
    Object.fromEntries(
      tensors.map(({ name, shape }) => [name, { name: `${name}:0`, dtype: "DT_FLOAT", tensorShape: shapeOf(shape) }]),
    );
  const model = {
    format: "graph-model",
    generatedBy: "emotion-cam",
    convertedBy: "emotion-cam",
    signature: { inputs: signature(graph.inputs), outputs: signature(graph.outputs) },
    modelTopology: { node: writer.nodes, library: {}, versions: { producer: 1 } },
    weightsManifest: [{ paths: [WEIGHTS_FILE], weights: writer.weights.map((weight) => weight.entry) }],
  };
  return { model: JSON.stringify(model), weights: Buffer.concat(writer.weights.map((weight) => weight.bytes)) };
}
