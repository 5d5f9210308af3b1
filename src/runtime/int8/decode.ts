/** From BlazeFace's numbers to faces: scores first, boxes only where a score passes. */
import type { Detection } from "../../pipeline/stages.ts";
import type { Box, Point } from "../../types.ts";

/** A score and, after it, the centre, width, height and six keypoints of a box. */
export const ROW = 17;
const KEYPOINT_COUNT = 6;
/** Boxes that overlap by more (intersection over union) are one face. MediaPipe's figure. */
const SAME_FACE_IOU = 0.3;
/** Candidates beyond this many are noise; each costs a comparison with each face. */
const MOST_CANDIDATES = 256;

/** Scores of one grid: `perCell` anchors in each of its cells. */
export interface Grid {
  /** Pixels between anchors. */
  readonly stride: number;
  readonly perCell: number;
  /** Its first float, and floats from cell to cell. */
  readonly start: number;
  readonly cellStride: number;
}

/** A box before blending: its score, and where its row lies. */
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
 * @param numbers What the network made; boxes in pixels, counted from their anchor.
 * @param size Side of the network's input, pixels.
 * @returns Faces of `minScore` or more, best first; overlapping boxes are blended by their scores.
 * @throws Error Where a score is no number: the network's memory is damaged.
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
  // A logit compares as its sigmoid does, which is then computed only where it passes.
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

/** In pixels. */
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

/** Intersection over union. */
function overlap(a: Box, b: Box): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  if (!(width > 0 && height > 0)) return 0;
  const shared = width * height;
  return shared / (a.width * a.height + b.width * b.height - shared);
}

/** Means weighed by score, in fractions of the input. */
function blend(numbers: Float32Array, group: readonly Candidate[], size: number): Detection {
  let total = 0;
  let x = 0;
  let y = 0;
  let width = 0;
  let height = 0;
  const points = new Float64Array(2 * KEYPOINT_COUNT);
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
