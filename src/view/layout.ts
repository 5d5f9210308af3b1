import type { Box } from "../types.ts";

/** Where a frame is shown: sizes in any unit, of which the ratio alone counts. */
export interface Picture {
  readonly frameWidth: number;
  readonly frameHeight: number;
  readonly mirror: boolean;
  /** As CSS's `object-fit`, centred. */
  readonly fit: "cover" | "contain";
}

/** CSS pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** CSS pixels from the layer's top-left corner. */
export interface Rect extends Size {
  readonly x: number;
  readonly y: number;
}

/** The detector frames a face from brows to chin; the marks stand around the head: this much wider and higher. */
const AROUND = { side: 0.14, top: 0.34, bottom: 0.12 };

/** Nothing is drawn nearer to the layer's edge than this share of its smaller side. */
const MARGIN = 0.015;
/** Between the marks and the chip, as a share of the chip's height. */
const GAP = 0.22;

/**
 * The one place where fractions of the unmirrored frame become CSS pixels.
 *
 * @param layer The box in which the picture is shown, and over which the result is laid.
 */
export function placeBox(box: Box, picture: Picture, layer: Size): Rect {
  const { frameWidth, frameHeight, mirror, fit } = picture;
  if (frameWidth <= 0 || frameHeight <= 0) return { x: 0, y: 0, width: 0, height: 0 };
  const choose = fit === "cover" ? Math.max : Math.min;
  const scale = choose(layer.width / frameWidth, layer.height / frameHeight);
  const shown = { width: frameWidth * scale, height: frameHeight * scale };
  const left = mirror ? 1 - box.x - box.width : box.x;
  return {
    x: (layer.width - shown.width) / 2 + left * shown.width,
    y: (layer.height - shown.height) / 2 + box.y * shown.height,
    width: box.width * shown.width,
    height: box.height * shown.height,
  };
}

/**
 * @param face As {@link placeBox} placed it.
 * @returns Where the marks stand: around the whole head, and within the layer as far as the face is.
 */
export function placeMarks(face: Rect, layer: Size): Rect {
  const margin = MARGIN * Math.min(layer.width, layer.height);
  const left = Math.max(face.x - face.width * AROUND.side, Math.min(margin, face.x));
  const top = Math.max(face.y - face.height * AROUND.top, Math.min(margin, face.y));
  const faceRight = face.x + face.width;
  const faceBottom = face.y + face.height;
  const right = Math.min(faceRight + face.width * AROUND.side, Math.max(layer.width - margin, faceRight));
  const bottom = Math.min(faceBottom + face.height * AROUND.bottom, Math.max(layer.height - margin, faceBottom));
  return { x: left, y: top, width: right - left, height: bottom - top };
}

/**
 * @param obstacles What else stands on the layer, at its top or its bottom.
 * @returns The chip's top-left corner: above the marks, below them where there is no room, and always within and clear
 * of the obstacles; `null` where the face itself is out of sight, and its chip would lie on somebody else.
 */
export function placeChip(
  chip: Size,
  marks: Rect,
  layer: Size,
  obstacles: readonly Rect[] = [],
): { readonly x: number; readonly y: number } | null {
  const middle = { x: marks.x + marks.width / 2, y: marks.y + marks.height / 2 };
  if (middle.x < 0 || middle.x > layer.width || middle.y < 0 || middle.y > layer.height) return null;
  const margin = MARGIN * Math.min(layer.width, layer.height);
  const gap = chip.height * GAP;
  const x = within(middle.x - chip.width / 2, margin, layer.width - margin - chip.width);
  const onTheWay = obstacles.filter((thing) => thing.x < x + chip.width + gap && thing.x + thing.width > x - gap);
  const isHigh = ({ y, height }: Rect) => y + height / 2 < layer.height / 2;
  const highest = Math.max(margin, ...onTheWay.filter(isHigh).map(({ y, height }) => y + height + gap));
  const floor = Math.min(layer.height - margin, ...onTheWay.filter((thing) => !isHigh(thing)).map(({ y }) => y - gap));
  const lowest = floor - chip.height;
  const above = marks.y - gap - chip.height;
  const below = marks.y + marks.height + gap;
  return { x, y: within(above >= highest || below > lowest ? above : below, highest, lowest) };
}

function within(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(value, most));
}
