/** The memory in which feature maps lie while a network runs: those that are never alive together share their room. */
import { type FeatureMap, type Network, isBlock, samePadding } from "./network.ts";
import { TILE, WINOGRAD_SIDE } from "./steps.ts";

/** Rooms begin at multiples of this many bytes: a line of the cache. */
export const ALIGNMENT = 64;
/** Bytes behind a map: a product may read so far beyond a window's last row. */
const SLACK = 16;

export function roundUp(value: number, multiple: number): number {
  return Math.ceil(value / multiple) * multiple;
}

/** Bytes that are in use while some layers run. */
export interface Room {
  readonly bytes: number;
  /** The first and the last layer that uses it; -1 stands for the network's input. */
  readonly born: number;
  readonly dies: number;
  /** Offset in the arena; {@link place} sets it. */
  at: number;
}

/**
 * Give every room an offset such that no two that are alive together overlap: greedily, the largest first, each at the
 * lowest offset that is free (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference", 2020).
 *
 * @returns The arena's size in bytes.
 */
export function place(rooms: readonly Room[]): number {
  const placed: Room[] = [];
  let end = 0;
  for (const room of [...rooms].sort((a, b) => b.bytes - a.bytes)) {
    const others = placed
      .filter((other) => other.born <= room.dies && room.born <= other.dies)
      .sort((a, b) => a.at - b.at);
    let at = 0;
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

/** A feature map's room: rows of pixels, channels innermost, with padding around it. */
export interface PlacedMap extends Room {
  readonly map: FeatureMap;
  /** Bytes of a stored number: 1 or 2. */
  readonly numberBytes: number;
  /** Bytes of a pixel, whose channels are stored up to a multiple of eight; the network's input has no spare ones. */
  readonly pixelBytes: number;
  /** Bytes of a row with its padding. */
  readonly rowBytes: number;
  /** Padding above and to the left, and padding below and to the right, in pixels. */
  readonly before: number;
  readonly after: number;
}

/** Offset of the pixel in row `y` and column `x`; padding has negative ones. */
export function pixelAt({ at, before, rowBytes, pixelBytes }: PlacedMap, y: number, x: number): number {
  return at + (before + y) * rowBytes + (before + x) * pixelBytes;
}

/**
 * Say how much room a feature map takes, and how long: its padding is what its readers' windows need.
 *
 * @param map Map `index` of the network: 0 is the input, n + 1 what layer n makes.
 * @param winograd For each layer whether it runs by Winograd's scheme, which reads whole tiles.
 * @returns A room of 0 bytes where the map is never stored: floats go to the output, and a block keeps its depthwise
 *   outputs to itself.
 */
export function roomOf(network: Network, map: FeatureMap, index: number, winograd: readonly boolean[]): PlacedMap {
  const { layers } = network;
  const numberBytes = map.numbers === "word" ? 2 : 1;
  const stored = index === 0 ? map.channels : roundUp(map.channels, TILE);
  let before = 0;
  let after = 0;
  let dies = index - 1;
  layers.forEach((layer, reader) => {
    if (layer.residual === index) dies = Math.max(dies, reader);
    if (layer.input !== index) return;
    // A block's second half runs while the first half still reads its input.
    dies = Math.max(dies, isBlock(layers, reader) ? reader + 1 : reader);
    if (layer.windowSize === 0) return;
    for (const length of [map.height, map.width]) {
      const padding = samePadding(length, layer.windowSize, layer.stride);
      before = Math.max(before, padding.before);
      const more = winograd[reader] ? roundUp(padding.out, WINOGRAD_SIDE) - padding.out : 0;
      after = Math.max(after, padding.after + more);
    }
  });
  const pixelBytes = stored * numberBytes;
  const rowBytes = (before + map.width + after) * pixelBytes;
  const isStored = map.numbers !== "float" && !isBlock(layers, index - 1);
  return {
    ...{ map, numberBytes, pixelBytes, rowBytes, before, after, dies, at: 0 },
    born: index - 1,
    bytes: isStored ? roundUp((before + map.height + after) * rowBytes + SLACK, ALIGNMENT) : 0,
  };
}
