import type { Box, Rotation } from "../types.ts";

/** A frame as it is shown on the page. */
export interface ShownFrame {
  /** In any unit that `frameHeight` shares: only the ratio of the two counts. */
  readonly frameWidth: number;
  readonly frameHeight: number;
  readonly mirror: boolean;
  /** As in CSS's `object-fit`; the frame is centred. */
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

/**
 * The detector's box reaches from brows to chin, and the marks go around the whole head: the box grows by these shares of
 * its width (each side) and height.
 */
const AROUND = { side: 0.14, top: 0.34, bottom: 0.12 };
/** The part of the marks' height down to the brows, and a little of them. */
const FOREHEAD = (AROUND.top + 0.05) / (1 + AROUND.top + AROUND.bottom);

/** Least distance of marks and chip from the layer's edge, as a share of the layer's smaller side. */
const MARGIN = 0.015;
/** Distance between the marks and the chip, as a share of the chip's height. */
const GAP = 0.22;

/**
 * Convert a box from fractions of the unmirrored frame to CSS pixels. No other function does.
 *
 * @param box Fractions of the unmirrored frame; may reach beyond 0..1.
 * @param frame The frame as it is shown.
 * @param layer Size of the layer that lies over the picture and has its size, CSS pixels.
 * @returns CSS pixels from the layer's top-left corner; all 0 while the frame has no size.
 */
export function placeBox(box: Box, frame: ShownFrame, layer: Size): Rect {
  const { frameWidth, frameHeight, mirror, fit } = frame;
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
 * Place the corner marks around the whole head. They stay within the layer on each side where the face does.
 *
 * @param face The face's box from {@link placeBox}, CSS pixels.
 * @param layer Size of the layer, CSS pixels.
 * @returns The marks' box, which always contains the face, CSS pixels.
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
 * Place the chip above the marks, or below them where there is no room above; always within the layer. Where an obstacle
 * takes the room above, as the texts at the top of a phone do, the chip lies below the obstacle if it covers the forehead only.
 *
 * @param chip Size of the chip, CSS pixels.
 * @param marks The marks' box from {@link placeMarks}, CSS pixels.
 * @param layer Size of the layer, CSS pixels.
 * @param obstacles Boxes at the layer's top or bottom that the chip must not cover, CSS pixels.
 * @returns The chip's top-left corner; `null` if the marks' centre is outside the layer, because the chip would then lie
 * on another face.
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
  const inColumn = obstacles.filter((rect) => rect.x < x + chip.width + gap && rect.x + rect.width > x - gap);
  const isHigh = ({ y, height }: Rect) => y + height / 2 < layer.height / 2;
  const highest = Math.max(margin, ...inColumn.filter(isHigh).map(({ y, height }) => y + height + gap));
  const floor = Math.min(layer.height - margin, ...inColumn.filter((rect) => !isHigh(rect)).map(({ y }) => y - gap));
  const lowest = floor - chip.height;
  const above = marks.y - gap - chip.height;
  const below = marks.y + marks.height + gap;
  const isPushed = above >= margin && highest + chip.height <= marks.y + marks.height * FOREHEAD;
  return { x, y: within(above >= highest || isPushed || below > lowest ? above : below, highest, lowest) };
}

/** @returns The size of a picture after a turn, in the unit of `size`. */
export function turned({ width, height }: Size, turn: Rotation): Size {
  return turn % 180 === 0 ? { width, height } : { width: height, height: width };
}

function within(value: number, least: number, most: number): number {
  return Math.max(least, Math.min(value, most));
}
