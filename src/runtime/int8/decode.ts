/**
 * From BlazeFace's outputs to faces, after Bazarevsky et al., "BlazeFace: Sub-millisecond Neural Face Detection on Mobile
 * GPUs" (2019, arXiv:1907.05047): anchors at the centres of two grids, and boxes that overlap are blended by their
 * scores in place of suppressed (section 3.2 there), which steadies a face from frame to frame. Scores are read first;
 * boxes only where a score passes.
 */
import type { Detection } from "../../pipeline/stages.ts";
import { type Box, KEYPOINTS, type Point } from "../../types.ts";

/** Floats of an anchor: a score, then the box's centre, width and height, then six keypoints. */
export const ROW = 17;
/** Boxes that overlap by more (intersection over union) are one face. MediaPipe has the same figure. */
const SAME_FACE_IOU = 0.3;
/** More candidates are noise; each costs a comparison with each face. */
const MOST_CANDIDATES = 256;

/** One grid of anchors, and where its floats are. */
export interface Grid {
  /** Pixels of the input from cell to cell. */
  readonly stride: number;
  /** Anchors of a cell, all at its centre. */
  readonly perCell: number;
  /** Index of its first float. */
  readonly start: number;
  /** Floats from cell to cell; cells run row by row. */
  readonly cellStride: number;
}

/** A box before blending: its score, the index of its floats, and its anchor in pixels. */
interface Candidate {
  readonly score: number;
  readonly at: number;
  readonly centerX: number;
  readonly centerY: number;
}

function sigmoid(logit: number): number {
  return 1 / (1 + Math.exp(-logit));
}

/**
 * Decode a detector's outputs.
 *
 * @param numbers The network's outputs: scores are logits; boxes and keypoints are in pixels of the input, counted from
 *   their anchor.
 * @param size Side of the network's input, pixels.
 * @param minScore Least score of a box, 0 to 1.
 * @returns Faces, best first, in fractions of the input; overlapping boxes are blended, weighted by their scores.
 * @throws Error where a score is NaN: the network's memory is damaged.
 */
export function decodeFaces(
  numbers: Float32Array,
  grids: readonly Grid[],
  size: number,
  minScore: number,
): readonly Detection[] {
  const candidates = findCandidates(numbers, grids, size, minScore);
  const faces: Detection[] = [];
  while (candidates.length > 0) {
    const best = readBox(numbers, candidates[0]!);
    const group: Candidate[] = [];
    let kept = 0;
    for (const candidate of candidates) {
      if (overlap(best, readBox(numbers, candidate)) > SAME_FACE_IOU) group.push(candidate);
      else candidates[kept++] = candidate;
    }
    // A box without an area does not overlap itself.
    if (group.length === 0) candidates.shift();
    else {
      candidates.length = kept;
      faces.push(blend(numbers, group, size));
    }
  }
  return faces;
}

function findCandidates(numbers: Float32Array, grids: readonly Grid[], size: number, minScore: number): Candidate[] {
  const candidates: Candidate[] = [];
  // Compare logits, so that the sigmoid is computed only where a score passes.
  const least = Math.log(minScore / (1 - minScore));
  for (const { stride, perCell, start, cellStride } of grids) {
    const cells = Math.ceil(size / stride);
    for (let cell = 0; cell < cells * cells; cell++) {
      for (let anchor = 0; anchor < perCell; anchor++) {
        const at = start + cell * cellStride + anchor * ROW;
        const logit = numbers[at]!;
        if (Number.isNaN(logit)) throw new Error("the detector answered with what is no number");
        if (logit < least) continue;
        const centerX = ((cell % cells) + 0.5) * stride;
        const centerY = (Math.floor(cell / cells) + 0.5) * stride;
        candidates.push({ score: sigmoid(logit), at, centerX, centerY });
      }
    }
  }
  return candidates.sort((a, b) => b.score - a.score).slice(0, MOST_CANDIDATES);
}

/** Read a candidate's box, in pixels of the input. */
function readBox(numbers: Float32Array, { at, centerX, centerY }: Candidate): Box {
  const width = numbers[at + 3]!;
  const height = numbers[at + 4]!;
  return {
    x: centerX + numbers[at + 1]! - width / 2,
    y: centerY + numbers[at + 2]! - height / 2,
    width,
    height,
  };
}

/** Compute the intersection over union of two boxes; 0 where one has no area. */
function overlap(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (!(width > 0 && height > 0)) return 0;
  const shared = width * height;
  return shared / (a.width * a.height + b.width * b.height - shared);
}

/** Compute the mean of boxes and keypoints, weighted by score, in fractions of the input. */
function blend(numbers: Float32Array, group: readonly Candidate[], size: number): Detection {
  let total = 0;
  let x = 0;
  let y = 0;
  let width = 0;
  let height = 0;
  const points = new Float64Array(2 * KEYPOINTS.length);
  for (const candidate of group) {
    const { score, at, centerX, centerY } = candidate;
    const box = readBox(numbers, candidate);
    total += score;
    x += score * box.x;
    y += score * box.y;
    width += score * box.width;
    height += score * box.height;
    for (let i = 0; i < points.length; i += 2) {
      points[i]! += score * (centerX + numbers[at + 5 + i]!);
      points[i + 1]! += score * (centerY + numbers[at + 6 + i]!);
    }
  }
  const unit = 1 / (total * size);
  const keypoints: Point[] = [];
  for (let i = 0; i < points.length; i += 2) keypoints.push({ x: points[i]! * unit, y: points[i + 1]! * unit });
  return {
    box: { x: x * unit, y: y * unit, width: width * unit, height: height * unit },
    keypoints,
    score: group[0]!.score,
  };
}
