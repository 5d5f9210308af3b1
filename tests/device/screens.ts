/**
 * Screens of the emulated computer. QEMU's graphics card has a screen where somebody looks: a VNC viewer that asks for a
 * size stands for a screen of that size, and one that asks for none means that its cable is pulled.
 *
 * RFB: https://github.com/rfbproto/rfbproto/blob/master/rfbproto.rst
 */
import { once } from "node:events";
import type { Socket } from "node:net";
import { connect } from "./socket.ts";

/** The parts of a server's greeting: its version, its consent, its picture's form, bytes. */
const VERSION_BYTES = 12;
const CONSENT_BYTES = 4;
const FORM_BYTES = 24;

const NO_SECURITY = 1;
const SHARED = 1;
const SET_DESKTOP_SIZE = 251;

/** A cursor that the computer draws: the form of rectangle that holds it. */
const ALPHA_CURSOR = -314;
const SET_ENCODINGS = 2;

/** A message with one rectangle, whose form follows; the cursor's own form; its pixels' bytes. */
const RECTANGLE_BYTES = 4 + 12;
const PIXEL_BYTES = 4;

/** Plug a screen of a size into the port that a socket stands for, or pull its cable where the size is 0. */
export async function plugScreen(path: string, width: number, height: number): Promise<void> {
  const { socket } = await look(path);
  const size = Buffer.alloc(8 + 16);
  size.writeUInt8(SET_DESKTOP_SIZE, 0);
  size.writeUInt8(1, 6);
  for (const at of [2, 16]) size.writeUInt16BE(width, at);
  for (const at of [4, 18]) size.writeUInt16BE(height, at);
  socket.end(size);
  await once(socket, "close");
}

/** @returns Whether the cursor that the computer gave a screen has a pixel that is seen. It may be switched off. */
export async function hasCursor(path: string): Promise<boolean> {
  const { socket, read } = await look(path);
  const encodings = Buffer.alloc(8);
  encodings.writeUInt8(SET_ENCODINGS, 0);
  encodings.writeUInt16BE(1, 2);
  encodings.writeInt32BE(ALPHA_CURSOR, 4);
  socket.write(encodings);
  const rectangle = await read(RECTANGLE_BYTES + 4);
  const pixels = await read(rectangle.readUInt16BE(8) * rectangle.readUInt16BE(10) * PIXEL_BYTES);
  socket.destroy();
  return pixels.some((value, at) => at % PIXEL_BYTES === PIXEL_BYTES - 1 && value > 0);
}

/** Become a viewer of a screen. */
async function look(path: string): Promise<{ socket: Socket; read: (length: number) => Promise<Buffer> }> {
  const socket = await connect(path);
  const read = reader(socket);
  await read(VERSION_BYTES);
  socket.write("RFB 003.008\n");
  await read((await read(1)).readUInt8(0));
  socket.write(Buffer.from([NO_SECURITY]));
  await read(CONSENT_BYTES);
  socket.write(Buffer.from([SHARED]));
  const form = await read(FORM_BYTES);
  await read(form.readUInt32BE(FORM_BYTES - 4));
  return { socket, read };
}

/** @returns A function that waits for the next bytes of a socket. */
function reader(socket: Socket): (length: number) => Promise<Buffer> {
  let received = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => (received = Buffer.concat([received, chunk])));
  return async (length) => {
    while (received.length < length) await once(socket, "data");
    const bytes = received.subarray(0, length);
    received = received.subarray(length);
    return bytes;
  };
}

/** The pixels that a screen shows. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue of each pixel. */
  readonly pixels: Uint8Array;
}

/** Read a PPM file, as QEMU writes it. */
export function readPicture(file: Buffer): Picture {
  const [header, width, height] = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(file.toString("latin1", 0, 40)) ?? [];
  if (header === undefined) throw new Error("not a PPM file");
  return { width: Number(width), height: Number(height), pixels: file.subarray(header.length) };
}

/** @returns The picture turned clockwise by a quarter, so many times. */
export function turned(picture: Picture, quarters: number): Picture {
  let { width, height, pixels } = picture;
  for (let quarter = 0; quarter < quarters; quarter++) {
    const from = pixels;
    pixels = new Uint8Array(from.length);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        const at = (y * width + x) * 3;
        pixels.set(from.subarray(at, at + 3), (x * height + height - 1 - y) * 3);
      }
    }
    [width, height] = [height, width];
  }
  return { width, height, pixels };
}

/** @returns The mean difference of two pictures' channels, 0..255; infinite where their sizes differ. */
export function difference(a: Picture, b: Picture): number {
  if (a.width !== b.width || a.height !== b.height) return Infinity;
  let sum = 0;
  for (let at = 0; at < a.pixels.length; at++) sum += Math.abs(a.pixels[at]! - b.pixels[at]!);
  return sum / a.pixels.length;
}

/** @returns How far a picture's channels lie from their mean, on average: a few where nothing is shown. */
export function contrast({ pixels }: Picture): number {
  let sum = 0;
  for (const value of pixels) sum += value;
  const mean = sum / pixels.length;
  let away = 0;
  for (const value of pixels) away += Math.abs(value - mean);
  return away / pixels.length;
}
