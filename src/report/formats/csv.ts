/** Lines as CSV (RFC 4180, but lines end with LF) and as NDJSON, one row at a time. */
import { jsonText, visible } from '../../render/text.ts'
import { emptyLine, flat, type By, type Line } from '../document/lines.ts'
import type { Report } from './report.ts'

export function csvOf({ by, lines }: Report): Iterable<string> {
  const kind = by ?? 'backend'
  return csvRows(lines(kind), kind)
}

export const ndjsonOf = ({ by, lines }: Report): Iterable<string> => ndjsonRows(lines(by ?? 'backend'))

function* csvRows(lines: readonly Line[], by: By): Iterable<string> {
  yield csvRow(Object.keys(flat(lines[0] ?? emptyLine(by))))
  for (const line of lines) yield csvRow(Object.values(flat(line)))
}

function* ndjsonRows(lines: readonly Line[]): Iterable<string> {
  for (const line of lines) yield `${jsonText(flat(line), 0)}\n`
}

export const csvRow = (cells: readonly (string | number | null)[]): string =>
  `${cells.map(csvCell).join(',')}\n`

/** A spreadsheet would run such text as a formula. A leading quote makes it text. */
function csvCell(cell: string | number | null): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  const text = visible(cell)
  const safe = /^[=+\-@]/.test(text) ? `'${text}` : text
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
