/**
 * Where things lie: the one file that converts between fractions and the frame's pixels. Inside the pipeline all
 * places are frame pixels, which are square: fractions of a 4:3 frame bend angles and distances.
 */
import type { Box, Point } from "../types.ts";
import type { CropGeometry, Detection, Square } from "./stages.ts";

/** A width and a height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A face that a look found, in frame pixels. */
export interface Sighting {
  readonly box: Box;
  /** Six points in the order of `KEYPOINTS`. */
  readonly keypoints: readonly Point[];
  /** 0..1. */
  readonly score: number;
}

/** How a face is built, measured along and across its own upright axis, in shares of its box's width. */
export interface Proportions {
  /** Between the eyes. */
  readonly eyeDistance: number;
  /** From the eyes' middle to the mouth, down the face; negative where the mouth is above the eyes. */
  readonly mouthDrop: number;
  /** From the eyes' middle to the nose, down the face. */
  readonly noseDrop: number;
  /** How far the mouth lies to the side of the eyes' middle. */
  readonly mouthAside: number;
  /** How far the eyes, nose and mouth stick out of the box at most. */
  readonly spill: number;
}

const RIGHT_EYE = 0;
const LEFT_EYE = 1;
const NOSE_TIP = 2;
const MOUTH_CENTER = 3;

/**
 * A turned head's eyes move together until the square that puts them in their places would hold little more than a
 * nose. The square's side stays within these multiples of the face box's width; a face seen from the front lies near
 * the middle of them.
 */
const NARROWEST_CROP = 0.75;
const WIDEST_CROP = 1.75;

/** The smallest square that holds the whole frame: what lies beyond the frame is black. */
export function letterboxSquare({ width, height }: Size): Square {
  return { centerX: width / 2, centerY: height / 2, side: Math.max(width, height), roll: 0 };
}

/** From fractions of a square to frame pixels. */
export function pointInFrame(point: Point, square: Square): Point {
  const across = (point.x - 0.5) * square.side;
  const down = (point.y - 0.5) * square.side;
  const cos = Math.cos(square.roll);
  const sin = Math.sin(square.roll);
  return { x: square.centerX + cos * across - sin * down, y: square.centerY + sin * across + cos * down };
}

/** From frame pixels to fractions of a square: the inverse of {@link pointInFrame}. */
export function pointInSquare(point: Point, square: Square): Point {
  const dx = point.x - square.centerX;
  const dy = point.y - square.centerY;
  const cos = Math.cos(square.roll);
  const sin = Math.sin(square.roll);
  return { x: 0.5 + (cos * dx + sin * dy) / square.side, y: 0.5 + (cos * dy - sin * dx) / square.side };
}

/**
 * From what a look at a square saw to frame pixels. The box's centre turns with the square; the box itself stays
 * upright, as every box is.
 */
export function sightingInFrame(detection: Detection, square: Square): Sighting {
  const { box } = detection;
  const center = pointInFrame({ x: box.x + box.width / 2, y: box.y + box.height / 2 }, square);
  const width = box.width * square.side;
  const height = box.height * square.side;
  return {
    box: { x: center.x - width / 2, y: center.y - height / 2, width, height },
    keypoints: detection.keypoints.map((point) => pointInFrame(point, square)),
    score: detection.score,
  };
}

/** From frame pixels to fractions of the frame. */
export function pointAsFraction(point: Point, frame: Size): Point {
  return { x: point.x / frame.width, y: point.y / frame.height };
}

/** From frame pixels to fractions of the frame. */
export function boxAsFraction(box: Box, frame: Size): Box {
  return {
    x: box.x / frame.width,
    y: box.y / frame.height,
    width: box.width / frame.width,
    height: box.height / frame.height,
  };
}

/**
 * The square that a classifier wants to see: the similarity transform that takes its two eye places onto the face's
 * eyes. Two pairs of points determine the four unknowns exactly, so least squares has nothing to balance. Where the
 * eyes cannot carry it (a profile, a bad look), the face's box bounds the side.
 *
 * @param face In frame pixels.
 */
