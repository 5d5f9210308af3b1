import { EmotionCamError } from "../../errors.ts";
import {
  HEADER_BYTES,
  INPUT_KINDS,
  LAYER_BYTES,
  LAYER_KINDS,
  MAGIC,
  NO_RESIDUAL,
  NUMBERS,
  VERSION,
  constantCounts,
  weightBytes,
} from "./format.ts";
import { type FeatureMap, type Layer, type Network, inputMap, isBlock, outputMap, weightCount } from "./network.ts";

/** Bounds far above any useful network: a file beyond them is broken, or would not fit a small machine. */
const MOST = {
  layers: 200,
  channels: 4096,
  inputSize: 512,
  windowSize: 7,
  shift: 8,
  /** Numbers of one feature map. */
  mapLength: 4 << 20,
  /** Weights of a whole network. */
  weights: 16 << 20,
};

const INT16 = 32767;
const INT32 = 2 ** 31 - 1;
/** Numbers that are rounded stay below this: the kernels round in the low bits of a float32. */
const ROUNDABLE = 2 ** 22 - 1;

/** The reason why a file is refused; `readNetwork` makes an EmotionCamError of it. */
class Refusal extends Error {}

function demand(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Refusal(what);
}

/**
 * Read an integer network and check it, so that whatever passes runs within its memory: every size, index and range is
 * checked here, and every sum is proven to fit its integers. The sha256 in the header is not computed: these are bytes
 * that the loader has compared with the contract's sha256 of the file.
 *
 * @param bytes The whole file, as `format.ts` describes it.
 * @param name The model's name or URL, for the error.
 * @throws EmotionCamError `model-corrupt`.
 */
