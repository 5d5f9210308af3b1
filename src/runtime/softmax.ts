/**
 * Turn logits into probabilities, in place: softmax((logits + shift) / temperature) of each row.
 *
 * @param logits Rows of `columns` numbers each.
 * @param temperature Above 0; above 1 it makes the probabilities less extreme (temperature scaling, Guo et al. 2017).
 * @param shift `columns` numbers, added to each row. Default: nothing is added.
 * @returns `logits`; each row now sums to 1.
 * @throws Error Where a logit is NaN: the network or its memory is damaged, so its other answers are worthless too.
 */
export function softmaxRows(
  logits: Float32Array,
  columns: number,
  temperature: number,
  shift: Float32Array | null = null,
): Float32Array {
  for (let start = 0; start < logits.length; start += columns) {
    const row = logits.subarray(start, start + columns);
    if (shift) for (let i = 0; i < columns; i++) row[i]! += shift[i]!;
    const highest = row.reduce((most, logit) => Math.max(most, logit), -Infinity);
    let sum = 0;
    for (let i = 0; i < columns; i++) sum += row[i] = Math.exp((row[i]! - highest) / temperature);
    if (!(sum > 0)) throw new Error("the classifier answered with NaN, which is no number");
    for (let i = 0; i < columns; i++) row[i]! /= sum;
  }
  return logits;
}
