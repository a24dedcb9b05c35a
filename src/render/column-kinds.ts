/** The columns of the leaderboard: what each shows of a backend and of a route, and its least width. */
import type { Figures } from '../frame/views/figures.ts'
import type { BackendLine, RouteLine } from '../frame/views/leaderboard.ts'
import type { Sort } from '../frame/views/ranking.ts'
import {
  bytesCell,
  countCell,
  inFlightCell,
  latencyCell,
  percentCell,
  rateCell,
  statusCells,
  unknownCell,
} from './cells.ts'
import { fitLabel } from './label.ts'
import { span, type Line } from './line.ts'
import { percent, rate } from './quantities.ts'
import { bar, sparkline } from './sparkline.ts'
import { cellWidth, clip, visible } from './text.ts'

export interface Column {
  readonly title: string
  readonly align: 'left' | 'right'
  readonly width: number
  /** blank cells before it */
  readonly gap: number
  /** the orders that sort by this column */
  readonly sorts: readonly Sort[]
  readonly backend: (line: BackendLine, width: number) => Line
  readonly route: (line: RouteLine, width: number) => Line
}

export type ColumnId = keyof typeof COLUMNS

export const backendName = (line: BackendLine): string => `${visible(line.label.full)}${tlsMark(line)}`
export const routeName = ({ route }: RouteLine): string => `  ${visible(route.method)} ${visible(route.path)}`

/** Behind the name of a backend whose requests are read within TLS. */
const tlsMark = ({ tls }: BackendLine): string => (tls === true ? ' tls' : '')

/** The name needs no room less for the mark. */
function nameCell(line: BackendLine, width: number): Line {
  const mark = tlsMark(line)
  const hasRoom = mark !== '' && cellWidth(backendName(line)) <= width
  return [span(fitLabel(line.label, width), 'bold'), ...(hasRoom ? [span(mark, 'dim')] : [])]
}

const both = (cell: (line: Figures) => Line): Pick<Column, 'backend' | 'route'> => ({
  backend: cell,
  route: cell,
})
const numeric = { align: 'right', gap: 2 } as const

/** In the order of display. */
export const COLUMNS = {
  name: {
    title: 'BACKEND',
    align: 'left',
    width: 16,
    gap: 0,
    sorts: ['name'],
    backend: nameCell,
    route: (line, width) => [span(clip(routeName(line), width))],
  },
  series: {
    title: '',
    align: 'left',
    width: 6,
    gap: 1,
    sorts: [],
    backend: (line, width) => [span(sparkline(line.series, width), 'accent')],
    route: () => [],
  },
  rps: {
    ...numeric,
    title: 'RPS  ',
    width: 7,
    sorts: ['rps'],
    backend: (line) => (line.unread ? [span('–  ', 'dim')] : [rateCell(line), span('  ')]),
    route: (line) => [span(`${rate(line.rps)}/s`)],
  },
  bar: {
    title: '',
    align: 'left',
    width: 5,
    gap: 2,
    sorts: [],
    backend: (line, width) => [span(bar(line.share ?? 0, width), 'accent')],
    route: (line, width) => [span(bar(line.share ?? 0, width), 'dim')],
  },
  share: {
    ...numeric,
    gap: 1,
    title: 'SHARE',
    width: 5,
    sorts: ['share'],
    backend: (line) => [percentCell(line.unread ? null : line.share)],
    route: (line) => [span(percent(line.share), 'dim')],
  },
  avg: { ...numeric, title: 'avg', width: 6, sorts: ['avg'], ...both((line) => [latencyCell(line.avg)]) },
  p50: {
    ...numeric,
    title: 'p50',
    width: 6,
    sorts: ['p50'],
    ...both((line) => [latencyCell(line.p50, line.thinned)]),
  },
  p90: {
    ...numeric,
    title: 'p90',
    width: 6,
    sorts: [],
    ...both((line) => [latencyCell(line.p90, line.thinned)]),
  },
  p99: {
    ...numeric,
    title: 'p99',
    width: 6,
    sorts: ['p99'],
    ...both((line) => [latencyCell(line.p99, line.thinned)]),
  },
  max: {
    ...numeric,
    title: 'max',
    width: 6,
    sorts: [],
    ...both((line) => [latencyCell(line.max, line.thinned)]),
  },
  totalP99: {
    ...numeric,
    title: 'total p99',
    width: 9,
    sorts: [],
    ...both((line) => [latencyCell(line.totalP99)]),
  },
  inFlight: {
    ...numeric,
    title: 'in flight',
    width: 9,
    sorts: ['in_flight'],
    backend: (line) => [line.unread ? unknownCell : inFlightCell(line)],
    route: (line) => [inFlightCell(line)],
  },
  failures: {
    ...numeric,
    title: 'FAIL',
    width: 5,
    sorts: ['failures'],
    ...both((line) => [countCell(line.failures, 'bad')]),
  },
  connects: {
    ...numeric,
    title: 'connects',
    width: 8,
    sorts: [],
    backend: (line) => [countCell(line.connects)],
    route: () => [],
  },
  openConnections: {
    ...numeric,
    title: 'open',
    width: 5,
    sorts: [],
    backend: ({ openConnections: open }) => [open === null ? unknownCell : countCell(open)],
    route: () => [],
  },
  retransmits: {
    ...numeric,
    title: 'retrans',
    width: 7,
    sorts: [],
    ...both((line) => [countCell(line.retransmits, 'warn')]),
  },
  retries: {
    ...numeric,
    title: 'retries',
    width: 7,
    sorts: [],
    ...both((line) => [countCell(line.retries, 'warn')]),
  },
  sentBytes: {
    ...numeric,
    title: 'sent',
    width: 8,
    sorts: [],
    ...both((line) => [bytesCell(line.sentBytes)]),
  },
  receivedBytes: {
    ...numeric,
    title: 'received',
    width: 8,
    sorts: [],
    ...both((line) => [bytesCell(line.receivedBytes)]),
  },
  status: {
    title: 'STATUS',
    align: 'left',
    width: 15,
    gap: 2,
    sorts: ['5xx'],
    backend: (line, width) => statusCells(line, line, width),
    route: (line, width) => statusCells(line, null, width),
  },
} as const satisfies Record<string, Column>