export function eyesSquare(face: Pick<Sighting, "box" | "keypoints">, crop: CropGeometry): Square {
  const { box } = face;
  const boxSide = Math.max(box.width, box.height);
  const left = face.keypoints[RIGHT_EYE];
  const right = face.keypoints[LEFT_EYE];
  const cropX = crop.imageRightEye.x - crop.imageLeftEye.x;
  const cropY = crop.imageRightEye.y - crop.imageLeftEye.y;
  const cropDistance = Math.hypot(cropX, cropY);
  const eyeX = left && right ? right.x - left.x : Number.NaN;
  const eyeY = left && right ? right.y - left.y : Number.NaN;
  const eyeDistance = Math.hypot(eyeX, eyeY);
  if (!left || !right || !(eyeDistance > 0) || !(cropDistance > 0)) {
    return { centerX: box.x + box.width / 2, centerY: box.y + box.height / 2, side: boxSide, roll: 0 };
  }
  const side = Math.min(Math.max(eyeDistance / cropDistance, NARROWEST_CROP * boxSide), WIDEST_CROP * boxSide);
  const roll = Math.atan2(eyeY, eyeX) - Math.atan2(cropY, cropX);
  const cos = Math.cos(roll);
  const sin = Math.sin(roll);
  const across = ((crop.imageLeftEye.x + crop.imageRightEye.x) / 2 - 0.5) * side;
  const down = ((crop.imageLeftEye.y + crop.imageRightEye.y) / 2 - 0.5) * side;
  return {
    centerX: (left.x + right.x) / 2 - (cos * across - sin * down),
    centerY: (left.y + right.y) / 2 - (sin * across + cos * down),
    side,
    roll: Math.atan2(Math.sin(roll), Math.cos(roll)),
  };
}

/**
 * The square around a box in which the box's longer side takes the given share.
 *
 * @param share In 0..1, not 0.
 */
export function squareAround(box: Box, share: number): Square {
  return {
    centerX: box.x + box.width / 2,
    centerY: box.y + box.height / 2,
    side: Math.max(box.width, box.height) / share,
    roll: 0,
  };
}

/** The share of two boxes' union that both cover, 0..1; 0 where a box is empty or not a number. */
export function intersectionOverUnion(a: Box, b: Box): number {
  const overlap = overlapArea(a, b);
  const union = a.width * a.height + b.width * b.height - overlap;
  return overlap > 0 && union > 0 ? overlap / union : 0;
}

/** The area that two boxes share; 0 where they do not touch. */
export function overlapArea(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return width > 0 && height > 0 ? width * height : 0;
}

/** The part of a box that lies within the frame; a box wholly outside becomes empty at the nearest edge. */
export function clipBox(box: Box, frame: Size): Box {
  const x = clamp(box.x, 0, frame.width);
  const y = clamp(box.y, 0, frame.height);
  return {
    x,
    y,
    width: Math.max(0, clamp(box.x + box.width, 0, frame.width) - x),
    height: Math.max(0, clamp(box.y + box.height, 0, frame.height) - y),
  };
}

/** Whether every number of a sighting is finite and its box has an area: networks can answer nonsense. */
export function isSound(sighting: Sighting): boolean {
  const { box, keypoints, score } = sighting;
  return (
    box.width > 0 &&
    box.height > 0 &&
    Number.isFinite(box.x + box.y + box.width + box.height + score) &&
    keypoints.length >= 6 &&
    keypoints.every((point) => Number.isFinite(point.x + point.y))
  );
}

/** Measures a face's build. The upright axis is square to the line through the eyes. */
export function proportions(face: Pick<Sighting, "box" | "keypoints">): Proportions {
  const { box, keypoints } = face;
  const right = keypoints[RIGHT_EYE] ?? NOWHERE;
  const left = keypoints[LEFT_EYE] ?? NOWHERE;
  const nose = keypoints[NOSE_TIP] ?? NOWHERE;
  const mouth = keypoints[MOUTH_CENTER] ?? NOWHERE;
  const eyeDistance = Math.hypot(left.x - right.x, left.y - right.y);
  // Eyes that lie on each other have no direction: the frame's own stands in.
  const cos = eyeDistance > 0 ? (left.x - right.x) / eyeDistance : 1;
  const sin = eyeDistance > 0 ? (left.y - right.y) / eyeDistance : 0;
  const middleX = (left.x + right.x) / 2;
  const middleY = (left.y + right.y) / 2;
  let spill = 0;
  for (const point of [right, left, nose, mouth]) {
    spill = Math.max(spill, box.x - point.x, point.x - box.x - box.width);
    spill = Math.max(spill, box.y - point.y, point.y - box.y - box.height);
  }
  return {
    eyeDistance: eyeDistance / box.width,
    mouthDrop: (cos * (mouth.y - middleY) - sin * (mouth.x - middleX)) / box.width,
    noseDrop: (cos * (nose.y - middleY) - sin * (nose.x - middleX)) / box.width,
    mouthAside: Math.abs(cos * (mouth.x - middleX) + sin * (mouth.y - middleY)) / box.width,
    spill: spill / box.width,
  };
}

const NOWHERE: Point = { x: Number.NaN, y: Number.NaN };

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
