/**
 * The program that the kernels run, as this side writes it: `src/kernels/step.ts` declares a step and says what each
 * field means. `tests/unit/int8-steps.test.ts` compiles that file and compares fields and numbers with those below.
 */

/** The fields of a step in memory order; each has four bytes. */
export const STEP_FIELDS = [
  ...(["operation", "multiply", "store"] as const),
  ...(["input", "pixelStep", "rowStep", "pixelBytes", "rowBytes", "windowSize", "width", "height", "eights"] as const),
  ...(["quads", "weights", "bias", "scale", "tiles"] as const),
  ...(["out", "outPixelStep", "outRowStep", "floor", "ceiling", "shift"] as const),
  ...(["residual", "residualPixelStep", "residualRowStep", "residualTiles", "residualScale"] as const),
  ...(["chunk", "scratch", "sums", "part"] as const),
  ...(["paddingAbove", "paddingLeft", "paddingBelow", "pattern"] as const),
];
type Field = (typeof STEP_FIELDS)[number];

export const STEP_BYTES = 4 * STEP_FIELDS.length;

/** Which kernel runs a step. */
export const OPERATIONS = {
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
export type Operation = keyof typeof OPERATIONS;

/** Way to multiply numbers. */
export const MULTIPLY = { bytes: 1, words: 2, pairs: 3, widened: 4 } as const;
/** Which numbers are stored; all but `raw` are also a number's bytes. */
export const STORE = { raw: 0, int8: 1, int16: 2, float: 4 } as const;

/** Outputs that a product computes together, and channels that the other kernels do. */
export const TILE = 8;
/** Bytes of the input that one iteration of a product takes. */
export const QUAD = 4;
/** Side of a Winograd tile of outputs. */
export const WINOGRAD_SIDE = 3;
/** Products for each Winograd tile: 5 x 5. */
export const WINOGRAD_POSITIONS = 25;
/** Tiles of eight outputs that are transformed back together. */
export const WINOGRAD_BLOCK = 4;
/** Bytes between the positions of a Winograd chunk. */
export const WINOGRAD_SKEW = 64;

/** An address that a step does not have. */
export const NOWHERE = -1;

const WINDOW = ["input", "pixelStep", "rowStep", "rowBytes", "windowSize", "width", "height"] as const;
const WEIGHTED = ["weights", "bias"] as const;
const TAPS = [...WINDOW, ...WEIGHTED, "store", "pixelBytes", "eights", "floor", "shift"] as const;
const PLACED = ["out", "outPixelStep", "outRowStep"] as const;
const SHORTCUT = ["residual", "residualPixelStep", "residualRowStep", "residualTiles", "residualScale"] as const;

/** The fields that each operation reads, besides `operation` and `part`. */
export const FIELDS_READ = {
  gray: ["width", "height", "out", "outRowStep"],
  color: ["width", "height", "out", "outRowStep"],
  border: [
    ...(["out", "rowBytes", "width", "height", "pixelBytes"] as const),
    ...(["paddingAbove", "paddingLeft", "paddingBelow", "pattern"] as const),
  ],
  convolution: [
    ...(["multiply", "store", "quads", "scale", "tiles", "floor", "ceiling"] as const),
    ...[...WINDOW, ...WEIGHTED, ...PLACED, ...SHORTCUT],
  ],
  depthwise: [...TAPS, ...PLACED],
  block: [...TAPS, "out", "residual", "chunk"],
  maximum: [...WINDOW, ...PLACED, "multiply", "pixelBytes", "eights"],
  average: [
    ...(["multiply", "input", "pixelBytes", "rowBytes", "width", "height", "eights"] as const),
    ...(["scale", "out", "floor", "ceiling"] as const),
  ],
  winograd: [
    ...(["store", "input", "pixelBytes", "rowBytes", "width", "height", "quads", "scale", "tiles"] as const),
    ...(["floor", "ceiling", "chunk", "scratch", "sums"] as const),
    ...[...WEIGHTED, ...PLACED, ...SHORTCUT],
  ],
} as const satisfies Readonly<Record<Operation, readonly Field[]>>;

/** The fields of an operation's step. Addresses are offsets from the plan's first byte. */
export type Fields<O extends Operation> = Readonly<Record<(typeof FIELDS_READ)[O][number], number>>;

export interface StepOf<O extends Operation> {
  readonly operation: O;
  readonly fields: Fields<O>;
  /** The step that this one's kernel runs. */
  readonly part?: Step;
}
export type Step = { [O in Operation]: StepOf<O> }[Operation];

const ADDRESSES: ReadonlySet<string> = new Set([
  "input",
  "weights",
  "bias",
  "scale",
  "out",
  "residual",
  "scratch",
  "sums",
]);
/** Read by aligned loads of four numbers, which are fastest so. */
const ALIGNED: ReadonlySet<string> = new Set(["weights", "bias", "scale", "scratch", "sums"]);
const AT_LEAST_ONE: ReadonlySet<string> = new Set([
  ...["width", "height", "eights", "quads", "tiles", "chunk", "windowSize"],
]);
const INT16: ReadonlySet<string> = new Set(["floor", "ceiling"]);
const INT32 = 2 ** 31 - 1;

/** True if a step's `out` counts from the network's output. */
function storesFloats(values: Partial<Record<Field, number>>): boolean {
  return values.store === STORE.float;
}

/**
 * Check what the kernels take for granted: every field is there and in its range.
 *
 * @param bytes The plan's size: addresses lie within it.
 * @throws RangeError which names the step, the field and its value.
 */
export function checkStep({ operation, fields, part }: Step, bytes: number): void {
  const values: Partial<Record<Field, number>> = fields;
  const refuse = (name: string, wanted: string): never => {
    throw new RangeError(`The ${operation} step's ${name} is ${values[name as Field]}: the kernels take ${wanted}.`);
  };
  for (const name of FIELDS_READ[operation]) {
    const value = values[name] ?? NaN;
    if (name === "residualScale") {
      if (!(value >= 0 && value < Infinity)) refuse(name, "a finite number from 0 up");
    } else if (!Number.isInteger(value) || Math.abs(value) > INT32) refuse(name, "an int32");
    else if (ADDRESSES.has(name)) {
      const relative = name === "out" && storesFloats(values);
      if (value !== NOWHERE && !relative && (value < 0 || value >= bytes)) refuse(name, `an offset below ${bytes}`);
      if (value !== NOWHERE && ALIGNED.has(name) && value % 16 !== 0) refuse(name, "a multiple of 16");
    } else if (INT16.has(name)) {
      if (value < -(2 ** 15) || value >= 2 ** 15) refuse(name, "an int16");
    } else if (AT_LEAST_ONE.has(name) ? value < 1 : value < 0)
      refuse(name, AT_LEAST_ONE.has(name) ? "1 or more" : "0 or more");
  }
  if ((values.floor ?? 0) > (values.ceiling ?? INT32)) refuse("floor", `no more than the ceiling ${values.ceiling}`);
  if ((values.residualTiles ?? 0) > (values.tiles ?? 0)) refuse("residualTiles", `up to ${values.tiles} tiles`);
  if ((operation === "gray" || operation === "color") && values.width! % 4 !== 0) refuse("width", "a multiple of 4");
  if (part) checkStep(part, bytes);
}

/** Count the steps that `writeProgram` writes: these and their parts. */
export function countSteps(steps: readonly Step[]): number {
  return steps.reduce((sum, { part }) => sum + 1 + (part ? countSteps([part]) : 0), 0);
}

/**
 * Write steps one after the other, and their parts behind them all.
 *
 * @param base Address of the plan's first byte; 1 or more, as 0 stands for no address.
 * @param at Offset of the first step from there; a multiple of 4.
 */
export function writeProgram(memory: ArrayBuffer, base: number, at: number, steps: readonly Step[]): void {
  let nextPart = base + at + steps.length * STEP_BYTES;
  const write = (address: number, { operation, fields, part }: Step): void => {
    const values: Partial<Record<Field, number>> = fields;
    const words = new DataView(memory, address, STEP_BYTES);
    const set = (name: Field, value: number) => words.setInt32(4 * STEP_FIELDS.indexOf(name), value, true);
    for (let word = 0; word < STEP_FIELDS.length; word++) words.setInt32(4 * word, 0, true);
    set("operation", OPERATIONS[operation]);
    for (const name of FIELDS_READ[operation]) {
      const value = values[name]!;
      if (name === "residualScale") words.setFloat32(4 * STEP_FIELDS.indexOf(name), value, true);
      else if (!ADDRESSES.has(name) || (name === "out" && storesFloats(values))) set(name, value);
      else if (value !== NOWHERE) set(name, base + value);
    }
    if (!part) return;
    const to = nextPart;
    nextPart += STEP_BYTES;
    set("part", to);
    write(to, part);
  };
  steps.forEach((step, i) => write(base + at + i * STEP_BYTES, step));
}
