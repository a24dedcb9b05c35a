/**
 * The columns of the leaderboard: what each shows of a backend and of a route, and how wide it is. Which ones are there
 * depends on the width alone (and FAIL on failures), in one fixed order: the screen does not jump when names change.
 */
import type { Figures } from '../frame/figures.ts'
import type { BackendLine, RouteLine } from '../frame/leaderboard.ts'
import type { Sort } from '../frame/ranking.ts'
import { SERIES_SECONDS } from '../frame/moment.ts'
import { countCell, inFlightCell, latencyCell, percentCell, rateCell, statusCells } from './cells.ts'
import { span, type Line } from './line.ts'
import { percent, rate } from './quantities.ts'
import { bar, sparkline } from './sparkline.ts'
import { clip, visible } from './text.ts'

export interface Column {
  readonly title: string
  readonly align: 'left' | 'right'
  readonly width: number
  /** blank cells before it */
  readonly gap: number
  /** the orders that rank by what it shows */
  readonly sorts: readonly Sort[]
  readonly backend: (line: BackendLine, width: number) => Line
  readonly route: (line: RouteLine, width: number) => Line
}

/**
 * In the order of display.
 * @param names cells that the longest name takes: room that it does not need goes to the pictures beside it
 */
export function columnsFor(width: number, hasFailures: boolean, names = Infinity): Column[] {
  const chosen = new Map<Id, number>()
  let room = width - MARGIN - nameWidth(width) - MANDATORY.reduce((sum, id) => sum + cost(id), 0)
  for (const id of MANDATORY) chosen.set(id, COLUMNS[id].width)
  for (const id of OPTIONAL) {
    if (id === 'failures' && !hasFailures) continue
    if (cost(id) > room) break
    room -= cost(id)
    chosen.set(id, COLUMNS[id].width)
  }
  const name = Math.min(nameWidth(width), inEights(names))
  room += nameWidth(width) - name
  chosen.set('name', name)
  room = stretch(chosen, 'series', Math.floor(room / 3), SERIES_SECONDS, room)
  room = stretch(chosen, 'bar', Math.floor(room / 4), 16, room)
  room = stretch(chosen, 'name', Math.floor(room / 2), Math.min(64, inEights(names)), room)
  stretch(chosen, 'status', room, 60, room)
  return DISPLAY.filter((id) => chosen.has(id)).map((id) => ({ ...COLUMNS[id], width: chosen.get(id)! }))
}

/** One cell for the mark of a row, one between it and the name. */
export const MARGIN = 2

type Id = keyof typeof COLUMNS

export const backendName = (line: BackendLine): string => visible(line.label)
export const routeName = ({ route }: RouteLine): string => `  ${visible(route.method)} ${visible(route.path)}`

const cost = (id: Id): number => COLUMNS[id].width + COLUMNS[id].gap
const nameWidth = (width: number): number => Math.min(40, Math.max(16, Math.floor(width / 4) + 1))

/** In steps, so that a new route seldom moves the columns. */
export const inEights = (cells: number): number => Math.max(16, Math.ceil(cells / 8) * 8)

/** Gives a column more of the room, up to `most` in all; returns what is left. */
function stretch(chosen: Map<Id, number>, id: Id, extra: number, most: number, room: number): number {
  const width = chosen.get(id)
  if (width === undefined) return room
  const added = Math.max(0, Math.min(extra, most - width))
  chosen.set(id, width + added)
  return room - added
}

const both = (cell: (line: Figures) => Line): Pick<Column, 'backend' | 'route'> => ({
  backend: cell,
  route: cell,
})
const numeric = { align: 'right', gap: 2 } as const

const COLUMNS = {
  name: {
    title: 'BACKEND',
    align: 'left',
    width: 16,
    gap: 0,
    sorts: ['name'],
    backend: (line, width) => [span(clip(backendName(line), width), 'bold')],
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
    backend: (line) => (line.opaque > 0 ? [span('–  ', 'dim')] : [rateCell(line), span('  ')]),
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
    backend: (line) => [percentCell(line.opaque > 0 ? null : line.share)],
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
    ...both((line) => [inFlightCell(line)]),
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
  status: {
    title: 'STATUS',
    align: 'left',
    width: 15,
    gap: 2,
    sorts: ['5xx'],
    backend: (line, width) => statusCells(line, line.opaque, width),
    route: (line, width) => statusCells(line, 0, width),
  },
} as const satisfies Record<string, Column>

const MANDATORY = ['rps', 'status'] as const satisfies readonly Id[]

/** What comes, one after the other, as the screen gets wider: the first that has no room ends the row. */
const OPTIONAL = [
  'avg',
  'failures',
  'series',
  'share',
  'bar',
  'p99',
  'inFlight',
  'p50',
  'max',
  'p90',
  'totalP99',
  'connects',
  'retransmits',
  'retries',
] as const satisfies readonly Id[]

const DISPLAY = [
  'name',
  'series',
  'rps',
  'bar',
  'share',
  'avg',
  'p50',
  'p90',
  'p99',
  'max',
  'totalP99',
  'inFlight',
  'failures',
  'connects',
  'retransmits',
  'retries',
  'status',
] as const satisfies readonly Id[]
