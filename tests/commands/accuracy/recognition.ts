import { LABELS, type Label } from "../../../src/types.ts";

/** The comparison of answers with one set of labels. */
export interface Comparison {
  /** Share of right answers, 0..1. */
  readonly accuracy: number;
  /** The mean of the recalls of the labels that occur, 0..1: an expression counts as much as another, however rare. */
  readonly meanRecall: number;
  /** Faces that have a label. */
  readonly n: number;
  /** The share of the faces with each label that got this answer, 0..1; `null` if no face has the label. */
  readonly recall: Readonly<Record<Label, number | null>>;
  /** 7x7 counts, rows the truth, columns the answer. */
  readonly confusion: readonly (readonly number[])[];
}

/** Number of bins of equal width over the answer's probability. */
const CALIBRATION_BINS = 15;

function answerOf(scores: Float32Array): number {
  return scores.indexOf(Math.max(...scores));
}

/**
 * Compare answers with labels.
 *
 * @param scores Seven probabilities for each face; `null` counts as a wrong answer.
 * @param truth The label of each face; a face without one does not count.
 */
export function compare(scores: readonly (Float32Array | null)[], truth: readonly (Label | null)[]): Comparison {
  const confusion = LABELS.map(() => LABELS.map(() => 0));
  const counts = LABELS.map(() => 0);
  truth.forEach((label, face) => {
    if (label === null) return;
    const row = LABELS.indexOf(label);
    counts[row]!++;
    const answer = scores[face];
    if (answer) confusion[row]![answerOf(answer)]!++;
  });
  const n = counts.reduce((sum, count) => sum + count, 0);
  const right = confusion.reduce((sum, row, i) => sum + row[i]!, 0);
  const recall = LABELS.map((label, i) => [label, counts[i] ? confusion[i]![i]! / counts[i]! : null]);
  const known = LABELS.flatMap((_, i) => (counts[i] ? [confusion[i]![i]! / counts[i]!] : []));
  const meanRecall = known.length ? known.reduce((sum, share) => sum + share, 0) / known.length : 0;
  return { accuracy: n ? right / n : 0, meanRecall, n, recall: Object.fromEntries(recall), confusion };
}

/**
 * Compute the expected calibration error: the distance between an answer's probability and the share of right answers, in
 * bins, averaged over the faces (Guo et al., 2017, "On Calibration of Modern Neural Networks").
 *
 * @returns 0..1.
 */
export function calibrationError(scores: readonly Float32Array[], truth: readonly (Label | null)[]): number {
  const bins = Array.from({ length: CALIBRATION_BINS }, () => ({ confidence: 0, right: 0 }));
  let n = 0;
  truth.forEach((label, face) => {
    const row = scores[face];
    if (label === null || !row) return;
    const answer = answerOf(row);
    const confidence = row[answer]!;
    const bin = bins[Math.min(CALIBRATION_BINS - 1, Math.floor(confidence * CALIBRATION_BINS))]!;
    bin.confidence += confidence;
    bin.right += LABELS[answer] === label ? 1 : 0;
    n++;
  });
  return n ? bins.reduce((sum, { confidence, right }) => sum + Math.abs(confidence - right), 0) / n : 0;
}

/** The effect of a least confidence, below which nothing is said, on the answers. */
export interface Silence {
  /** The least confidence, 0..1. */
  readonly least: number;
  /** Share of the faces whose answer is said, 0..1. */
  readonly said: number;
  /** Share of right answers among those that are said and among those that are not, 0..1; `null` if there are none. */
  readonly rightSaid: number | null;
  readonly rightUnsaid: number | null;
}

/** Judge a least confidence. */
export function silenceBelow(
  least: number,
  scores: readonly Float32Array[],
  truth: readonly (Label | null)[],
): Silence {
  const answers = truth.flatMap((label, face) => {
    if (label === null) return [];
    const answer = answerOf(scores[face]!);
    return [{ isSaid: scores[face]![answer]! >= least, isRight: LABELS[answer] === label }];
  });
  const rightAmong = (some: readonly { isRight: boolean }[]) =>
    some.length ? some.filter(({ isRight }) => isRight).length / some.length : null;
  const said = answers.filter(({ isSaid }) => isSaid);
  return {
    least,
    said: answers.length ? said.length / answers.length : 0,
    rightSaid: rightAmong(said),
    rightUnsaid: rightAmong(answers.filter(({ isSaid }) => !isSaid)),
  };
}
