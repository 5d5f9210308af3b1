/** Make scenes for calibration and measurements: enlarged training faces, and cuts of photographs. They are never stored. */
import { execFileSync } from "node:child_process";
import type { Box } from "../../src/types.ts";
import { pixelsOf, readFaces as readFile } from "../../tests/commands/shared/npy.ts";

export const SCENE = 128;
const FACE = 48;

/** Read the faces of an .npy file of uint8 [n, 48, 48]. */
export function readFaces(path: string): Uint8Array[] {
  const faces = readFile(path);
  return Array.from({ length: faces.count }, (_, index) => pixelsOf(faces, index));
}

/** Interpolate a face bilinearly; x and y are 0..1. @returns undefined outside. */
function faceAt(face: Uint8Array, x: number, y: number): number | undefined {
  const column = x * FACE - 0.5;
  const row = y * FACE - 0.5;
  if (x < 0 || y < 0 || x >= 1 || y >= 1) return undefined;
  const c0 = Math.max(0, Math.floor(column));
  const r0 = Math.max(0, Math.floor(row));
  const c1 = Math.min(FACE - 1, c0 + 1);
  const r1 = Math.min(FACE - 1, r0 + 1);
  const u = Math.max(0, column - c0);
  const v = Math.max(0, row - r0);
  const at = (r: number, c: number) => face[r * FACE + c]!;
  return (at(r0, c0) * (1 - u) + at(r0, c1) * u) * (1 - v) + (at(r1, c0) * (1 - u) + at(r1, c1) * u) * v;
}

/**
 * Make a scene.
 *
 * @param random Returns numbers from 0 to 1.
 * @returns RGBA of SCENE x SCENE: the face 45 to 110 pixels wide, tinted, on a gradient.
 */
export function makeScene(face: Uint8Array, random: () => number): Uint8ClampedArray<ArrayBuffer> {
  const rgba = new Uint8ClampedArray(SCENE * SCENE * 4);
  const side = 45 + 65 * random();
  const left = (SCENE - side) * random();
  const top = (SCENE - side) * random();
  const corners = Array.from({ length: 4 }, () => [random() * 255, random() * 255, random() * 255]);
  const tint = [0.85 + 0.3 * random(), 0.85 + 0.15 * random(), 0.7 + 0.3 * random()];
  const gain = 0.6 + 0.6 * random();
  for (let y = 0; y < SCENE; y++) {
    for (let x = 0; x < SCENE; x++) {
      const value = faceAt(face, (x + 0.5 - left) / side, (y + 0.5 - top) / side);
      const u = x / SCENE;
      const v = y / SCENE;
      for (let c = 0; c < 3; c++) {
        const background =
          (corners[0]![c]! * (1 - u) + corners[1]![c]! * u) * (1 - v) +
          (corners[2]![c]! * (1 - u) + corners[3]![c]! * u) * v;
        rgba[(y * SCENE + x) * 4 + c] = value === undefined ? background : value * gain * tint[c]!;
      }
      rgba[(y * SCENE + x) * 4 + 3] = 255;
    }
  }
  return rgba;
}

/** A picture's pixels: three bytes each, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** Read a picture of any format. @throws Error where ffmpeg is missing or cannot read the file. */
export function readPicture(path: string): Picture {
  const size = execFileSync("ffprobe", [..."-v error -show_entries stream=width,height -of csv=p=0".split(" "), path]);
  const [width, height] = size.toString().split(",").map(Number) as [number, number];
  const raw = [..."-v error -noautorotate -i".split(" "), path, ..."-f rawvideo -pix_fmt rgb24 -".split(" ")];
  return { width, height, rgb: execFileSync("ffmpeg", raw, { maxBuffer: width * height * 3 + 1024 }) };
}

/**
 * Cut a square of a photograph that holds a face, darker or brighter and as noisy as a camera's picture.
 *
 * @param face The face's box, pixels.
 * @param random Returns numbers from 0 to 1.
 * @returns RGBA of SCENE x SCENE: the face 18 to 90 pixels wide; black beyond the photograph's edges.
 */
export function cutHead(picture: Picture, face: Box, random: () => number): Uint8ClampedArray<ArrayBuffer> {
  const side = face.width / (0.14 + 0.56 * random());
  const left = face.x + face.width / 2 - side / 2 + (random() - 0.5) * (side - face.width);
  const top = face.y + face.height / 2 - side / 2 + (random() - 0.5) * (side - face.height);
  const gain = 0.4 + 0.8 * random();
  const noise = 10 * random();
  const rgba = new Uint8ClampedArray(SCENE * SCENE * 4).fill(255);
  const unit = side / SCENE;
  for (let y = 0; y < SCENE; y++) {
    for (let x = 0; x < SCENE; x++) {
      const mean = meanOf(picture, left + x * unit, top + y * unit, unit);
      for (let c = 0; c < 3; c++) rgba[(y * SCENE + x) * 4 + c] = mean[c]! * gain + noise * (random() - random());
    }
  }
  return rgba;
}

/** Average the pixels of a square; black beyond the edges. */
function meanOf({ width, height, rgb }: Picture, left: number, top: number, side: number): readonly number[] {
  const sums = [0, 0, 0];
  let pixels = 0;
  for (let y = Math.floor(top); y < Math.max(top + side, Math.floor(top) + 1); y++) {
    for (let x = Math.floor(left); x < Math.max(left + side, Math.floor(left) + 1); x++) {
      pixels++;
      if (x < 0 || y < 0 || x >= width || y >= height) continue;
      for (let c = 0; c < 3; c++) sums[c]! += rgb[(y * width + x) * 3 + c]!;
    }
  }
  return sums.map((sum) => sum / pixels);
}

/** Convert pixels to the float network's input: three channels, -1..1. */
export function floatInput(rgba: Uint8ClampedArray): Float32Array {
  const input = new Float32Array((rgba.length / 4) * 3);
  for (let pixel = 0; pixel < rgba.length / 4; pixel++)
    for (let c = 0; c < 3; c++) input[pixel * 3 + c] = (rgba[pixel * 4 + c]! * 2 - 255) / 255;
  return input;
}
