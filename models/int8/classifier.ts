/** Make the integer network of a classifier from the files of training, `quant.json` and `quant.bin`. */
import type { Layer, Network } from "../../src/runtime/int8/network.ts";

/** A stored byte stands for the real number (byte - zero) * scale. */
interface Scale {
  readonly scale: number;
  readonly zero: number;
}

interface QuantizedLayer {
  readonly name: string;
  readonly op: "conv" | "dense" | "maxpool" | "avgpool";
  readonly inputs: readonly string[];
  readonly in: Scale;
  readonly out?: Scale;
  readonly kernel?: number;
  readonly stride?: number;
  readonly relu?: boolean;
  readonly weightShape?: readonly number[];
  readonly weightOffset?: number;
  readonly scaleOffset?: number;
  readonly biasOffset?: number;
  readonly residual?: string;
  readonly residualScale?: number;
}

/** `quant.json`; models/training/README.md describes it. */
export interface Quantized {
  readonly input: Scale & { readonly width: number };
  readonly layers: readonly QuantizedLayer[];
}

const TOP = 127;

const PLAIN = {
  residual: -1,
  residualScale: 0,
  shift: 0,
  weights: new Int16Array(),
  bias: new Int32Array(),
  scale: new Float32Array(),
} as const;

/**
 * Make the network. Bytes whose zero is not 0 are stored as signed words, whose zero is 0; the biases take back what
 * training added to them for the zero.
 *
 * @param data The bytes of `quant.bin`.
 * @throws Error where a layer reads what no layer before it makes.
 */
export function packClassifier({ input, layers }: Quantized, data: Uint8Array): Network {
  const bytes = new Uint8Array(data);
  const planes = new Map([["input", { plane: 0, channels: 1, size: input.width }]]);
  const packed = layers.map((entry, index): Layer => {
    const source = planes.get(entry.inputs[0]!);
    if (!source) throw new Error(`Layer ${entry.name} reads ${entry.inputs[0]}, which no layer before it makes.`);
    const layer = packLayer(entry, source, bytes, planes, entry.inputs[0] === "input");
    const size = layer.windowSize === 0 ? 1 : Math.ceil(source.size / layer.stride);
    planes.set(entry.name, { plane: index + 1, channels: layer.channels, size });
    return layer;
  });
  return { input: { kind: "gray", size: input.width, zero: input.zero }, layers: packed };
}

function packLayer(
  entry: QuantizedLayer,
  source: { plane: number; channels: number; size: number },
  bytes: Uint8Array<ArrayBuffer>,
  planes: ReadonlyMap<string, { plane: number }>,
  readsInput: boolean,
): Layer {
  const { out } = entry;
  const range = rangeOf(out);
  const common = { ...PLAIN, ...range, input: source.plane, stride: entry.stride ?? 1 };
  if (entry.op === "maxpool") {
    return { ...common, kind: "maximum", windowSize: entry.kernel!, channels: source.channels, bits: 0 };
  }
  if (entry.op === "avgpool") {
    const scale = Float32Array.of(entry.in.scale / out!.scale / source.size ** 2);
    return { ...common, kind: "average", windowSize: 0, stride: 1, channels: source.channels, bits: 0, scale };
  }
  const [channels, windowSize] = entry.weightShape as readonly [number, number];
  const count = entry.weightShape!.reduce((product, size) => product * size, 1);
  const weights = Int16Array.from(new Int8Array(bytes.buffer, entry.weightOffset, count));
  const units = new Float32Array(bytes.buffer, entry.scaleOffset, channels);
  const row = count / channels;
  // A signed word's zero is 0; the network's own input keeps its bytes.
  const zero = readsInput ? 0 : entry.in.zero;
  const bias = new Int32Array(bytes.buffer, entry.biasOffset, channels).map((value, channel) => {
    let total = 0;
    for (let i = channel * row; i < (channel + 1) * row; i++) total += weights[i]!;
    return value + zero * total;
  });
  const residual = entry.residual === undefined ? -1 : planes.get(entry.residual)!.plane;
  return {
    ...common,
    kind: entry.op === "dense" ? "dense" : "convolution",
    windowSize: entry.op === "dense" ? 0 : windowSize,
    channels,
    residual,
    residualScale: residual < 0 ? 0 : Math.fround(entry.residualScale! / out!.scale),
    bits: 8,
    weights,
    bias,
    scale: units.map((unit) => (entry.in.scale * unit) / (out?.scale ?? 1)),
  };
}

/** Find the numbers that a layer's bytes 0..127 are stored as. */
function rangeOf(out: Scale | undefined): Pick<Layer, "numbers" | "floor" | "ceiling"> {
  if (!out) return { numbers: "float", floor: 0, ceiling: 0 };
  if (out.zero === 0) return { numbers: "byte", floor: 0, ceiling: TOP };
  return { numbers: "word", floor: -out.zero, ceiling: TOP - out.zero };
}
