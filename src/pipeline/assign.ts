/**
 * Pairs rows with columns so that the sum of the pairs' costs is the least there is, where a row may also stay alone
 * at a price. (The Hungarian method with potentials, after Kuhn and Munkres: cubic in the number of rows, so 30 rows
 * are some ten thousand steps.)
 *
 * @param cost The cost of a pair; a pair whose cost is `alone` or more, or not a number, is never made.
 * @param alone What a row costs that gets no column.
 * @returns For each row its column, or -1.
 */
export function assign(
  rows: number,
  columns: number,
  cost: (row: number, column: number) => number,
  alone: number,
): Int32Array {
  // Beside the real columns stands one empty one for each row: so nobody is ever forced into a pair.
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
    const row = rowOf[column + 1] ?? 0;
    if (row > 0 && (table[(row - 1) * width + column] ?? alone) < alone) columnOf[row - 1] = column;
  }
  return columnOf;
}

/** Numbers rows and columns from 1, as the method does: 0 is the place of what is not matched yet. */
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
      const row = rowOf[column] ?? 0;
      let step = Number.POSITIVE_INFINITY;
      let nearest = 0;
      for (let other = 1; other <= columns; other++) {
        if (done[other]) continue;
        const reduced =
          (table[(row - 1) * columns + other - 1] ?? 0) - (rowPotential[row] ?? 0) - (columnPotential[other] ?? 0);
        if (reduced < (slack[other] ?? 0)) {
          slack[other] = reduced;
          before[other] = column;
        }
        if ((slack[other] ?? 0) < step) {
          step = slack[other] ?? 0;
          nearest = other;
        }
      }
      for (let other = 0; other <= columns; other++) {
        if (done[other]) {
          const owner = rowOf[other] ?? 0;
          rowPotential[owner] = (rowPotential[owner] ?? 0) + step;
          columnPotential[other] = (columnPotential[other] ?? 0) - step;
        } else {
          slack[other] = (slack[other] ?? 0) - step;
        }
      }
      column = nearest;
    } while (rowOf[column] !== 0);
    while (column !== 0) {
      const previous = before[column] ?? 0;
      rowOf[column] = rowOf[previous] ?? 0;
      column = previous;
    }
  }
  return rowOf;
}
