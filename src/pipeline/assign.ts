/**
 * Pair rows with columns at the least total cost; a row may also stay alone, at a price. This is the Hungarian method
 * with potentials (Kuhn 1955, Munkres 1957), in its O(rows² x columns) form with shortest augmenting paths: 30 rows
 * take some ten thousand steps.
 *
 * @param cost Cost of a pair. A pair that costs `alone` or more, or NaN, is never made.
 * @param alone Cost of a row without a column.
 * @returns For each row its column, or -1.
 */
export function assign(
  rows: number,
  columns: number,
  cost: (row: number, column: number) => number,
  alone: number,
): Int32Array {
  // After the real columns comes one empty column for each row, so that no row is forced into a pair.
  const width = columns + rows;
  const table = new Float64Array(rows * width).fill(alone);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const pair = cost(row, column);
      table[row * width + column] = pair < alone ? pair : alone + 1;
    }
  }
  const rowOf = matchColumns(table, rows, width);
  const columnOf = new Int32Array(rows).fill(-1);
  for (let column = 0; column < columns; column++) {
    const row = rowOf[column + 1]!;
    if (row > 0 && table[(row - 1) * width + column]! < alone) columnOf[row - 1] = column;
  }
  return columnOf;
}

/**
 * Match every row with a column.
 *
 * @param table Costs, `rows` x `columns`.
 * @returns For each column its row. Both are numbered from 1, and 0 stands for "not matched".
 */
function matchColumns(table: Float64Array, rows: number, columns: number): Int32Array {
  const rowPotential = new Float64Array(rows + 1);
  const columnPotential = new Float64Array(columns + 1);
  const rowOf = new Int32Array(columns + 1);
  const before = new Int32Array(columns + 1);
  const slack = new Float64Array(columns + 1);
  const done = new Uint8Array(columns + 1);
  for (let start = 1; start <= rows; start++) {
    rowOf[0] = start;
    slack.fill(Number.POSITIVE_INFINITY);
    done.fill(0);
    let column = 0;
    do {
      done[column] = 1;
      const row = rowOf[column]!;
      let step = Number.POSITIVE_INFINITY;
      let nearest = 0;
      for (let other = 1; other <= columns; other++) {
        if (done[other]) continue;
        const reduced = table[(row - 1) * columns + other - 1]! - rowPotential[row]! - columnPotential[other]!;
        if (reduced < slack[other]!) {
          slack[other] = reduced;
          before[other] = column;
        }
        if (slack[other]! < step) {
          step = slack[other]!;
          nearest = other;
        }
      }
      for (let other = 0; other <= columns; other++) {
        if (done[other]) {
          rowPotential[rowOf[other]!]! += step;
          columnPotential[other]! -= step;
        } else {
          slack[other]! -= step;
        }
      }
      column = nearest;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      const previous = before[column]!;
      rowOf[column] = rowOf[previous]!;
      column = previous;
    }
  }
  return rowOf;
}
