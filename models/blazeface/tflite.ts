/**
 * Read a TensorFlow Lite network: the subset of the schema that Google's face detectors use. Field numbers are those
 * of TensorFlow's `tensorflow/compiler/mlir/lite/schema/schema.fbs`.
 */
import { ByteBuffer } from "flatbuffers";

/** A tensor of the network. Shapes are NHWC. */
export interface TfliteTensor {
  /** Its index in the file; operators that share a tensor have the same index. */
  readonly index: number;
  readonly name: string;
  readonly shape: readonly number[];
}

/** A tensor whose values are in the file, float16 already widened. */
export interface TfliteConstant extends TfliteTensor {
  readonly values: Float32Array;
}

export type TflitePadding = "SAME" | "VALID";
export type TfliteActivation = "none" | "relu" | "relu6";

/** Movement of the windows of a convolution or a pooling. */
interface WindowOptions {
  readonly padding: TflitePadding;
  readonly strideX: number;
  readonly strideY: number;
}

/** One operator of the network. Operators that only widen weights are folded away. */
export type TfliteOperator =
  | (WindowOptions & {
      readonly kind: "conv2d";
      readonly input: TfliteTensor;
      /** [outputs, height, width, inputs]. */
      readonly filter: TfliteConstant;
      /** [outputs]. */
      readonly bias: TfliteConstant;
      readonly output: TfliteTensor;
      readonly activation: TfliteActivation;
    })
  | (WindowOptions & {
      readonly kind: "depthwiseConv2d";
      readonly input: TfliteTensor;
      /** [1, height, width, channels]: one filter for each channel. */
      readonly filter: TfliteConstant;
      /** [channels]. */
      readonly bias: TfliteConstant;
      readonly output: TfliteTensor;
      readonly activation: TfliteActivation;
    })
  | (WindowOptions & {
      readonly kind: "maxPool2d";
      readonly input: TfliteTensor;
      readonly filterWidth: number;
      readonly filterHeight: number;
      readonly output: TfliteTensor;
      readonly activation: TfliteActivation;
    })
  | {
      readonly kind: "add";
      readonly inputs: readonly [TfliteTensor, TfliteTensor];
      readonly output: TfliteTensor;
      readonly activation: TfliteActivation;
    }
  | {
      /** Zeros around the input: [before, after] for each of the input's dimensions. */
      readonly kind: "pad";
      readonly input: TfliteTensor;
      readonly paddings: readonly (readonly [number, number])[];
      readonly output: TfliteTensor;
    }
  | { readonly kind: "relu"; readonly input: TfliteTensor; readonly output: TfliteTensor }
  | { readonly kind: "reshape"; readonly input: TfliteTensor; readonly output: TfliteTensor }
  | {
      readonly kind: "concatenation";
      readonly inputs: readonly TfliteTensor[];
      readonly axis: number;
      readonly output: TfliteTensor;
    }
  | {
      /** Resizes to the output's height and width. */
      readonly kind: "resizeBilinear";
      readonly input: TfliteTensor;
      readonly alignCorners: boolean;
      readonly halfPixelCenters: boolean;
      readonly output: TfliteTensor;
    };

/** A whole network; operators stand in an order in which they can run. */
export interface TfliteGraph {
  readonly inputs: readonly TfliteTensor[];
  readonly outputs: readonly TfliteTensor[];
  readonly operators: readonly TfliteOperator[];
}

const IDENTIFIER = "TFL3";

// BuiltinOperator
const ADD = 0;
const CONCATENATION = 2;
const CONV_2D = 3;
const DEPTHWISE_CONV_2D = 4;
const DEQUANTIZE = 6;
const MAX_POOL_2D = 17;
const RELU = 19;
const RESHAPE = 22;
const RESIZE_BILINEAR = 23;
const PAD = 34;

// TensorType
const FLOAT32 = 0;
const FLOAT16 = 1;
const INT32 = 2;

const ACTIVATIONS: readonly (TfliteActivation | undefined)[] = ["none", "relu", undefined, "relu6"];
const PADDINGS: readonly TflitePadding[] = ["SAME", "VALID"];

/** A table of a flatbuffer, read by field number. */
class Table {
  readonly #buffer: ByteBuffer;
  readonly #position: number;

  constructor(buffer: ByteBuffer, position: number) {
    this.#buffer = buffer;
    this.#position = position;
  }

  static root(buffer: ByteBuffer): Table {
    return new Table(buffer, buffer.readInt32(buffer.position()) + buffer.position());
  }

  int8(field: number, fallback = 0): number {
    const at = this.#at(field);
    return at ? this.#buffer.readInt8(at) : fallback;
  }

