/** Tables of report and diff. Only this file imports cli-table3. Import it lazily: screens draw their own lines. */
import Table from 'cli-table3'
import { visible } from './text.ts'

export interface TableColumn {
  readonly title: string
  readonly align?: 'left' | 'right'
}

// prettier-ignore
const NO_BORDER = {
  top: '', 'top-mid': '', 'top-left': '', 'top-right': '',
  bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '',
  left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '',
  middle: '  ',
}

/** Rows of plain cells under their titles: no colour, no rules, no trailing blanks, one line per row. */
export function table(columns: readonly TableColumn[], rows: readonly (readonly string[])[]): string {
  const drawn = new Table({
    head: columns.map((column) => column.title),
    colAligns: columns.map((column) => column.align ?? 'left'),
    style: { compact: true, head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
    chars: NO_BORDER,
  })
  for (const row of rows) drawn.push(row.map(visible))
  return drawn
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n')
}
