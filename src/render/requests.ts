/** Finished requests as lines, below the leaderboard and in the drill-down. */
import type { Backend, RequestEvent } from '../frame/model/frame.ts'
import { clockTime, clockTimeMillis } from '../frame/time/timezone.ts'
import type { Label } from '../frame/views/labels.ts'
import { latencyCell } from './cells.ts'
import { inEights } from './columns.ts'
import { fitLabel } from './label.ts'
import { line, span, type Line, type Style } from './line.ts'
import { cellWidth, left, right, visible } from './text.ts'

export interface RequestsView {
  readonly columns: number
  /** number of lines, including the title */
  readonly rows: number
  readonly timeZone: string
  readonly label: (backend: Backend) => Label
  readonly title?: string
}

/** A title and the first requests that fit; no lines if there are no requests. */
export function requestLines(requests: readonly RequestEvent[], view: RequestsView): Line[] {
  if (requests.length === 0) return []
  const shown = requests.slice(0, view.rows - 1)
  const paths = shown.map(({ route }) => cellWidth(visible(route.path)))
  const longest = shown.map(({ backend }) => cellWidth(visible(view.label(backend).full)))
  const layout = layoutFor(view.columns, Math.max(...paths), Math.max(...longest))
  return [
    titleLine(view.title ?? 'recent requests', layout),
    ...shown.map((request) => requestLine(request, layout, view)),
  ]
}

/** The columns of times get their names if the title leaves room for them. */
function titleLine(title: string, layout: Layout): Line {
  const before =
    2 +
    (layout.millis ? 12 : 8) +
    2 +
    layout.method +
    1 +
    layout.path +
    3 +
    layout.backend +
    1 +
    layout.outcome
  const names = right('header', layout.total ? 8 : 7) + (layout.total ? right('total', 8) : '')
  const text = ` ${title}`
  return line(cellWidth(text) < before ? left(text, before) + names : text, 'dim')
}

interface Layout {
  readonly method: number
  readonly path: number
  readonly backend: number
  readonly outcome: number
  readonly millis: boolean
  readonly total: boolean
}

function layoutFor(columns: number, longestPath: number, longestBackend: number): Layout {
  const wide = columns >= 100
  const fixed = {
    method: wide ? 8 : 6,
    outcome: wide ? 10 : 6,
    backend: Math.min(46, Math.max(16, Math.floor(columns / 4) + 1)),
  }
  const time = wide ? 12 : 8
  const latencies = wide ? 8 + 8 : 7
  const path = columns - 2 - time - 2 - fixed.method - 1 - 3 - fixed.backend - 1 - fixed.outcome - latencies
  return {
    ...fixed,
    backend: Math.min(fixed.backend, inEights(longestBackend)),
    path: Math.min(Math.max(8, path), inEights(longestPath)),
    millis: wide,
    total: wide,
  }
}

function requestLine(request: RequestEvent, layout: Layout, { timeZone, label }: RequestsView): Line {
  const { backend, route, outcome, header, total } = request
  const time = layout.millis ? clockTimeMillis(request.at, timeZone) : clockTime(request.at, timeZone)
  const headerCell = latencyCell(header)
  const totalCell = latencyCell(total)
  return [
    span(`  ${time}  `, 'dim'),
    span(`${left(visible(route.method), layout.method)} `),
    span(left(visible(route.path), layout.path)),
    span(' → ', 'dim'),
    span(`${left(fitLabel(label(backend), layout.backend), layout.backend)} `),
    span(left(String(outcome), layout.outcome), outcomeStyle(outcome)),
    span(right(headerCell.text, layout.total ? 8 : 7), headerCell.style),
    ...(layout.total ? [span(right(totalCell.text, 8), totalCell.style)] : []),
  ]
}

function outcomeStyle(outcome: RequestEvent['outcome']): Style {
  if (typeof outcome === 'string' || outcome >= 500) return 'bad'
  return outcome >= 400 ? 'warn' : 'good'
}