export function readNetwork(bytes: Uint8Array<ArrayBuffer>, name: string): Network {
  try {
    demand(bytes.length >= HEADER_BYTES, `it has ${bytes.length} bytes`);
    return read(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (cause) {
    if (!(cause instanceof Refusal)) throw cause;
    throw new EmotionCamError(
      "model-corrupt",
      `The int8 network of ${name} is broken: ${cause.message}. Serve the package's file as it is.`,
      { cause },
    );
  }
}

function read(view: DataView): Network {
  demand(view.getUint32(0, true) === MAGIC, "it does not begin with EC8M");
  demand(view.getUint16(4, true) === VERSION, `it has version ${view.getUint16(4, true)}, not ${VERSION}`);
  demand(view.getUint32(8, true) === view.byteLength, `it has ${view.byteLength} bytes`);
  const count = view.getUint16(6, true);
  demand(count >= 1 && count <= MOST.layers, `it has ${count} layers`);
  let at = HEADER_BYTES + count * LAYER_BYTES;
  demand(at <= view.byteLength, "it ends within its layers");

  const kind = INPUT_KINDS[view.getUint8(12)];
  const zero = view.getUint8(13);
  const size = view.getUint16(14, true);
  demand(kind !== undefined, "its input is of no known kind");
  demand(size >= 4 && size <= MOST.inputSize && size % 4 === 0, `its input is ${size} pixels wide`);
  demand(zero <= 127, `its input's zero is ${zero}`);
  const input = { kind, size, zero };

  const maps = [inputMap(input)];
  const layers: Layer[] = [];
  let weights = 0;
  for (let index = 0; index < count; index++) {
    const head = readHead(view, HEADER_BYTES + index * LAYER_BYTES);
    try {
      const source = checkHead(head, maps);
      const { biases, scales } = constantCounts(head.kind, head.channels);
      const weighs = weightCount(head, source);
      weights += weighs;
      demand(weights <= MOST.weights, "it has too many weights");
      const bytes = weightBytes(weighs, head.bits);
      demand(at + 4 * (biases + scales) + bytes <= view.byteLength, "the file ends within it");
      const layer: Layer = {
        ...head,
        bias: Int32Array.from({ length: biases }, (_, i) => view.getInt32(at + 4 * i, true)),
        scale: Float32Array.from({ length: scales }, (_, i) => view.getFloat32(at + 4 * (biases + i), true)),
        weights: unpack(view, at + 4 * (biases + scales), weighs, head.bits),
      };
      at += 4 * (biases + scales) + bytes;
      checkSums(layer, source, maps[layer.residual]);
      layers.push(layer);
      maps.push(outputMap(layer, source));
    } catch (cause) {
      if (cause instanceof Refusal) throw new Refusal(`layer ${index}: ${cause.message}`);
      throw cause;
    }
  }
  demand(at === view.byteLength, "bytes follow the last layer");
  checkShortcuts(layers, maps);
  demand(
    layers.some((layer) => layer.numbers === "float"),
    "it has no output",
  );
  return { input, layers };
}

type Head = Omit<Layer, "weights" | "bias" | "scale">;

function readHead(view: DataView, at: number): Head {
  const kind = LAYER_KINDS[view.getUint8(at)];
  const numbers = NUMBERS[view.getUint8(at + 1)];
  demand(kind !== undefined && numbers !== undefined, "a layer is of no known kind");
  demand(view.getUint16(at + 14, true) === 0, "a layer's spare bytes are not zero");
  const residual = view.getUint8(at + 6);
  return {
    kind,
    numbers,
    bits: view.getUint8(at + 2),
    windowSize: view.getUint8(at + 3),
    stride: view.getUint8(at + 4),
    input: view.getUint8(at + 5),
    residual: residual === NO_RESIDUAL ? -1 : residual,
    channels: view.getUint16(at + 8, true),
    floor: view.getInt16(at + 10, true),
    ceiling: view.getInt16(at + 12, true),
    residualScale: view.getFloat32(at + 16, true),
    shift: view.getUint8(at + 7),
  };
}

/** Check a layer's sizes, indices and types. @returns The map that the layer reads. */
function checkHead(head: Head, maps: readonly FeatureMap[]): FeatureMap {
  const { kind, numbers, bits, windowSize, stride, channels, floor, ceiling } = head;
  const source = maps[head.input];
  demand(source !== undefined && source.numbers !== "float", `it reads map ${head.input}`);
  demand(channels >= 1 && channels <= MOST.channels, `it has ${channels} channels`);
  const whole = kind === "dense" || kind === "average";
  demand(
    whole ? windowSize === 0 && stride === 1 : windowSize >= 1 && windowSize <= MOST.windowSize,
    `its window is ${windowSize} wide`,
  );
  demand(stride === 1 || stride === 2, `its stride is ${stride}`);
  const weighs = weightCount(head, source);
  demand(weighs > 0 ? bits >= 2 && bits <= 16 : bits === 0, `its weights have ${bits} bits`);

  demand(floor <= 0 && ceiling >= 0, `it stores ${floor}..${ceiling}`);
  if (numbers === "byte") demand(floor === 0 && ceiling <= 127, `it stores ${floor}..${ceiling} as bytes`);
  if (numbers === "float") demand(kind === "convolution" || kind === "dense", "it makes floats");

  const input = head.input === 0;
  if (kind === "convolution" || kind === "dense") {
    demand(source.numbers === "word" || bits <= 8, "its weights are too wide for bytes");
    demand(!(kind === "dense" && input), "it reads the whole input");
  } else {
    demand(!input && source.channels === channels, `it makes ${channels} channels of ${source.channels}`);
    demand(source.numbers === numbers || kind === "depthwise", `it makes ${numbers}s of ${source.numbers}s`);
  }
  if (kind === "depthwise") demand(source.numbers === "word", "it is depthwise and not of words");
  const drops = kind === "depthwise" && numbers === "byte";
  demand(drops ? head.shift <= MOST.shift && ceiling === 127 : head.shift === 0, `it drops ${head.shift} bits`);
  if (kind === "maximum") {
    demand(source.floor === 0, "it takes maxima of numbers below zero");
    demand(floor <= source.floor && ceiling >= source.ceiling, "its range is narrower than what it takes");
  }

  const out = outputMap(
    { ...head, weights: new Int16Array(), bias: new Int32Array(), scale: new Float32Array() },
    source,
  );
  demand(out.height * out.width * Math.ceil(channels / 8) * 8 <= MOST.mapLength, "it makes too large a map");

  if (head.residual === -1) {
    demand(head.residualScale === 0, "it scales no residual");
    return source;
  }
  const shortcut = maps[head.residual];
  demand(shortcut !== undefined && head.residual > 0, `it adds map ${head.residual}`);
  demand(kind === "convolution" && numbers !== "float" && shortcut.numbers === numbers, "it cannot add a residual");
  demand(shortcut.channels <= channels, `it adds ${shortcut.channels} channels to ${channels}`);
  demand(Number.isFinite(head.residualScale) && head.residualScale >= 0, `it scales by ${head.residualScale}`);
  return source;
}

/** Prove that the layer's sums fit int32, or int16 in a depthwise convolution, and that they can be rounded. */
function checkSums(layer: Layer, source: FeatureMap, shortcut: FeatureMap | undefined): void {
  const { kind, channels, bias, scale, weights } = layer;
  demand(
    scale.every((factor) => Number.isFinite(factor) && factor >= 0),
    "a scale is no number from 0 up",
  );
  const most = Math.max(-source.floor, source.ceiling);
  if (kind === "average") {
    const sum = source.height * source.width * most;
    demand(sum <= INT32 && sum * scale[0]! <= ROUNDABLE, "its sums are too large");
    return;
  }
  if (kind === "depthwise") {
    const taps = layer.windowSize ** 2;
    for (let channel = 0; channel < channels; channel++) {
      let sum = Math.abs(bias[channel]!) + taps;
      for (let tap = 0; tap < taps; tap++) {
        const weight = weights[tap * channels + channel]!;
        demand(weight > -INT16 - 1, "a weight is -2^15");
        sum += Math.abs(weight);
      }
      const most = layer.numbers === "byte" ? INT16 : layer.ceiling;
      demand(sum <= most, "its sums are larger than what it says to store");
    }
    return;
  }
  const row = weights.length / channels;
  const added = shortcut ? Math.max(-shortcut.floor, shortcut.ceiling) * layer.residualScale : 0;
  for (let channel = 0; channel < channels && row > 0; channel++) {
    let sum = 0;
    for (let i = channel * row; i < (channel + 1) * row; i++) sum += Math.abs(weights[i]!);
    sum = sum * most + Math.abs(bias[channel]!);
    demand(sum <= INT32, "its sums are too large");
    demand(layer.numbers === "float" || sum * scale[channel]! + added <= ROUNDABLE, "its scales are too large");
  }
}

/** Check that a residual has the size of the outputs, or twice that where a block halves the very map that is added. */
function checkShortcuts(layers: readonly Layer[], maps: readonly FeatureMap[]): void {
  layers.forEach((layer, index) => {
    if (layer.residual === -1) return;
    const shortcut = maps[layer.residual]!;
    const out = maps[index + 1]!;
    if (shortcut.height === out.height && shortcut.width === out.width) return;
    const taps = layers[index - 1];
    const halves = isBlock(layers, index - 1) && taps?.stride === 2 && taps.input === layer.residual;
    const even = shortcut.width % 2 === 0 && shortcut.height % 2 === 0;
    demand(halves && even, `layer ${index}: it adds a map of another size`);
  });
}

/** Read `count` weights of `bits` bits, two's complement, from the lowest bit of each uint32 up. */
function unpack(view: DataView, at: number, count: number, bits: number): Int16Array {
  const weights = new Int16Array(count);
  const shift = 32 - bits;
  let held = 0;
  let holds = 0;
  for (let i = 0; i < count; i++) {
    let value = held;
    let filled = holds;
    held = 0;
    holds = 0;
    if (filled < bits) {
      const next = view.getUint32(at, true);
      at += 4;
      value |= next << filled;
      const taken = bits - filled;
      holds = 32 - taken;
      held = taken === 32 ? 0 : next >>> taken;
      filled = bits;
    } else {
      held = value >>> bits;
      holds = filled - bits;
    }
    weights[i] = (value << shift) >> shift;
  }
  return weights;
}
