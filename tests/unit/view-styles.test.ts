import { describe, expect, test } from "vitest";
import { LABELS } from "../../src/types.ts";
import { styles } from "../../src/view/styles.ts";

const SHEET = styles.map(({ cssText }) => cssText).join("\n");

const PROPERTIES = [...LABELS, "unsure", "surface", "ink", "ink-soft", "chip-ink", "chip-rest", "light"] as const;
type Property = (typeof PROPERTIES)[number];

/** Share of the expression's colour in the unfilled part of the chip, read from the style sheet. */
const CHIP_REST_SHARE = Number(/var\(--_colour\) (\d+)%, var\(--emotion-cam-chip-rest\)/.exec(SHEET)?.[1]) / 100;

/** @returns The colours that a rule of the style sheet sets, by their custom properties without the prefix. */
function theme(selector: string): Record<Property, string> {
  const rule = SHEET.slice(SHEET.indexOf(`${selector} {`));
  const body = rule.slice(0, rule.indexOf("}"));
  const set = [...body.matchAll(/--emotion-cam-([\w-]+):\s*(#[0-9a-f]{6});/g)].map(([, name, value]) => [name, value]);
  return Object.fromEntries(set);
}

function channels(hex: string): number[] {
  return [1, 3, 5].map((index) => parseInt(hex.slice(index, index + 2), 16));
}

function mix(a: string, b: string, shareOfA: number): string {
  const [of, and] = [channels(a), channels(b)];
  const mixed = of.map((value, index) => Math.round(value * shareOfA + and[index]! * (1 - shareOfA)));
  return `#${mixed.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio */
function contrast(a: string, b: string): number {
  const luminance = (hex: string) => {
    const [r, g, b] = channels(hex).map((value) => {
      const share = value / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
  };
  const [low, high] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (high! + 0.05) / (low! + 0.05);
}

test.each(styles.map((sheet, index) => [index, sheet.cssText] as const))("sheet %d closes every brace", (_, css) => {
  const depths: number[] = [0];
  for (const [brace] of css.matchAll(/[{}]/g)) depths.push(depths.at(-1)! + (brace === "{" ? 1 : -1));
  expect(Math.min(...depths)).toBe(0);
  expect(depths.at(-1)).toBe(0);
});

/** Least contrast of the seven colours and of text in each theme. Coloured words are text, so 4.5 is the minimum. */
const THEMES = [
  // 6.9 to one decimal: red has 6.88.
  { name: "dark", selector: ":host", colours: 6.85, text: 4.5 },
  { name: "light", selector: ':host([theme="light"])', colours: 4.5, text: 4.5 },
  { name: "contrast", selector: ':host([theme="contrast"])', colours: 7, text: 7 },
] as const;

describe.each(THEMES)("the $name theme", ({ selector, colours, text }) => {
  const set = theme(selector);

  test("sets every colour", () => {
    expect(Object.keys(set).sort()).toEqual([...PROPERTIES].sort());
  });

  test.each(LABELS)("%s contrasts with the surface, and the chip's text with it", (label) => {
    expect(contrast(set[label], set.surface)).toBeGreaterThanOrEqual(colours);
    expect(contrast(set["chip-ink"], set[label])).toBeGreaterThanOrEqual(text);
    expect(contrast(set["chip-ink"], mix(set[label], set["chip-rest"], CHIP_REST_SHARE))).toBeGreaterThanOrEqual(text);
  });

  test("text, marks and the light contrast with the surface", () => {
    expect(contrast(set.ink, set.surface)).toBeGreaterThanOrEqual(7);
    expect(contrast(set["ink-soft"], set.surface)).toBeGreaterThanOrEqual(text);
    expect(contrast(set.unsure, set.surface)).toBeGreaterThanOrEqual(3);
    expect(contrast(set.light, set.surface)).toBeGreaterThanOrEqual(3);
  });
});

describe("text over the picture", () => {
  /** Opacity of the surface behind text, for each theme. */
  const veils = [...SHEET.matchAll(/--emotion-cam-veil:\s*(\d+)%/g)].map(([, percent]) => Number(percent) / 100);

  test.each(THEMES.map(({ selector }, index) => [selector, index] as const))(
    "%s: contrasts with the surface over black and over white",
    (selector, index) => {
      const set = theme(selector);
      for (const behind of ["#000000", "#ffffff"]) {
        const ground = mix(set.surface, behind, veils[index]!);
        for (const name of ["ink", "ink-soft", ...LABELS] as const)
          expect(contrast(set[name], ground), `${name} on ${ground}`).toBeGreaterThanOrEqual(name === "ink" ? 4.5 : 3);
      }
    },
  );
});
