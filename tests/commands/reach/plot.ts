/** Draws recall by the face's width as SVG. */

const PLOT = { width: 640, height: 320, left: 50, top: 20, right: 210, bottom: 45 };
/** One of each for a curve: dashes tell them apart without colour. */
const INKS = ["#0b7285", "#8a8f98", "#c2255c", "#e67700", "#5f3dc4", "#2b8a3e"];
const DASHES = ["", "6 4", "2 3", "10 4", "8 3 2 3", "4 4"];
const LINE_HEIGHT = 16;

/**
 * Draw the curves.
 *
 * @param widths Widths of the faces, pixels, ascending.
 * @param curves A name and the share found at each width, 0..1; `NaN` where it was not measured.
 * @returns SVG.
 */
export function plotRecall(
  widths: readonly number[],
  curves: readonly (readonly [string, readonly number[]])[],
): string {
  const { width, height, left, top, right, bottom } = PLOT;
  const least = widths[0]!;
  const most = widths.at(-1)!;
  const x = (px: number): number => left + ((width - left - right) * Math.log(px / least)) / Math.log(most / least);
  const y = (share: number): number => top + (height - top - bottom) * (1 - share);
  const rules = [0, 0.25, 0.5, 0.75, 1].map(
    (share) =>
      `<path d="M${left} ${y(share)}H${width - right}" stroke="#ddd"/>` +
      `<text x="${left - 8}" y="${y(share) + 4}" text-anchor="end">${100 * share} %</text>`,
  );
  const ticks = widths.map((px) => `<text x="${x(px)}" y="${height - bottom + 18}" text-anchor="middle">${px}</text>`);
  const lines = curves.map(([name, shares], index) => {
    const points = widths.flatMap((px, at) =>
      Number.isFinite(shares[at]) ? [`${x(px).toFixed(1)},${y(shares[at]!).toFixed(1)}`] : [],
    );
    const stroke = `stroke="${INKS[index % INKS.length]}" stroke-width="2.5" stroke-dasharray="${DASHES[index % DASHES.length]}"`;
    const row = top + 8 + LINE_HEIGHT * index;
    return (
      `<polyline points="${points.join(" ")}" fill="none" ${stroke}/>` +
      `<path d="M${width - right + 12} ${row - 4}h24" ${stroke}/>` +
      `<text x="${width - right + 42}" y="${row}">${name}</text>`
    );
  });
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" font-family="sans-serif" font-size="12">` +
    `<rect width="${width}" height="${height}" fill="white"/>${[...rules, ...ticks, ...lines].join("")}` +
    `<text x="${(left + width - right) / 2}" y="${height - 8}" text-anchor="middle">` +
    `width of the face, of 640 pixels</text></svg>\n`
  );
}
