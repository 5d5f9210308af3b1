import { readFileSync } from "node:fs";
import { InputError } from "./input-error.ts";

/** Square gray pictures of faces. */
export interface Faces {
  readonly count: number;
  /** Side of each face, pixels. */
  readonly size: number;
  /** Gray levels, row by row, one face after the other. */
  readonly pixels: Uint8Array;
}

const MAGIC = "\x93NUMPY";

/**
 * Read faces from a `.npy` file: uint8, shape [count, side, side], C order.
 *
 * @throws InputError that names the file and what is wrong with it.
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
export function readFaces(path: string): Faces {
  const bytes = readBytes(path);
  const refuse = (what: string) => new InputError(`${path}: ${what}`);
  if (bytes.subarray(0, 6).toString("latin1") !== MAGIC || bytes.length < 12) throw refuse("is not a NumPy .npy file");
  const [headerStart, headerLength] = bytes[6] === 1 ? [10, bytes.readUInt16LE(8)] : [12, bytes.readUInt32LE(8)];
  const dataStart = headerStart + headerLength;
  if (dataStart > bytes.length) throw refuse("is truncated within its header");
  const header = bytes.subarray(headerStart, dataStart).toString("latin1");

  const dtype = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  if (dtype !== "|u1" && dtype !== "u1") throw refuse(`holds numbers of type ${dtype ?? "unknown"}, not uint8 (|u1)`);
  if (/'fortran_order':\s*True/.test(header)) throw refuse("is in Fortran order, not in C order");
  const shape = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1] ?? "";
  const sizes = shape.split(",").flatMap((size) => (size.trim() === "" ? [] : [Number(size)]));
  const [count = 0, height = 0, width = 0] = sizes;
  if (sizes.length !== 3 || height !== width || count < 1 || width < 1) {
    throw refuse(`has shape (${shape.trim()}), not (count, side, side)`);
  }
  const pixels = bytes.subarray(dataStart);
  const wanted = count * height * width;
  if (pixels.length < wanted) throw refuse(`is truncated: ${pixels.length} of ${wanted} bytes of pixels`);
  if (pixels.length > wanted) throw refuse(`has ${pixels.length - wanted} bytes more than its shape (${shape.trim()})`);
  return { count, size: width, pixels };
}

/** @returns The gray levels of `count` faces from `index` on; a view, not a copy. */
export function pixelsOf({ pixels, size }: Faces, index: number, count = 1): Uint8Array {
  return pixels.subarray(index * size ** 2, (index + count) * size ** 2);
}

/** @returns Indices of `wanted` of `total` faces (all, if there are fewer), spread evenly: a file's order need not be random. */
export function spread(total: number, wanted: number): readonly number[] {
  const count = Math.min(wanted, total);
  return Array.from({ length: count }, (_, i) => Math.floor((i * total) / count));
}

/**
 * Read a file.
 *
 * @throws InputError that names the file.
 */
export function readBytes(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new InputError(`${path}: cannot be read (${error instanceof Error ? error.message.split(",")[0] : error})`);
  }
}
