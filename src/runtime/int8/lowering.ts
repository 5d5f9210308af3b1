/** Lowers layers to steps of the kernels. */
import { ALIGNMENT, type PlacedMap, type Room, pixelAt, place, roomOf, roundUp } from "./arena.ts";
import { type FeatureMap, type Layer, type Network, isBlock, mapsOf, samePadding } from "./network.ts";
import { type Packing, type WeightShape, packProduct, packTaps, padded, quadsOf } from "./pack.ts";
import { type Fields, MULTIPLY, NOWHERE, QUAD, STORE, type Step, type StepOf, TILE } from "./steps.ts";
import { VARIANTS, type Variant, usesWinograd } from "./variant.ts";
import { packWinograd, winogradBias, winogradMemory } from "./winograd.ts";

/** A block computes as many rows together as have this many pixels, so that its products are long. */
const BLOCK_PIXELS = 32;

/** One output layer's floats. */
export interface OutputFloats {
  /** Index of the first one in the network's output. */
  readonly start: number;
  readonly pixels: number;
  readonly channels: number;
  /** Floats from pixel to pixel: the channels up to a multiple of eight. */
  readonly stride: number;
}

/** Fields that say where a step's outputs go. */
type OutFields = Pick<
  Fields<"convolution">,
  "width" | "height" | "out" | "outPixelStep" | "outRowStep" | "floor" | "ceiling"
>;
type ResidualFields = Pick<
  Fields<"convolution">,
  "residual" | "residualPixelStep" | "residualRowStep" | "residualTiles" | "residualScale"
>;

/** Makes the steps, one layer after the other, and collects the weights that they read. */
export class Lowering {
  readonly constants: { readonly at: number; readonly bytes: Uint8Array }[] = [];
  readonly outputs: OutputFloats[] = [];
  outputLength = 0;
  /** Offset behind the last weight. */
  end: number;
  readonly #network: Network;
  readonly #variant: Variant;
  readonly #winograd: readonly boolean[];
  readonly #placed: readonly PlacedMap[];
  readonly #scratch: readonly Room[];

