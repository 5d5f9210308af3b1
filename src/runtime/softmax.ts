/**
 * Makes probabilities of logits, in place.
 *
 * @param logits Rows of `columns` numbers.
 * @param temperature What the logits are divided by first; above 1 it makes the answers less sure.
 * @returns `logits`, each row now summing to 1.
 * @throws Error Where a logit is no number: what computed it is damaged, and whatever else it says is worth nothing.
 */
export function softmaxRows(logits: Float32Array, columns: number, temperature: number): Float32Array {
  for (let start = 0; start < logits.length; start += columns) {
    const row = logits.subarray(start, start + columns);
    const highest = row.reduce((most, logit) => Math.max(most, logit), -Infinity);
    let sum = 0;
    for (let i = 0; i < columns; i++) sum += row[i] = Math.exp((row[i]! - highest) / temperature);
    if (!(sum > 0)) throw new Error("the classifier answered with what is no number");
    for (let i = 0; i < columns; i++) row[i]! /= sum;
  }
  return logits;
}
