import { type Layer, type Network, type FeatureMap, mapsOf, samePadding } from "./network.ts";
import {
  type Packing,
  POSITIONS,
  TILE,
  WINOGRAD_SIDE,
  packProduct,
  packTaps,
  packWinograd,
  padded,
  roundUp,
  stepsOf,
  suitsWinograd,
  winogradBias,
  winogradTiles,
} from "./pack.ts";
import { isBlock } from "./reader.ts";

/**
 * How bytes are multiplied. `relaxed`: the relaxed dot product. `pairs`: products of neighbours, then their sums.
 * `extmul`: widening products and pairwise sums. `dot16`: widened, as 16 bits. `winograd`: 3x3 convolutions by Winograd's
 * scheme in 16 bits, `dot16`'s too.
 */
export type Variant = "relaxed" | "relaxed-winograd" | "pairs-winograd" | "extmul" | "dot16";

/** What a variant does; `bytes` as `src/kernels/program.ts` numbers it. */
const TRAITS: Readonly<Record<Variant, { readonly bytes: number; readonly packing: Packing; winograd: boolean }>> = {
  relaxed: { bytes: 1, packing: { weight: 1, dot: 4 }, winograd: false },
  "relaxed-winograd": { bytes: 1, packing: { weight: 1, dot: 4 }, winograd: true },
  "pairs-winograd": { bytes: 3, packing: { weight: 1, dot: 4 }, winograd: true },
  extmul: { bytes: 1, packing: { weight: 1, dot: 2 }, winograd: false },
  dot16: { bytes: 4, packing: { weight: 2, dot: 2 }, winograd: true },
};
const WORDS_BY_WORDS = 2;
const FLOAT = 4;

/** A network laid out for one variant of the kernels. */
export interface Plan {
  /** Bytes that it needs, aligned to {@link ALIGNMENT}. */
  readonly bytes: number;
  /** Where its steps begin, and how many there are. */
  readonly program: number;
  readonly steps: number;
  /** What each step does, and for which layer; the input's have -1. */
  readonly stepKinds: readonly { readonly operation: string; readonly layer: number }[];
  /** float32 numbers of the network's output; the layers' outputs lie one after the other, each pixel's on its own. */
  readonly outputs: readonly OutputFloats[];
  readonly outputLength: number;
  /** Writes steps and weights to `base`, and what the steps say where. */
  write(memory: ArrayBuffer, base: number): void;
}

/** Floats of an output layer. */
export interface OutputFloats {
  /** Its first float in the output. */
  readonly start: number;
  readonly pixels: number;
  readonly channels: number;
  /** Floats from pixel to pixel. */
  readonly stride: number;
}

export const ALIGNMENT = 64;

/** Words of a step and their places; `src/kernels/program.ts` has the same, in bytes. */
const STEP_WORDS = 32;
export const STEP_BYTES = STEP_WORDS * 4;
const WORDS = {
  numbers: 1,
  input: 2,
  pixelStep: 3,
  rowStep: 4,
  width: 5,
  height: 6,
  window: 7,
  rowBytes: 8,
  steps: 9,
  weights: 10,
  bias: 11,
  scale: 12,
  tiles: 13,
  out: 14,
  outPixel: 15,
  outRow: 16,
  residual: 17,
  residualPixel: 18,
  residualRow: 19,
  residualTiles: 20,
  floor: 21,
  ceiling: 22,
  pixelBytes: 23,
  taps: 24,
  tapsBias: 25,
  eights: 26,
  chunk: 27,
  scratch: 28,
  pooled: 29,
  tapsFloor: 30,
} as const;
/** A float32. */
const REAL_WORD = 31;
const ADDRESSES = ["input", "weights", "bias", "scale", "out", "residual", "taps", "tapsBias", "scratch"] as const;

const OPERATIONS = {
  gray: 1,
  color: 2,
  border: 3,
  convolution: 4,
  depthwise: 5,
  block: 6,
  maximum: 7,
  average: 8,
  winograd: 9,
} as const;

/** Rows of a block are computed together until they have this many pixels: enough for the products to be long. */
const BLOCK_PIXELS = 32;
/** Numbers of a chunk of Winograd tiles: 25 positions of it are to stay in the second cache. */
const WINOGRAD_NUMBERS = 2048;
const WINOGRAD_LEAST_TILES = 8;
/** A window's last row may be read a few bytes beyond its end. */
const SLACK = 16;

interface Step {
  readonly operation: keyof typeof OPERATIONS;
  readonly words: Partial<Record<keyof typeof WORDS, number>>;
  readonly real?: number;
}

