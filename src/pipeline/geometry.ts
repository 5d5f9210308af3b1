/**
 * Plane geometry, and the one file that converts between fractions and frame pixels. Inside the pipeline all places are
 * frame pixels: they are square, while fractions of a 4:3 frame distort angles and distances.
 */
import type { Box, Point } from "../types.ts";
import type { CropGeometry, Detection, Square } from "./stages.ts";

/** A width and a height in pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** A face that a look at the frame found: a detection in frame pixels. */
export interface Sighting {
  readonly box: Box;
  /** Six points in the order of `KEYPOINTS`. */
  readonly keypoints: readonly Point[];
  /** 0..1. */
  readonly score: number;
}

/** A face's proportions along and across its own upright axis, in widths of its box. */
export interface Proportions {
  /** Distance between the eyes. */
  readonly eyeDistance: number;
  /** From the midpoint of the eyes down to the mouth; negative where the mouth is above the eyes. */
  readonly mouthDrop: number;
  /** From the midpoint of the eyes down to the nose. */
  readonly noseDrop: number;
  /** From the midpoint of the eyes sideways to the mouth, 0 or more. */
  readonly mouthAside: number;
  /** The farthest that an eye, the nose or the mouth lies outside the box, 0 or more. */
  readonly spill: number;
}

const RIGHT_EYE = 0;
const LEFT_EYE = 1;
const NOSE_TIP = 2;
const MOUTH_CENTER = 3;

/**
 * Limits of the crop's side, in multiples of the face box's longer side; a frontal face lies near their middle. On a
 * turned head the eyes are close together, and without a limit their square would hold little more than the nose.
 */
const CROP_SIDE = { least: 0.75, most: 1.75 };

/** @returns The smallest square that holds the whole frame; cut, it is black beyond the frame. */
export function letterboxSquare({ width, height }: Size): Square {
  return { centerX: width / 2, centerY: height / 2, side: Math.max(width, height), roll: 0 };
}

/** Convert a point from fractions of a square to frame pixels. */
export function pointInFrame(point: Point, square: Square): Point {
  const across = (point.x - 0.5) * square.side;
  const down = (point.y - 0.5) * square.side;
  const cos = Math.cos(square.roll);
  const sin = Math.sin(square.roll);
  return { x: square.centerX + cos * across - sin * down, y: square.centerY + sin * across + cos * down };
}

/** Convert a point from frame pixels to fractions of a square: the inverse of {@link pointInFrame}. */
export function pointInSquare(point: Point, square: Square): Point {
  const dx = point.x - square.centerX;
  const dy = point.y - square.centerY;
  const cos = Math.cos(square.roll);
  const sin = Math.sin(square.roll);
  return { x: 0.5 + (cos * dx + sin * dy) / square.side, y: 0.5 + (cos * dy - sin * dx) / square.side };
}

/**
 * Convert a detection to a sighting, from fractions of the square to frame pixels. The box's centre turns with the
 * square; the box itself stays upright, as every box does.
 *
 * @param square The square that the detector was run on.
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

/** Convert a point from frame pixels to fractions of the frame. */
export function pointAsFraction(point: Point, frame: Size): Point {
  return { x: point.x / frame.width, y: point.y / frame.height };
}

/** Convert a box from frame pixels to fractions of the frame. */
export function boxAsFraction(box: Box, frame: Size): Box {
  return {
    x: box.x / frame.width,
    y: box.y / frame.height,
    width: box.width / frame.width,
    height: box.height / frame.height,
  };
}

/**
 * Compute the square to cut for the classifier: the similarity transform (scale, rotation, translation) that maps the
 * crop's two eye places onto the face's eyes. Two pairs of points determine its four unknowns exactly; it is what the
 * least-squares solution of Umeyama (1991, "Least-squares estimation of transformation parameters between two point
 * patterns") gives for two points. Where the eyes are too close together or too far apart (a profile, a bad detection),
 * the side is limited by the face's box; where an eye is missing or both coincide, the square is the box's.
 *
 * @param face Box and keypoints in frame pixels.
 * @param crop Eye places in fractions of the square.
 * @returns In frame pixels; `roll` in -PI..PI radians.
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
  const side = Math.min(Math.max(eyeDistance / cropDistance, CROP_SIDE.least * boxSide), CROP_SIDE.most * boxSide);
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
 * Compute the upright square around a box's centre in which the box's longer side takes the given share.
 *
 * @param box Frame pixels.
 * @param share Above 0, up to 1.
 */
export function squareAround(box: Box, share: number): Square {
  return {
    centerX: box.x + box.width / 2,
    centerY: box.y + box.height / 2,
    side: Math.max(box.width, box.height) / share,
    roll: 0,
  };
}

/** @returns Intersection over union (Jaccard index) of two boxes, 0..1; 0 where a box is empty or not a number. */
export function intersectionOverUnion(a: Box, b: Box): number {
  const overlap = overlapArea(a, b);
  const union = boxArea(a) + boxArea(b) - overlap;
  return overlap > 0 && union > 0 ? overlap / union : 0;
}

/** @returns The area of the intersection of two boxes; 0 where they do not touch. */
export function overlapArea(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return width > 0 && height > 0 ? width * height : 0;
}

/** @returns The area of a box, in square units of its coordinates. */
export function boxArea({ width, height }: Box): number {
  return width * height;
}

/** @returns The side of the square that has a box's area. */
export function boxSize(box: Box): number {
  return Math.sqrt(boxArea(box));
}

export function boxCenter({ x, y, width, height }: Box): Point {
  return { x: x + width / 2, y: y + height / 2 };
}

/** @returns The box of the same size around another centre. */
export function boxAt({ x, y }: Point, { width, height }: Box): Box {
  return { x: x - width / 2, y: y - height / 2, width, height };
}

/** @returns Whether a sighting has six keypoints, finite numbers and a box with an area. A broken network gives others. */
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

/**
 * Measure a face's proportions. Its upright axis is perpendicular to the line through the eyes.
 *
 * @returns NaN where a keypoint is missing.
 */
export function proportions(face: Pick<Sighting, "box" | "keypoints">): Proportions {
  const { box, keypoints } = face;
  const right = keypoints[RIGHT_EYE] ?? NOWHERE;
  const left = keypoints[LEFT_EYE] ?? NOWHERE;
  const nose = keypoints[NOSE_TIP] ?? NOWHERE;
  const mouth = keypoints[MOUTH_CENTER] ?? NOWHERE;
  const eyeDistance = Math.hypot(left.x - right.x, left.y - right.y);
  // Eyes in the same place give no direction: the face counts as upright.
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
