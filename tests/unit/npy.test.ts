import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { InputError } from "../commands/shared/input-error.ts";
import { readFaces } from "../commands/shared/npy.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "npy-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function write(header: string, data: number, version = 1): string {
  const path = join(folder, "faces.npy");
  const text = Buffer.from(header.padEnd(117) + "\n", "latin1");
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  if (version === 1) length.writeUInt16LE(text.length);
  else length.writeUInt32LE(text.length);
  const pixels = Buffer.from(Array.from({ length: data }, (_, i) => i % 256));
  writeFileSync(
    path,
    Buffer.concat([Buffer.from("\x93NUMPY", "latin1"), Buffer.from([version, 0]), length, text, pixels]),
  );
  return path;
}

const HEADER = "{'descr': '|u1', 'fortran_order': False, 'shape': (3, 4, 4), }";

describe("readFaces", () => {
  test.each([1, 2])("reads format version %i", (version) => {
    const faces = readFaces(write(HEADER, 48, version));
    expect({ count: faces.count, size: faces.size }).toEqual({ count: 3, size: 4 });
    expect([...faces.pixels]).toEqual(Array.from({ length: 48 }, (_, i) => i));
  });

  test.each([
    ["another type", HEADER.replace("|u1", "<f4"), 192, "type <f4, not uint8"],
    ["another order", HEADER.replace("False", "True"), 48, "Fortran order"],
    ["two dimensions", HEADER.replace("(3, 4, 4)", "(12, 4)"), 48, "shape (12, 4)"],
    ["no squares", HEADER.replace("(3, 4, 4)", "(2, 4, 6)"), 48, "shape (2, 4, 6)"],
    ["missing pixels", HEADER, 47, "truncated: 47 of 48 bytes"],
    ["too many pixels", HEADER, 50, "2 bytes more"],
  ])("refuses %s in one line that names the file", (_, header, data, message) => {
    const path = write(header, data);
    const read = () => readFaces(path);
    expect(read).toThrow(InputError);
    expect(read).toThrow(path);
    expect(read).toThrow(message);
  });

  test("refuses a file of another format, and a missing file", () => {
    const path = join(folder, "page.npy");
    writeFileSync(path, "<!doctype html>");
    expect(() => readFaces(path)).toThrow(`${path}: is not a NumPy .npy file`);
    expect(() => readFaces(join(folder, "nowhere.npy"))).toThrow(/nowhere.npy: cannot be read/);
  });
});
