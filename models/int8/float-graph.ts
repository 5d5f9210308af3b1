import type { TfliteGraph, TfliteOperator, TfliteTensor } from "../blazeface/tflite.ts";
import { type Grid, ROW, decodeFaces } from "../../src/runtime/int8/decode.ts";
import { samePadding } from "../../src/runtime/int8/network.ts";
import type { Detection } from "../../src/pipeline/stages.ts";
import { CONTRACT } from "../blazeface/convert.ts";

type Values = Map<number, Float32Array>;

function size(tensor: TfliteTensor): { height: number; width: number; channels: number } {
  const [, height, width, channels] = tensor.shape;
  return { height: height!, width: width!, channels: channels! };
}

function relu(values: Float32Array, activation: string): Float32Array {
  return activation === "none" ? values : values.map((value) => Math.max(value, 0));
}

type Convolution = Extract<TfliteOperator, { kind: "conv2d" | "depthwiseConv2d" }>;

function convolve(operator: Convolution, from: Float32Array): Float32Array {
  const { input, output, filter, bias, strideX } = operator;
  const depthwise = operator.kind === "depthwiseConv2d";
  const source = size(input);
  const out = size(output);
  const windowSize = filter.shape[1]!;
  const top = samePadding(source.height, windowSize, strideX).before;
  const left = samePadding(source.width, windowSize, strideX).before;
  const result = new Float32Array(out.height * out.width * out.channels);
  for (let y = 0; y < out.height; y++) {
    for (let x = 0; x < out.width; x++) {
      const to = (y * out.width + x) * out.channels;
      for (let channel = 0; channel < out.channels; channel++) result[to + channel] = bias.values[channel]!;
      for (let tap = 0; tap < windowSize * windowSize; tap++) {
        const row = y * strideX - top + Math.floor(tap / windowSize);
        const column = x * strideX - left + (tap % windowSize);
        if (row < 0 || row >= source.height || column < 0 || column >= source.width) continue;
        const at = (row * source.width + column) * source.channels;
        for (let channel = 0; channel < out.channels; channel++) {
          if (depthwise) result[to + channel]! += from[at + channel]! * filter.values[tap * out.channels + channel]!;
          else {
            const weights = (channel * windowSize * windowSize + tap) * source.channels;
            let sum = 0;
            for (let c = 0; c < source.channels; c++) sum += from[at + c]! * filter.values[weights + c]!;
            result[to + channel]! += sum;
          }
        }
      }
    }
  }
  return relu(result, operator.activation);
}

function pool(
  { input, output, filterWidth, strideX }: Extract<TfliteOperator, { kind: "maxPool2d" }>,
  from: Float32Array,
): Float32Array {
  const source = size(input);
  const out = size(output);
  const result = new Float32Array(out.height * out.width * out.channels).fill(-Infinity);
  for (let y = 0; y < out.height; y++)
    for (let x = 0; x < out.width; x++)
      for (let tap = 0; tap < filterWidth ** 2; tap++) {
        const row = y * strideX + Math.floor(tap / filterWidth);
        const column = x * strideX + (tap % filterWidth);
        if (row >= source.height || column >= source.width) continue;
        for (let c = 0; c < out.channels; c++) {
          const to = (y * out.width + x) * out.channels + c;
          result[to] = Math.max(result[to]!, from[(row * source.width + column) * source.channels + c]!);
        }
      }
  return result;
}

function padChannels(from: Float32Array, before: number, after: number): Float32Array {
  const pixels = from.length / before;
  const result = new Float32Array(pixels * after);
  for (let i = 0; i < pixels; i++) result.set(from.subarray(i * before, (i + 1) * before), i * after);
  return result;
}

function run(operator: TfliteOperator, values: Values): Float32Array {
  const of = (tensor: TfliteTensor) => values.get(tensor.index)!;
  switch (operator.kind) {
    case "conv2d":
    case "depthwiseConv2d":
      return convolve(operator, of(operator.input));
    case "maxPool2d":
      return pool(operator, of(operator.input));
    case "add": {
      const [a, b] = operator.inputs;
      const other = of(b);
      return relu(
        of(a).map((value, i) => value + other[i]!),
        operator.activation,
      );
    }
    case "pad":
      return padChannels(of(operator.input), size(operator.input).channels, size(operator.output).channels);
    case "relu":
      return relu(of(operator.input), "relu");
    case "reshape":
      return of(operator.input);
    case "concatenation":
      return Float32Array.from(operator.inputs.flatMap((tensor) => Array.from(of(tensor))));
    default:
      throw new Error(`${operator.kind} is not needed for BlazeFace.`);
  }
}

/**
 * Compute every tensor of a BlazeFace graph in float32. Slow and plain: for calibration and measurements.
 *
 * @param input RGB of [1, 128, 128, 3], -1..1.
 * @returns Values by the tensor's index.
 */
export function runGraph(graph: TfliteGraph, input: Float32Array): Values {
  const values: Values = new Map([[graph.inputs[0]!.index, input]]);
  for (const operator of graph.operators) values.set(operator.output.index, run(operator, values));
  return values;
}

/** Least score of a face. */
export const MIN_SCORE = 0.5;

/** Describe the grids, given the first float of each and the floats from cell to cell. */
export function gridsOf(planes: readonly { start: number; stride: number }[]): Grid[] {
  return CONTRACT.anchors.map(({ stride, perCell }, i) => {
    return { stride, perCell, start: planes[i]!.start, cellStride: planes[i]!.stride };
  });
}

/** The float network's rows have no gaps. */
const FLOAT_GRIDS = gridsOf([
  { start: 0, stride: 2 * ROW },
  { start: 16 * 16 * 2 * ROW, stride: 6 * ROW },
]);

/** Decode the faces that a BlazeFace graph's values tell of. */
export function facesOf(graph: TfliteGraph, values: Values): readonly Detection[] {
  return decodeFaces(values.get(graph.outputs[0]!.index)!, FLOAT_GRIDS, CONTRACT.input.width, MIN_SCORE);
}
