/**
 * A webcam on USB that this program plays: USB Video Class 1.0 over a bulk endpoint. QEMU plugs it into the emulated computer
 * while this program is connected to its socket. The kernel inside drives it with uvcvideo, as any webcam.
 *
 * usbredir: https://gitlab.freedesktop.org/spice/usbredir/-/blob/main/docs/usb-redirection-protocol.md
 * UVC: "Universal Serial Bus Device Class Definition for Video Devices", 1.1, and its payload formats.
 */
import type { Socket } from "node:net";
import type { PixelFormat } from "../kiosk/camera-frames.ts";
import { connect } from "./socket.ts";

export interface Format {
  readonly name: string;
  readonly width: number;
  readonly height: number;
  readonly pixels: PixelFormat;
  readonly framesPerSecond: number;
  /** The camera sends these again and again; a camera without any is silent. */
  readonly frames: readonly Buffer[];
}

/** The kernel asks for 32 packets of 512 bytes at once; a payload fills one such request at most, bytes. */
const PAYLOAD_BYTES = 16_384;
const PACKET_BYTES = 512;

const STREAM_ENDPOINT = 0x81;
const HIGH_SPEED = 2;

/** Types of usbredir's messages. */
const HELLO = 0;
const DEVICE_CONNECT = 1;
const INTERFACE_INFO = 4;
const ENDPOINT_INFO = 5;
const SET_CONFIGURATION = 6;
const GET_CONFIGURATION = 7;
const CONFIGURATION_STATUS = 8;
const SET_ALTERNATE = 9;
const GET_ALTERNATE = 10;
const ALTERNATE_STATUS = 11;
const CANCEL = 21;
const CONTROL = 100;
const BULK = 101;

/** Bits of usbredir's capabilities: the device's version, endpoints' packet sizes, ids of 64 bits, lengths of 32 bits. */
const CAPABILITIES = (1 << 1) | (1 << 4) | (1 << 5) | (1 << 6);

/** Type, length and id; the first message of each side has an id of 32 bits. */
const HELLO_HEADER_BYTES = 12;
const HEADER_BYTES = 16;
const STATUS_CANCELLED = 1;
const STATUS_STALL = 4;

/** Requests of UVC and of USB. */
const SET_CUR = 0x01;
const GET_INFO = 0x86;
const GET_LEN = 0x85;
const GET_DESCRIPTOR = 6;
const FROM_DEVICE = 0x80;

/** The length of UVC 1.0's probe and commit controls, bytes. */
const PROBE_BYTES = 26;

const u16 = (value: number) => [value & 255, (value >> 8) & 255];
const u32 = (value: number) => [...u16(value & 0xffff), ...u16(value >>> 16)];

export class Webcam {
  readonly #format: Format;
  readonly #socket: Socket;
  readonly #configuration: Buffer;
  #received = Buffer.alloc(0);
  /** Ids of the kernel's requests for data that wait for the next frame. */
  #waiting: bigint[] = [];
  /** The rest of the present frame, and where it begins. */
  #rest = Buffer.alloc(0);
  #frame = 0;
  #isEven = false;
  readonly #clock: NodeJS.Timeout;

  private constructor(format: Format, socket: Socket) {
    this.#format = format;
    this.#socket = socket;
    this.#configuration = configurationOf(format);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("close", () => clearInterval(this.#clock));
    this.#clock = setInterval(() => this.#nextFrame(), 1000 / format.framesPerSecond);
    const version = Buffer.alloc(64);
    version.write("emotion-cam test");
    this.#send(HELLO, 0n, [...version, ...u32(CAPABILITIES)]);
  }

  /** Plug a webcam in. */
  static async plugIn(path: string, format: Format): Promise<Webcam> {
    return new Webcam(format, await connect(path));
  }

  unplug(): void {
    this.#socket.destroy();
  }

