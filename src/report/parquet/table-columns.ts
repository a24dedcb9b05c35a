/** Rows of a table by column: what a writer of a table takes. A row costs no object. */
export type Scalar = number | string | boolean

/** The cells of one column: a value per row, or a list per row. */
export type Cells = readonly (Scalar | null)[] | ListCells

/** The lists of all rows, one after the other. */
export interface ListCells {
  /** elements of each row; -1: null */
  readonly lengths: readonly number[]
  readonly values: readonly (number | string)[]
}

export interface TableRows {
  readonly count: number
  /** in the order of the table's columns */
  readonly columns: readonly Cells[]
}

export const isList = (cells: Cells): cells is ListCells => 'lengths' in cells

/** Cells of a row; a list is an array. */
export type Cell = Scalar | null | readonly (number | string)[]

/** Each row as its cells, in the order of the columns. */
export function* rowsOf({ count, columns }: TableRows): Generator<readonly Cell[]> {
  const starts = columns.map(() => 0)
  for (let row = 0; row < count; row++) {
    yield columns.map((cells, i): Cell => {
      if (!isList(cells)) return cells[row]!
      const length = cells.lengths[row]!
      if (length < 0) return null
      const start = starts[i]!
      starts[i] = start + length
      return cells.values.slice(start, start + length)
    })
  }
}

export function columnsOf(
  columns: readonly { readonly list?: boolean }[],
  rows: readonly (readonly Cell[])[],
): TableRows {
  const cellsOf = ({ list }: { readonly list?: boolean }, i: number): Cells => {
    const cells = rows.map((row) => row[i]!)
    return list === true ? listsOf(cells as ListOrNull[]) : (cells as (Scalar | null)[])
  }
  return { count: rows.length, columns: columns.map(cellsOf) }
}

type ListOrNull = readonly (number | string)[] | null

export const listsOf = (lists: readonly ListOrNull[]): ListCells => ({
  lengths: lists.map((list) => list?.length ?? -1),
  values: lists.flatMap((list) => list ?? []),
})
