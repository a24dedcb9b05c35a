/** Lines as CSV (RFC 4180, but lines end with LF) and as NDJSON, one row at a time. */
import { exact, jsonText } from '../../render/text.ts'
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

type Cell = string | number | boolean | null | readonly string[]

export const csvRow = (cells: readonly Cell[]): string => `${cells.map(csvCell).join(',')}\n`

/** Exact, so that a path joins with a log's; only a cell that a spreadsheet would run as a formula gets a quote, which makes it text. */
function csvCell(cell: Cell): string {
  if (cell === null) return ''
  if (typeof cell === 'number') return String(cell)
  // A list is JSON: a name may hold a comma.
  if (typeof cell !== 'string') return csvCell(JSON.stringify(cell))
  const safe = exact(cell).replace(FORMULA, "$1'")
  return /[";,]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}

/**
 * Signs at the start of a cell, and behind a semicolon, which ends a cell where the comma is the decimal sign. Full-width, small and
 * raised forms begin a formula, too, where East Asian text is typed.
 */
const FORMULA =
  /(^|;)(?=\s*[=+\-@\uff1d\uff0b\uff0d\uff20\ufe66\ufe62\ufe63\ufe6b\u207a-\u207c\u208a-\u208c\u2212])/g