/** Where a plane lies; its own bytes begin after `before` rows, and `before` pixels of each row. */
interface Placed {
  readonly plane: FeatureMap;
  /** Bytes of a number. */
  readonly size: number;
  readonly pixelBytes: number;
  readonly rowBytes: number;
  readonly before: number;
  readonly after: number;
  readonly bytes: number;
  /** The first and last step at which it is alive. */
  readonly born: number;
  readonly dies: number;
  /** Offset, once it is known. */
  at: number;
}

/** Offset of the pixel in row `y` and column `x`, padding counted below zero. */
function pixelAt({ at, before, rowBytes, pixelBytes }: Placed, y: number, x: number): number {
  return at + (before + y) * rowBytes + (before + x) * pixelBytes;
}

/** A room that lives through some layers. */
interface Room {
  readonly bytes: number;
  readonly born: number;
  readonly dies: number;
  at: number;
}

/** Gives every room an offset from `start` such that no two alive together overlap, the largest first; the end. */
function place(rooms: readonly Room[], start: number): number {
  const placed: Room[] = [];
  let end = start;
  for (const room of [...rooms].sort((a, b) => b.bytes - a.bytes)) {
    const others = placed
      .filter((other) => other.born <= room.dies && room.born <= other.dies)
      .sort((a, b) => a.at - b.at);
    let at = start;
    for (const other of others) {
      if (at + room.bytes <= other.at) break;
      at = Math.max(at, other.at + other.bytes);
    }
    room.at = at;
    placed.push(room);
    end = Math.max(end, at + room.bytes);
  }
  return end;
}

/** Lays a network out: weights, then steps, then one arena in which planes that never meet share their room. */
export function planNetwork(network: Network, variant: Variant): Plan {
  return new Planner(network, variant).plan();
}

class Planner {
  readonly #network: Network;
  readonly #variant: Variant;
  readonly #planes: readonly FeatureMap[];
  readonly #constants: { at: number; bytes: Uint8Array }[] = [];
  #end = 0;

  constructor(network: Network, variant: Variant) {
    this.#network = network;
    this.#variant = variant;
    this.#planes = mapsOf(network);
  }

