/** The leaderboard as lines: backends with their routes, and below them the requests of the moment. Pure. */
import type { BackendLine, Leaderboard, RouteLine } from '../frame/views/leaderboard.ts'
import type { Sort } from '../frame/views/ranking.ts'
import { TROUBLE } from './cells.ts'
import { backendName, routeName, type Column } from './column-kinds.ts'
import { columnsFor, MARGIN } from './columns.ts'
import { headerLines, type HeaderFacts } from './header.ts'
import { blank, clipLine, EMPTY, line, lineWidth, padLine, span, type Line, type Span } from './line.ts'
import { rate } from './quantities.ts'
import { requestLines } from './requests.ts'
import { cellWidth } from './text.ts'

export interface Size {
  readonly columns: number
  readonly rows: number
}

export interface BoardView extends HeaderFacts {
  readonly size: Size
  readonly sort: Sort
  /** the row under the cursor, null when there is none */
  readonly selected: string | null
}

/** A row that can be selected: a backend, or a route of it. */
export interface BoardRow {
  readonly id: string
  readonly backend: BackendLine
  readonly route: RouteLine | null
}

/** At most `size.rows` lines, each at most `size.columns` cells. */
export function boardLines(board: Leaderboard, view: BoardView): Line[] {
  const { columns, rows } = view.size
  const header = headerLines(board, view)
  const shown = fittingRows(board, rows - header.length - 1)
  const table = tableLines(board, shown, view)
  const room = rows - header.length - table.length - 2
  const recent =
    room < 2
      ? []
      : requestLines(board.requests, { columns, rows: room, timeZone: view.timeZone, label: board.label })
  return [...header, ...table, ...(recent.length > 0 ? [EMPTY, ...recent] : [])].map((spans) =>
    clipLine(spans, columns),
  )
}

/** The rows that `boardLines` shows at this size, in order. */
export function boardRows(board: Leaderboard, view: BoardView): BoardRow[] {
  return fittingRows(board, view.size.rows - headerLines(board, view).length - 1)
}

/** Backends come before routes: without enough room, each backend shows fewer of its routes. */
function fittingRows(board: Leaderboard, room: number): BoardRow[] {
  const most = Math.max(0, ...board.backends.map(({ routes }) => routes.length))
  const rowsWith = (limit: number): BoardRow[] => board.backends.flatMap((backend) => rowsOf(backend, limit))
  // A third of the screen, but no more than seven lines, is kept for the requests.
  const forTable = room - Math.min(7, Math.floor(room / 3)) - (board.hiddenBackends > 0 ? 1 : 0)
  for (let limit = most; limit > 0; limit--) {
    const rows = rowsWith(limit)
    if (rows.length <= forTable) return rows
  }
  return rowsWith(0).slice(0, Math.max(1, room - (board.hiddenBackends > 0 ? 1 : 0)))
}

const rowsOf = (backend: BackendLine, limit: number): BoardRow[] => [
  { id: backend.key, backend, route: null },
  ...backend.routes.slice(0, limit).map((route) => ({
    id: `${backend.key} ${route.route.method} ${route.route.path}`,
    backend,
    route,
  })),
]

function tableLines(board: Leaderboard, rows: readonly BoardRow[], view: BoardView): Line[] {
  const names = rows.map(({ backend, route }) =>
    cellWidth(route === null ? backendName(backend) : routeName(route)),
  )
  const columns = columnsFor(
    view.size.columns,
    board.totals.failures > 0,
    Math.max(0, ...names),
    board.backends.some(({ isGrpc }) => isGrpc),
  )
  if (rows.length === 0) return [titleLine(columns, view.sort), EMPTY, ...nothingSeen(view)]
  return [
    titleLine(columns, view.sort),
    ...rows.map((row) => rowLine(row, columns, row.id === view.selected, view.size.columns)),
    ...restLine(board, rows),
  ]
}

function titleLine(columns: readonly Column[], sort: Sort): Line {
  return columns.flatMap((column, i) => {
    const sorted = column.sorts.includes(sort) && column.title !== ''
    const title = aligned([span(column.title, sorted ? 'accent' : 'dim')], column)
    if (!sorted || i === 0) return [blank(i === 0 ? MARGIN : column.gap), ...title]
    // The sort mark is in the last cell of the gap, directly before the title.
    const lead = column.gap + column.width - column.title.length
    const before = column.align === 'right' ? lead : column.gap
    return [
      blank(before - 1),
      span('▾', 'accent'),
      span(column.title.padEnd(column.gap + column.width - before), 'accent'),
    ]
  })
}

function rowLine(
  { backend, route }: BoardRow,
  columns: readonly Column[],
  selected: boolean,
  width: number,
): Line {
  const figures = route ?? backend
  const mark = selected ? span('>', 'bold') : figures.trouble >= TROUBLE ? span('!', 'bad') : span(' ')
  const spans: Span[] = [mark]
  for (const column of columns) {
    const cell = route === null ? column.backend(backend, column.width) : column.route(route, column.width)
    spans.push(blank(spans.length === 1 ? MARGIN - 1 : column.gap))
    for (const part of aligned(cell, column)) spans.push(part)
  }
  return selected ? padLine(spans, width).map(({ text }) => span(text, 'selected')) : spans
}

function aligned(cell: Line, { align, width }: Column): Line {
  if (align === 'left') return padLine(cell, width)
  const room = width - lineWidth(cell)
  return room >= 0 ? [blank(room), ...cell] : clipLine(cell, width)
}

/** Counts the backends that have no row. */
function restLine(board: Leaderboard, rows: readonly BoardRow[]): Line[] {
  const shown = rows.filter((row) => row.route === null)
  const hidden = board.backends.length - shown.length + board.hiddenBackends
  if (hidden === 0) return []
  const rest = board.totals.rps - shown.reduce((sum, { backend }) => sum + backend.rps, 0)
  const backends = hidden === 1 ? '1 more backend' : `${hidden} more backends`
  return [line(`  + ${backends}, ${rate(Math.max(0, rest))}/s`, 'dim')]
}

function nothingSeen({ filter }: BoardView): Line[] {
  if (filter !== '') return [line('  Nothing here matches the filter; Esc clears it.', 'dim')]
  return [
    line('  No request to a backend in this window.', 'plain'),
    line('  If there should be some: is nginx running here, and in this network namespace?', 'dim'),
    line('  Unix sockets are not seen, and within TLS requests are read with --tls only.', 'dim'),
    line("  'upstreamtop doctor' says what can be seen on this machine.", 'dim'),
  ]
}