  #send(type: number, id: bigint, body: readonly number[], data: Buffer = Buffer.alloc(0)): void {
    const header = Buffer.alloc(HEADER_BYTES);
    header.writeUInt32LE(type, 0);
    header.writeUInt32LE(body.length + data.length, 4);
    header.writeBigUInt64LE(id, 8);
    const sent = header.subarray(0, type === HELLO ? HELLO_HEADER_BYTES : HEADER_BYTES);
    this.#socket.write(Buffer.concat([sent, Buffer.from(body), data]));
  }

  #receive(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    while (this.#received.length >= HEADER_BYTES) {
      const [type, length] = [this.#received.readUInt32LE(0), this.#received.readUInt32LE(4)];
      const id = this.#received.readBigUInt64LE(8);
      const start = type === HELLO ? HELLO_HEADER_BYTES : HEADER_BYTES;
      if (this.#received.length < start + length) return;
      this.#answer(type, id, this.#received.subarray(start, start + length));
      this.#received = this.#received.subarray(start + length);
    }
  }

  #answer(type: number, id: bigint, body: Buffer): void {
    if (type === HELLO) return this.#introduce();
    if (type === SET_CONFIGURATION || type === GET_CONFIGURATION) return this.#send(CONFIGURATION_STATUS, id, [0, 1]);
    if (type === SET_ALTERNATE || type === GET_ALTERNATE) return this.#send(ALTERNATE_STATUS, id, [0, body[0]!, 0]);
    if (type === CONTROL) return this.#control(id, body);
    if (type === CANCEL) return this.#cancel(id);
    if (type === BULK) {
      this.#waiting.push(id);
      this.#flush();
    }
  }

  #introduce(): void {
    const table = <T>(length: number, entries: Readonly<Record<number, T>>, otherwise: T) =>
      Array.from({ length }, (_, index) => entries[index] ?? otherwise);
    // An endpoint's place is its number, and 16 more where it sends to the computer.
    const stream = 16 + (STREAM_ENDPOINT & 15);
    const INVALID = 255;
    const BULK_TYPE = 2;
    this.#send(ENDPOINT_INFO, 0n, [
      ...table(32, { 0: 0, 16: 0, [stream]: BULK_TYPE }, INVALID),
      ...table(32, {}, 0),
      ...table(32, { [stream]: 1 }, 0),
      ...table(32, { 0: 64, 16: 64, [stream]: PACKET_BYTES }, 0).flatMap(u16),
    ]);
    const VIDEO = 14;
    this.#send(INTERFACE_INFO, 0n, [
      ...u32(2),
      ...table(32, { 1: 1 }, 0),
      ...table(32, { 0: VIDEO, 1: VIDEO }, 0),
      ...table(32, { 0: 1, 1: 2 }, 0),
      ...table(32, {}, 0),
    ]);
    this.#send(DEVICE_CONNECT, 0n, [HIGH_SPEED, 0xef, 2, 1, ...u16(0x1d6b), ...u16(0x0104), ...u16(0x0100)]);
  }

  #control(id: bigint, body: Buffer): void {
    const [endpoint, request, requestType] = [body[0]!, body[1]!, body[2]!];
    const [value, index, length] = [body.readUInt16LE(4), body.readUInt16LE(6), body.readUInt16LE(8)];
    const reply = (status: number, data: Buffer) => {
      const sent = data.subarray(0, length);
      const taken = (requestType & FROM_DEVICE) === 0 ? length : sent.length;
      const words = [endpoint, request, requestType, status, ...u16(value), ...u16(index), ...u16(taken)];
      this.#send(CONTROL, id, words, sent);
    };
    if ((requestType & FROM_DEVICE) === 0) {
      // The camera has one format: whatever the kernel sets, it is this one. The endpoint begins anew after a halt.
      if (request === SET_CUR) this.#startFrame();
      return reply(0, Buffer.alloc(0));
    }
    const data = request === GET_DESCRIPTOR ? this.#descriptor(value) : this.#videoControl(request);
    reply(data === null ? STATUS_STALL : 0, data ?? Buffer.alloc(0));
  }

  #descriptor(value: number): Buffer | null {
    const [kind, index] = [value >> 8, value & 255];
    if (kind === 1) {
      return Buffer.from([
        18,
        1,
        ...u16(0x0200),
        0xef,
        2,
        1,
        64,
        ...u16(0x1d6b),
        ...u16(0x0104),
        ...u16(0x0100),
        1,
        2,
        0,
        1,
      ]);
    }
    if (kind === 2) return this.#configuration;
    if (kind === 3 && index === 0) return Buffer.from([4, 3, ...u16(0x0409)]);
    if (kind === 3) {
      const text = Buffer.from(index === 1 ? "emotion-cam" : this.#format.name, "utf16le");
      return Buffer.from([text.length + 2, 3, ...text]);
    }
    return null;
  }

  #videoControl(request: number): Buffer {
    if (request === GET_INFO) return Buffer.from([3]);
    if (request === GET_LEN) return Buffer.from(u16(PROBE_BYTES));
    const hint = 1;
    return Buffer.from([
      ...u16(hint),
      ...[1, 1],
      ...u32(interval(this.#format)),
      ...[0, 0, 0, 0, 0].flatMap(u16),
      ...u32(frameBytes(this.#format)),
      ...u32(PAYLOAD_BYTES),
    ]);
  }

  #cancel(id: bigint): void {
    this.#waiting = this.#waiting.filter((waiting) => waiting !== id);
    this.#sendBulk(id, STATUS_CANCELLED, Buffer.alloc(0));
  }

  #sendBulk(id: bigint, status: number, data: Buffer): void {
    this.#send(
      BULK,
      id,
      [STREAM_ENDPOINT, status, ...u16(data.length & 0xffff), ...u32(0), ...u16(data.length >>> 16)],
      data,
    );
  }

  #startFrame(): void {
    this.#rest = Buffer.alloc(0);
  }

  #nextFrame(): void {
    // A frame that the computer has not taken whole is not followed by another.
    if (this.#rest.length > 0 || this.#waiting.length === 0 || this.#format.frames.length === 0) return;
    this.#rest = Buffer.from(this.#format.frames[this.#frame++ % this.#format.frames.length]!);
    this.#isEven = !this.#isEven;
    this.#flush();
  }

  /** Answer the kernel's requests with the present frame's payloads. Each begins with its own header. */
  #flush(): void {
    const END_OF_HEADER = 0x80;
    const END_OF_FRAME = 2;
    while (this.#rest.length > 0 && this.#waiting.length > 0) {
      const part = this.#rest.subarray(0, PAYLOAD_BYTES - 2);
      this.#rest = this.#rest.subarray(part.length);
      const isLast = this.#rest.length === 0;
      const flags = END_OF_HEADER | (isLast ? END_OF_FRAME : 0) | Number(this.#isEven);
      this.#sendBulk(this.#waiting.shift()!, 0, Buffer.concat([Buffer.from([2, flags]), part]));
    }
  }
}