  constructor(network: Network, variant: Variant) {
    const maps = mapsOf(network);
    this.#network = network;
    this.#variant = variant;
    this.#winograd = network.layers.map((layer) => usesWinograd(variant, layer, maps[layer.input]!));
    this.#placed = maps.map((map, index) => roomOf(network, map, index, this.#winograd));
    this.#scratch = network.layers.map((_, index) => this.#scratchRoom(index, maps));
    this.end = place([...this.#placed, ...this.#scratch].filter(({ bytes }) => bytes > 0));
  }

  /** Make the network's first map from pixels. */
  inputSteps(): Step[] {
    const { kind, size, zero } = this.#network.input;
    const to = this.#placed[0]!;
    const fields = { width: size, height: size, out: pixelAt(to, 0, 0), outRowStep: to.rowBytes };
    const pattern = to.numberBytes === 1 ? zero * 0x0101 : zero;
    return [...borderSteps(to, pattern), { operation: kind, fields }];
  }

  /** Make what layer `index` makes; a block's first half alone makes nothing. */
  layerSteps(index: number): Step[] {
    const { layers } = this.#network;
    if (isBlock(layers, index)) return [];
    const layer = layers[index]!;
    const to = this.#placed[index + 1]!;
    const border = layer.numbers === "float" ? [] : borderSteps(to, 0);
    return [...border, this.#layerStep(layer, index, this.#outFields(layer, to))];
  }

  #layerStep(layer: Layer, index: number, out: OutFields): Step {
    if (layer.kind === "depthwise") return this.#depthwise(layer, out);
    if (layer.kind === "maximum") return this.#maximum(layer, out);
    if (layer.kind === "average") return this.#average(layer, out);
    if (isBlock(this.#network.layers, index - 1)) return this.#block(layer, index, out);
    if (this.#winograd[index]) return this.#winogradConvolution(layer, index, out);
    return this.#convolution(layer, out);
  }

  #depthwise(layer: Layer, out: OutFields): StepOf<"depthwise"> {
    return { operation: "depthwise", fields: { ...out, ...this.#tapFields(layer) } };
  }

  #maximum(layer: Layer, out: OutFields): StepOf<"maximum"> {
    const source = this.#placed[layer.input]!;
    const fields = { ...out, ...windowFields(layer, source), multiply: this.#multiply(source) };
    return { operation: "maximum", fields };
  }

  #average({ input, scale }: Layer, out: OutFields): StepOf<"average"> {
    const source = this.#placed[input]!;
    const { height, width, channels } = source.map;
    const fields = {
      ...{ ...out, height, width, eights: Math.ceil(channels / TILE), input: pixelAt(source, 0, 0) },
      ...{ rowBytes: source.rowBytes, pixelBytes: source.pixelBytes, multiply: this.#multiply(source) },
      scale: this.#keepFloats(scale),
    };
    return { operation: "average", fields };
  }

  #convolution(layer: Layer, out: OutFields): StepOf<"convolution"> {
    const source = this.#placed[layer.input]!;
    const { height, width, channels: inputs } = source.map;
    const dense = layer.kind === "dense";
    const columns = dense ? width : layer.windowSize;
    // A single pixel's weights may end with its channels; a window's go on over the padding to the next pixel.
    const stored = columns === 1 ? inputs : source.pixelBytes / source.numberBytes;
    const shape = { rows: dense ? height : layer.windowSize, columns, inputs, stored };
    const fields = {
      ...{ ...out, ...windowFields(dense ? { ...layer, windowSize: 1 } : layer, source) },
      ...{ windowSize: shape.rows, multiply: this.#multiply(source), store: storeOf(layer) },
      ...{ ...this.#productFields(layer, shape, source.numberBytes), ...this.#residualFields(layer) },
    };
    return { operation: "convolution", fields };
  }

  #winogradConvolution(layer: Layer, index: number, out: OutFields): StepOf<"winograd"> {
    const source = this.#placed[layer.input]!;
    const { quads, chunk, sums } = winogradMemory(source.map);
    const scratch = this.#scratch[index]!.at;
    const weights = this.#keep(packWinograd(layer, source.map.channels));
    const bias = this.#keep(winogradBias(layer.bias));
    const scale = this.#keepFloats(layer.scale.map((value) => value / 4));
    const tiles = Math.ceil(layer.channels / TILE);
    const fields = {
      ...{ ...out, ...windowFields(layer, source), ...this.#residualFields(layer), store: storeOf(layer) },
      ...{ quads, chunk, scratch, sums: scratch + sums, weights, bias, scale, tiles },
    };
    const part: StepOf<"convolution"> = {
      operation: "convolution",
      fields: {
        ...{ ...NO_RESIDUAL, multiply: MULTIPLY.words, store: STORE.raw, floor: 0, ceiling: 0 },
        ...{ input: scratch, pixelStep: quads * QUAD, rowStep: 0, rowBytes: 0, windowSize: 1, width: chunk, height: 1 },
        ...{ quads, weights, bias, scale, tiles, out: scratch + sums, outPixelStep: tiles * TILE * 4, outRowStep: 0 },
      },
    };
    return { operation: "winograd", fields, part };
  }

  /** A depthwise convolution, the pointwise one behind it and the shortcut, in one step. */
  #block(layer: Layer, index: number, out: OutFields): StepOf<"block"> {
    const taps = this.#network.layers[index - 1]!;
    const shortcut = this.#placed[layer.residual];
    const pooled = shortcut !== undefined && shortcut.map.height !== out.height;
    const chunk = blockRows(out);
    const { width } = out;
    const numberBytes = taps.numbers === "byte" ? 1 : 2;
    const pixelBytes = roundUp(taps.channels, TILE) * numberBytes;
    const maximumBytes = roundUp(taps.channels, TILE) * 2;
    const dense = { outPixelStep: maximumBytes, outRowStep: width * maximumBytes };
    const input = this.#scratch[index]!.at;
    const maxima = input + chunk * dense.outRowStep;
    const shape = { rows: 1, columns: 1, inputs: taps.channels, stored: taps.channels };
    const pool: StepOf<"maximum"> | undefined = pooled
      ? {
          operation: "maximum",
          fields: {
            ...{ ...windowFields(taps, shortcut), ...dense, input: pixelAt(shortcut, 0, 0), out: maxima },
            ...{ width, height: chunk, windowSize: 2, multiply: MULTIPLY.words },
          },
        }
      : undefined;
    const residual = this.#residualFields(layer);
    const part: StepOf<"convolution"> = {
      operation: "convolution",
      fields: {
        ...{ ...out, height: chunk, multiply: this.#multiply({ numberBytes }), store: STORE.int16 },
        ...{ input, pixelStep: pixelBytes, rowStep: width * pixelBytes, rowBytes: 0, windowSize: 1 },
        ...{ ...this.#productFields(layer, shape, numberBytes), ...residual },
        ...(pooled && { residual: maxima, residualPixelStep: maximumBytes, residualRowStep: dense.outRowStep }),
      },
      ...(pool && { part: pool }),
    };
    const fields = { ...out, ...this.#tapFields(taps), residual: residual.residual, chunk };
    return { operation: "block", fields, part };
  }

  /** Say where a layer's outputs go: to its map, or behind the floats of the layers before it. */
  #outFields(layer: Layer, { map, ...to }: PlacedMap): OutFields {
    const { floor, ceiling } = layer;
    const { width, height } = map;
    const common = { width, height, floor, ceiling };
    if (layer.numbers !== "float") {
      const out = pixelAt({ map, ...to }, 0, 0);
      return { ...common, out, outPixelStep: to.pixelBytes, outRowStep: to.rowBytes };
    }
    const start = this.outputLength;
    const stride = roundUp(layer.channels, TILE);
    this.outputs.push({ start, pixels: height * width, channels: layer.channels, stride });
    this.outputLength += height * width * stride;
    return { ...common, out: start * 4, outPixelStep: stride * 4, outRowStep: width * stride * 4 };
  }

  #productFields(layer: Layer, shape: WeightShape, numberBytes: number) {
    const packing: Packing = numberBytes === 2 ? { weightBytes: 2, dot: 2 } : VARIANTS[this.#variant].packing;
    return {
      quads: quadsOf(shape, numberBytes),
      weights: this.#keep(packProduct(layer, shape, packing, numberBytes)),
      bias: this.#keep(padded(layer.bias, (length) => new Int32Array(length))),
      scale: this.#keepFloats(layer.scale),
      tiles: Math.ceil(layer.channels / TILE),
    };
  }

  #tapFields(layer: Layer) {
    return {
      ...windowFields(layer, this.#placed[layer.input]!),
      weights: this.#keep(packTaps(layer)),
      bias: this.#keep(padded(Int16Array.from(layer.bias), (length) => new Int16Array(length))),
      ...{ floor: layer.floor, shift: layer.shift, store: storeOf(layer) },
    };
  }

  #residualFields(layer: Layer): ResidualFields {
    const shortcut = this.#placed[layer.residual];
    if (shortcut === undefined) return NO_RESIDUAL;
    return {
      residual: pixelAt(shortcut, 0, 0),
      residualPixelStep: shortcut.pixelBytes,
      residualRowStep: shortcut.rowBytes,
      residualTiles: Math.ceil(shortcut.map.channels / TILE),
      residualScale: layer.residualScale,
    };
  }

  #multiply({ numberBytes }: Pick<PlacedMap, "numberBytes">): number {
    return numberBytes === 2 ? MULTIPLY.words : VARIANTS[this.#variant].multiply;
  }

  /** Memory that a layer needs only while it runs. */
  #scratchRoom(index: number, maps: readonly FeatureMap[]): Room {
    const layer = this.#network.layers[index]!;
    const source = maps[layer.input]!;
    let bytes = 0;
    if (isBlock(this.#network.layers, index - 1)) {
      const out = maps[index + 1]!;
      // The depthwise rows, and as much again for the shortcut's maxima.
      bytes = 2 * blockRows(out) * out.width * roundUp(source.channels, TILE) * 2;
    } else if (this.#winograd[index]) bytes = winogradMemory(source).bytes;
    return { bytes: roundUp(bytes, ALIGNMENT), born: index, dies: index, at: 0 };
  }

  /** Keep bytes among the constants. @returns Their offset, a multiple of 16. */
  #keep(bytes: Uint8Array): number {
    const at = roundUp(this.end, 16);
    this.constants.push({ at, bytes });
    this.end = at + bytes.length;
    return at;
  }

  #keepFloats(values: Float32Array): number {
    return this.#keep(padded(values, (length) => new Float32Array(length)));
  }
}

const NO_RESIDUAL: ResidualFields = {
  ...{ residual: NOWHERE, residualPixelStep: 0, residualRowStep: 0, residualTiles: 0, residualScale: 0 },
};

function storeOf({ numbers }: Layer): number {
  if (numbers === "float") return STORE.float;
  return numbers === "word" ? STORE.int16 : STORE.int8;
}

function blockRows({ width, height }: { readonly width: number; readonly height: number }): number {
  return Math.min(height, Math.max(1, Math.floor(BLOCK_PIXELS / width)));
}

/** Say where a layer's first window begins, and how it moves. */
function windowFields({ windowSize, stride }: Pick<Layer, "windowSize" | "stride">, source: PlacedMap) {
  const { map, rowBytes, pixelBytes } = source;
  const above = samePadding(map.height, windowSize, stride).before;
  const left = samePadding(map.width, windowSize, stride).before;
  return {
    input: pixelAt(source, -above, -left),
    ...{ rowBytes, pixelBytes, windowSize },
    pixelStep: stride * pixelBytes,
    rowStep: stride * rowBytes,
    eights: Math.ceil(map.channels / TILE),
  };
}

/** Fill a map's padding, where it has any. */
function borderSteps(to: PlacedMap, pattern: number): Step[] {
  const { at, map, before, after, rowBytes, pixelBytes } = to;
  if (before + after === 0) return [];
  const padding = { paddingAbove: before, paddingLeft: before, paddingBelow: after, pattern };
  return [
    {
      operation: "border",
      fields: { ...padding, out: at, rowBytes, width: map.width, height: map.height, pixelBytes },
    },
  ];
}
