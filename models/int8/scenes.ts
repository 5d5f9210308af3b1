/** Make scenes for calibration: one enlarged training face on a smooth background. They are never stored. */
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

/** Convert pixels to the float network's input: three channels, -1..1. */
export function floatInput(rgba: Uint8ClampedArray): Float32Array {
  const input = new Float32Array((rgba.length / 4) * 3);
  for (let pixel = 0; pixel < rgba.length / 4; pixel++)
    for (let c = 0; c < 3; c++) input[pixel * 3 + c] = (rgba[pixel * 4 + c]! * 2 - 255) / 255;
  return input;
}