/** UVC counts a frame's time in units of 100 ns. */
const interval = ({ framesPerSecond }: Format) => 10_000_000 / framesPerSecond;

/** UVC's name of YUYV, a GUID. */
const YUY2 = Buffer.from("5955593200001000800000aa00389b71", "hex");

/** The size of a YUYV frame; a JPEG file is smaller. */
export const frameBytes = ({ width, height }: Pick<Format, "width" | "height">) => width * height * 2;

function configurationOf(format: Format): Buffer {
  const CLASS_SPECIFIC = 0x24;
  const camera = [18, CLASS_SPECIFIC, 2, 1, ...u16(0x0201), 0, 0, ...u16(0), ...u16(0), ...u16(0), 3, 0, 0, 0];
  const output = [9, CLASS_SPECIFIC, 3, 2, ...u16(0x0101), 0, 1, 0];
  const units = [...camera, ...output];
  const control = [
    13,
    CLASS_SPECIFIC,
    1,
    ...u16(0x0100),
    ...u16(13 + units.length),
    ...u32(48_000_000),
    1,
    1,
    ...units,
  ];
  // A frame's descriptor has the type after that of its format.
  const [formatType, layout] = format.pixels === "MJPEG" ? [6, [1, 1, 1]] : [4, [1, ...YUY2, 16, 1]];
  const pixels = [8 + layout.length, CLASS_SPECIFIC, formatType, 1, ...layout, 0, 0, 0, 0];
  const bits = frameBytes(format) * 8 * format.framesPerSecond;
  const frame = [
    ...[30, CLASS_SPECIFIC, formatType + 1, 1, 0, ...u16(format.width), ...u16(format.height)],
    ...[...u32(bits), ...u32(bits), ...u32(frameBytes(format))],
    ...[...u32(interval(format)), 1, ...u32(interval(format))],
  ];
  const colour = [6, CLASS_SPECIFIC, 13, 1, 1, 4];
  const formats = [...pixels, ...frame, ...colour];
  const header = [14, CLASS_SPECIFIC, 1, 1, ...u16(14 + formats.length), STREAM_ENDPOINT, 0, 2, 0, 0, 0, 1, 0];
  const VIDEO = 14;
  const rest = [
    ...[8, 11, 0, 2, VIDEO, 3, 0, 2],
    ...[9, 4, 0, 0, 0, VIDEO, 1, 0, 2, ...control],
    ...[9, 4, 1, 0, 1, VIDEO, 2, 0, 0, ...header, ...formats],
    ...[7, 5, STREAM_ENDPOINT, 2, ...u16(PACKET_BYTES), 0],
  ];
  return Buffer.from([9, 2, ...u16(9 + rest.length), 2, 1, 0, 0x80, 250, ...rest]);
}

/** Cut a file of frames, one after the other: JPEG pictures at each picture's beginning, others by their size. */
export function cutFrames(bytes: Buffer, format: Pick<Format, "pixels" | "width" | "height">): Buffer[] {
  if (format.pixels === "YUYV") {
    const length = frameBytes(format);
    return Array.from({ length: bytes.length / length }, (_, index) =>
      bytes.subarray(index * length, (index + 1) * length),
    );
  }
  const START = Buffer.from([0xff, 0xd8, 0xff]);
  const starts: number[] = [];
  for (let at = bytes.indexOf(START); at >= 0; at = bytes.indexOf(START, at + START.length)) starts.push(at);
  return starts.map((start, index) => bytes.subarray(start, starts[index + 1] ?? bytes.length));
}