  int32(field: number, fallback = 0): number {
    const at = this.#at(field);
    return at ? this.#buffer.readInt32(at) : fallback;
  }

  string(field: number): string {
    const at = this.#at(field);
    return at ? String(this.#buffer.__string(at)) : "";
  }

  table(field: number): Table | undefined {
    const at = this.#at(field);
    return at ? new Table(this.#buffer, this.#buffer.__indirect(at)) : undefined;
  }

  tables(field: number): Table[] {
    return this.#vector(field, 4, (at) => new Table(this.#buffer, this.#buffer.__indirect(at)));
  }

  ints(field: number): number[] {
    return this.#vector(field, 4, (at) => this.#buffer.readInt32(at));
  }

  /** Copy bytes, so that arrays of wider types can begin there: the file does not align them. */
  bytes(field: number): Uint8Array<ArrayBuffer> {
    const at = this.#at(field);
    if (!at) return new Uint8Array();
    const start = this.#buffer.__vector(at);
    return new Uint8Array(this.#buffer.bytes().subarray(start, start + this.#buffer.__vector_len(at)));
  }

  #at(field: number): number {
    const offset = this.#buffer.__offset(this.#position, 4 + 2 * field);
    return offset ? this.#position + offset : 0;
  }

  #vector<T>(field: number, stride: number, read: (at: number) => T): T[] {
    const at = this.#at(field);
    if (!at) return [];
    const start = this.#buffer.__vector(at);
    return Array.from({ length: this.#buffer.__vector_len(at) }, (_, i) => read(start + i * stride));
  }
}

/** A tensor as the file has it. */
interface Stored extends TfliteTensor {
  readonly type: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Widen IEEE 754 half-precision numbers, exactly. */
export function widenFloat16(halves: Uint16Array): Float32Array {
  return Float32Array.from(halves, (half) => {
    const sign = half & 0x8000 ? -1 : 1;
    const exponent = (half >> 10) & 0x1f;
    const fraction = half & 0x3ff;
    if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
    return sign * (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
  });
}

function readTensors(model: Table, subgraph: Table): Stored[] {
  const buffers = model.tables(4);
  return subgraph.tables(0).map((tensor, index) => ({
    index,
    name: tensor.string(3),
    shape: tensor.ints(0),
    type: tensor.int8(1),
    bytes: buffers[tensor.int32(2)]?.bytes(0) ?? new Uint8Array(),
  }));
}

/** Newer files hold an operator's code in field 3, older ones in field 0; the other one is then smaller. */
function readCodes(model: Table): number[] {
  return model.tables(1).map((code) => Math.max(code.int8(0), code.int32(3)));
}

/** Makes the typed operators of one subgraph. */
class Reader {
  readonly #tensors: readonly Stored[];
  /** The stored tensor that has the values of a tensor that a folded operator makes. */
  readonly #widened = new Map<number, Stored>();

  constructor(tensors: readonly Stored[]) {
    this.#tensors = tensors;
  }

  tensor(index: number | undefined): TfliteTensor {
    const { name, shape } = this.#stored(index);
    return { index: index!, name, shape };
  }

  operators(operators: readonly Table[], codes: readonly number[]): TfliteOperator[] {
    return operators.flatMap((operator) => this.#operator(operator, codes[operator.int32(0)] ?? -1));
  }

  #stored(index: number | undefined): Stored {
    const tensor = index === undefined ? undefined : this.#tensors[index];
    if (!tensor) throw new Error(`The network names tensor ${index}, of ${this.#tensors.length}: the file is broken.`);
    return tensor;
  }

  #floats(index: number | undefined): TfliteConstant {
    const { bytes, type } = this.#widened.get(index ?? -1) ?? this.#stored(index);
    const tensor = this.tensor(index);
    const length = tensor.shape.reduce((product, size) => product * size, 1);
    const values =
      type === FLOAT16
        ? widenFloat16(new Uint16Array(bytes.buffer))
        : type === FLOAT32 && new Float32Array(bytes.buffer);
    if (!values || values.length !== length) {
      throw new Error(`Weights ${tensor.name} are not ${length} dense float16 or float32 numbers (type ${type}).`);
    }
    return { ...tensor, values };
  }

  #ints(index: number | undefined): Int32Array {
    const { bytes, name, type } = this.#stored(index);
    if (type !== INT32 || bytes.length === 0) throw new Error(`Tensor ${name} is not a constant of int32.`);
    return new Int32Array(bytes.buffer);
  }

  #operator(operator: Table, code: number): TfliteOperator[] {
    const inputs = operator.ints(1);
    const outputs = operator.ints(2);
    const options = operator.table(4);
    const output = this.tensor(outputs[0]);
    if (code === DEQUANTIZE) {
      this.#widened.set(output.index, this.#stored(inputs[0]));
      return [];
    }
    const input = this.tensor(inputs[0]);
    switch (code) {
      case CONV_2D:
      case DEPTHWISE_CONV_2D:
        return [this.#convolution(code, operator)];
      case MAX_POOL_2D:
        return [
          {
            kind: "maxPool2d",
            input,
            output,
            ...readWindow(options),
            filterWidth: options?.int32(3) ?? 0,
            filterHeight: options?.int32(4) ?? 0,
            activation: readActivation(options?.int8(5)),
          },
        ];
      case ADD:
        return [
          {
            kind: "add",
            inputs: [input, this.tensor(inputs[1])],
            output,
            activation: readActivation(options?.int8(0)),
          },
        ];
      case PAD: {
        const flat = this.#ints(inputs[1]);
        if (flat.length !== 2 * input.shape.length)
          throw new Error(`${output.name} is padded by ${flat.length} numbers.`);
        const paddings = input.shape.map((_, i) => [flat[2 * i]!, flat[2 * i + 1]!] as const);
        return [{ kind: "pad", input, paddings, output }];
      }
      case RELU:
        return [{ kind: "relu", input, output }];
      case RESHAPE:
        return [{ kind: "reshape", input, output }];
      case CONCATENATION:
        return [
          {
            kind: "concatenation",
            inputs: inputs.map((index) => this.tensor(index)),
            axis: options?.int32(0) ?? 0,
            output,
          },
        ];
      case RESIZE_BILINEAR:
        return [
          {
            kind: "resizeBilinear",
            input,
            alignCorners: !!options?.int8(2),
            halfPixelCenters: !!options?.int8(3),
            output,
          },
        ];
      default:
        throw new Error(`Operator ${code} of TensorFlow Lite, which makes ${output.name}, is not supported here.`);
    }
  }

  #convolution(code: typeof CONV_2D | typeof DEPTHWISE_CONV_2D, operator: Table): TfliteOperator {
    const [input, filter, bias] = operator.ints(1);
    const options = operator.table(4);
    const depthwise = code === DEPTHWISE_CONV_2D;
    const common = {
      input: this.tensor(input),
      filter: this.#floats(filter),
      bias: this.#floats(bias),
      output: this.tensor(operator.ints(2)[0]),
      ...readWindow(options),
      activation: readActivation(options?.int8(depthwise ? 4 : 3)),
    };
    const dilated = [options?.int32(depthwise ? 5 : 4, 1), options?.int32(depthwise ? 6 : 5, 1)].some((d) => d !== 1);
    if (dilated) throw new Error(`Convolution ${common.output.name} is dilated, which is not supported here.`);
    if (!depthwise) return { kind: "conv2d", ...common };
    if (options?.int32(3) !== 1) {
      throw new Error(`Convolution ${common.output.name} has more than one filter a channel: not supported here.`);
    }
    return { kind: "depthwiseConv2d", ...common };
  }
}

function readWindow(options: Table | undefined): WindowOptions {
  const padding = PADDINGS[options?.int8(0) ?? 0];
  if (!options || !padding) throw new Error("A convolution or pooling has no readable options: the file is broken.");
  return { padding, strideX: options.int32(1), strideY: options.int32(2) };
}

function readActivation(code = 0): TfliteActivation {
  const activation = ACTIVATIONS[code];
  if (!activation) throw new Error(`Fused activation ${code} of TensorFlow Lite is not supported here.`);
  return activation;
}

/**
 * Read a network from a `.tflite` file's bytes.
 *
 * @throws Error where the bytes are no such file, or use an operator or option that is not supported here.
 */
export function readTflite(bytes: Uint8Array): TfliteGraph {
  const buffer = new ByteBuffer(bytes);
  if (bytes.length < 8 || !buffer.__has_identifier(IDENTIFIER)) {
    throw new Error(`These ${bytes.length} bytes are no TensorFlow Lite network: the mark ${IDENTIFIER} is missing.`);
  }
  const model = Table.root(buffer);
  const [subgraph, ...others] = model.tables(2);
  if (!subgraph || others.length > 0) throw new Error(`The network has ${others.length + 1} subgraphs, not one.`);
  const reader = new Reader(readTensors(model, subgraph));
  return {
    operators: reader.operators(subgraph.tables(3), readCodes(model)),
    inputs: subgraph.ints(1).map((index) => reader.tensor(index)),
    outputs: subgraph.ints(2).map((index) => reader.tensor(index)),
  };
}