  plan(): Plan {
    const { layers } = this.#network;
    const placed = this.#planes.map((plane, index) => this.#lay(plane, index));
    const scratch = layers.map((_, index) => this.#scratch(index));
    // The arena is laid out from zero first and moved behind the constants once those are known.
    const rooms = [...placed.filter(({ bytes }) => bytes > 0), ...scratch.filter(({ bytes }) => bytes > 0)];
    const arenaBytes = place(rooms, 0);
    for (const room of rooms) room.at += ARENA;

    const outputs: OutputFloats[] = [];
    let outputLength = 0;
    const steps: Step[] = this.#inputSteps(placed[0]!);
    const stepLayers = steps.map(() => -1);
    layers.forEach((layer, index) => {
      if (isBlock(layers, index)) return;
      const out = placed[index + 1]!;
      let to = pixelAt(out, 0, 0);
      if (layer.numbers === "float") {
        const pixels = out.plane.height * out.plane.width;
        const stride = roundUp(layer.channels, TILE);
        outputs.push({ start: outputLength, pixels, channels: layer.channels, stride });
        to = outputLength * 4;
        outputLength += pixels * stride;
      } else if (out.before + out.after > 0) steps.push(borderStep(out, 0));
      steps.push(this.#step(layer, index, placed, to, scratch[index]!.at));
      while (stepLayers.length < steps.length) stepLayers.push(index);
    });

    const program = roundUp(this.#end, ALIGNMENT);
    const arena = roundUp(program + steps.length * STEP_BYTES, ALIGNMENT);
    const bytes = arena + arenaBytes;
    const constants = this.#constants;
    return {
      ...{ bytes, program, steps: steps.length, outputs, outputLength },
      stepKinds: steps.map(({ operation }, i) => ({ operation, layer: stepLayers[i]! })),
      write: (memory, base) => {
        for (const { at, bytes } of constants) new Uint8Array(memory, base + at, bytes.length).set(bytes);
        steps.forEach((step, i) => writeStep(memory, base, program + i * STEP_BYTES, arena, step));
      },
    };
  }

  #winograd(layer: Layer): boolean {
    return TRAITS[this.#variant].winograd && suitsWinograd(layer, this.#planes[layer.input]!) && layer.input > 0;
  }

  #lay(plane: FeatureMap, index: number): Placed {
    const { layers } = this.#network;
    const size = plane.numbers === "word" ? 2 : 1;
    const stored = index === 0 ? plane.channels : roundUp(plane.channels, 8);
    let before = 0;
    let after = 0;
    let dies = index - 1;
    layers.forEach((layer, reader) => {
      if (layer.residual === index) dies = Math.max(dies, reader);
      if (layer.input !== index) return;
      // What a block's first half reads is read while the second runs.
      dies = Math.max(dies, isBlock(layers, reader) ? reader + 1 : reader);
      if (layer.windowSize === 0) return;
      for (const length of [plane.height, plane.width]) {
        const padding = samePadding(length, layer.windowSize, layer.stride);
        before = Math.max(before, padding.before);
        const more = this.#winograd(layer) ? roundUp(padding.out, WINOGRAD_SIDE) - padding.out : 0;
        after = Math.max(after, padding.after + more);
      }
    });
    const pixelBytes = stored * size;
    const rowBytes = (before + plane.width + after) * pixelBytes;
    const unstored = plane.numbers === "float" || isBlock(layers, index - 1);
    return {
      ...{ plane, size, pixelBytes, rowBytes, before, after, dies, at: 0 },
      born: index - 1,
      bytes: unstored ? 0 : roundUp((before + plane.height + after) * rowBytes + SLACK, ALIGNMENT),
    };
  }

  #scratch(index: number): Room {
    const layer = this.#network.layers[index]!;
    const source = this.#planes[layer.input]!;
    let bytes = 0;
    if (isBlock(this.#network.layers, index - 1)) {
      const out = this.#planes[index + 1]!;
      // The depthwise rows, and as much again for the shortcut's maxima.
      bytes = 2 * blockRows(out) * out.width * roundUp(source.channels, 8) * 2;
    } else if (this.#winograd(layer)) {
      bytes = POSITIONS * (winogradChunk(source) * (roundUp(source.channels, 8) * 2 + 128) + 128);
    }
    return { bytes: roundUp(bytes, ALIGNMENT), born: index, dies: index, at: 0 };
  }

  /** Keeps bytes among the constants; where. */
  #keep(bytes: Uint8Array): number {
    const at = roundUp(this.#end, 16);
    this.#constants.push({ at, bytes });
    this.#end = at + bytes.length;
    return at;
  }

  #inputSteps(placed: Placed): Step[] {
    const { kind, size, zero } = this.#network.input;
    const words = { width: size, height: size, out: pixelAt(placed, 0, 0), outRow: placed.rowBytes };
    const pattern = placed.size === 1 ? zero * 0x0101 : zero;
    const border = placed.before + placed.after > 0 ? [borderStep(placed, pattern)] : [];
    return [...border, { operation: kind, words }];
  }

  #step(layer: Layer, index: number, placed: readonly Placed[], out: number, scratch: number): Step {
    const { layers } = this.#network;
    const to = placed[index + 1]!;
    const source = placed[layer.input]!;
    const outWords = {
      ...{ width: to.plane.width, height: to.plane.height },
      ...{ out, outPixel: layer.numbers === "float" ? roundUp(layer.channels, TILE) * 4 : to.pixelBytes },
      outRow: layer.numbers === "float" ? to.plane.width * roundUp(layer.channels, TILE) * 4 : to.rowBytes,
      ...{ floor: layer.floor, ceiling: layer.ceiling },
    };
    const bytes = TRAITS[this.#variant].bytes;
    const numbers = (source.size === 2 ? WORDS_BY_WORDS : bytes) * 16 + (layer.numbers === "float" ? FLOAT : to.size);
    if (layer.kind === "maximum" || layer.kind === "depthwise") {
      const words = { ...outWords, ...windowWords(layer, source), numbers };
      if (layer.kind === "maximum") return { operation: "maximum", words };
      return { operation: "depthwise", words: { ...words, ...this.#tapWords(layer) } };
    }
    if (layer.kind === "average") {
      const { rowBytes, pixelBytes, plane } = source;
      const size = { width: plane.width, height: plane.height, eights: Math.ceil(plane.channels / 8) };
      const words = { ...outWords, ...size, rowBytes, pixelBytes, numbers, input: pixelAt(source, 0, 0) };
      return { operation: "average", words, real: layer.scale[0]! };
    }
    const shared = { ...outWords, numbers, ...this.#residualWords(layer, placed) };
    if (isBlock(layers, index - 1)) {
      const taps = layers[index - 1]!;
      const under = placed[taps.input]!;
      const words = {
        ...shared,
        ...this.#productWords(layer, { ...source, size: 2 }, 1, 1),
        ...windowWords(taps, under),
        ...this.#tapWords(taps),
        pooled: layer.residual >= 0 && placed[layer.residual]!.plane.height !== to.plane.height ? 1 : 0,
        ...{ chunk: blockRows(to.plane), scratch },
      };
      return { operation: "block", words, real: layer.residualScale };
    }
    if (this.#winograd(layer)) {
      const inputs = source.plane.channels;
      const words = {
        ...shared,
        ...windowWords(layer, source),
        steps: roundUp(inputs, 8) / 2,
        weights: this.#keep(packWinograd(layer, inputs)),
        bias: this.#keep(winogradBias(layer.bias)),
        scale: this.#keep(
          padded(
            layer.scale.map((scale) => scale / 4),
            (length) => new Float32Array(length),
          ),
        ),
        tiles: Math.ceil(layer.channels / TILE),
        ...{ chunk: winogradChunk(source.plane), scratch },
      };
      return { operation: "winograd", words, real: layer.residualScale };
    }
    const dense = layer.kind === "dense";
    const { height, width } = source.plane;
    const words = {
      ...shared,
      ...windowWords(dense ? { ...layer, windowSize: 1, stride: 1 } : layer, source),
      ...this.#productWords(layer, source, dense ? height : layer.windowSize, dense ? width : layer.windowSize),
    };
    return { operation: "convolution", words, real: layer.residualScale };
  }

  #productWords(layer: Layer, source: Placed, rows: number, columns: number): Step["words"] {
    const packing: Packing = source.size === 2 ? { weight: 2, dot: 2 } : TRAITS[this.#variant].packing;
    const inputs = source.plane.channels;
    // A single pixel's weights may end with its channels; a window's go on over the padding to the next pixel.
    const window = { rows, columns, inputs, stored: columns === 1 ? inputs : source.pixelBytes / source.size };
    return {
      window: rows,
      steps: stepsOf(window, source.size),
      weights: this.#keep(packProduct(layer, window, packing, source.size)),
      bias: this.#keep(padded(layer.bias, (length) => new Int32Array(length))),
      scale: this.#keep(padded(layer.scale, (length) => new Float32Array(length))),
      tiles: Math.ceil(layer.channels / TILE),
    };
  }

  #tapWords(layer: Layer): Step["words"] {
    return {
      window: layer.windowSize,
      taps: this.#keep(packTaps(layer)),
      tapsBias: this.#keep(padded(Int16Array.from(layer.bias), (length) => new Int16Array(length))),
      eights: Math.ceil(layer.channels / 8),
      tapsFloor: layer.floor,
    };
  }

  #residualWords(layer: Layer, placed: readonly Placed[]): Step["words"] {
    if (layer.residual === -1) return {};
    const shortcut = placed[layer.residual]!;
    return {
      residual: pixelAt(shortcut, 0, 0),
      residualPixel: shortcut.pixelBytes,
      residualRow: shortcut.rowBytes,
      residualTiles: Math.ceil(shortcut.plane.channels / TILE),
    };
  }
}

/** Offsets from here on lie in the arena, which is moved behind the constants at last. */
const ARENA = 2 ** 40;

function blockRows(out: FeatureMap): number {
  return Math.min(out.height, Math.max(1, Math.floor(BLOCK_PIXELS / out.width)));
}

function winogradChunk(source: FeatureMap): number {
  const fitting = Math.max(WINOGRAD_LEAST_TILES, Math.floor(WINOGRAD_NUMBERS / source.channels));
  return Math.min(winogradTiles(source), fitting);
}

/** Where a layer's first window begins, and how it moves. */
function windowWords(layer: Layer, source: Placed): Step["words"] {
  const { plane, rowBytes, pixelBytes } = source;
  return {
    input: pixelAt(
      source,
      -samePadding(plane.height, layer.windowSize, layer.stride).before,
      -samePadding(plane.width, layer.windowSize, layer.stride).before,
    ),
    ...{ rowBytes, pixelBytes },
    pixelStep: layer.stride * pixelBytes,
    rowStep: layer.stride * rowBytes,
    window: layer.windowSize,
    eights: Math.ceil(plane.channels / 8),
  };
}

function borderStep({ at, plane, before, after, rowBytes, pixelBytes }: Placed, pattern: number): Step {
  return {
    operation: "border",
    words: {
      ...{ out: at, rowBytes, width: plane.width * pixelBytes, height: plane.height },
      ...{ window: before, pixelBytes: before * pixelBytes, chunk: after, floor: pattern },
    },
  };
}

function writeStep(memory: ArrayBuffer, base: number, at: number, arena: number, step: Step): void {
  const words = new Int32Array(memory, base + at, STEP_WORDS).fill(0);
  words[0] = OPERATIONS[step.operation];
  for (const [name, value] of Object.entries(step.words) as [keyof typeof WORDS, number][]) words[WORDS[name]] = value;
  const floats = (step.words.numbers ?? 0) % 16 === FLOAT;
  for (const name of ADDRESSES) {
    const offset = step.words[name];
    if (offset === undefined || (floats && name === "out")) continue;
    words[WORDS[name]] = base + (offset >= ARENA / 2 ? arena + offset - ARENA : offset);
  }
  new Float32Array(memory, base + at, STEP_WORDS)[REAL_WORD] = step.real ?? 0;
}
