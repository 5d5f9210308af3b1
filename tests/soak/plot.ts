/** Draws the soak's lines as one SVG: a strip for each, with faults as ticks below. Pure. */
import type { Sample, Trend } from "./trend.ts";

/** One measured quantity over the run. */
export interface Line {
  readonly name: string;
  readonly unit: string;
  readonly samples: readonly Sample[];
  readonly trend: Trend;
}

const WIDTH = 860;
const LEFT = 250;
const RIGHT = 90;
const STRIP = 62;
const TOP = 46;
/** Readable on a white and on a dark page. */
const COLOUR = {
  ink: "#1f2933",
  soft: "#5a6672",
  paper: "#ffffff",
  line: "#1769aa",
  rises: "#b3261e",
  grid: "#d9dee4",
};

/**
 * Draw the lines.
 *
 * @param faults The times of the faults, hours.
 * @returns SVG.
 */
export function plot(title: string, lines: readonly Line[], faults: readonly number[]): string {
  const hours = Math.max(...lines.flatMap(({ samples }) => samples.map((sample) => sample.hours)), 1e-6);
  const height = TOP + lines.length * STRIP + 34;
  const x = (at: number) => LEFT + (at / hours) * (WIDTH - LEFT - RIGHT);
  const body = [
    text(12, 24, title, { size: 15, weight: 700 }),
    ...lines.flatMap((line, index) => strip(line, TOP + index * STRIP, x)),
    ...faults.map((at) => stroke(`M${fixed(x(at))} ${height - 32}v5`, COLOUR.soft, 1)),
    text(12, height - 26, `faults (${faults.length})`, { size: 12, fill: COLOUR.soft }),
    ...axis(hours, x, height - 10),
  ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif">`,
    `<title>${escape(title)}</title>`,
    `<rect width="${WIDTH}" height="${height}" fill="${COLOUR.paper}"/>`,
    ...body,
    "</svg>",
    "",
  ].join("\n");
}

function strip({ name, unit, samples, trend }: Line, top: number, x: (hours: number) => number): string[] {
  const values = samples.map(({ value }) => value);
  const [least, most] = [Math.min(...values), Math.max(...values)];
  // A constant line is drawn in the middle. The scale hides noise below a hundredth of the level.
  const margin = Math.max((Math.abs(trend.level) / 100 - (most - least)) / 2, most === least ? 1 : 0, 0);
  const y = (value: number) => top + 44 - ((value - least + margin) / (most - least + 2 * margin)) * 36;
  const points = samples.map(({ hours, value }) => `${fixed(x(hours))} ${fixed(y(value))}`).join("L");
  const [from, to] = [samples.at(-trend.samples)?.hours ?? 0, samples.at(-1)?.hours ?? 0];
  const at = (hours: number) => trend.level + trend.slopePerHour * (hours - (from + to) / 2);
  const colour = trend.verdict === "rises" ? COLOUR.rises : COLOUR.line;
  return [
    stroke(`M${LEFT} ${top + 50}H${WIDTH - RIGHT}`, COLOUR.grid, 1),
    text(12, top + 22, name, { size: 13, weight: 600 }),
    text(12, top + 39, `${signed(trend.slopePerHour)} ${unit} an hour: ${trend.verdict}`, {
      size: 12,
      fill: COLOUR.soft,
    }),
    stroke(`M${points}`, colour, 1.5),
    stroke(`M${fixed(x(from))} ${fixed(y(at(from)))}L${fixed(x(to))} ${fixed(y(at(to)))}`, COLOUR.soft, 1, "4 3"),
    text(WIDTH - RIGHT + 8, top + 16, figure(most), { size: 11, fill: COLOUR.soft }),
    text(WIDTH - RIGHT + 8, top + 46, `${figure(least)} ${unit}`, { size: 11, fill: COLOUR.soft }),
  ];
}

function axis(hours: number, x: (hours: number) => number, y: number): string[] {
  const minutes = hours * 60;
  const step = [1, 2, 5, 10, 15, 30, 60, 120, 240, 480].find((each) => minutes / each <= 8) ?? 1440;
  const marks: string[] = [];
  for (let minute = 0; minute <= minutes + 1e-9; minute += step)
    marks.push(text(x(minute / 60), y, `${minute} min`, { size: 11, fill: COLOUR.soft, anchor: "middle" }));
  return marks;
}

function text(
  x: number,
  y: number,
  words: string,
  {
    size,
    weight = 400,
    fill = COLOUR.ink,
    anchor = "start",
  }: { size: number; weight?: number; fill?: string; anchor?: string },
): string {
  return `<text x="${fixed(x)}" y="${fixed(y)}" font-size="${size}" font-weight="${weight}" fill="${fill}" text-anchor="${anchor}">${escape(words)}</text>`;
}

function stroke(path: string, colour: string, width: number, dashes = ""): string {
  const dashed = dashes === "" ? "" : ` stroke-dasharray="${dashes}"`;
  return `<path d="${path}" fill="none" stroke="${colour}" stroke-width="${width}" stroke-linejoin="round"${dashed}/>`;
}

function fixed(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** @returns The number with three significant digits. */
export function figure(value: number): string {
  return Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** @returns The number with three significant digits and its sign. */
export function signed(value: number): string {
  return value > 0 ? `+${figure(value)}` : figure(value).replace("-", "−");
}

function escape(words: string): string {
  return words.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`);
}
